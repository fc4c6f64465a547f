"""What V8 prints under --trace-gc, --trace-gc-nvp and --trace-gc-verbose, in Node.js 0.12 and all later.

[28763:0x2b2a4d40]       18 ms: Scavenge 3.9 (4.0) -> 3.1 (5.0) MB, 0.64 / 0.00 ms  (average …) task;
[28763:0x2b2a4d40]       26 ms: pause=0.9 mutator=22.4 gc=s … total_size_before=4071536 …

A line is written at the end of a collection, by the clock of its isolate, which starts some milliseconds
after the process: `uptime_s` is that time, in whole milliseconds, minus the duration. A pause is one stop of
the isolate's thread; other isolates (workers) run on. The heap is that of objects, the capacity what was
reserved after. What a full collection did beforehand in steps (incremental marking) is no pause of it: it is
in the collection's duration, which runs from the start of marking, and is summed in a note. What
--trace-gc-verbose prints of the heap's spaces is counted; without --trace-gc beside it there are no pauses.
"""

from __future__ import annotations

import re
from collections import Counter

from workbench.errors import Unrecognized
from workbench.readers._gc_rows import Cycle, Heap, Pause, Stamp, frames
from workbench.readers._lines import log_lines, narrow
from workbench.readers._seam import Parts, Stream

FORMAT = "V8 GC trace (--trace-gc)"
MIB = 1024**2

_ISOLATE = rb"\[(\d{1,10}(?::[^\]\[\s]{1,40}){0,2})\](?: \[I:[^\]\[\s]{1,40}\])?"
_NUMBER = rb"\d{1,12}(?:\.\d{1,9})?"
_COLLECTION = re.compile(
    _ISOLATE + rb" +(\d{1,12}) ms: "
    rb"((?:Minor )?(?:Scavenge|Mark-[Ss]weep|Mark-[Cc]ompact)(?: \([a-z ]{1,40}\)){0,3})"
    rb" (" + _NUMBER + rb") \((" + _NUMBER + rb")\) -> (" + _NUMBER + rb") \((" + _NUMBER + rb")\) MB, "
    rb"(?:pooled: " + _NUMBER + rb" MB, )?(" + _NUMBER + rb")(?: / " + _NUMBER + rb")? ms"
)  # fmt: skip
_PAIRS = re.compile(
    _ISOLATE + rb" +(\d{1,12}) ms: pause=(" + _NUMBER + rb") (?:[^= ]{1,40}=\S{1,40} ){0,5}gc=(\w{1,9})"
)
_PAIR = re.compile(
    rb" (total_size_before|total_size_after|promoted|incremental_walltime_duration)=(\d{1,15})\b"
)
_STEPS = re.compile(
    rb"\(\+ (" + _NUMBER + rb") ms in (\d{1,9}) steps since (?:start of marking|last GC)"
    rb"(?:[^()]{0,99}walltime since start of marking (" + _NUMBER + rb") ms)?"
)
_BRACKETED = re.compile(rb"\([^()]{0,400}\)|[.\[\];]")
_DETAIL = re.compile(_ISOLATE + rb" ")
_SNIFF = re.compile(
    rb"\[\d{1,10}(?::[^\]\[\s]{1,40}){0,2}\](?: \[I:[^\]\[\s]{1,40}\])?"
    rb"(?: +\d{1,12} ms: (?:Minor |Scavenge |Mark-|pause=\d)"
    rb"| (?:Memory (?:allocator, +(?:used|start)|reducer): |Heap growing factor |Increasing marking speed "
    rb"|Grow: old size: ))"
)
_KINDS = {
    b"s": "Scavenge",
    b"ms": "Mark-sweep",
    b"mc": "Mark-Compact",
    b"mmc": "Minor Mark-Compact",
    b"mms": "Minor Mark-Sweep",
}


def sniff(head: bytes) -> bool:
    """True if the beginning of such a line stands anywhere."""
    return _SNIFF.search(narrow(head)) is not None


def read(*streams: Stream) -> Parts:
    """Read one pause for every collection; other lines are skipped and counted by what they are."""
    trace = _Trace()
    for stream in streams:
        for line in log_lines(stream):
            trace.take(line)
    if not (trace.pauses or any(sniff(stream.head()) for stream in streams)):
        raise Unrecognized("no line of it", where=", ".join(s.name for s in streams), expected=FORMAT)
    return Parts(frames(trace.pauses, trace.cycles), trace.skipped, trace.notes())


class _Trace:
    """What was read so far."""

    def __init__(self) -> None:
        self.pauses: list[Pause] = []
        self.cycles: list[Cycle] = []
        self.skipped: Counter[str] = Counter()
        self._isolates: set[bytes] = set()
        self._steps = (0, 0.0)

    def take(self, line: bytes) -> None:
        """Read one line, which two writers may share."""
        if b" ms: " not in line:
            self._take_other(line)
            return
        at = [*_COLLECTION.finditer(line), *_PAIRS.finditer(line)]
        at.sort(key=re.Match.start)
        ends = [found.start() for found in at[1:]] + [len(line)]
        for found, end in zip(at, ends, strict=False):
            if found.re is _COLLECTION:
                self._take_collection(found, line[found.end() : end])
            else:
                self._take_pairs(found, line[found.end() : end])
        if not at:
            self._take_other(line)

    def notes(self) -> list[str]:
        """Say what a reader of the tables should know."""
        found = []
        if len(self._isolates) > 1:
            found.append(f"{len(self._isolates)} isolates, each with a clock and pauses of its own")
        if self._steps[0]:
            found.append(
                f"incremental marking: {self._steps[1]:.3f} s in {self._steps[0]} steps beside the pauses"
            )
        return found

    def _take_collection(self, found: re.Match[bytes], rest: bytes) -> None:
        before, _, after, capacity = (round(float(size) * MIB) for size in found.group(4, 5, 6, 7))
        steps = _STEPS.search(rest)
        marking_s = 0.0
        if steps:
            self._steps = self._steps[0] + int(steps[2]), self._steps[1] + float(steps[1]) / 1e3
            marking_s = float(steps[3] or 0) / 1e3
        cause = b" ".join(_BRACKETED.sub(b" ", rest).split()).decode("utf-8", "replace")
        cycle = self._add(found, found[3].decode(), float(found[8]) / 1e3, marking_s, cause[:200] or None)
        cycle.heap = self.pauses[-1].heap = Heap(before, after, capacity)

    def _take_pairs(self, found: re.Match[bytes], rest: bytes) -> None:
        sizes = {name: int(value) for name, value in _PAIR.findall(rest)}
        kind = _KINDS.get(found[4], found[4].decode())
        marking_s = sizes.get(b"incremental_walltime_duration", 0) / 1e3
        cycle = self._add(found, kind, float(found[3]) / 1e3, marking_s, None)
        cycle.heap = self.pauses[-1].heap = Heap(
            sizes.get(b"total_size_before"), sizes.get(b"total_size_after")
        )
        cycle.promoted = sizes.get(b"promoted")

    def _add(
        self, found: re.Match[bytes], kind: str, duration_s: float, marking_s: float, cause: str | None
    ) -> Cycle:
        end = Stamp(uptime_s=int(found[2]) / 1e3)
        whole_s = max(duration_s, marking_s)
        number = len(self.cycles)
        of = "young" if kind.startswith(("Scavenge", "Minor")) else "full"
        cycle = Cycle(number, end.before(whole_s), end, whole_s, of, cause, 1, duration_s, collector="V8")
        self.cycles.append(cycle)
        self.pauses.append(Pause(end.before(duration_s), duration_s, kind, cause, number, collector="V8"))
        self._isolates.add(found[1])
        return cycle

    def _take_other(self, line: bytes) -> None:
        if b" ms: " in line and (b"Scavenge" in line or b"Mark-" in line or b"pause" in line):
            self.skipped["cut lines"] += 1
        elif line.strip(b"\0 \r"):
            self.skipped["lines of heap details" if _DETAIL.search(line) else "lines of the program"] += 1
