"""A GC log of JDK 5 to 8 as one stream of tokens: which brackets are open, and what stands in them."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable

from workbench.readers._gc_rows import Cycle, Heap, Pause, Stamp, epoch_ns, real
from workbench.readers._legacy_run import Event, Generation, Run
from workbench.readers._legacy_tokens import DETAIL, TOKEN, is_detail, sizes_of

_MOST_BRACKETS = 64  # open at once; a log that opens more has lost its closing ones
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


class Log:
    """What was read so far; `take` a line, `end_run` when a JVM's log is over."""

    def __init__(self) -> None:
        self.pauses: list[Pause] = []
        self.collections: list[Cycle] = []
        self.skipped: Counter[str] = Counter()
        self._runs = 0
        self._lines = 0
        self._numbers = itertools.count()
        self._stamp: tuple[Stamp, int | None, int] = (Stamp(), None, -1)
        self._new_run()

    def take(self, line: bytes) -> None:
        """Read one line."""
        self._lines += 1
        if (b"]" not in line and b"[" not in line and b"stopped: " not in line) or (
            b"[0x" in line and b"secs]" not in line
        ):
            self._take_plain(line)
        elif not is_detail(line):
            self._stamp = (Stamp(), None, -1)
            known = False
            for token in TOKEN.finditer(line):
                kind = token.lastgroup or ""
                known |= kind not in ("stamp", "number", "leaf", "open", "end")
                _ACTS[kind](self, token)
            if not known and not self._stack and not line.startswith(DETAIL):
                self.skipped["lines of other traces or programs"] += 1

    def end_run(self) -> None:
        """Close the log of one JVM: what has begun and not ended by now never will."""
        self._abandon()
        run = self._run
        self._runs += bool(run.pauses or run.cycles)
        run.close(self._flag)
        self.pauses += run.pauses
        self.collections += run.cycles
        self._new_run()

    def notes(self) -> list[str]:
        """Say what a reader of the tables should know."""
        found = [f"{self._runs} runs of the JVM"] if self._runs > 1 else []
        if any(not row.collector for row in self.collections):
            found.append("the collector is not named, and the events do not tell it")
        return found

    def _new_run(self) -> None:
        self._run = Run(self._numbers)
        self._uptime_s = 0.0
        self._stack: list[Event | Generation | None] = []
        self._flag = ""

    def _take_plain(self, line: bytes) -> None:
        if line.startswith(b"CommandLine flags"):
            self._flag = next((name for flag, name in _FLAGS.items() if flag in line), self._flag)
        elif b" total " in line or b"\ttotal " in line:
            self._run.hints.update(name for text, name in _HEAP_LINES.items() if text in line)
        elif not line.startswith(DETAIL) and b"Application time: " not in line and line.strip(b"\0 \r\t"):
            self.skipped["lines of other traces or programs"] += 1

    # Tokens

    def _at_stamp(self, token: re.Match[bytes]) -> None:
        date, after_date, alone, number = token.group(*range(_STAMP + 1, _STAMP + 5))
        when, uptime_s = None, None
        if date:
            when = epoch_ns(date)
            self.skipped.update({"impossible dates": 1} if when is None else {})
        if uptime := after_date or alone:
            uptime_s = real(uptime)
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
        event = Event(name + (more or b"") + (failed or b""), stamp, number, self._lines)
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
            self._run.hints.add("G1")
        self._stack.append(event)

    def _at_generation(self, token: re.Match[bytes]) -> None:
        if self._event() is not None:
            self._push(Generation(token[_GENERATION + 1], *self._stamp_of(token)))

    def _at_open(self, token: re.Match[bytes]) -> None:
        if self._stack:
            self._push(None)

    def _push(self, bracket: Generation | None) -> None:
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
        before, after, capacity = sizes_of(token, _MOVE + 1, 3)
        top = self._stack[-1] if self._stack else None
        if isinstance(top, Event):
            top.heap = Heap(before, after, capacity)
        elif isinstance(top, Generation):
            top.move = before, after

    def _at_used(self, token: re.Match[bytes]) -> None:
        top = self._stack[-1] if self._stack else None
        if isinstance(top, Event) and top.heap is None:
            used, capacity = sizes_of(token, _USED + 1, 2)
            top.heap = Heap(used, None, capacity)

    def _at_close(self, token: re.Match[bytes]) -> None:
        duration_s = real(token[_CLOSE + 1])
        bracket = self._stack.pop() if self._stack else None
        if isinstance(bracket, Event):
            self._run.end_event(bracket, duration_s, nested=self._event() is not None)
        elif isinstance(bracket, Generation):
            self._end_generation(bracket, duration_s)
        elif not self._stack and token.string[:1] in (b",", b":"):
            self.skipped["pauses without a begin"] += 1

    def _at_end(self, token: re.Match[bytes]) -> None:
        bracket = self._stack.pop() if self._stack else None
        if isinstance(bracket, Event):
            self.skipped["pauses without a duration"] += 1
        elif isinstance(bracket, Generation):
            self._end_generation(bracket, None)

    def _end_generation(self, generation: Generation, duration_s: float | None) -> None:
        generation.duration_s = duration_s
        if (event := self._event()) is not None:
            event.sizes[generation.name] = generation

    def _at_times(self, token: re.Match[bytes]) -> None:
        self._run.times(*(real(text) for text in token.group(_TIMES_AT + 1, _TIMES_AT + 2)))

    def _at_eden(self, token: re.Match[bytes]) -> None:
        sizes = sizes_of(token, _EDEN + 1, 7)
        eden, survivors, heap = sizes[0:2], sizes[2:4], Heap(*sizes[4:7])
        self._run.young_and_heap((eden[0] + survivors[0], eden[1] + survivors[1]), heap)

    def _at_heap(self, token: re.Match[bytes]) -> None:
        self._run.heap(Heap(*sizes_of(token, _HEAP + 1, 3)))

    def _at_stopped(self, token: re.Match[bytes]) -> None:
        stamp = self._stamp_of(token)[0]
        self._run.stop(stamp, real(token[_STOPPED + 1]))

    def _at_cms(self, token: re.Match[bytes]) -> None:
        stamp, number = self._stamp_of(token)
        phase, duration, user, sys = token.group(*range(_CMS + 1, _CMS + 5))
        began = stamp.before(real(duration)) if duration else stamp
        self._run.cms_phase(began, stamp, number, (real(user), real(sys)) if user else None)
        if duration and phase == b"reset":
            self._run.end_cms()

    def _at_g1(self, token: re.Match[bytes]) -> None:
        phase, duration = token.group(_G1 + 1, _G1 + 2)
        if not phase.startswith(b"string-dedup"):
            stamp, number = self._stamp_of(token)
            self._run.g1_phase(phase, stamp.before(real(duration)) if duration else stamp, stamp, number)

    # Brackets

    def _event(self) -> Event | None:
        """Give the innermost open event."""
        return next((bracket for bracket in reversed(self._stack) if isinstance(bracket, Event)), None)

    def _abandon(self) -> None:
        lost = sum(isinstance(bracket, Event) for bracket in self._stack)
        self.skipped.update({"pauses without an end": lost} if lost else {})
        self._stack.clear()


_INDEX = TOKEN.groupindex
_TIMES_AT, _CMS, _G1, _HEAD, _MARK = (_INDEX[name] for name in ("times", "cms", "g1", "head", "mark"))
_EDEN, _HEAP, _GENERATION, _CLOSE = (_INDEX[name] for name in ("eden", "heap", "generation", "close"))
_STAMP, _NUMBER, _MOVE, _USED = (_INDEX[name] for name in ("stamp", "number", "move", "used"))
_STOPPED = _INDEX["stopped"]
_STOPPED_TEXT = len("Total time for which application ")
_ACTS: dict[str, Callable[[Log, re.Match[bytes]], None]] = {
    name: getattr(Log, f"_at_{name}") for name in _INDEX
}
