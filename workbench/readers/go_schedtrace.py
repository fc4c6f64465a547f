"""What the Go runtime prints under GODEBUG=schedtrace=1000, with scheddetail=1 or without.

SCHED 1004ms: gomaxprocs=2 idleprocs=0 threads=5 spinningthreads=1 idlethreads=2 runqueue=3 [1 0]

Each figure is a sample of a series named after it: go_sched_gomaxprocs, go_sched_idleprocs, go_sched_threads,
go_sched_runqueue (goroutines that wait for any processor), go_sched_local_runqueue{p="0"} (that wait for this
one), and so on. The line says how long the process has run, not when that was: `time` is missing, unless a
container's log puts a date before the line, and go_sched_uptime_seconds has one sample a line, in the order
of the others. Of scheddetail the queues and ticks of processors (P) are read; threads (M) and goroutines (G)
are counted. A stream that holds GC cycles as well is `go_gctrace`'s, which reads these lines too.
"""

from __future__ import annotations

from workbench.errors import Unrecognized
from workbench.readers._go_traces import CYCLE_BEGIN, STATE_BEGIN, read_traces
from workbench.readers._lines import narrow
from workbench.readers._seam import Parts, Stream

FORMAT = "Go schedtrace"


def sniff(head: bytes) -> bool:
    """True if the beginning of a state's line stands anywhere, and none of a GC cycle."""
    head = narrow(head)
    return STATE_BEGIN.search(head) is not None and CYCLE_BEGIN.search(head) is None


def read(*streams: Stream) -> Parts:
    """Read the states, and GC cycles where they come later; other lines are skipped and counted."""
    parts = read_traces(*streams)
    if "samples" not in parts.frames:
        raise Unrecognized(
            "no whole line of the scheduler's state",
            where=", ".join(s.name for s in streams),
            expected=FORMAT,
        )
    return parts
