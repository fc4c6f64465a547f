"""The GC log of HotSpot before unified logging, JDK 5 to 8 (-verbose:gc, -XX:+PrintGC…), from any collector.

2016-04-12T18:00:00.565+0000: 5057.964: [GC (Allocation Failure) 5057.964: [ParNew: 78656K->8514K(78656K), \
0.0043 secs] 102007K->33766K(122368K), 0.0044 secs] [Times: user=0.02 sys=0.01, real=0.00 secs]

The log is brackets in brackets, and any thread may write between two of them, ends of lines included; so it
is read as one stream of tokens, in which a pause ends with the duration before its closing bracket.
What the tables mean here:

- A pause is one stop of the world. CMS stops for its initial mark and its remark, G1 for remark and cleanup;
  a scavenge inside a remark, and a full collection inside a young one, are collections without a pause of
  their own. `Total time for which application threads were stopped` is a pause of the kind `Safepoint` where
  no GC pause came before it, and is not counted beside one.
- A cycle of CMS or of G1's marking is a collection of the kind `concurrent`. Without PrintGCDetails CMS
  prints neither phases nor which of its two pauses it was: they take turns, and the second ends the cycle.
- A plain log calls a young collection that turned into a full one `Full GC`; PrintGCDetails tells both.
- Only PrintGCID numbers collections; else `cycle` counts them from 0.
- Where a collection prints only one of young and old, the other is the heap minus it. Perm and Metaspace are
  no part of the heap.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from workbench.errors import Unrecognized
from workbench.readers._gc_rows import UNKNOWN, Cycle, Heap, Pause, Stamp, epoch_ns, frames
from workbench.readers._lines import log_lines, narrow
from workbench.readers._seam import Parts, Stream

FORMAT = "HotSpot GC log of JDK 5 to 8"

_YOUNG = (b"ParNew", b"DefNew", b"PSYoungGen", b"ASParNew", b"ASPSYoungGen")
_OLD = (b"Tenured", b"CMS", b"PSOldGen", b"ParOldGen", b"ASPSOldGen", b"ASCMS")
_UNITS = {b"B": 1, b"K": 1024, b"M": 1024**2, b"G": 1024**3}
_MOST_BRACKETS = 64  # open at once; a log that opens more has lost its closing ones

_DATE = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.,]\d{3}[+-]\d{4}"
_UPTIME = rb"\d{1,10}[.,]\d{3}"
_SECONDS = rb"\d{1,9}[.,]\d{1,9}"
_SIZE = rb"(\d{1,12}(?:[.,]\d{1,3})?)([BKMG])"
_ANY_SIZE = rb"\d{1,12}(?:[.,]\d{1,3})?[BKMG]"
_TIMES = rb"Times: user=(" + _SECONDS + rb") sys=(" + _SECONDS + rb"), real=" + _SECONDS + rb" secs\]"
_OF = rb"\(" + _ANY_SIZE + rb"\)"
_GENERATIONS = b"|".join((b"CMS Perm", b"PSPermGen", b"ASPSPermGen", b"Perm", b"Metaspace", *_YOUNG, *_OLD))
_TOKEN = re.compile(  # every alternative but the one of digits begins with a letter, which makes it fast
    rb"\[(?:(?P<times>" + _TIMES + rb")"
    rb"|(?P<cms>CMS-concurrent-([a-z-]{1,40}?)"
    rb"(?:-start\]|: ?" + _SECONDS + rb"/(" + _SECONDS + rb") secs\](?: ?\[" + _TIMES + rb")?))"
    rb"|(?P<g1>GC concurrent-([a-z-]{1,40})(?:, (" + _SECONDS + rb")(?: secs?)?)?\])"
    rb"|(?P<head>(Full GC|GC)(?=[ (\[\d,-]|\r?$)"
    rb"(?! (?!pause|remark|cleanup)[a-z]| Worker| [A-Z][^\[\]]{0,400}\])"
    rb"( pause| remark| cleanup)?(?: ?(--))?((?: ?\((?:[^()\[\]]|\(\)){1,99}\)){0,6}))"
    rb"|(?P<mark>1 CMS-(initial-mark|remark): \d{1,12}K\(\d{1,12}K\)\])"
    rb"|(?P<eden>Eden: " + _SIZE + _OF + rb"->" + _SIZE + _OF + rb" Survivors: " + _SIZE + rb"->" + _SIZE
    + rb" Heap: " + _SIZE + _OF + rb"->" + _SIZE + rb"\(" + _SIZE + rb"\)\])"
    rb"|(?P<heap> {1,3}" + _SIZE + rb"->" + _SIZE + rb"\(" + _SIZE + rb"\)\])"
    rb"|(?P<leaf>(?:[A-Za-z][^\[\]>]{0,400}|\d{1,12})\])"
    rb"|(?P<generation>(" + _GENERATIONS + rb")(?![A-Za-z-]))"
    rb"|(?P<open>[A-Za-z]))"
    rb"|, ?(?P<close>(" + _SECONDS + rb") secs?\])"
    rb"|\](?P<end>)"
    rb"|\((?P<trait>promotion failed|concurrent mode (?:failure|interrupted)|to-space (?:exhausted|overflow)"
    rb"|initial-mark)\)"
    rb"|-(?P<failed>-(?=[ \[\d]))"
    rb"|threads were (?P<stopped>stopped: (" + _SECONDS + rb") seconds)"
    rb"|#(?P<number>(\d{1,12}): ?)"
    rb"|(?<!\d)(?=\d)(?:(?P<stamp>(?:(" + _DATE + rb"): ?(?:(" + _UPTIME + rb"): ?)?|(" + _UPTIME + rb"): ?)"
    rb"(?:#(\d{1,12}): ?)?)"
    rb"|(?P<move>" + _SIZE + rb"->" + _SIZE + rb"\(" + _SIZE + rb"\)(?! (?!icms)[A-Za-z]))"
    rb"|(?P<used>" + _SIZE + rb"\(" + _SIZE + rb"\)(?=,| icms|\r?$)))"
)  # fmt: skip
_SNIFF = re.compile(
    rb"\[(?:Full )?GC(?:--)? ?(?:\([A-Z](?:[^()\n]|\(\)){0,80}\) ?)? ?(?:--)?(?:"
    + _ANY_SIZE + rb"(?:->" + _ANY_SIZE + rb")?\(" + _ANY_SIZE + rb"\), \d|"
    rb"(?:" + _DATE + rb": ?)?(?:" + _UPTIME + rb": ?)?"
    rb"\[(?:1 CMS-|YG occ|SoftRef|ParNew|DefNew|Tenured|PSYoung|CMS))"
    rb"|\[(?:GC pause \(|GC remark|GC cleanup|CMS-concurrent-|GC concurrent-(?:mark|root|cleanup|count))"
    rb"|\[(?:ParNew|DefNew|Tenured|CMS|PSYoungGen|PSOldGen|ParOldGen): \d{1,12}K->"
    rb"|(?:^|\d: )(?:Total time for which application threads were stopped|Application time): \d"
    rb"|new threshold \d{1,3} \(max \d"
    rb"|\{Heap before (?:GC|gc) invocations="
    rb"|^Heap\r?\n ?(?:PSYoungGen|def new generation|par new generation|garbage-first heap) +total \d{1,12}K"
    rb"|^CommandLine flags: -XX:",
    re.MULTILINE,
)  # fmt: skip
_UNIFIED = re.compile(rb"GC\(\d{1,15}\) |\[(?:gc|safepoint) *[,\]]")
_BRACKET = re.compile(rb"\(((?:[^()]|\(\)){1,99})\)")
_G1_KINDS = (b"young", b"mixed", b"partial", b"initial-mark")
_FLAGS = {
    b"-XX:+UseG1GC": "G1",
    b"-XX:+UseConcMarkSweepGC": "CMS",
    b"-XX:+UseParallelGC": "Parallel",
    b"-XX:+UseParallelOldGC": "Parallel",
    b"-XX:+UseSerialGC": "Serial",
}
_HEAP_LINES = {
    b"garbage-first heap": "G1",
    b"concurrent mark-sweep generation": "CMS",
    b"PSYoungGen": "Parallel",
    b"def new generation": "Serial",
}
_DETAIL = (b" ", b"\t", b"-", b"{", b"}", b"[", b",", b":", b"Heap", b"Desired survivor", b"Application time",
           b"Adaptive", b"PSAdaptive", b"TLAB:", b"CommandLine flags", b"Memory:", b"OpenJDK",
           b"Java HotSpot")  # fmt: skip


def sniff(head: bytes) -> bool:
    """True if some line is of such a log, and none of the unified one."""
    head = narrow(head).replace(b"\\u003e", b">")  # as docker escapes it
    return _SNIFF.search(head) is not None and _UNIFIED.search(head) is None


def read(*streams: Stream) -> Parts:
    """Read pauses and collections of one log, or of a rotated set, oldest first.

    Pauses whose begin or end is missing are counted, as are lines of other traces and programs.
    """
    log = _Log()
    for stream in streams:
        for line in log_lines(stream):
            log.take(line)
    log.end_run()
    if not (log.pauses or log.collections or any(sniff(stream.head()) for stream in streams)):
        raise Unrecognized("no line of it", where=", ".join(s.name for s in streams), expected=FORMAT)
    return Parts(frames(log.pauses, log.collections), log.skipped, log.notes())


class _Event:
    """A bracket of the kind [GC … or [Full GC …, while it is open."""

    __slots__ = ("causes", "heap", "inner", "line", "mark", "name", "number", "sizes", "stamp", "traits")

    def __init__(self, name: bytes, stamp: Stamp, number: int | None, line: int) -> None:
        self.name, self.stamp, self.number, self.line = name, stamp, number, line
        self.causes: list[bytes] = []
        self.traits: list[bytes] = []
        self.mark = b""
        self.heap: Heap | None = None
        self.sizes: dict[bytes, _Generation] = {}
        self.inner = False  # it holds, or has held, another event


class _Generation:
    """A bracket of one generation inside an event."""

    __slots__ = ("duration_s", "move", "name", "number", "stamp")

    def __init__(self, name: bytes, stamp: Stamp, number: int | None) -> None:
        self.name, self.stamp, self.number = name, stamp, number
        self.move: tuple[int, int] | None = None
        self.duration_s: float | None = None


class _Log:
    """What was read so far; `take` a line, `end_run` when a JVM's log is over."""

    def __init__(self) -> None:
        self.pauses: list[Pause] = []
        self.collections: list[Cycle] = []
        self.skipped: Counter[str] = Counter()
        self._runs = 0
        self._lines = 0
        self._named = 0
        self._stamp: tuple[Stamp, int | None, int] = (Stamp(), None, -1)
        self._new_run()

    def take(self, line: bytes) -> None:
        """Read one line."""
        self._lines += 1
        if (b"]" not in line and b"[" not in line and b"stopped: " not in line) or (
            b"[0x" in line and b"secs]" not in line
        ):
            self._take_plain(line)
        elif not _is_detail(line):
            self._stamp = (Stamp(), None, -1)
            known = False
            for token in _TOKEN.finditer(line):
                kind = token.lastgroup or ""
                known |= kind not in ("stamp", "number", "leaf", "open", "end")
                _ACTS[kind](self, token)
            if not known and not self._stack and not line.startswith(_DETAIL):
                self.skipped["lines of other traces or programs"] += 1

    def end_run(self) -> None:
        """Close the log of one JVM: what has begun and not ended by now never will."""
        self._abandon()
        self._runs += bool(self._run_pauses or self._run_cycles)
        collector = self._flag or _collector(self._hints)
        for cycle in self._run_cycles:
            cycle.collector = collector
            if cycle.duration_s is None and cycle.start is not None and cycle.end is not None:
                cycle.duration_s = cycle.end.since(cycle.start)
            if collector == "G1":
                cycle.promoted = None
        for pause in self._run_pauses:
            pause.collector = collector
        self.pauses += self._run_pauses
        self.collections += self._run_cycles
        self._new_run()

    def notes(self) -> list[str]:
        """Say what a reader of the tables should know."""
        found = [f"{self._runs} runs of the JVM"] if self._runs > 1 else []
        if any(not row.collector for row in self.collections):
            found.append("the collector is not named, and the events do not tell it")
        return found

    def _new_run(self) -> None:
        self._uptime_s = 0.0
        self._run_pauses: list[Pause] = []
        self._run_cycles: list[Cycle] = []
        self._stack: list[_Event | _Generation | None] = []
        self._cms: Cycle | None = None
        self._marking: Cycle | None = None
        self._last: tuple[Pause | None, Cycle] | None = None  # of which a line of CPU times or sizes speaks
        self._stopped_by_gc = False
        self._hints: set[str] = set()
        self._flag = ""

    def _take_plain(self, line: bytes) -> None:
        if line.startswith(b"CommandLine flags"):
            self._flag = next((name for flag, name in _FLAGS.items() if flag in line), self._flag)
        elif b" total " in line or b"\ttotal " in line:
            self._hints.update(name for text, name in _HEAP_LINES.items() if text in line)
        elif not line.startswith(_DETAIL) and b"Application time: " not in line and line.strip(b"\0 \r\t"):
            self.skipped["lines of other traces or programs"] += 1

    # Tokens

    def _at_stamp(self, token: re.Match[bytes]) -> None:
        date, after_date, alone, number = token.group(*range(_STAMP + 1, _STAMP + 5))
        when, uptime_s = None, None
        if date:
            when = epoch_ns(date)
            self.skipped.update({"impossible dates": 1} if when is None else {})
        if uptime := after_date or alone:
            uptime_s = _number(uptime)
        self._stamp = (Stamp(when, uptime_s), int(number) if number else None, token.end())

    def _at_number(self, token: re.Match[bytes]) -> None:
        self._stamp = (Stamp(), int(token[_NUMBER + 1]), token.end())

    def _stamp_of(self, token: re.Match[bytes]) -> tuple[Stamp, int | None]:
        """Give the stamp right before a token, and its number; a stamp elsewhere is another writer's."""
        stamp, number, end = self._stamp
        if token.start() - end not in (0, _STOPPED_TEXT):
            return Stamp(), None
        if stamp.uptime_s is not None:
            if stamp.uptime_s < self._uptime_s - 1 and not self._stack:
                self.end_run()  # the clock of a JVM only starts anew with the JVM
            self._uptime_s = stamp.uptime_s
        return stamp, number

    def _at_head(self, token: re.Match[bytes]) -> None:
        stamp, number = self._stamp_of(token)
        _, name, more, failed, brackets = token.group("head", *range(_HEAD + 1, _HEAD + 5))
        event = _Event(name + (more or b"") + (failed or b""), stamp, number, self._lines)
        for bracket in _BRACKET.findall(brackets):
            (event.traits if bracket in _G1_KINDS or b"to-space" in bracket else event.causes).append(bracket)
        outer = self._event()
        if outer is not None:
            same_remark = outer.line == self._lines or event.causes == [b"CMS Final Remark"]
            if outer.mark == b"remark" and not outer.inner and same_remark:
                outer.inner = True
            else:
                self._abandon()
        if more:
            self._hints.add("G1")
        self._stack.append(event)

    def _at_generation(self, token: re.Match[bytes]) -> None:
        if self._event() is not None:
            self._push(_Generation(token[_GENERATION + 1], *self._stamp_of(token)))

    def _at_open(self, token: re.Match[bytes]) -> None:
        if self._stack:
            self._push(None)

    def _push(self, bracket: _Generation | None) -> None:
        self._stack.append(bracket)
        if len(self._stack) > _MOST_BRACKETS:
            self._abandon()

    def _at_leaf(self, token: re.Match[bytes]) -> None:
        if (event := self._event()) is not None and token["leaf"].startswith(b"YG occupancy"):
            event.mark = b"remark"

    def _at_mark(self, token: re.Match[bytes]) -> None:
        if (event := self._event()) is not None:
            event.mark = token[_MARK + 1]

    def _at_trait(self, token: re.Match[bytes]) -> None:
        if (event := self._event()) is not None:
            event.traits.append(token["trait"])

    def _at_failed(self, token: re.Match[bytes]) -> None:
        if (event := self._event()) is not None:
            event.name += b"--"

    def _at_move(self, token: re.Match[bytes]) -> None:
        before, after, capacity = _sizes(token, _MOVE + 1, 3)
        top = self._stack[-1] if self._stack else None
        if isinstance(top, _Event):
            top.heap = Heap(before, after, capacity)
        elif isinstance(top, _Generation):
            top.move = before, after

    def _at_used(self, token: re.Match[bytes]) -> None:
        top = self._stack[-1] if self._stack else None
        if isinstance(top, _Event) and top.heap is None:
            used, capacity = _sizes(token, _USED + 1, 2)
            top.heap = Heap(used, None, capacity)

    def _at_close(self, token: re.Match[bytes]) -> None:
        duration_s = _number(token[_CLOSE + 1])
        bracket = self._stack.pop() if self._stack else None
        if isinstance(bracket, _Event):
            self._end_event(bracket, duration_s)
        elif isinstance(bracket, _Generation):
            self._end_generation(bracket, duration_s)
        elif not self._stack and token.string[:1] in (b",", b":"):
            self.skipped["pauses without a begin"] += 1

    def _at_end(self, token: re.Match[bytes]) -> None:
        bracket = self._stack.pop() if self._stack else None
        if isinstance(bracket, _Event):
            self.skipped["pauses without a duration"] += 1
        elif isinstance(bracket, _Generation):
            self._end_generation(bracket, None)

    def _end_generation(self, generation: _Generation, duration_s: float | None) -> None:
        generation.duration_s = duration_s
        if (event := self._event()) is not None:
            event.sizes[generation.name] = generation

    def _at_times(self, token: re.Match[bytes]) -> None:
        if self._last is None:
            return
        user_s, sys_s = (_number(text) for text in token.group(_TIMES_AT + 1, _TIMES_AT + 2))
        pause, cycle = self._last
        cycle.user_s, cycle.sys_s = (cycle.user_s or 0.0) + user_s, (cycle.sys_s or 0.0) + sys_s
        if pause is not None:
            pause.user_s, pause.sys_s = user_s, sys_s
        self._last = None

    def _at_eden(self, token: re.Match[bytes]) -> None:
        if self._last is None:
            return
        sizes = _sizes(token, _EDEN + 1, 7)
        eden, survivors, (before, after, capacity) = sizes[0:2], sizes[2:4], sizes[4:7]
        pause, cycle = self._last
        cycle.heap = Heap(before, after, capacity)
        cycle.young = eden[0] + survivors[0], eden[1] + survivors[1]
        cycle.old = max(0, before - cycle.young[0]), max(0, after - cycle.young[1])
        if pause is not None:
            pause.heap = cycle.heap

    def _at_heap(self, token: re.Match[bytes]) -> None:
        if self._last is not None and self._last[1].heap is UNKNOWN:
            pause, cycle = self._last
            cycle.heap = Heap(*_sizes(token, _HEAP + 1, 3))
            if pause is not None:
                pause.heap = cycle.heap

    def _at_stopped(self, token: re.Match[bytes]) -> None:
        duration_s, stamp = _number(token[_STOPPED + 1]), self._stamp_of(token)[0]
        if not self._stopped_by_gc:
            self._run_pauses.append(Pause(stamp.before(duration_s), duration_s, "Safepoint"))
        self._stopped_by_gc = False

    def _at_cms(self, token: re.Match[bytes]) -> None:
        stamp, number = self._stamp_of(token)
        phase, duration, user, sys = token.group(*range(_CMS + 1, _CMS + 5))
        began = stamp.before(_number(duration)) if duration else stamp
        self._hints.add("CMS")
        if self._cms is None:
            self._cms = self._begin(began, "concurrent", number)
        cycle = self._cms
        cycle.end = _later(cycle.end, stamp)
        if user:
            cycle.user_s = (cycle.user_s or 0.0) + _number(user)
            cycle.sys_s = (cycle.sys_s or 0.0) + _number(sys)
        if duration and phase == b"reset":
            self._cms = None

    def _at_g1(self, token: re.Match[bytes]) -> None:
        phase, duration = token.group(_G1 + 1, _G1 + 2)
        if phase.startswith(b"string-dedup"):
            return
        stamp, number = self._stamp_of(token)
        self._hints.add("G1")
        if phase == b"root-region-scan-start" or (phase == b"mark-start" and self._is_past_marking()):
            self._marking = None
        if self._marking is None:
            if phase == b"mark-abort":
                return
            began = stamp.before(_number(duration)) if duration else stamp
            self._marking = self._begin(began, "concurrent", number)
        self._marking.end = _later(self._marking.end, stamp)
        if phase in (b"mark-abort", b"cleanup-end"):
            self._marking = None

    def _is_past_marking(self) -> bool:
        return self._marking is not None and self._marking.pauses > 0

    # Events

    def _event(self) -> _Event | None:
        """Give the innermost open event."""
        return next((bracket for bracket in reversed(self._stack) if isinstance(bracket, _Event)), None)

    def _abandon(self) -> None:
        lost = sum(isinstance(bracket, _Event) for bracket in self._stack)
        self.skipped.update({"pauses without an end": lost} if lost else {})
        self._stack.clear()

    def _begin(self, start: Stamp, kind: str, number: int | None, cause: str | None = None) -> Cycle:
        if number is None:
            number, self._named = self._named, self._named + 1
        cycle = Cycle(number, start=start, kind=kind, cause=cause)
        self._run_cycles.append(cycle)
        return cycle

    def _end_event(self, event: _Event, duration_s: float) -> None:
        nested = self._event() is not None
        cause = event.causes[0].decode("utf-8", "replace") if event.causes else None
        self._hints.update(hint for name in event.sizes if (hint := _HINTS.get(name)))
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
            self._run_pauses.append(pause)
            self._stopped_by_gc = True
            cycle.pauses += 1
            cycle.pause_s += duration_s

    def _mark(self, event: _Event, nested: bool) -> str:
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

    def _end_mark(
        self, event: _Event, mark: str, duration_s: float, cause: str | None
    ) -> tuple[Pause, Cycle]:
        self._hints.add("CMS")
        if self._cms is None or mark == "initial-mark":
            self._cms = self._begin(event.stamp, "concurrent", event.number, cause)
        cycle = self._cms
        cycle.end = _later(cycle.end, event.stamp.before(-duration_s))
        heap = event.heap or UNKNOWN
        return Pause(event.stamp, duration_s, f"CMS-{mark}", cause, cycle.number, heap), cycle

    def _end_marking(self, event: _Event, duration_s: float, cause: str | None) -> tuple[Pause, Cycle]:
        if self._marking is None:
            self._marking = self._begin(event.stamp, "concurrent", event.number)
        cycle = self._marking
        cycle.end = _later(cycle.end, event.stamp.before(-duration_s))
        heap = event.heap or UNKNOWN
        return Pause(event.stamp, duration_s, event.name.decode(), cause, cycle.number, heap), cycle

    def _end_collection(
        self, event: _Event, duration_s: float, cause: str | None, nested: bool
    ) -> tuple[Pause | None, Cycle]:
        young = next((event.sizes[name] for name in _YOUNG if name in event.sizes), None)
        old = next((event.sizes[name] for name in _OLD if name in event.sizes), None)
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

    def _begin_inner(self, old: _Generation, heap: Heap, cause: str | None) -> None:
        """Note the full collection that went on inside the pause of a young one."""
        full = self._begin(old.stamp, "full", old.number, cause)
        full.duration_s = old.duration_s
        full.heap, full.old = Heap(None, heap.after, heap.capacity), old.move


_INDEX = _TOKEN.groupindex
_TIMES_AT, _CMS, _G1, _HEAD, _MARK = (_INDEX[name] for name in ("times", "cms", "g1", "head", "mark"))
_EDEN, _HEAP, _GENERATION, _CLOSE = (_INDEX[name] for name in ("eden", "heap", "generation", "close"))
_STAMP, _NUMBER, _MOVE, _USED = (_INDEX[name] for name in ("stamp", "number", "move", "used"))
_STOPPED = _INDEX["stopped"]
_STOPPED_TEXT = len("Total time for which application ")
_ACTS: dict[str, Callable[[_Log, re.Match[bytes]], None]] = {
    name: getattr(_Log, f"_at_{name}") for name in _INDEX
}
_HINTS = {
    **dict.fromkeys((b"PSYoungGen", b"ASPSYoungGen", b"PSOldGen", b"ParOldGen"), "Parallel"),
    **dict.fromkeys((b"CMS", b"ASCMS", b"ASParNew"), "CMS"),
    b"ParNew": "ParNew",
    **dict.fromkeys((b"DefNew", b"Tenured"), "Serial"),
}


def _collector(hints: set[str]) -> str:
    """Tell the collector; ParNew served CMS, and Serial's old generation where that is what the log shows."""
    named = next((name for name in ("G1", "CMS", "Parallel", "Serial") if name in hints), "")
    return named or ("CMS" if "ParNew" in hints else "")


def _is_detail(line: bytes) -> bool:
    """True for one closed bracket of G1's details, such as [Parallel Time: 212.3 ms, GC Workers: 8]."""
    line = line.strip()
    return (
        line[:1] == b"["
        and line[-1:] == b"]"
        and line.find(b"[", 1) < 0
        and (b" ms" in line or b"(ms)" in line or b"Buffers: " in line or b"Attempts: " in line)
        and b"secs" not in line
    )


def _rest(heap: Heap, one: tuple[int, int] | None) -> tuple[int, int] | None:
    """Give what the other generation has in use, before and after."""
    if one is None or heap.before is None or heap.after is None:
        return None
    return max(0, heap.before - one[0]), max(0, heap.after - one[1])


def _later(end: Stamp | None, stamp: Stamp) -> Stamp | None:
    return end if stamp == Stamp() else stamp


def _number(text: bytes) -> float:
    return float(text.replace(b",", b"."))


def _sizes(token: re.Match[bytes], first: int, count: int) -> list[int]:
    """Read `count` sizes of two groups each, a number and its unit, from group `first` on."""
    groups = token.group(*range(first, first + 2 * count))
    return [
        int(number) * _UNITS[unit] if number.isdigit() else round(_number(number) * _UNITS[unit])
        for number, unit in zip(groups[::2], groups[1::2], strict=True)
    ]
