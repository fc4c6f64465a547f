"""One JVM's run as a GC log of JDK 5 to 8 tells it: what its events, once they have ended, amount to."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.readers._gc_rows import UNKNOWN, Cycle, Heap, Pause, Stamp
from workbench.readers._legacy_tokens import OLD, YOUNG

_HINTS = {
    **dict.fromkeys((b"PSYoungGen", b"ASPSYoungGen", b"PSOldGen", b"ParOldGen"), "Parallel"),
    **dict.fromkeys((b"CMS", b"ASCMS", b"ASParNew"), "CMS"),
    b"ParNew": "ParNew",
    **dict.fromkeys((b"DefNew", b"Tenured"), "Serial"),
}


class Event:
    """A bracket of the kind [GC … or [Full GC …, while it is open."""

    __slots__ = ("causes", "heap", "inner", "line", "mark", "name", "number", "sizes", "stamp", "traits")

    def __init__(self, name: bytes, stamp: Stamp, number: int | None, line: int) -> None:
        self.name, self.stamp, self.number, self.line = name, stamp, number, line
        self.causes: list[bytes] = []
        self.traits: list[bytes] = []
        self.mark = b""
        self.heap: Heap | None = None
        self.sizes: dict[bytes, Generation] = {}
        self.inner = False  # it holds, or has held, another event


class Generation:
    """A bracket of one generation inside an event."""

    __slots__ = ("duration_s", "move", "name", "number", "stamp")

    def __init__(self, name: bytes, stamp: Stamp, number: int | None) -> None:
        self.name, self.stamp, self.number = name, stamp, number
        self.move: tuple[int, int] | None = None
        self.duration_s: float | None = None


class Run:
    """The pauses and cycles of one JVM; an event's `number` is None unless PrintGCID numbers them."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self.pauses: list[Pause] = []
        self.cycles: list[Cycle] = []
        self.hints: set[str] = set()  # of which collector it is
        self._numbers = numbers
        self._cms: Cycle | None = None
        self._marking: Cycle | None = None
        self._last: tuple[Pause | None, Cycle] | None = None  # of which a line of CPU times or sizes speaks
        self._stopped_by_gc = False

    def close(self, collector: str) -> None:
        """End it: name the collector, or what the events tell of it."""
        collector = collector or _collector(self.hints)
        for cycle in self.cycles:
            cycle.collector = collector
            if cycle.duration_s is None and cycle.start is not None and cycle.end is not None:
                cycle.duration_s = cycle.end.since(cycle.start)
            if collector == "G1":
                cycle.promoted = None
        for pause in self.pauses:
            pause.collector = collector

    def end_event(self, event: Event, duration_s: float, *, nested: bool) -> None:
        """Note what a bracket [GC … or [Full GC … was; a nested one lies in the pause of another."""
        cause = event.causes[0].decode("utf-8", "replace") if event.causes else None
        self.hints.update(hint for name in event.sizes if (hint := _HINTS.get(name)))
        pause: Pause | None
        mark = self._mark(event, nested)
        if mark:
            pause, cycle = self._end_mark(event, mark, duration_s, cause)
        elif event.name in (b"GC remark", b"GC cleanup"):
            pause, cycle = self._end_marking(event, duration_s, cause)
        else:
            pause, cycle = self._end_collection(event, duration_s, cause, nested)
        self._last = pause, cycle
        if pause is not None:
            self.pauses.append(pause)
            self._stopped_by_gc = True
            cycle.pauses += 1
            cycle.pause_s += duration_s

    def stop(self, stamp: Stamp, duration_s: float) -> None:
        """Note that all threads were stopped, which is a pause of its own where no GC pause came before."""
        if not self._stopped_by_gc:
            self.pauses.append(Pause(stamp.before(duration_s), duration_s, "Safepoint"))
        self._stopped_by_gc = False

    def times(self, user_s: float, sys_s: float) -> None:
        """Give CPU times to what ended last."""
        if self._last is None:
            return
        pause, cycle = self._last
        cycle.user_s, cycle.sys_s = (cycle.user_s or 0.0) + user_s, (cycle.sys_s or 0.0) + sys_s
        if pause is not None:
            pause.user_s, pause.sys_s = user_s, sys_s
        self._last = None

    def heap(self, heap: Heap) -> None:
        """Give a heap to what ended last, if it has none."""
        if self._last is not None and self._last[1].heap is UNKNOWN:
            self._give(heap)

    def young_and_heap(self, young: tuple[int, int], heap: Heap) -> None:
        """Give what ended last its heap and young generation; the old one is the rest."""
        if self._last is not None:
            cycle = self._last[1]
            cycle.young, cycle.old = young, _rest(heap, young)
            self._give(heap)

    def cms_phase(
        self, began: Stamp, stamp: Stamp, number: int | None, cpu_s: tuple[float, float] | None
    ) -> None:
        """Note the begin or the end of a concurrent phase of CMS."""
        self.hints.add("CMS")
        if self._cms is None:
            self._cms = self._begin(began, "concurrent", number)
        cycle = self._cms
        cycle.end = _later(cycle.end, stamp)
        if cpu_s:
            cycle.user_s = (cycle.user_s or 0.0) + cpu_s[0]
            cycle.sys_s = (cycle.sys_s or 0.0) + cpu_s[1]

    def end_cms(self) -> None:
        self._cms = None

    def g1_phase(self, phase: bytes, began: Stamp, stamp: Stamp, number: int | None) -> None:
        """Note the begin or the end of a concurrent phase of G1's marking."""
        self.hints.add("G1")
        past_marking = self._marking is not None and self._marking.pauses > 0
        if phase == b"root-region-scan-start" or (phase == b"mark-start" and past_marking):
            self._marking = None
        if self._marking is None:
            if phase == b"mark-abort":
                return
            self._marking = self._begin(began, "concurrent", number)
        self._marking.end = _later(self._marking.end, stamp)
        if phase in (b"mark-abort", b"cleanup-end"):
            self._marking = None

    def _give(self, heap: Heap) -> None:
        if self._last is not None:
            pause, cycle = self._last
            cycle.heap = heap
            if pause is not None:
                pause.heap = heap

    def _begin(self, start: Stamp, kind: str, number: int | None, cause: str | None = None) -> Cycle:
        cycle = Cycle(next(self._numbers) if number is None else number, start=start, kind=kind, cause=cause)
        self.cycles.append(cycle)
        return cycle

    def _mark(self, event: Event, nested: bool) -> str:
        """Tell which pause of CMS this is, if any: by its name, its cause, or its turn."""
        if event.name != b"GC" or nested:
            return ""
        if event.mark:
            return event.mark.decode()
        if event.sizes or event.heap is None or event.heap.after is not None:
            return ""
        if event.causes in ([b"CMS Initial Mark"], [b"CMS Final Remark"]):
            return "initial-mark" if event.causes == [b"CMS Initial Mark"] else "remark"
        return "remark" if self._cms is not None and self._cms.pauses == 1 else "initial-mark"

    def _end_mark(self, event: Event, mark: str, duration_s: float, cause: str | None) -> tuple[Pause, Cycle]:
        self.hints.add("CMS")
        if self._cms is None or mark == "initial-mark":
            self._cms = self._begin(event.stamp, "concurrent", event.number, cause)
        cycle = self._cms
        cycle.end = _later(cycle.end, event.stamp.before(-duration_s))
        heap = event.heap or UNKNOWN
        return Pause(event.stamp, duration_s, f"CMS-{mark}", cause, cycle.number, heap), cycle

    def _end_marking(self, event: Event, duration_s: float, cause: str | None) -> tuple[Pause, Cycle]:
        if self._marking is None:
            self._marking = self._begin(event.stamp, "concurrent", event.number)
        cycle = self._marking
        cycle.end = _later(cycle.end, event.stamp.before(-duration_s))
        heap = event.heap or UNKNOWN
        return Pause(event.stamp, duration_s, event.name.decode(), cause, cycle.number, heap), cycle

    def _end_collection(
        self, event: Event, duration_s: float, cause: str | None, nested: bool
    ) -> tuple[Pause | None, Cycle]:
        young = next((event.sizes[name] for name in YOUNG if name in event.sizes), None)
        old = next((event.sizes[name] for name in OLD if name in event.sizes), None)
        is_full = event.name.startswith(b"Full") or (old is not None and young is None)
        kind = "full" if is_full else "mixed" if {b"mixed", b"partial"} & {*event.traits} else "young"
        cycle = self._begin(event.stamp, kind, event.number, cause)
        cycle.duration_s = duration_s
        cycle.heap = heap = event.heap or UNKNOWN
        cycle.young = young.move if young else None
        if is_full:
            cycle.old = old.move if old else None
            cycle.young = cycle.young or _rest(heap, cycle.old)
        elif old is not None:
            self._begin_inner(old, heap, cause)
        else:
            cycle.old = _rest(heap, cycle.young)
            cycle.promoted = max(0, cycle.old[1] - cycle.old[0]) if cycle.old else None
        if is_full or old is not None:
            self._cms = None  # a full collection ends the cycle that was under way
        if nested:
            return None, cycle
        name = b" ".join([event.name, *(b"(" + trait + b")" for trait in event.traits)])
        return Pause(event.stamp, duration_s, name.decode(), cause, cycle.number, heap), cycle

    def _begin_inner(self, old: Generation, heap: Heap, cause: str | None) -> None:
        """Note the full collection that went on inside the pause of a young one."""
        full = self._begin(old.stamp, "full", old.number, cause)
        full.duration_s = old.duration_s
        full.heap, full.old = Heap(None, heap.after, heap.capacity), old.move


def _collector(hints: set[str]) -> str:
    """Tell the collector; ParNew served CMS, and Serial's old generation where that is what the log shows."""
    named = next((name for name in ("G1", "CMS", "Parallel", "Serial") if name in hints), "")
    return named or ("CMS" if "ParNew" in hints else "")


def _rest(heap: Heap, one: tuple[int, int] | None) -> tuple[int, int] | None:
    """Give what the other generation has in use, before and after."""
    if one is None or heap.before is None or heap.after is None:
        return None
    return max(0, heap.before - one[0]), max(0, heap.after - one[1])


def _later(end: Stamp | None, stamp: Stamp) -> Stamp | None:
    return end if stamp == Stamp() else stamp
