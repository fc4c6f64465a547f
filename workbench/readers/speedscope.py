"""speedscope's own file format, sampled and evented; py-spy and pyinstrument write it too.

{"$schema":"https://www.speedscope.app/file-format-schema.json","shared":{"frames":[{"name":"main"}]},"profiles":[…]}
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa

from workbench import tables
from workbench.errors import Malformed, Unrecognized
from workbench.readers import _stacks
from workbench.readers._seam import Parts, Stream

FORMAT = "speedscope profile"

_SCHEMA = re.compile(
    rb'"\$schema"\s*:\s*"https?:\\?/\\?/(?:www\.)?speedscope\.app\\?/file-format-schema\.json"'
)
_PYSPY = re.compile(r'(?:Process (?P<process>\d+) )?Thread (?P<thread_id>\w+) "(?P<name>.*)"', re.DOTALL)
_TIMES = {"seconds", "milliseconds", "microseconds", "nanoseconds"}


def sniff(head: bytes) -> bool:
    """True if it is a JSON object that names speedscope's schema."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" and _SCHEMA.search(head) is not None


def read(*streams: Stream) -> Parts:
    """Read every profile of the files; a row is a sample, or a time over which no frame opened or closed.

    `thread` is the name that py-spy gives, its id where it has none, or else the profile's name. The type is
    `time`, `bytes` or `weight` by the unit, which is "" where the file says none. While an evented profile
    has no frame open it weighs nothing.
    """
    known: dict[_stacks.Frame, int] = {}
    parts = Parts()
    found = [table for stream in streams for table in _read_one(stream, known, parts)]
    parts.frames = {"frames": _stacks.frames_table(known), "stacks": tables.STACKS.concat(found)}
    return parts


def _read_one(stream: Stream, known: dict[_stacks.Frame, int], parts: Parts) -> list[pd.DataFrame]:
    if not sniff(stream.head()):
        raise Unrecognized("not a speedscope file", where=stream.name, expected=FORMAT)
    try:
        document = orjson.loads(stream.content().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise Malformed(
            stream.name, f"its JSON is damaged or cut off ({error})", remedy="copy or record it again"
        ) from error
    place = stream.name
    shared = _member(document, "shared", dict, place)
    frames = _member(shared, "frames", list, f"{place}, shared")
    listed = [_frame(frame, f"{place}, shared.frames[{i}]") for i, frame in enumerate(frames)]
    codes_of = np.array(_stacks.intern(known, listed), np.int32)
    if document.get("exporter"):
        parts.notes.append(f"written by {document['exporter']}")
    profiles = _member(document, "profiles", list, place)
    made = [_profile(p, codes_of, f"{place}, profiles[{i}]") for i, p in enumerate(profiles)]
    return [table for table in made if len(table)]


def _profile(profile: Any, codes_of: np.ndarray, place: str) -> pd.DataFrame:
    kind = _member(profile, "type", str, place)
    if kind not in ("sampled", "evented"):
        raise Malformed(f"{place}.type", repr(kind), expected="sampled or evented")
    indices, depths, weights = (_sampled if kind == "sampled" else _evented)(profile, len(codes_of), place)
    name, unit = str(profile.get("name") or ""), str(profile.get("unit") or "none")
    named = _PYSPY.fullmatch(name)
    labels = {k: v for k in ("process", "thread_id") if named and (v := named[k])}
    rows = len(depths)
    if not rows:
        return tables.STACKS.empty()
    return tables.STACKS.build(
        {
            "thread": pa.array(
                [((named["name"] or named["thread_id"]) if named else name) or None] * rows, pa.string()
            ),
            "frames": _stacks.column(
                [_stacks.stack_lists(_stacks.turned(codes_of[indices], depths), depths)]
            ),
            "type": ["time" if unit in _TIMES else "weight" if unit == "none" else unit] * rows,
            "value": weights,
            "unit": ["" if unit == "none" else unit] * rows,
            "labels": _stacks.column(
                [_stacks.label_maps([*labels] * rows, [*labels.values()] * rows, [len(labels)] * rows)]
            ),
        },
        where=place,
    )


def _sampled(profile: Any, frames: int, place: str) -> tuple[np.ndarray, list[int], list[float]]:
    """Give frame indices, outermost first, of all samples one after another, their depths and weights."""
    samples = _member(profile, "samples", list, place)
    weights = _member(profile, "weights", list, place)
    if len(samples) != len(weights):
        raise Malformed(
            place, f"{len(samples)} samples and {len(weights)} weights", expected="a weight for each sample"
        )
    for i, (sample, weight) in enumerate(zip(samples, weights, strict=True)):
        if type(sample) is not list:
            raise Malformed(f"{place}.samples[{i}]", f"{sample!r}", expected="a list of frames")
        if type(weight) not in (int, float):
            raise Malformed(f"{place}.weights[{i}]", f"{weight!r}", expected="a number")
    depths = [len(sample) for sample in samples]
    flat = list(chain.from_iterable(samples))
    if any(type(index) is not int or not 0 <= index < frames for index in flat):
        wrong = next(n for n, i in enumerate(flat) if type(i) is not int or not 0 <= i < frames)
        sample = int(np.searchsorted(np.cumsum(depths), wrong, side="right"))
        raise Malformed(
            f"{place}.samples[{sample}]", f"frame {flat[wrong]!r}", expected=f"an index into {frames} frames"
        )
    return np.array(flat, np.int64), depths, weights


def _evented(profile: Any, frames: int, place: str) -> tuple[np.ndarray, list[int], list[float]]:
    """Give the same, a sample being the time between two events."""
    flat: list[int] = []
    depths: list[int] = []
    weights: list[float] = []
    stack: list[int] = []
    last = float("-inf")
    for i, event in enumerate(_member(profile, "events", list, place)):
        where = f"{place}.events[{i}]"
        kind, frame = _member(event, "type", str, where), _member(event, "frame", int, where)
        at = _member(event, "at", (int, float), where)
        if at < last:
            raise Malformed(where, f"at {at}, after an event at {last}", expected="events in order of time")
        if not 0 <= frame < frames:
            raise Malformed(where, f"frame {frame}", expected=f"an index into {frames} frames")
        if stack and at > last:
            flat += stack
            depths.append(len(stack))
            weights.append(at - last)
        if kind == "O":
            stack.append(frame)
        elif kind == "C" and stack and stack[-1] == frame:
            stack.pop()
        else:
            innermost = f"frame {stack[-1]} is open" if stack else "none is open"
            raise Malformed(
                where, f"{kind!r} of frame {frame} while {innermost}", expected="the innermost closed first"
            )
        last = at
    if stack:
        raise Malformed(
            place, f"{len(stack)} frames still open at its end", expected="a close for every open"
        )
    return np.array(flat, np.int64), depths, weights


def _frame(frame: Any, place: str) -> _stacks.Frame:
    name = _member(frame, "name", str, place)
    file, line = frame.get("file"), frame.get("line")
    line = line if type(line) is int and 0 < line < 2**31 else None
    return name, file if isinstance(file, str) and file else None, line, None


def _member(value: Any, name: str, kind: type | tuple[type, ...], place: str) -> Any:
    """Give a member that must be there and of this kind."""
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, kind) or isinstance(found, bool):
        kinds = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise Malformed(f"{place}.{name}", "absent" if found is None else f"{found!r:.40}", expected=kinds)
    return found
