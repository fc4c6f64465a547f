"""Folded stacks, one a line with its weight: py-spy raw, stackcollapse, async-profiler collapsed.

<module> (shop.py:41);main (shop.py:37);loads (json/__init__.py:346) 129
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterator
from math import isfinite

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench import tables
from workbench.errors import Unrecognized
from workbench.readers import _stacks
from workbench.readers._lines import blocks
from workbench.readers._seam import HEAD_BYTES, Parts, Stream

FORMAT = "folded stacks (py-spy raw, stackcollapse)"

_WEIGHT = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_PLACED = re.compile(
    r"(.+) \((.+?)(?::(\d{1,9}))?\)"
)  # py-spy: function (file:line), or a binary without line
_FILE = re.compile(
    r"[^\s().][^\s()]*\.[\w.]+|<.+>"
)  # what tells `f (libc.so.6)` from C++'s `operator() (int)`
_THREAD = re.compile(r"thread \((\w+)\)(?:: (.*))?")  # py-spy --threads puts it outermost
_LOG = re.compile(r"\W?\d{4}-\d\d-\d\d|\{|\S+ \S+ \S+ \[\d\d/\w{3}/\d{4}|[A-Z][a-z]{2} [ \d]\d \d\d:")
_BOMS = (b"\xff\xfe", b"\xfe\xff")


def sniff(head: bytes) -> bool:
    """True if two lines of three are a stack and a weight, and half of these show a stack's marks."""
    if b"\0" in head and head[:2] not in _BOMS:
        return False
    lines = _text(head).split("\n")
    if len(head) >= HEAD_BYTES:
        lines = lines[:-1]
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    stacks = [split[0] for line in lines if (split := _split(line)) and not _LOG.match(line)]
    marked = sum(1 for stack in stacks if _is_marked(stack))
    return bool(stacks) and 3 * len(stacks) >= 2 * len(lines) and 2 * marked >= len(stacks)


def read(*streams: Stream) -> Parts:
    """Read folded stacks: one row per line, type `samples`; comments and other lines are skipped and counted.

    The format has no unit: a weight is a count, or what the tool that folded summed (perf: event periods).
    """
    known: dict[_stacks.Frame, int] = {}
    parts = Parts()
    found = [_read_one(stream, known, parts) for stream in streams]
    parts.frames = {"frames": _stacks.frames_table(known), "stacks": tables.STACKS.concat(found)}
    return parts


def _read_one(stream: Stream, known: dict[_stacks.Frame, int], parts: Parts) -> pd.DataFrame:
    if not sniff(stream.head()):
        raise Unrecognized("not folded stacks", where=stream.name, expected=FORMAT)
    local: defaultdict[str, int] = defaultdict()
    local.default_factory = local.__len__  # numbers texts as they come
    codes, depths, weights = array("i"), array("i"), array("d")
    threads: list[str | None] = []
    for line in _lines(stream):
        split = _split(line)
        if split is None:
            if line.strip():
                parts.skipped["comment" if line.startswith("#") else "line that is no stack and weight"] += 1
            continue
        frames = split[0].split(";") if split[0] else []
        thread = _THREAD.fullmatch(frames[0]) if split[0].startswith("thread (") else None
        threads.append((thread[2] or thread[1]) if thread else None)
        frames = frames[1:] if thread else frames
        codes.extend(map(local.__getitem__, frames))
        depths.append(len(frames))
        weights.append(split[1])
    numbered = np.array(_stacks.intern(known, map(_frame, local)), np.int32)
    lengths = np.frombuffer(depths, np.int32) if depths else np.zeros(0, np.int32)
    innermost_first = numbered[_stacks.turned(np.frombuffer(codes, np.int32), lengths)] if codes else numbered
    rows = len(lengths)
    return tables.STACKS.build(
        {
            "thread": pa.array(threads, pa.string()),
            "frames": _stacks.column([_stacks.stack_lists(innermost_first, lengths)]),
            "type": pa.repeat("samples", rows),
            "value": np.array(weights),
            "unit": pa.repeat("count", rows),
        },
        where=stream.name,
    )


def _split(line: str) -> tuple[str, float] | None:
    """Give stack and weight, or None for a line that is neither; py-spy can write a weight with no stack."""
    stack, space, weight = line.rstrip().rpartition(" ")
    if not space or not _WEIGHT.fullmatch(weight) or line.startswith("#") or not isfinite(float(weight)):
        return None
    return stack.strip(), float(weight)


def _is_marked(stack: str) -> bool:
    """True for `a;b` and `a (f.py:1)`; false for prose with semicolons and lines that end in two numbers."""
    frames = stack.split(";")
    clean = all(frame and frame == frame.strip() for frame in frames)
    placed = _PLACED.fullmatch(frames[0])
    two_numbers = _WEIGHT.fullmatch(frames[-1].rpartition(" ")[2]) and " " in frames[-1]
    return clean and not two_numbers and (len(frames) > 1 or bool(placed and placed[3]))


def _frame(text: str) -> _stacks.Frame:
    placed = _PLACED.fullmatch(text)
    if placed and (placed[3] or _FILE.fullmatch(placed[2])):
        return placed[1], placed[2], int(placed[3]) if placed[3] else None, None
    return text, None, None, None


def _lines(stream: Stream) -> Iterator[str]:
    for block in blocks(stream):
        yield from block.decode("utf-8", "backslashreplace").removesuffix("\n").split("\n")


def _text(content: bytes) -> str:
    if content[:2] in _BOMS:
        return content.decode("utf-16", "backslashreplace")
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace")
