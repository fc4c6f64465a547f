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

import numpy as np

from workbench.readers._digits import PADDING, whole_at, word, words
from workbench.readers._gc_rows import UNKNOWN, Heap, Stamp
from workbench.readers._stamps import NEVER
from workbench.readers._unified_lines import OF_CYCLE, has_stamp, has_tail, take_line
from workbench.readers._unified_log import Log
from workbench.readers._unified_shapes import Lines, are_cycles, cpu_times, pauses, regions, safepoints

_NOTHING, _LINE, _PHASE, _PAUSE, _CPU, _YOUNG, _OLD, _SAFEPOINT = range(8)  # kinds of lines
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


def take(log: Log, block: bytes) -> None:
    """Tell the log what a block of lines says."""
    data = np.frombuffer(block + PADDING, np.uint8)
    ends = np.flatnonzero(data[: len(block)] == ord("\n"))
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    begins = np.concatenate([[0], ends[:-1] + 1])
    kinds = np.full(len(ends), _LINE)
    lines = _of_cycles(data, begins, ends)
    about = np.minimum(np.searchsorted(_WORDS, lines.what), len(_WORDS) - 1)
    kinds[lines.row] = np.where(_WORDS[about] == lines.what, _KIND_OF[about], _NOTHING)
    phases = lines.only(kinds[lines.row] == _PHASE)
    kinds[phases.row[are_cycles(data, phases.text)]] = _PAUSE  # for they look alike
    told: dict[int, Iterator[tuple]] = {}
    for kind, read in ((_PAUSE, pauses), (_CPU, cpu_times)):
        mine = lines.only(kinds[lines.row] == kind)
        fits, columns = read(data, mine)
        kinds[mine.row[~fits]] = _LINE
        told[kind] = zip(*(column[fits].tolist() for column in columns), strict=True)
    rows, texts = safepoints(data, ends)
    rows, texts = rows[kinds[rows] == _LINE], texts[kinds[rows] == _LINE]
    kinds[rows] = _SAFEPOINT
    told[_SAFEPOINT] = zip(begins[rows].tolist(), texts.tolist(), ends[rows].tolist(), strict=True)
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


def _of_cycles(data: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> Lines:
    """Find the lines that have one `GC(12)`, with a number that is one."""
    marks = np.flatnonzero(data == ord("G"))
    marks = marks[(data[marks + 1] == ord("C")) & (data[marks + 2] == ord("("))]
    rows = np.searchsorted(ends, marks)
    alone = np.bincount(rows, minlength=len(ends))[rows] == 1
    rows, at = rows[alone], marks[alone]
    number, close = whole_at(data, at + 3)
    text = close + 2
    found = Lines(rows, begins[rows], at, text, ends[rows], number, words(data, text, 4))
    return found.only((close > at + 3) & (data[close] == ord(")")) & (text < found.end))


def _sums(data: np.ndarray, lines: Lines, kinds: np.ndarray, kind: int) -> Iterator[tuple]:
    """Add up the regions of lines of a cycle that follow one another: the first of them tells it for all."""
    mine = lines.only(kinds[lines.row] == kind)
    of_all, fits, before, after = regions(data, mine)
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
