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

What a line says is read in `_unified_lines`, the commonest of them many at once in `_unified_blocks`; what
follows from it, in `_unified_log`.
"""

from __future__ import annotations

import re

from workbench.readers._gc_rows import read_log
from workbench.readers._lines import narrow
from workbench.readers._seam import Parts, Stream
from workbench.readers._unified_blocks import take
from workbench.readers._unified_log import Log

FORMAT = "HotSpot unified GC log"

_SNIFF = re.compile(
    rb"\[(?:gc|safepoint)(?:,[a-z]{1,20}){0,5} *\] "
    rb"|GC\(\d{1,15}\) (?:[yYO]: )?(?:Pause [A-Z]|Concurrent [A-Za-z]|(?:Garbage|Major|Minor) Collection \()"
    rb"|\] (?:Using (?:G1|Serial|Parallel|Concurrent Mark Sweep|The Z Garbage Collector|Shenandoah|Epsilon)\b"
    rb'|Entering safepoint region: |Total time for which application|Safepoint \\?"\w{1,99}\\?", Time since)'
)


def sniff(head: bytes) -> bool:
    """True if some line has the tags of this log, or is of a GC cycle, its collector or a safepoint."""
    return _SNIFF.search(narrow(head)) is not None


def read(*streams: Stream) -> Parts:
    """Read pauses and collections of one log, or of a rotated set, oldest first.

    Lines that are not of the log are skipped and counted, as are pauses whose end is missing.
    """
    return read_log(Log(), take, streams, sniff, FORMAT)
