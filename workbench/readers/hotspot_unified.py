"""The unified GC log of HotSpot, JDK 9 and later (-Xlog:gc*), from any of its collectors.

[2026-11-20T07:54:05.642+0000][0.111s][info][gc] GC(0) Pause Young (Allocation Failure) 6M->1M(130M) 1.754ms

Any subset of decorators is read, none as well, behind any prefix that a container puts before a line; decimal
commas too. What the tables mean here:

- A pause is one stop of the world. A Full printed inside a Young (Serial, CMS up to JDK 11) is a collection
  without a pause of its own. A safepoint in which no GC pause lies is a pause of the kind `Safepoint …`; one
  with a GC pause in it is not counted beside that. Only the former includes the time to reach the safepoint.
- A cycle that runs beside the program (Z, Shenandoah, CMS, G1's marking) is a collection; `cycle` joins its
  pauses to it. A plain log of Z prints no pauses: they are missing there, not 0.
- A start that has no line of its own is the end minus the duration. The plain log of the Z of JDK 11 to 20
  prints ends alone: its cycles stand at their end, without a duration, and a note says so.
- G1 prints generations in regions: young and old are regions times region size.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from workbench.errors import Unrecognized
from workbench.readers._gc_rows import UNKNOWN, Cycle, Heap, Pause, Stamp, epoch_ns, frames
from workbench.readers._lines import log_lines, narrow
from workbench.readers._seam import Parts, Stream

FORMAT = "HotSpot unified GC log"

_COLLECTORS = {
    b"G1": "G1",
    b"Serial": "Serial",
    b"Parallel": "Parallel",
    b"Concurrent Mark Sweep": "CMS",
    b"The Z Garbage Collector": "Z",
    b"Shenandoah": "Shenandoah",
    b"Epsilon": "Epsilon",
}
_UNITS = {b"B": 1, b"K": 1024, b"M": 1024**2, b"G": 1024**3}

_SNIFF = re.compile(
    rb"\[(?:gc|safepoint)(?:,[a-z]{1,20}){0,5} *\] "
    rb"|GC\(\d{1,15}\) (?:[yYO]: )?(?:Pause [A-Z]|Concurrent [A-Za-z]|(?:Garbage|Major|Minor) Collection \()"
    rb"|\] (?:Using (?:G1|Serial|Parallel|Concurrent Mark Sweep|The Z Garbage Collector|Shenandoah|Epsilon)\b"
    rb'|Entering safepoint region: |Total time for which application|Safepoint \\?"\w{1,99}\\?", Time since)'
)
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
_BRACKETS = re.compile(r" \(((?:[^()]|\(\))*)\)")
_GENERATION = re.compile(rb": (\d{1,9})([BKMG])(?:\(\d{1,9}[BKMG]\))?->(\d{1,9})([BKMG])")
_REGIONS = re.compile(rb"regions: (\d{1,9})->(\d{1,9})")
_PROMOTED = re.compile(rb"[yY]: +Promoted: .* (\d{1,9})([BKMG]) ")
_CPU = re.compile(rb"User=(\d{1,9}[.,]\d{1,9})s Sys=(\d{1,9}[.,]\d{1,9})s")
_REGION_SIZE = re.compile(rb"Heap [Rr]egion [Ss]ize: (\d{1,9})([BKMG])")
_USING = re.compile(rb"Using (" + b"|".join(_COLLECTORS) + rb")\b")
_SAFEPOINT = re.compile(rb'Safepoint \\?"(\w{1,99})\\?", .*\bTotal: +(\d{1,18}) ns')
_ENTERING = re.compile(rb"Entering safepoint region: (\w{1,99})")
_STOPPED = re.compile(rb"were stopped: (\d{1,9}[.,]\d{1,9}) seconds")
_STALL = re.compile(rb"Allocation Stall \([^\n]*\) (\d{1,12}[.,]\d{1,9})ms")
_G1_CYCLES = (b"Concurrent Mark Cycle", b"Concurrent Undo Cycle", b"Concurrent Cycle")
_REFINEMENT = b"Concurrent refinement"
_YOUNG_KINDS = ("Normal", "Concurrent Start", "Prepare Mixed", "Mixed")


def sniff(head: bytes) -> bool:
    """True if some line has the tags of this log, or is of a GC cycle, its collector or a safepoint."""
    return _SNIFF.search(narrow(head)) is not None


def read(*streams: Stream) -> Parts:
    """Read pauses and collections of one log, or of a rotated set, oldest first.

    Lines that are not of the log are skipped and counted, as are pauses whose end is missing.
    """
    log = _Log()
    for stream in streams:
        for line in log_lines(stream):
            log.take(line)
    log.end_run()
    if not (log.pauses or log.collections or any(sniff(stream.head()) for stream in streams)):
        raise Unrecognized("no line of it", where=", ".join(s.name for s in streams), expected=FORMAT)
    return Parts(frames(log.pauses, log.collections), log.skipped, log.notes())


class _Log:
    """What was read so far; `take` a line, `end_run` when a JVM's log is over."""

    def __init__(self) -> None:
        self.pauses: list[Pause] = []
        self.collections: list[Cycle] = []
        self.skipped: Counter[str] = Counter()
        self.runs = 0
        self._ends_alone = 0
        self._stalls: list[float] = []
        self._names: dict[bytes, tuple[str, str | None]] = {}
        self._region_bytes: int | None = None
        self._collector = ""
        self._new_run()

    def take(self, line: bytes) -> None:
        """Read one line."""
        at = line.find(b"GC(")
        if at < 0:
            self._take_other(line)
        elif line.find(b"GC(", at + 3) < 0:
            self._take_of_cycle(line, at)
        else:  # two writers, one line
            starts = [found.start() for found in re.finditer(rb"GC\(", line)]
            begin = 0
            for this, following in pairwise([*starts, len(line)]):
                self._take_of_cycle(line[begin:following], this - begin)
                begin = this

    def end_run(self) -> None:
        """Close the log of one JVM: what has begun and not ended by now never will."""
        if self._opened:
            self.skipped["pauses without an end"] += len(self._opened)
        self.runs += bool(self._run_pauses or self._cycles)
        cycles = [cycle for _, cycle in sorted(self._cycles.items()) if cycle.start or cycle.end]
        collector = self._collector or _guess(self._run_pauses, cycles)
        for pause in self._run_pauses:
            pause.collector = collector
        for cycle in cycles:
            cycle.collector = collector
            self._close(cycle)
        self.pauses += self._run_pauses
        self.collections += cycles
        self._new_run()

    def notes(self) -> list[str]:
        """Say what a reader of the tables should know."""
        found = []
        if self.runs > 1:
            found.append(f"{self.runs} runs of the JVM, cycles numbered from 0 in each")
        if self._ends_alone:
            found.append(f"{self._ends_alone} cycles have no line of their begin: they stand at their end")
        if self._stalls:
            found.append(
                f"allocation stalls, each of a thread: {len(self._stalls)}, {sum(self._stalls):.3f} s in all"
            )
        if not all(pause.collector for pause in self.pauses):
            found.append("the collector is not named, and the events do not tell it")
        return found

    def _new_run(self) -> None:
        self._uptime_s = 0.0
        self._run_pauses: list[Pause] = []
        self._cycles: dict[tuple[int, bool], Cycle] = {}
        self._opened: dict[int, Stamp] = {}
        self._stopped_by_gc = False
        self._operation = ""

    def _take_of_cycle(self, line: bytes, at: int) -> None:
        close = line.find(b")", at)
        act = _OF_CYCLE.get(line[close + 2 : close + 6])
        number = line[at + 3 : close]
        if act is not None and number.isdigit() and len(number) < 16:
            act(self, int(number), line, at, close + 2)

    def _take_other(self, line: bytes) -> None:
        begin = line.rfind(b"] ")
        begin = begin + 2 if begin >= 0 else 0
        act = _OTHERS.get(line[begin : begin + 4])
        if act is not None:
            act(self, line, begin)
        elif _OURS.search(line, 0, 400) is None and line.strip(b"\0 \r"):
            self.skipped["lines not of the log, or without decorators"] += 1

    def _close(self, cycle: Cycle) -> None:
        if cycle.start is None:
            cycle.start = cycle.end
            self._ends_alone += 1
        elif cycle.duration_s is None and cycle.end is not None:
            cycle.duration_s = cycle.end.since(cycle.start)
        if cycle.collector == "Z" and not cycle.pauses:
            cycle.pauses_logged = False
        if cycle.collector in ("Serial", "Parallel", "CMS") and cycle.kind == "young" and cycle.old:
            cycle.promoted = None if cycle.holds_full else max(0, cycle.old[1] - cycle.old[0])

    # Lines of a cycle: GC(12) Pause …

    def _pause(self, number: int, line: bytes, at: int, begin: int) -> None:
        if not line.startswith(b"Pause ", begin) and not line.startswith(b"Pause ", begin + 3):
            return
        stamp = self._stamp(line, at)
        tail = _TAIL.search(line, begin)
        if tail is None:
            self._opened[number] = stamp
            return
        name = line[begin : tail.start()]
        kind, cause = self._names.get(name) or self._names.setdefault(name, _kind_and_cause(name))
        duration_s = _number(tail[7]) / 1e3
        start = self._opened.pop(number, None) or stamp.before(duration_s)
        pause = Pause(start, duration_s, kind, cause, number, _heap(tail))
        whole = _is_whole(pause)
        cycle = self._cycle(number, "(Old)" in kind)
        if whole and cycle.whole:  # the same number again: the JVM was started anew
            self.end_run()
            cycle = self._cycle(number)
        self._drop_nested(pause, cycle)
        self._run_pauses.append(pause)
        self._stopped_by_gc = True
        cycle.last = pause
        cycle.pauses += 1
        cycle.pause_s += duration_s
        cycle.start = cycle.start or start
        cycle.end = stamp
        if whole:
            cycle.whole, cycle.cause = True, cause
            cycle.duration_s = duration_s if cycle.start is start else None
        if whole or kind.startswith("Pause Degenerated"):
            cycle.kind = _cycle_kind(kind)
            cycle.heap = Heap(cycle.heap.before or pause.heap.before, *pause.heap[1:])

    def _drop_nested(self, pause: Pause, cycle: Cycle) -> None:
        """Take away the last pause if it lay inside this one: a Full in a Young, a scavenge in a Remark."""
        inner = self._run_pauses[-1] if self._run_pauses else None
        if inner is None or inner.cycle is None:
            return
        full_in_young = (
            inner.kind.startswith("Pause Full")
            and pause.kind.startswith("Pause Young")
            and inner.cycle == cycle.number + 1
        )
        if full_in_young or (inner.cause == "CMS Final Remark" and pause.kind == "Pause Remark"):
            self._run_pauses.pop()
            nested = self._cycle(inner.cycle)
            nested.pauses, nested.pause_s, nested.last = 0, 0.0, None
            cycle.holds_full = full_in_young

    def _concurrent(self, number: int, line: bytes, at: int, begin: int) -> None:
        has_line = line.startswith(_G1_CYCLES, begin)
        if not has_line and (self._collector in ("G1", "Z") or line.startswith(_REFINEMENT, begin)):
            return  # a phase of a cycle that has a line of its own, or of none
        stamp, tail = self._stamp(line, at), _TAIL.search(line, begin)
        name = line[begin : tail.start() if tail else len(line)]
        cycle = self._cycle(number, b"(Old)" in name)
        cycle.last = None
        for generation in (b"Young", b"Old", b"Global"):
            if b"(" + generation + b")" in name and cycle.kind == "concurrent":
                cycle.kind = generation.decode().lower()
        if tail is None:
            cycle.start = cycle.start or stamp
            return
        duration_s = _number(tail[7]) / 1e3
        cycle.start = cycle.start or stamp.before(duration_s)
        cycle.end = stamp
        if has_line:
            cycle.duration_s = duration_s
        elif tail[1]:
            heap = _heap(tail)
            cycle.heap = Heap(cycle.heap.before or heap.before, heap.after, heap.capacity)

    def _z_cycle(self, number: int, line: bytes, at: int, begin: int) -> None:
        stamp, tail, cycle = self._stamp(line, at), _Z_TAIL.search(line, begin), self._cycle(number)
        name = line[begin : tail.start() if tail else len(line)].decode("utf-8", "replace")
        cause = _BRACKETS.search(name)
        cycle.cause = cause[1] if cause else None
        cycle.kind = {"Major": "major", "Minor": "minor"}.get(name[:5], "concurrent")
        if tail is None:
            cycle.start = stamp
            return
        cycle.end = stamp
        if tail[5]:
            cycle.duration_s = _number(tail[5])
            cycle.start = cycle.start or stamp.before(cycle.duration_s)
        cycle.heap = Heap(_bytes(tail[1], tail[2]), _bytes(tail[3], tail[4]))

    def _cpu(self, number: int, line: bytes, at: int, begin: int) -> None:
        found, cycle = _CPU.match(line, begin), self._cycles.get((number, False))
        if found is None or cycle is None:
            return
        user_s, sys_s = _number(found[1]), _number(found[2])
        cycle.user_s = (cycle.user_s or 0.0) + user_s
        cycle.sys_s = (cycle.sys_s or 0.0) + sys_s
        if cycle.last is not None:
            cycle.last.user_s, cycle.last.sys_s = user_s, sys_s

    def _young(self, number: int, line: bytes, at: int, begin: int) -> None:
        if found := _GENERATION.search(line, begin):
            cycle = self._cycle(number)
            cycle.young = _bytes(found[1], found[2]), _bytes(found[3], found[4])

    def _old(self, number: int, line: bytes, at: int, begin: int) -> None:
        if found := _GENERATION.search(line, begin):
            cycle = self._cycle(number)
            cycle.old = _bytes(found[1], found[2]), _bytes(found[3], found[4])

    def _young_regions(self, number: int, line: bytes, at: int, begin: int) -> None:
        if (found := _REGIONS.search(line, begin)) and self._region_bytes:
            cycle = self._cycle(number)
            cycle.young = _plus(cycle.young, found, self._region_bytes)

    def _old_regions(self, number: int, line: bytes, at: int, begin: int) -> None:
        if (found := _REGIONS.search(line, begin)) and self._region_bytes:
            cycle = self._cycle(number)
            cycle.old = _plus(cycle.old, found, self._region_bytes)

    def _promoted(self, number: int, line: bytes, at: int, begin: int) -> None:
        cycle = self._cycles.get((number, False))
        if cycle is not None and (found := _PROMOTED.match(line, begin)):
            cycle.promoted = _bytes(found[1], found[2])

    # Lines of no cycle

    def _safepoint(self, line: bytes, begin: int) -> None:
        if found := _SAFEPOINT.match(line, begin):
            self._end_safepoint(line, begin, found[1].decode(), int(found[2]) / 1e9)

    def _entering(self, line: bytes, begin: int) -> None:
        if found := _ENTERING.match(line, begin):
            self._operation, self._stopped_by_gc = found[1].decode(), False

    def _stopped(self, line: bytes, begin: int) -> None:
        if found := _STOPPED.search(line, begin):
            self._end_safepoint(line, begin, self._operation, _number(found[1]))
            self._operation = ""

    def _end_safepoint(self, line: bytes, begin: int, operation: str, duration_s: float) -> None:
        if not self._stopped_by_gc:
            start = self._stamp(line, begin).before(duration_s)
            self._run_pauses.append(Pause(start, duration_s, f"Safepoint {operation}".strip(), None))
        self._stopped_by_gc = False

    def _using(self, line: bytes, begin: int) -> None:
        if found := _USING.match(line, begin):
            self.end_run()
            self._collector = _COLLECTORS[found[1]]

    def _region_size(self, line: bytes, begin: int) -> None:
        if found := _REGION_SIZE.match(line, begin):
            self._region_bytes = _bytes(found[1], found[2])

    def _stall(self, line: bytes, begin: int) -> None:
        if found := _STALL.match(line, begin):
            self._stalls.append(_number(found[1]) / 1e3)

    def _cycle(self, number: int, of_old: bool = False) -> Cycle:
        """Give the cycle of this number; Shenandoah marks its old generation under that of a young one."""
        return self._cycles.get((number, of_old)) or self._cycles.setdefault((number, of_old), Cycle(number))

    def _stamp(self, line: bytes, end: int) -> Stamp:
        """Read the decorators before `end`; of two clocks that tell the same, the later and finer counts."""
        epoch_ns, uptime_s = None, None
        for found in _STAMP.finditer(line, 0, end):
            date, whole, fraction, count, unit = found.groups()
            if date:
                epoch_ns = self._epoch_ns(date)
            elif whole:
                uptime_s = float(whole + b"." + fraction)
            elif unit == b"n":
                uptime_s = int(count) / 1e9
            elif len(count) < 12:
                uptime_s = int(count) / 1e3
            elif len(count) == 13 and count < b"9" and epoch_ns is None:
                epoch_ns = int(count) * 1_000_000
        if uptime_s is not None:
            if uptime_s < self._uptime_s - 1:  # the clock of a JVM only starts anew with the JVM
                self.end_run()
            self._uptime_s = uptime_s
        return Stamp(epoch_ns, uptime_s)

    def _epoch_ns(self, date: bytes) -> int | None:
        found = epoch_ns(date)
        if found is None:
            self.skipped["impossible dates"] += 1
        return found


_OF_CYCLE: dict[bytes, Callable[[_Log, int, bytes, int, int], None]] = {
    **dict.fromkeys((b"Paus", b"Y: P", b"y: P", b"O: P"), _Log._pause),
    **dict.fromkeys((b"Conc", b"Coal"), _Log._concurrent),
    **dict.fromkeys((b"Garb", b"Majo", b"Mino"), _Log._z_cycle),
    b"User": _Log._cpu,
    **dict.fromkeys((b"DefN", b"ParN", b"PSYo"), _Log._young),
    **dict.fromkeys((b"Tenu", b"CMS:", b"ParO", b"PSOl"), _Log._old),
    **dict.fromkeys((b"Eden", b"Surv"), _Log._young_regions),
    **dict.fromkeys((b"Old ", b"Arch", b"Humo"), _Log._old_regions),
    **dict.fromkeys((b"Y:  ", b"y:  "), _Log._promoted),
}
_OTHERS: dict[bytes, Callable[[_Log, bytes, int], None]] = {
    b"Safe": _Log._safepoint,
    b"Ente": _Log._entering,
    b"Tota": _Log._stopped,
    b"Usin": _Log._using,
    b"Heap": _Log._region_size,
    b"Allo": _Log._stall,
}


def _kind_and_cause(name: bytes) -> tuple[str, str | None]:
    """Split `Pause Young (Mixed) (G1 Evacuation Pause) (Evacuation Failure)`; the second is the cause."""
    text = name.decode("utf-8", "replace").strip()
    base = text.partition(" (")[0]
    if base not in ("Pause Young", "Pause Full", "Pause Initial Mark", "Pause Mixed"):
        return text, None
    cause, kind = None, [base]
    for bracket in _BRACKETS.findall(text):
        if cause is None and bracket not in _YOUNG_KINDS:
            cause = bracket
        else:
            kind.append(f"({bracket})")
    return " ".join(kind), cause


def _is_whole(pause: Pause) -> bool:
    """True if this stop of the world is a whole cycle; CMS begins one with what G1 called a young one."""
    if pause.kind == "Pause Initial Mark":
        return pause.cause is not None
    return pause.kind.startswith(("Pause Young", "Pause Full", "Pause Mixed"))


def _cycle_kind(pause_kind: str) -> str:
    if pause_kind.startswith(("Pause Mixed", "Pause Young (Mixed)")):
        return "mixed"
    if pause_kind.startswith("Pause Full"):
        return "full"
    return "degenerated" if pause_kind.startswith("Pause Degenerated") else "young"


def _guess(pauses: list[Pause], cycles: list[Cycle]) -> str:
    """Tell the collector of a log without its first lines by what only that collector prints."""
    kinds = {pause.kind.partition(" (")[0] for pause in pauses}
    if any(kind[:3] in ("y: ", "Y: ", "O: ") for kind in kinds) or "Pause Mark Start" in kinds:
        return "Z"
    if any(cycle.kind in ("minor", "major") for cycle in cycles):
        return "Z"
    if kinds & {"Pause Init Mark", "Pause Final Mark", "Pause Init Update Refs", "Pause Degenerated GC"}:
        return "Shenandoah"
    if "Pause Cleanup" in kinds or any((pause.cause or "").startswith("G1 ") for pause in pauses):
        return "G1"
    return "CMS" if kinds & {"Pause Initial Mark", "Pause Remark"} else ""


def _number(text: bytes) -> float:
    return float(text.replace(b",", b"."))


def _bytes(count: bytes, unit: bytes) -> int:
    return int(count) * _UNITS[unit]


def _heap(tail: re.Match[bytes]) -> Heap:
    if not tail[1]:
        return UNKNOWN
    return Heap(_bytes(tail[1], tail[2]), _bytes(tail[3], tail[4]), _bytes(tail[5], tail[6]))


def _plus(so_far: tuple[int, int] | None, regions: re.Match[bytes], region_bytes: int) -> tuple[int, int]:
    before, after = so_far or (0, 0)
    return before + int(regions[1]) * region_bytes, after + int(regions[2]) * region_bytes
