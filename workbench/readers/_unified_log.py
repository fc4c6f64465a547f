"""What the events of a unified GC log amount to: pauses and cycles, in the runs of the JVM."""

from __future__ import annotations

import functools
import re
from collections import Counter
from typing import NamedTuple

from workbench.readers._gc_rows import UNKNOWN, Cycle, Heap, Pause, Stamp

_BRACKETS = re.compile(r" \(((?:[^()]|\(\))*)\)")
_YOUNG_KINDS = ("Normal", "Concurrent Start", "Prepare Mixed", "Mixed")
_G1_CYCLES = (b"Concurrent Mark Cycle", b"Concurrent Undo Cycle", b"Concurrent Cycle")
_REFINEMENT = b"Concurrent refinement"


class Log:
    """What was read so far; each event is a call, in the order of the log, and `end_run` ends a JVM's."""

    def __init__(self) -> None:
        self.pauses: list[Pause] = []
        self.collections: list[Cycle] = []
        self.skipped: Counter[str] = Counter()
        self.runs = 0
        self._ends_alone = 0
        self._stalls: list[float] = []
        self._region_bytes: int | None = None
        self._collector = ""
        self._new_run()

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

    # Events of a cycle

    def begin_pause(self, number: int, stamp: Stamp) -> None:
        self._see(stamp)
        self._opened[number] = stamp

    def end_pause(self, number: int, stamp: Stamp, name: bytes, duration_s: float, heap: Heap) -> None:
        self._see(stamp)
        named = _named(name)
        start = self._opened.pop(number, None) or stamp.before(duration_s)
        pause = Pause(start, duration_s, named.kind, named.cause, number, heap)
        cycle = self._cycle(number, named.of_old)
        if named.whole and cycle.whole:  # the same number again: the JVM was started anew
            self.end_run()
            cycle = self._cycle(number)
        self._drop_nested(pause, cycle)
        self._run_pauses.append(pause)
        self.stopped_by_gc = True
        cycle.last = pause
        cycle.pauses += 1
        cycle.pause_s += duration_s
        cycle.start = cycle.start or start
        cycle.end = stamp
        if named.whole:
            cycle.whole, cycle.cause = True, named.cause
            cycle.duration_s = duration_s if cycle.start is start else None
        if named.of_cycle:
            cycle.kind = named.of_cycle
            cycle.heap = heap if cycle.heap.before is None else Heap(cycle.heap.before, *heap[1:])

    @property
    def has_cycle_lines(self) -> bool:
        """True if the collector prints a line for each concurrent cycle, so that phases tell nothing."""
        return self._collector in ("G1", "Z")

    def passes_over(self, name: bytes) -> bool:
        """True for a phase of a concurrent cycle that has a line of its own, or of none."""
        has_line = name.startswith(_G1_CYCLES)
        return not has_line and (self.has_cycle_lines or name.startswith(_REFINEMENT))

    def concurrent(
        self, number: int, stamp: Stamp, name: bytes, duration_s: float | None, heap: Heap
    ) -> None:
        """Note a concurrent cycle, or a phase of one; its end where it has a duration, its begin else."""
        self._see(stamp)
        cycle = self._cycle(number, b"(Old)" in name)
        cycle.last = None
        for generation in (b"Young", b"Old", b"Global"):
            if b"(" + generation + b")" in name and cycle.kind == "concurrent":
                cycle.kind = generation.decode().lower()
        if duration_s is None:
            cycle.start = cycle.start or stamp
            return
        cycle.start = cycle.start or stamp.before(duration_s)
        cycle.end = stamp
        if name.startswith(_G1_CYCLES):
            cycle.duration_s = duration_s
        elif heap is not UNKNOWN:
            cycle.heap = Heap(cycle.heap.before or heap.before, heap.after, heap.capacity)

    def begin_z_cycle(self, number: int, stamp: Stamp, name: bytes) -> None:
        self._see(stamp)
        self._z_cycle(number, name).start = stamp

    def end_z_cycle(
        self, number: int, stamp: Stamp, name: bytes, duration_s: float | None, heap: Heap
    ) -> None:
        self._see(stamp)
        cycle = self._z_cycle(number, name)
        cycle.end, cycle.heap = stamp, heap
        if duration_s is not None:
            cycle.duration_s = duration_s
            cycle.start = cycle.start or stamp.before(duration_s)

    def cpu(self, number: int, user_s: float, sys_s: float) -> None:
        cycle = self._cycles.get(2 * number)
        if cycle is None:
            return
        cycle.user_s = (cycle.user_s or 0.0) + user_s
        cycle.sys_s = (cycle.sys_s or 0.0) + sys_s
        if cycle.last is not None:
            cycle.last.user_s, cycle.last.sys_s = user_s, sys_s

    def young(self, number: int, before: int, after: int) -> None:
        self._cycle(number).young = before, after

    def old(self, number: int, before: int, after: int) -> None:
        self._cycle(number).old = before, after

    def young_regions(self, number: int, before: int, after: int) -> None:
        """Add regions to a cycle's young generation; of no use where the log does not tell their size."""
        if self._region_bytes:
            cycle = self._cycle(number)
            cycle.young = _plus(cycle.young, before * self._region_bytes, after * self._region_bytes)

    def old_regions(self, number: int, before: int, after: int) -> None:
        """Add regions to a cycle's old generation."""
        if self._region_bytes:
            cycle = self._cycle(number)
            cycle.old = _plus(cycle.old, before * self._region_bytes, after * self._region_bytes)

    def promoted(self, number: int, size: int) -> None:
        cycle = self._cycles.get(2 * number)
        if cycle is not None:
            cycle.promoted = size

    # Events of no cycle

    def enter_safepoint(self, operation: str) -> None:
        self._operation, self.stopped_by_gc = operation, False

    def leave_safepoint(self) -> bool:
        """True if no GC pause lay in it, so that it is one of its own: `safepoint`."""
        alone, self.stopped_by_gc = not self.stopped_by_gc, False
        return alone

    def safepoint(self, stamp: Stamp, duration_s: float, operation: str | None) -> None:
        """Note a safepoint by its end; the operation None is that of `enter_safepoint`."""
        kind = f"Safepoint {self._operation if operation is None else operation}".strip()
        self._see(stamp)
        self._run_pauses.append(Pause(stamp.before(duration_s), duration_s, kind, None))

    def forget_operation(self) -> None:
        self._operation = ""

    def using(self, collector: str) -> None:
        """A JVM begins, and names its collector."""
        self.end_run()
        self._collector = collector

    def region_size(self, size: int) -> None:
        self._region_bytes = size

    def stall(self, duration_s: float) -> None:
        self._stalls.append(duration_s)

    # What follows

    def _new_run(self) -> None:
        self._uptime_s = 0.0
        self._run_pauses: list[Pause] = []
        self._cycles: dict[int, Cycle] = {}  # by twice the number, plus 1 for the second of a number
        self._opened: dict[int, Stamp] = {}
        self.stopped_by_gc = False
        self._operation = ""

    def _see(self, stamp: Stamp) -> None:
        uptime_s = stamp.uptime_s
        if uptime_s is not None:
            if uptime_s < self._uptime_s - 1:  # the clock of a JVM only starts anew with the JVM
                self.end_run()
            self._uptime_s = uptime_s

    def _cycle(self, number: int, of_old: bool = False) -> Cycle:
        """Give the cycle of this number; Shenandoah marks its old generation under that of a young one."""
        key = 2 * number + of_old
        cycle = self._cycles.get(key)
        if cycle is None:
            cycle = self._cycles[key] = Cycle(number)
        return cycle

    def _z_cycle(self, number: int, name: bytes) -> Cycle:
        cycle, text = self._cycle(number), name.decode("utf-8", "replace")
        cause = _BRACKETS.search(text)
        cycle.cause = cause[1] if cause else None
        cycle.kind = {"Major": "major", "Minor": "minor"}.get(text[:5], "concurrent")
        return cycle

    def _drop_nested(self, pause: Pause, cycle: Cycle) -> None:
        """Take away the last pause if it lay inside this one: a Full in a Young, a scavenge in a Remark."""
        inner = self._run_pauses[-1] if self._run_pauses else pause
        if inner.cycle is None or not (
            inner.kind.startswith("Pause Full") or inner.cause == "CMS Final Remark"
        ):
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


class _Named(NamedTuple):
    """What the name of a pause tells: `Pause Young (Mixed) (G1 Evacuation Pause)`."""

    kind: str
    cause: str | None
    of_old: bool  # of Shenandoah's old generation
    whole: bool  # this stop of the world is a whole cycle
    of_cycle: str  # the kind of cycle that it makes of one, if any


@functools.lru_cache(1024)
def _named(name: bytes) -> _Named:
    kind, cause = _kind_and_cause(name.decode("utf-8", "replace").strip())
    whole = kind.startswith(("Pause Young", "Pause Full", "Pause Mixed"))
    if kind == "Pause Initial Mark":  # CMS begins a cycle with what G1 called a young one
        whole = cause is not None
    of_cycle = _cycle_kind(kind) if whole or kind.startswith("Pause Degenerated") else ""
    return _Named(kind, cause, "(Old)" in kind, whole, of_cycle)


def _kind_and_cause(text: str) -> tuple[str, str | None]:
    """Split `Pause Young (Mixed) (G1 Evacuation Pause) (Evacuation Failure)`; the second is the cause."""
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


def _plus(so_far: tuple[int, int] | None, before: int, after: int) -> tuple[int, int]:
    return (before, after) if so_far is None else (so_far[0] + before, so_far[1] + after)
