"""Where the threads of a Python process stand, as `py-spy dump --json` writes it.

[{"pid": 12, "thread_id": 140…, "thread_name": "MainThread", "active": true, "owns_gil": false,
  "frames": [{"name": "order", "filename": "/srv/shop.py", "short_filename": "shop.py", "line": 8, …}, …]}, …]
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from workbench import tables
from workbench.errors import Malformed, Unrecognized
from workbench.readers import _json, _stacks
from workbench.readers._seam import Parts, Stream

FORMAT = "py-spy dump (JSON)"

_MARKS = {"[].pid", "[].thread_id", "[].owns_gil", "[].frames"}


def sniff(head: bytes) -> bool:
    """True for a list of threads with their ids, the GIL and frames."""
    return _json.outline(head).keys() >= _MARKS


def read(*streams: Stream) -> Parts:
    """Read dumps; a row is a thread, type `threads`, labelled active or idle and whether it holds the GIL."""
    known: dict[_stacks.Frame, int] = {}
    found = [_read_one(stream, known) for stream in streams]
    return Parts({"frames": _stacks.frames_table(known), "stacks": tables.STACKS.concat(found)})


def _read_one(stream: Stream, known: dict[_stacks.Frame, int]) -> pd.DataFrame:
    threads = _json.parse(stream.content(), stream.name)
    if not isinstance(threads, list):
        raise Unrecognized(f"a JSON {type(threads).__name__}", where=stream.name, expected=FORMAT)
    told = []
    for i, thread in enumerate(threads):
        frames = _frames(thread, f"{stream.name}, [{i}]")
        told.append((_name(thread), frames, _labels(thread)))
    return _stacks.threads_table(told, known, stream.name)


def _name(thread: dict[str, Any]) -> str | None:
    name = thread.get("thread_name") or thread.get("os_thread_id") or thread.get("thread_id")
    return None if name is None else _json.text(name)


def _labels(thread: dict[str, Any]) -> dict[str, str]:
    labels = {"state": "active" if thread.get("active") else "idle"}
    if thread.get("owns_gil"):
        labels["gil"] = "held"
    if isinstance(thread.get("pid"), int):
        labels["process"] = str(thread["pid"])
    return labels


def _frames(thread: Any, place: str) -> list[_stacks.Frame]:
    """Give the frames, innermost first as they are written."""
    frames = thread.get("frames") if isinstance(thread, dict) else None
    if not isinstance(frames, list):
        raise Malformed(place, f"{thread!r:.60}", expected="a thread with its frames")
    return [_frame(frame, f"{place}.frames[{i}]") for i, frame in enumerate(frames)]


def _frame(frame: Any, place: str) -> _stacks.Frame:
    if not isinstance(frame, dict) or not isinstance(frame.get("name"), str):
        raise Malformed(place, f"{frame!r:.60}", expected="a frame with a name")
    file, line = frame.get("short_filename") or frame.get("filename"), frame.get("line")
    placed = type(line) is int and 0 < line < 2**31
    return frame["name"], file if isinstance(file, str) else None, line if placed else None, None
