"""One line of a unified GC log, whatever its decorators and whatever stands around it: what it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from workbench.readers._gc_rows import UNKNOWN, Heap, Stamp, epoch_ns, in_bytes, real
from workbench.readers._unified_log import Log

_COLLECTORS = {
    b"G1": "G1",
    b"Serial": "Serial",
    b"Parallel": "Parallel",
    b"Concurrent Mark Sweep": "CMS",
    b"The Z Garbage Collector": "Z",
    b"Shenandoah": "Shenandoah",
    b"Epsilon": "Epsilon",
}
_OURS = re.compile(
    rb"(?<!\w)\[(?:\d[\d.,:T+-]*(?:m?s|ns)?|info|debug|trace|warning|error|gc|safepoint)[ ,\]]"
)
_STAMP = re.compile(
    rb"\[ *(?:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.,]\d{3}[+-]\d{4})"
    rb"|(\d{1,12})[.,](\d{1,9})s|(\d{1,18})(m|n)s) *\]"
)
_TAIL = re.compile(
    rb" (?:(\d{1,9})([BKMG])->(\d{1,9})([BKMG])\((\d{1,9})([BKMG])\) )?(\d{1,12}[.,]\d{1,9}) ?ms"
)
_Z_TAIL = re.compile(
    rb" (\d{1,9})([BKMG])\(\d{1,3}%\)->(\d{1,9})([BKMG])\(\d{1,3}%\)(?: (\d{1,9}[.,]\d{1,9})s)?"
)
_GENERATION = re.compile(rb": (\d{1,9})([BKMG])(?:\(\d{1,9}[BKMG]\))?->(\d{1,9})([BKMG])")
_REGIONS = re.compile(rb"(?:Eden|Survivor|Old|Archive|Humongous) regions: (\d{1,9})->(\d{1,9})")
_PROMOTED = re.compile(rb"[yY]: +Promoted: .* (\d{1,9})([BKMG]) ")
_CPU = re.compile(rb"User=(\d{1,9}[.,]\d{1,9})s Sys=(\d{1,9}[.,]\d{1,9})s")
_REGION_SIZE = re.compile(rb"Heap [Rr]egion [Ss]ize: (\d{1,9})([BKMG])")
_USING = re.compile(rb"Using (" + b"|".join(_COLLECTORS) + rb")\b")
_SAFEPOINT = re.compile(rb'Safepoint \\?"(\w{1,99})\\?", .*\bTotal: +(\d{1,18}) ns')
_ENTERING = re.compile(rb"Entering safepoint region: (\w{1,99})")
_STOPPED = re.compile(rb"were stopped: (\d{1,9}[.,]\d{1,9}) seconds")
_STALL = re.compile(rb"Allocation Stall \([^\n]*\) (\d{1,12}[.,]\d{1,9})ms")


def take_line(log: Log, line: bytes) -> None:
    """Tell the log what a line says; a line that says nothing of GC and is not of the log is counted."""
    at = line.find(b"GC(")
    if at < 0:
        _take_other(log, line)
    elif line.find(b"GC(", at + 3) < 0:
        _take_of_cycle(log, line, at)
    else:  # two writers, one line
        starts = [found.start() for found in re.finditer(rb"GC\(", line)]
        begin = 0
        for this, following in pairwise([*starts, len(line)]):
            _take_of_cycle(log, line[begin:following], this - begin)
            begin = this


def has_stamp(decorators: bytes) -> bool:
    """True if some decorator tells when the line was written."""
    return _STAMP.search(decorators) is not None


def has_tail(text: bytes) -> bool:
    """True if a duration stands in it, as at the end of a line that ends a pause."""
    return _TAIL.search(text) is not None


def _take_of_cycle(log: Log, line: bytes, at: int) -> None:
    close = line.find(b")", at)
    act = OF_CYCLE.get(line[close + 2 : close + 6])
    number = line[at + 3 : close]
    if act is not None and number.isdigit() and len(number) < 16:
        act(log, int(number), line, at, close + 2)


def _take_other(log: Log, line: bytes) -> None:
    begin = line.rfind(b"] ")
    begin = begin + 2 if begin >= 0 else 0
    act = _OTHERS.get(line[begin : begin + 4])
    if act is not None:
        act(log, line, begin)
    elif _OURS.search(line, 0, 400) is None and line.strip(b"\0 \r"):
        log.skipped["lines not of the log, or without decorators"] += 1


# Lines of a cycle: GC(12) Pause …, with the GC at `at` and the Pause at `begin`


def _pause(log: Log, number: int, line: bytes, at: int, begin: int) -> None:
    if not line.startswith(b"Pause ", begin) and not line.startswith(b"Pause ", begin + 3):
        return
    stamp, tail = _stamp(log, line, at), _TAIL.search(line, begin)
    if tail is None:
        log.begin_pause(number, stamp)
    else:
        log.end_pause(number, stamp, line[begin : tail.start()], real(tail[7]) / 1e3, _heap(tail))


def _concurrent(log: Log, number: int, line: bytes, at: int, begin: int) -> None:
    tail = _TAIL.search(line, begin)
    name = line[begin : tail.start() if tail else len(line)]
    if not log.passes_over(name):
        duration_s, heap = (real(tail[7]) / 1e3, _heap(tail)) if tail else (None, UNKNOWN)
        log.concurrent(number, _stamp(log, line, at), name, duration_s, heap)


def _z_cycle(log: Log, number: int, line: bytes, at: int, begin: int) -> None:
    stamp, tail = _stamp(log, line, at), _Z_TAIL.search(line, begin)
    if tail is None:
        log.begin_z_cycle(number, stamp, line[begin:])
    else:
        heap = Heap(in_bytes(tail[1], tail[2]), in_bytes(tail[3], tail[4]))
        duration_s = real(tail[5]) if tail[5] else None
        log.end_z_cycle(number, stamp, line[begin : tail.start()], duration_s, heap)


def _cpu(log: Log, number: int, line: bytes, at: int, begin: int) -> None:
    if found := _CPU.match(line, begin):
        log.cpu(number, real(found[1]), real(found[2]))


def _young(log: Log, number: int, line: bytes, at: int, begin: int) -> None:
    if found := _GENERATION.search(line, begin):
        log.young(number, in_bytes(found[1], found[2]), in_bytes(found[3], found[4]))


def _old(log: Log, number: int, line: bytes, at: int, begin: int) -> None:
    if found := _GENERATION.search(line, begin):
        log.old(number, in_bytes(found[1], found[2]), in_bytes(found[3], found[4]))


def _young_regions(log: Log, number: int, line: bytes, at: int, begin: int) -> None:
    if found := _REGIONS.match(line, begin):
        log.young_regions(number, int(found[1]), int(found[2]))


def _old_regions(log: Log, number: int, line: bytes, at: int, begin: int) -> None:
    if found := _REGIONS.match(line, begin):
        log.old_regions(number, int(found[1]), int(found[2]))


def _promoted(log: Log, number: int, line: bytes, at: int, begin: int) -> None:
    if found := _PROMOTED.match(line, begin):
        log.promoted(number, in_bytes(found[1], found[2]))


OF_CYCLE: dict[bytes, Callable[[Log, int, bytes, int, int], None]] = {
    **dict.fromkeys((b"Paus", b"Y: P", b"y: P", b"O: P"), _pause),
    **dict.fromkeys((b"Conc", b"Coal"), _concurrent),
    **dict.fromkeys((b"Garb", b"Majo", b"Mino"), _z_cycle),
    b"User": _cpu,
    **dict.fromkeys((b"DefN", b"ParN", b"PSYo"), _young),
    **dict.fromkeys((b"Tenu", b"CMS:", b"ParO", b"PSOl"), _old),
    **dict.fromkeys((b"Eden", b"Surv"), _young_regions),
    **dict.fromkeys((b"Old ", b"Arch", b"Humo"), _old_regions),
    **dict.fromkeys((b"Y:  ", b"y:  "), _promoted),
}


# Lines of no cycle


def _safepoint(log: Log, line: bytes, begin: int) -> None:
    if (found := _SAFEPOINT.match(line, begin)) and log.leave_safepoint():
        log.safepoint(_stamp(log, line, begin), int(found[2]) / 1e9, found[1].decode())


def _entering(log: Log, line: bytes, begin: int) -> None:
    if found := _ENTERING.match(line, begin):
        log.enter_safepoint(found[1].decode())


def _stopped(log: Log, line: bytes, begin: int) -> None:
    if found := _STOPPED.search(line, begin):
        if log.leave_safepoint():
            log.safepoint(_stamp(log, line, begin), real(found[1]), None)
        log.forget_operation()


def _using(log: Log, line: bytes, begin: int) -> None:
    if found := _USING.match(line, begin):
        log.using(_COLLECTORS[found[1]])


def _region_size(log: Log, line: bytes, begin: int) -> None:
    if found := _REGION_SIZE.match(line, begin):
        log.region_size(in_bytes(found[1], found[2]))


def _stall(log: Log, line: bytes, begin: int) -> None:
    if found := _STALL.match(line, begin):
        log.stall(real(found[1]) / 1e3)


_OTHERS: dict[bytes, Callable[[Log, bytes, int], None]] = {
    b"Safe": _safepoint,
    b"Ente": _entering,
    b"Tota": _stopped,
    b"Usin": _using,
    b"Heap": _region_size,
    b"Allo": _stall,
}


def _stamp(log: Log, line: bytes, end: int) -> Stamp:
    """Read the decorators before `end`; of two clocks that tell the same, the later and finer counts."""
    when, uptime_s = None, None
    for found in _STAMP.finditer(line, 0, end):
        date, whole, fraction, count, unit = found.groups()
        if date:
            when = epoch_ns(date)
            log.skipped.update({"impossible dates": 1} if when is None else {})
        elif whole:
            uptime_s = float(whole + b"." + fraction)
        elif unit == b"n":
            uptime_s = int(count) / 1e9
        elif len(count) < 12:
            uptime_s = int(count) / 1e3
        elif len(count) == 13 and count < b"9" and when is None:
            when = int(count) * 1_000_000
    return Stamp(when, uptime_s)


def _heap(tail: re.Match[bytes]) -> Heap:
    if not tail[1]:
        return UNKNOWN
    return Heap(in_bytes(tail[1], tail[2]), in_bytes(tail[3], tail[4]), in_bytes(tail[5], tail[6]))
