"""What the Go runtime prints under GODEBUG=gctrace=1, since Go 1.5, among whatever else is on stderr.

gc 1 @0.002s 6%: 0.036+0.39+0.050 ms clock, 0.072+0.16/0.069/0+0.10 ms cpu, 3->4->0 MB, 4 MB goal, 2 P

A cycle stops the world twice: sweep termination, the first figure of the clock, and mark termination, the
last; what lies between runs beside the program (one figure, in Go 1.5 three). Both together are 98 to 99 % of
what MemStats counts as pause: the figures are rounded and leave out part of the stopping. The heap is
given before, at the end of marking, and live: the live one is `heap_after_bytes`, the goal
`heap_capacity_bytes`. CPU time is not split into user and system: all of it, idle workers included, stands in
`user_s`. The log has no dates. Lines of schedtrace among it are read as `go_schedtrace` tells.
"""

from __future__ import annotations

from workbench.errors import Unrecognized
from workbench.readers._go_traces import CYCLE_BEGIN, read_traces
from workbench.readers._lines import narrow
from workbench.readers._seam import Parts, Stream

FORMAT = "Go gctrace"


def sniff(head: bytes) -> bool:
    """True if the beginning of a cycle's line stands anywhere."""
    return CYCLE_BEGIN.search(narrow(head)) is not None


def read(*streams: Stream) -> Parts:
    """Read two pauses a cycle, and the cycles; all other lines are skipped and counted by what they are."""
    parts = read_traces(*streams)
    if "collections" not in parts.frames:
        raise Unrecognized("no line of a GC cycle", where=", ".join(s.name for s in streams), expected=FORMAT)
    return parts
