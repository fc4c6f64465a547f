"""A block of lines of a unified GC log: the commonest are read many at once, all others one by one.

[2026-11-20T12:48:42.573+0000][15.038s][info][gc,heap] GC(2869) Eden regions: 3->0(8)

What a line is about is told by the four bytes behind its `GC(…) `, for all lines of a block together; most
are about nothing that the tables hold. Of those that are, lines of G1's regions, of CPU times and of pauses
have one exact shape, whose numbers are read together as well. A line of any other shape goes to `take_line`,
which reads them all; the log is told of both in the order of the lines.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from workbench.readers._digits import PADDING, real_of, whole_at, whole_before, word, words
from workbench.readers._gc_rows import UNITS, UNKNOWN, Heap, Stamp
from workbench.readers._stamps import NEVER, stamps_at
from workbench.readers._unified_lines import OF_CYCLE, has_stamp, has_tail, take_line
from workbench.readers._unified_log import Log

_NOTHING, _LINE, _PHASE, _PAUSE, _CPU, _YOUNG, _OLD, _SAFEPOINT = range(8)  # kinds of lines
_REGIONS = (
    b"Eden regions: ",
    b"Survivor regions: ",
    b"Old regions: ",
    b"Archive regions: ",
    b"Humongous regions: ",
)
_KINDS = {
    **dict.fromkeys(OF_CYCLE, _LINE),
    b"Conc": _PHASE,
    b"Paus": _PAUSE,
    b"User": _CPU,
    **dict.fromkeys((b"Eden", b"Surv"), _YOUNG),
    **dict.fromkeys((b"Old ", b"Arch", b"Humo"), _OLD),
}
_WORDS = np.array(sorted(word(name) for name in _KINDS), np.uint64)
_KIND_OF = np.array([_KINDS[int(each).to_bytes(4, "little")] for each in _WORDS])
_NAMES = [next((name for name in _REGIONS if word(name[:4]) == each), bytes(20)) for each in _WORDS]
_NAME_SIZE = np.array([len(name) for name in _NAMES])
_NAME_BEGIN = np.array([word(name[:8]) for name in _NAMES], np.uint64)
_NAME_LAST = np.array([word(name[-11:-8]) for name in _NAMES], np.uint64)  # before `egions: `
_UNIT_BYTES = np.zeros(256, np.int64)
_UNIT_BYTES[[ord(unit) for unit in UNITS]] = list(UNITS.values())


class _Lines(NamedTuple):
    """Lines with one `GC(` in them: which they are, their places, and what each is about."""

    row: np.ndarray
    begin: np.ndarray
    at: np.ndarray
    text: np.ndarray  # where that begins which follows `GC(12) `
    end: np.ndarray
    number: np.ndarray
    about: np.ndarray  # row in _WORDS

    def only(self, which: np.ndarray) -> _Lines:
        return _Lines(*(column[which] for column in self))


def take(log: Log, block: bytes) -> None:
    """Tell the log what a block of lines says."""
    data = np.frombuffer(block + PADDING, np.uint8)
    ends = np.flatnonzero(data[: len(block)] == ord("\n"))
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    begins = np.concatenate([[0], ends[:-1] + 1])
    kinds = np.full(len(ends), _LINE)
    lines = _of_cycles(data, begins, ends)
    kinds[lines.row] = np.where(lines.about >= 0, _KIND_OF[lines.about], _NOTHING)
    phases = lines.only(kinds[lines.row] == _PHASE)
    kinds[phases.row[_are_cycles(data, phases.text)]] = _PAUSE  # for they look alike
    told: dict[int, Iterator[tuple]] = {}
    for kind, read in _READS.items():
        mine = lines.only(kinds[lines.row] == kind)
        fits, columns = read(data, mine)
        kinds[mine.row[~fits]] = _LINE
        told[kind] = zip(*(column[fits].tolist() for column in columns), strict=True)
    told[_SAFEPOINT] = _safepoints(data, begins, ends, kinds)
    for kind in (_YOUNG, _OLD):
        told[kind] = _sums(data, lines, kinds, kind)
    others = [block[begin:end] for begin, end in _pairs(begins, ends, kinds == _LINE)]
    if log.has_cycle_lines and not any(b"Using " in line for line in others):
        kinds[kinds == _PHASE] = _NOTHING
    told[_PHASE] = _pairs(begins, ends, kinds == _PHASE)
    told[_LINE] = zip(others)
    for kind in kinds[kinds != _NOTHING].tolist():
        _TELLS[kind](log, block, *next(told[kind]))


def _pairs(begins: np.ndarray, ends: np.ndarray, which: np.ndarray) -> Iterator[tuple[int, int]]:
    return zip(begins[which].tolist(), ends[which].tolist(), strict=True)


def _of_cycles(data: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> _Lines:
    """Find the lines that have one `GC(12)`, with a number that is one."""
    marks = np.flatnonzero(data == ord("G"))
    marks = marks[(data[marks + 1] == ord("C")) & (data[marks + 2] == ord("("))]
    rows = np.searchsorted(ends, marks)
    alone = np.bincount(rows, minlength=len(ends))[rows] == 1
    rows, at = rows[alone], marks[alone]
    number, close = whole_at(data, at + 3)
    text = close + 2
    what = words(data, text, 4)
    about = np.minimum(np.searchsorted(_WORDS, what), len(_WORDS) - 1)
    about[_WORDS[about] != what] = -1
    found = _Lines(rows, begins[rows], at, text, ends[rows], number, about)
    return found.only((close > at + 3) & (data[close] == ord(")")) & (text < found.end))


def _are_cycles(data: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """True for G1's cycles as a whole: `Concurrent Mark Cycle`, `… Undo Cycle` and `… Cycle`."""
    second = words(data, texts + len("Concurrent "), 8)
    cycle = words(data, texts + len("Concurrent "), 5) == word(b"Cycle")
    return (second == word(b"Mark Cyc")) | (second == word(b"Undo Cyc")) | cycle


def _safepoints(data: np.ndarray, begins: np.ndarray, ends: np.ndarray, kinds: np.ndarray) -> Iterator[tuple]:
    """Find `Safepoint "G1CollectForAllocation", Time since last: … Total: 1801276 ns`, of no cycle."""
    texts = np.flatnonzero(data == ord("S"))
    texts = texts[(data[texts + 1] == ord("a")) & (data[texts - 1] == ord(" "))]
    texts = texts[(words(data, texts, 8) == word(b"Safepoin")) & (data[texts - 2] == ord("]"))]
    rows = np.searchsorted(ends, texts)
    _, total = whole_before(data, ends[rows] - 3)
    fits = (
        (kinds[rows] == _LINE) & (np.diff(rows, prepend=-1) > 0) & (ends[rows] - total < 16)
        & (words(data, total - 7, 7) == word(b"Total: ")) & (words(data, ends[rows] - 3, 3) == word(b" ns"))
    )  # fmt: skip
    rows, texts = rows[fits], texts[fits]
    kinds[rows] = _SAFEPOINT
    return zip(begins[rows].tolist(), texts.tolist(), ends[rows].tolist(), strict=True)


def _sums(data: np.ndarray, lines: _Lines, kinds: np.ndarray, kind: int) -> Iterator[tuple]:
    """Add up the regions of lines of a cycle that follow one another: the first of them tells it for all."""
    mine = lines.only(kinds[lines.row] == kind)
    at = mine.text + _NAME_SIZE[mine.about]
    before, arrow = whole_at(data, at)
    after, end = whole_at(data, arrow + 2)
    of_all = words(data, at - 8, 8) == word(b"egions: ")  # and not of one of them
    fits = (
        of_all
        & (words(data, mine.text, 8) == _NAME_BEGIN[mine.about])
        & (words(data, at - 11, 3) == _NAME_LAST[mine.about])
        & (words(data, arrow, 2) == word(b"->"))
        & _has_digits(arrow - at)
        & _has_digits(end - arrow - 2)
    )
    kinds[mine.row[~fits]] = np.where(of_all[~fits], _LINE, _NOTHING)
    number, row, before, after = mine.number[fits], mine.row[fits], before[fits], after[fits]
    place = np.cumsum(kinds != _NOTHING)[row]  # among lines that say something
    goes_on = (np.diff(number, prepend=-1) == 0) & (np.diff(place, prepend=-1) == 1)
    kinds[row[goes_on]] = _NOTHING
    first = np.flatnonzero(~goes_on)
    if not len(first):
        return iter(())
    sums = (np.add.reduceat(column, first).tolist() for column in (before, after))
    return zip(number[first].tolist(), *sums, strict=True)


def _has_digits(count: np.ndarray) -> np.ndarray:
    return (count > 0) & (count < 10)


def _pauses(data: np.ndarray, lines: _Lines) -> tuple[np.ndarray, list[np.ndarray]]:
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
        (data[point - 1] == ord(".")) & (data[begin - 1] == ord(" ")) & _has_digits(places)
        & _has_digits(point - 1 - begin) & (lines.end - begin < 16)
    )  # fmt: skip
    duration_s = real_of(whole, fraction, np.where(timed, places, 0)) / 1e3
    sized, heap_begin, sizes = _heaps(data, begin - 1)
    name_end = np.where(ended, np.where(sized, heap_begin, begin) - 1, lines.end)
    fits &= (timed | ~ended) & (name_end > lines.text + 5) & (rest <= lines.at)
    sizes[0] = np.where(sized, sizes[0], -1)
    places = [lines.begin, rest, lines.at, lines.text, name_end, lines.end]
    columns = [*places, lines.number, epoch_ns, uptime_s, duration_s]
    return fits, [*columns, *sizes]


def _heaps(data: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Read ` 65M->57M(96M)` before each end: whether it stands there, where it begins, and the sizes."""
    capacity, at = whole_before(data, ends - 2)
    after, at_after = whole_before(data, at - 2)
    before, at_before = whole_before(data, at_after - 3)
    units = [_UNIT_BYTES[data[place]] for place in (at_after - 3, at - 2, ends - 2)]
    stands = (
        (data[ends - 1] == ord(")")) & (data[at - 1] == ord("(")) & (data[at_before - 1] == ord(" "))
        & (words(data, at_after - 2, 2) == word(b"->"))
        & _has_digits(ends - 2 - at) & _has_digits(at - 2 - at_after) & _has_digits(at_after - 3 - at_before)
        & (units[0] > 0) & (units[1] > 0) & (units[2] > 0)
    )  # fmt: skip
    sizes = [size * unit for size, unit in zip((before, after, capacity), units, strict=True)]
    return stands, at_before, sizes


def _times(data: np.ndarray, lines: _Lines) -> tuple[np.ndarray, list[np.ndarray]]:
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


_READS: dict[int, Callable[[np.ndarray, _Lines], tuple[np.ndarray, list[np.ndarray]]]] = {
    _PAUSE: _pauses,
    _CPU: _times,
}


def _tell_line(log: Log, _: bytes, line: bytes) -> None:
    take_line(log, line)


def _tell_phase(log: Log, block: bytes, begin: int, end: int) -> None:
    take_line(log, block[begin:end])


def _tell_safepoint(log: Log, block: bytes, begin: int, text: int, end: int) -> None:
    name = block[text : block.find(b", ", text, end)]
    if log.stopped_by_gc and _is_safepoint(name) and block.rfind(b"] ", text, end) < 0:
        log.leave_safepoint()
    else:
        take_line(log, block[begin:end])


def _tell_pause(
    log: Log, block: bytes, begin: int, rest: int, at: int, text: int, name_end: int, end: int,
    number: int, epoch_ns: int, uptime_s: float, duration_s: float, *sizes: int,
) -> None:  # fmt: skip
    name = block[text:name_end]
    if _is_strange(name) or _has_stamp(block[rest:at]):
        take_line(log, block[begin:end])
        return
    stamp = Stamp(None if epoch_ns == NEVER else epoch_ns, None if uptime_s != uptime_s else uptime_s)
    heap = UNKNOWN if sizes[0] < 0 else Heap(*sizes)
    if name.startswith(b"Conc"):
        if not log.passes_over(name):
            log.concurrent(number, stamp, name, None if name_end == end else duration_s, heap)
    elif name_end == end:
        log.begin_pause(number, stamp)
    else:
        log.end_pause(number, stamp, name, duration_s, heap)


_has_stamp = functools.lru_cache(1024)(has_stamp)


@functools.lru_cache(1024)
def _is_strange(name: bytes) -> bool:
    """True where two writers met in the midst of a name, or it is cut off."""
    return has_tail(name) or not name.startswith((b"Pause ", b"Concurrent "))


@functools.lru_cache(1024)
def _is_safepoint(text: bytes) -> bool:
    return re.fullmatch(rb'Safepoint \\?"\w{1,99}\\?"', text) is not None


_TELLS: dict[int, Callable[..., None]] = {
    _LINE: _tell_line,
    _PHASE: _tell_phase,
    _SAFEPOINT: _tell_safepoint,
    _PAUSE: _tell_pause,
    _CPU: lambda log, _, *times: log.cpu(*times),
    _YOUNG: lambda log, _, *regions: log.young_regions(*regions),
    _OLD: lambda log, _, *regions: log.old_regions(*regions),
}
