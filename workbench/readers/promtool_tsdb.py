"""What `promtool tsdb dump` prints: every sample of a Prometheus data folder, series by series.

{__name__="up", instance="localhost:9090", job="prometheus"} 1 1700215884373
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator

import numpy as np

from workbench.errors import Unrecognized
from workbench.readers import _exposition, _lines, _native
from workbench.readers._seam import Parts, Stream
from workbench.readers._series import SeriesColumns, number

FORMAT = "promtool tsdb dump"

_BEGIN = re.compile(rb'\s*\{(?:\w+="[^"\\]*+(?:\\.[^"\\]*+)*+", )*__name__="')
_LINE = re.compile(rb"(" + _exposition.SERIES + rb") (\S+) (-?\d+)\s*")
_NATIVE = re.compile(rb"(" + _exposition.SERIES + rb") (\{.*\}) (-?\d+)\s*")
_STATE = re.compile(rb"\{count:([^,\s}]+), sum:([^,\s}]+)")
_BUCKET = re.compile(rb"([\[(])([^,\[\]()]*),([^,\[\]()]*)([\])]):([^,\s}]+)")


def sniff(head: bytes) -> bool:
    """True if its first line is a sample whose name stands in braces."""
    first, newline, _ = _lines.narrow(head).lstrip().partition(b"\n")
    if not _BEGIN.match(first):
        return False
    return not newline or bool(_LINE.fullmatch(first) or _NATIVE.fullmatch(first))


def read(*streams: Stream) -> Parts:
    """Read samples; a native histogram gives its `_count`, `_sum` and a series per bucket: see `_native`."""
    found = SeriesColumns()
    for stream in streams:
        _read_one(stream, found)
    return found.parts(", ".join(stream.name for stream in streams))


def _read_one(stream: Stream, found: SeriesColumns) -> None:
    codes, values, times = array("q"), array("d"), array("d")
    known: dict[tuple[bytes, str, str], int] = {}

    def code(series: bytes, suffix: str = "", edges: str = "") -> int:
        key = series, suffix, edges
        if key not in known:
            named = _exposition.series(series)
            if named is None:
                raise ValueError("no series")
            more = {_native.LABEL: edges} if edges else {}
            known[key] = found.code(named[0] + suffix, {**named[1], **more})
        return known[key]

    for count, line in enumerate(_lines.lines(stream), 1):
        try:
            if match := _LINE.fullmatch(line):
                taken = [(code(match[1]), number(match[2].decode()))]
            elif match := _NATIVE.fullmatch(line):
                told = [(name, number(value.decode())) for name, value in _members(match[2])]
                taken = [(code(match[1], *name), value) for name, value in told]
            elif not line.strip():
                continue
            else:
                raise ValueError("no sample")
        except ValueError:
            found.skipped["line that is no sample"] += 1
            if found.skipped["line that is no sample"] == 1:
                found.notes.append(f"{stream.name}:{count}: {line[:60]!r} is no sample")
            continue
        for series, value in taken:
            codes.append(series)
            values.append(value)
            times.append(float(match[3]))
    if not codes:
        raise Unrecognized("no line that is a sample", where=stream.name, expected=FORMAT)
    found.add(np.array(codes, "int64"), np.array(times, "float64"), np.array(values, "float64"))


def _members(text: bytes) -> Iterator[tuple[tuple[str, str], bytes]]:
    """Give suffix and edges of each member of a histogram, and its value."""
    state = _STATE.match(text)
    if state is None:
        raise ValueError("no histogram")
    yield ("_count", ""), state[1]
    yield ("_sum", ""), state[2]
    for opening, low, high, closing, count in _BUCKET.findall(text, state.end()):
        edges = _native.edges(opening == b"[", low.decode(), high.decode(), closing == b"]")
        yield ("", edges), count
