"""Lines of a unified GC log in their one exact shape, read many at once.

GC(2869) Eden regions: 3->0(8)
GC(2869) Pause Young (Normal) (G1 Evacuation Pause) 65M->57M(96M) 1.708ms
GC(2869) User=0.02s Sys=0.01s Real=0.01s
[safepoint] Safepoint "G1CollectForAllocation", Time since last: … Total: 1801276 ns

Each function takes the bytes and the lines that may be of its shape, and gives which of them are, with what
they say in columns; of the rest the columns hold nonsense.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.readers._digits import real_of, whole_at, whole_before, word, words
from workbench.readers._gc_rows import UNITS
from workbench.readers._stamps import stamps_at

Read = tuple[np.ndarray, list[np.ndarray]]  # which lines have the shape, and the columns

_REGIONS = sorted((b"Eden regions: ", b"Survivor regions: ", b"Old regions: ", b"Archive regions: ",
                   b"Humongous regions: "), key=lambda name: word(name[:4]))  # fmt: skip
_REGIONS_WORD = np.array([word(name[:4]) for name in _REGIONS], np.uint64)
_REGIONS_SIZE = np.array([len(name) for name in _REGIONS])
_REGIONS_BEGIN = np.array([word(name[:8]) for name in _REGIONS], np.uint64)
_REGIONS_LAST = np.array([word(name[-11:-8]) for name in _REGIONS], np.uint64)  # before `egions: `
_UNIT_BYTES = np.zeros(256, np.int64)
_UNIT_BYTES[[ord(unit) for unit in UNITS]] = list(UNITS.values())


class Lines(NamedTuple):
    """Lines with one `GC(` in them: which they are, their places, and what each is about."""

    row: np.ndarray
    begin: np.ndarray
    at: np.ndarray
    text: np.ndarray  # where that begins which follows `GC(12) `
    end: np.ndarray
    number: np.ndarray
    what: np.ndarray  # the first four bytes of the text

    def only(self, which: np.ndarray) -> Lines:
        return Lines(*(column[which] for column in self))


def are_cycles(data: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """True for G1's cycles as a whole: `Concurrent Mark Cycle`, `… Undo Cycle` and `… Cycle`."""
    second = words(data, texts + len("Concurrent "), 8)
    cycle = words(data, texts + len("Concurrent "), 5) == word(b"Cycle")
    return (second == word(b"Mark Cyc")) | (second == word(b"Undo Cyc")) | cycle


def safepoints(data: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find lines of safepoints that lie in no cycle: which they are, and where the text of each begins."""
    texts = np.flatnonzero(data == ord("S"))
    texts = texts[(data[texts + 1] == ord("a")) & (data[texts - 1] == ord(" "))]
    texts = texts[(words(data, texts, 8) == word(b"Safepoin")) & (data[texts - 2] == ord("]"))]
    rows = np.searchsorted(ends, texts)
    _, total = whole_before(data, ends[rows] - 3)
    fits = (
        (np.diff(rows, prepend=-1) > 0) & (ends[rows] - total < 16)
        & (words(data, total - 7, 7) == word(b"Total: ")) & (words(data, ends[rows] - 3, 3) == word(b" ns"))
    )  # fmt: skip
    return rows[fits], texts[fits]


def regions(data: np.ndarray, lines: Lines) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Read `Eden regions: 3->0(8)`: which lines speak of all regions, which fit, and both numbers."""
    name = np.searchsorted(_REGIONS_WORD, lines.what)
    at = lines.text + _REGIONS_SIZE[name]
    before, arrow = whole_at(data, at)
    after, end = whole_at(data, arrow + 2)
    of_all = words(data, at - 8, 8) == word(b"egions: ")  # and not of one of them
    fits = (
        of_all
        & (words(data, lines.text, 8) == _REGIONS_BEGIN[name])
        & (words(data, at - 11, 3) == _REGIONS_LAST[name])
        & (words(data, arrow, 2) == word(b"->"))
        & _are_some(arrow - at)
        & _are_some(end - arrow - 2)
    )
    return of_all, fits, before, after


def pauses(data: np.ndarray, lines: Lines) -> Read:
    """Read `Pause Young (Normal) (G1 Evacuation Pause) 65M->57M(96M) 1.708ms`, or its begin without sizes.

    Where it has none, the size before is -1; where no duration, the name ends where the line does. A line of
    a concurrent cycle ends the same way.
    """
    fits, epoch_ns, uptime_s, rest = stamps_at(data, lines.begin)
    ended = words(data, lines.end - 2, 2) == word(b"ms")
    fraction, point = whole_before(data, lines.end - 2)
    whole, begin = whole_before(data, point - 1)
    places = lines.end - 2 - point
    timed = (
        (data[point - 1] == ord(".")) & (data[begin - 1] == ord(" ")) & _are_some(places)
        & _are_some(point - 1 - begin) & (lines.end - begin < 16)
    )  # fmt: skip
    duration_s = real_of(whole, fraction, np.where(timed, places, 0)) / 1e3
    sized, heap_begin, sizes = _heaps(data, begin - 1)
    name_end = np.where(ended, np.where(sized, heap_begin, begin) - 1, lines.end)
    fits &= (timed | ~ended) & (name_end > lines.text + 5) & (rest <= lines.at)
    sizes[0] = np.where(sized, sizes[0], -1)
    places = [lines.begin, rest, lines.at, lines.text, name_end, lines.end]
    columns = [*places, lines.number, epoch_ns, uptime_s, duration_s]
    return fits, [*columns, *sizes]


def cpu_times(data: np.ndarray, lines: Lines) -> Read:
    """Read `User=0.02s Sys=0.01s`."""
    fits = words(data, lines.text, 5) == word(b"User=")
    user_s, end, whole = _seconds(data, lines.text + 5)
    fits &= whole & (words(data, end, 6) == word(b"s Sys="))
    sys_s, end, whole = _seconds(data, end + 6)
    return fits & whole & (data[end] == ord("s")), [lines.number, user_s, sys_s]


def _seconds(data: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read `0.02` at each place: the number, the place after it, and whether it stands there."""
    whole, point = whole_at(data, at)
    fraction, end = whole_at(data, point + 1)
    places = end - point - 1
    stands = (data[point] == ord(".")) & (point > at) & (places > 0) & (end - at < 16)
    return real_of(whole, fraction, np.where(stands, places, 0)), end, stands


def _heaps(data: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Read ` 65M->57M(96M)` before each end: whether it stands there, where it begins, and the sizes."""
    capacity, at = whole_before(data, ends - 2)
    after, at_after = whole_before(data, at - 2)
    before, at_before = whole_before(data, at_after - 3)
    units = [_UNIT_BYTES[data[place]] for place in (at_after - 3, at - 2, ends - 2)]
    stands = (
        (data[ends - 1] == ord(")")) & (data[at - 1] == ord("(")) & (data[at_before - 1] == ord(" "))
        & (words(data, at_after - 2, 2) == word(b"->"))
        & _are_some(ends - 2 - at) & _are_some(at - 2 - at_after) & _are_some(at_after - 3 - at_before)
        & (units[0] > 0) & (units[1] > 0) & (units[2] > 0)
    )  # fmt: skip
    sizes = [size * unit for size, unit in zip((before, after, capacity), units, strict=True)]
    return stands, at_before, sizes


def _are_some(digits: np.ndarray) -> np.ndarray:
    return (digits > 0) & (digits < 10)
