"""What the Go runtime prints under GODEBUG: GC cycles and the scheduler's state, mixed as they come.

What readers of Go's stderr share.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import tables
from workbench.readers._gc_rows import epoch_ns
from workbench.readers._lines import log_lines
from workbench.readers._seam import Parts, Stream

MIB = 1024**2

CYCLE_BEGIN = re.compile(rb"gc \d{1,12} @\d{1,12}\.\d{1,9}s \d{1,9}%: [\d.+]{1,99} ms clock, ")
STATE_BEGIN = re.compile(rb"SCHED \d{1,12}ms: gomaxprocs=\d{1,9} idleprocs=")

_CYCLE = re.compile(
    rb"gc (\d{1,12}) @(\d{1,12}\.\d{1,9})s \d{1,9}%: "
    rb"([\d.+]{1,99}) ms clock, ([\d.+/]{1,199}) ms cpu, "
    rb"(\d{1,9})->\d{1,9}->(\d{1,9}) MB, (\d{1,9}) MB goal, [^(]{0,99}?\d{1,9} P( \(forced\))?"
)
_STATE = re.compile(
    rb"SCHED (\d{1,12})ms: (?=gomaxprocs=)((?:[a-z]{1,20}=(?:\d{1,9}|true|false) ?){5,15})"
    rb"(?:\[([ \d]{0,99999})\](?: schedticks=\[([ \d]{0,99999})\])?)?"
)
_OF_PROCESSOR = re.compile(rb"  P(\d{1,6}): status=\d{1,3} schedtick=(\d{1,12}) .{0,99}\brunqsize=(\d{1,9}) ")
_DATE = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)) ")
_NEVER = np.iinfo(np.int64).min  # NaT
_FLAGS = {b"true": 1.0, b"false": 0.0}
_OTHER_TRACES = (b"pacer: ", b"scav ", b"scan: ", b"scvg", b"  P", b"  M", b"  G")


class _Cycle(NamedTuple):
    cycle: int
    uptime_s: float
    sweep_s: float
    mark_s: float
    clock_s: float
    cpu_s: float
    before: int
    live: int
    goal: int
    forced: bool


class _States:
    """The scheduler's states as samples; `take` gives False for a line that is none."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, int | None], int] = {}
        self._samples: list[tuple[int, int, float]] = []
        self._time_ns = _NEVER
        self.lines = 0

    def take(self, line: bytes) -> bool:
        if line.startswith(b"  P") and self.lines and (found := _OF_PROCESSOR.match(line)):
            processor = int(found[1])
            self._add("schedticks", float(found[2]), processor)
            self._add("local_runqueue", float(found[3]), processor)
            return True
        at = line.find(b"SCHED ")
        found = _STATE.match(line, at) if at >= 0 else None
        if found is None or not (found[3] is not None or b" sysmonwait=" in found[2]):
            return False  # cut: it ends in the queues of all processors, or in its details
        self.lines += 1
        self._time_ns = _date(line)
        self._add("uptime_seconds", int(found[1]) / 1e3)
        for pair in found[2].split():
            name, _, value = pair.partition(b"=")
            self._add(name.decode(), _FLAGS[value] if value in _FLAGS else float(value))
        for name, values in (("local_runqueue", found[3]), ("schedticks", found[4])):
            for processor, value in enumerate((values or b"").split()):
                self._add(name, float(value[:18]), processor)
        return True

    def _add(self, name: str, value: float, processor: int | None = None) -> None:
        code = self._codes.setdefault((f"go_sched_{name}", processor), len(self._codes))
        self._samples.append((code, self._time_ns, value))

    def frames(self) -> dict[str, pd.DataFrame]:
        """Make the tables `series` and `samples`."""
        codes, times, values = zip(*self._samples, strict=True)
        labels = [{} if processor is None else {"p": str(processor)} for _, processor in self._codes]
        series = {
            "series": list(self._codes.values()),
            "metric": [name for name, _ in self._codes],
            "labels": labels,
        }
        return {
            "series": tables.SERIES.build(series),
            "samples": tables.SAMPLES.build(
                {"series": codes, "time": np.array(times).view("datetime64[ns]"), "value": values}
            ),
        }


def read_traces(*streams: Stream) -> Parts:
    """Read GC cycles into pauses and collections, states into series and samples; count all else.

    A table is absent where the streams hold no line of it.
    """
    skipped: Counter[str] = Counter()
    cycles: list[_Cycle] = []
    states = _States()
    runs = 0
    for stream in streams:
        for line in log_lines(stream):
            found = _CYCLE.search(line) if line.find(b" @") > 0 else None
            row = _row(found) if found else None
            if row:
                runs += not cycles or row.cycle < cycles[-1].cycle
                cycles.append(row)
            elif not states.take(line) and line.strip(b" \r\0"):
                skipped[_reason(line)] += 1
    frames = _frames(cycles) if cycles else {}
    if states.lines:
        frames |= states.frames()
    notes = [f"{runs} runs of the program, cycles numbered from 1 in each"] if runs > 1 else []
    return Parts(frames, skipped, notes)


def _row(found: re.Match[bytes]) -> _Cycle | None:
    try:
        clock = [float(part) / 1e3 for part in found[3].split(b"+")]
        cpu = sum(float(part) / 1e3 for part in found[4].replace(b"/", b"+").split(b"+"))
    except ValueError:
        return None
    if len(clock) not in (3, 5):
        return None
    before, live, goal = (int(size) * MIB for size in found.group(5, 6, 7))
    times = float(found[2]), clock[0], clock[-1], sum(clock), cpu
    return _Cycle(int(found[1]), *times, before, live, goal, found[8] is not None)


def _date(line: bytes) -> int:
    """Read the date that a container's log puts before a line."""
    found = _DATE.match(line)
    time_ns = epoch_ns(found[1]) if found else None
    return _NEVER if time_ns is None else time_ns


def _reason(line: bytes) -> str:
    if line.startswith(_OTHER_TRACES):
        return "lines of other runtime traces"
    if b"SCHED " in line and b"ms: gomaxprocs=" in line:
        return "cut lines"
    if b"gc " in line and (b" @" in line or b" ms clock" in line or b" MB goal" in line):
        return "cut lines"
    return "lines of the program"


def _frames(cycles: list[_Cycle]) -> dict[str, pd.DataFrame]:
    cycle, uptime, sweep, mark, clock, cpu, before, after, goal, forced = map(
        np.array, zip(*cycles, strict=True)
    )
    cause = np.array(["forced" if each else None for each in forced], dtype=object)
    heap = {"heap_before_bytes": before, "heap_after_bytes": after, "heap_capacity_bytes": goal}
    pauses = {
        "cycle": np.repeat(cycle, 2),
        "uptime_s": np.column_stack([uptime, uptime + clock - mark]).ravel(),
        "duration_s": np.column_stack([sweep, mark]).ravel(),
        "kind": ["sweep termination", "mark termination"] * len(cycle),
        "cause": np.repeat(cause, 2),
        "collector": ["Go"] * (2 * len(cycle)),
    }
    collections = {
        "cycle": cycle,
        "uptime_s": uptime,
        "duration_s": clock,
        "kind": ["concurrent"] * len(cycle),
        "cause": cause,
        "collector": ["Go"] * len(cycle),
        "pauses": np.full(len(cycle), 2),
        "pause_s": sweep + mark,
        "user_s": cpu,
        **heap,
    }
    return {"pauses": tables.PAUSES.build(pauses), "collections": tables.COLLECTIONS.build(collections)}
