"""What the Go runtime prints under GODEBUG=gctrace=1, since Go 1.5, among whatever else is on stderr.

gc 1 @0.002s 6%: 0.036+0.39+0.050 ms clock, 0.072+0.16/0.069/0+0.10 ms cpu, 3->4->0 MB, 4 MB goal, 2 P

A cycle stops the world twice: sweep termination, the first figure of the clock, and mark termination, the
last; what lies between runs beside the program (one figure, in Go 1.5 three). Both together are 98 to 99 % of
what MemStats counts as pause: the figures are rounded and leave out part of the stopping. The heap is
given before, at the end of marking, and live: the live one is `heap_after_bytes`, the goal
`heap_capacity_bytes`. CPU time is not split into user and system: all of it, idle workers included, stands in
`user_s`. The log has no dates.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from workbench import tables
from workbench.errors import Unrecognized
from workbench.readers._lines import lines, narrow
from workbench.readers._seam import Parts, Stream

FORMAT = "Go gctrace"
MIB = 1024**2

_CYCLE = re.compile(
    rb"gc (\d{1,12}) @(\d{1,12}\.\d{1,9})s \d{1,9}%: "
    rb"([\d.+]{1,99}) ms clock, ([\d.+/]{1,199}) ms cpu, "
    rb"(\d{1,9})->\d{1,9}->(\d{1,9}) MB, (\d{1,9}) MB goal, [^(]{0,99}?\d{1,9} P( \(forced\))?"
)
_SIGNATURE = re.compile(rb"gc \d{1,12} @\d{1,12}\.\d{1,9}s \d{1,9}%: [\d.+]{1,99} ms clock, ")
_OTHER_TRACES = (b"SCHED ", b"pacer: ", b"scav ", b"scan: ", b"scvg", b"  P", b"  M", b"  G")


def sniff(head: bytes) -> bool:
    """True if the beginning of a cycle's line stands anywhere."""
    return _SIGNATURE.search(narrow(head)) is not None


def read(*streams: Stream) -> Parts:
    """Read two pauses a cycle, and the cycles; all other lines are skipped and counted by what they are."""
    skipped: Counter[str] = Counter()
    cycles: list[tuple] = []
    runs = 0
    for stream in streams:
        for line in lines(stream):
            at = line.find(b" @")
            found = _CYCLE.search(line) if at > 0 else None
            row = _row(found) if found else None
            if row:
                runs += not cycles or row[0] < cycles[-1][0]
                cycles.append(row)
            elif line.strip(b" \r\0"):
                skipped[_reason(line)] += 1
    if not cycles:
        raise Unrecognized("no line of a GC cycle", where=", ".join(s.name for s in streams), expected=FORMAT)
    notes = [f"{runs} runs of the program, cycles numbered from 1 in each"] if runs > 1 else []
    return Parts(_frames(cycles), skipped, notes)


def _row(found: re.Match[bytes]) -> tuple | None:
    """Cycle, uptime, the two pauses, the whole clock, CPU, heap before and after, goal, forced."""
    try:
        clock = [float(part) / 1e3 for part in found[3].split(b"+")]
        cpu = sum(float(part) / 1e3 for part in found[4].replace(b"/", b"+").split(b"+"))
    except ValueError:
        return None
    if len(clock) not in (3, 5):
        return None
    sizes = (int(size) * MIB for size in found.group(5, 6, 7))
    return int(found[1]), float(found[2]), clock[0], clock[-1], sum(clock), cpu, *sizes, found[8] is not None


def _reason(line: bytes) -> str:
    if line.startswith(_OTHER_TRACES):
        return "lines of other runtime traces"
    if b"gc " in line and (b" @" in line or b" ms clock" in line or b" MB goal" in line):
        return "cut lines"
    return "lines of the program"


def _frames(cycles: list[tuple]) -> dict:
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
