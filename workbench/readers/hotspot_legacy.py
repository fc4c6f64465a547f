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

The tokens are those of `_legacy_tokens`; what they amount to is found in `_legacy_log`.
"""

from __future__ import annotations

import re

from workbench.readers._gc_rows import read_log
from workbench.readers._legacy_log import Log
from workbench.readers._legacy_tokens import ANY_SIZE, DATE, UPTIME
from workbench.readers._lines import narrow
from workbench.readers._seam import Parts, Stream

FORMAT = "HotSpot GC log of JDK 5 to 8"

_SNIFF = re.compile(
    rb"\[(?:Full )?GC(?:--)? ?(?:\([A-Z](?:[^()\n]|\(\)){0,80}\) ?)? ?(?:--)?(?:"
    + ANY_SIZE + rb"(?:->" + ANY_SIZE + rb")?\(" + ANY_SIZE + rb"\), \d|"
    rb"(?:" + DATE + rb": ?)?(?:" + UPTIME + rb": ?)?"
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


def sniff(head: bytes) -> bool:
    """True if some line is of such a log, and none of the unified one."""
    head = narrow(head).replace(b"\\u003e", b">")  # as docker escapes it
    return _SNIFF.search(head) is not None and _UNIFIED.search(head) is None


def read(*streams: Stream) -> Parts:
    """Read pauses and collections of one log, or of a rotated set, oldest first.

    Pauses whose begin or end is missing are counted, as are lines of other traces and programs.
    """
    return read_log(Log(), _take, streams, sniff, FORMAT)


def _take(log: Log, block: bytes) -> None:
    for line in block.removesuffix(b"\n").split(b"\n"):
        log.take(line)
