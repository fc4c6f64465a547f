"""What CPython 3 prints to stderr under gc.set_debug(gc.DEBUG_STATS).

gc: collecting generation 0...
gc: objects in each generation: 2337 7872 0
gc: objects in permanent generation: 0
gc: done, 1318 unreachable, 0 uncollectable, 0.0003s elapsed

All threads stand still while it collects, so that a collection is a pause. The log has no clock: collections
are in order, without a start. It counts objects, not bytes: those found are summed in a note.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from workbench import tables
from workbench.errors import Unrecognized
from workbench.readers._lines import lines, narrow
from workbench.readers._seam import Parts, Stream

FORMAT = "CPython GC debug output"

_BEGIN = re.compile(rb"gc: collecting generation \d{1,3}\.\.\.")
_DONE = rb"gc: done(?:, (\d{1,15}) unreachable, (\d{1,15}) uncollectable)?, (\d{1,9}\.\d{1,9})s elapsed"
_TOKEN = re.compile(rb"gc: collecting generation (\d{1,3})\.\.\.|" + _DONE)
_END = re.compile(_DONE)
_DETAIL = (b"gc: objects in ", b"gc: collectable <", b"gc: uncollectable <")


def sniff(head: bytes) -> bool:
    """True if the begin or the end of a collection stands anywhere."""
    head = narrow(head)
    return _BEGIN.search(head) is not None or _END.search(head) is not None


def read(*streams: Stream) -> Parts:
    """Read pauses and collections; a collection without its begin or its end is skipped and counted."""
    skipped: Counter[str] = Counter()
    generations: list[int] = []
    durations: list[float] = []
    found_objects, kept_objects, begun = 0, 0, None
    recognised = False
    for stream in streams:
        for line in lines(stream):
            tokens = list(_TOKEN.finditer(line)) if b"gc: " in line else []
            for generation, unreachable, uncollectable, elapsed in (token.groups() for token in tokens):
                recognised = True
                if generation is not None:
                    skipped.update({"collections without an end": 1} if begun is not None else {})
                    begun = int(generation)
                elif begun is None:
                    skipped["collections without a begin"] += 1
                else:
                    generations.append(begun)
                    durations.append(float(elapsed))
                    found_objects += int(unreachable or 0)
                    kept_objects += int(uncollectable or 0)
                    begun = None
            if not tokens and line.strip(b" \r\0"):
                skipped.update(_reasons(line))
    if not recognised:
        raise Unrecognized(
            "no line of a collection", where=", ".join(s.name for s in streams), expected=FORMAT
        )
    skipped.update({"collections without an end": 1} if begun is not None else {})
    notes = [f"objects unreachable: {found_objects:,}, of them uncollectable: {kept_objects:,}"]
    return Parts(_frames(generations, durations), skipped, notes if durations else [])


def _reasons(line: bytes) -> dict[str, int]:
    if any(detail in line for detail in _DETAIL):
        return {}
    return {"cut lines": 1} if line.startswith(b"gc: ") else {"lines of the program": 1}


def _frames(generations: list[int], durations: list[float]) -> dict:
    rows = len(durations)
    both = {"duration_s": np.array(durations, dtype=float), "collector": ["CPython"] * rows}
    kinds = [f"gen{generation}" for generation in generations]
    return {
        "pauses": tables.PAUSES.build({**both, "kind": [f"gc {kind}" for kind in kinds]}),
        "collections": tables.COLLECTIONS.build(
            {**both, "kind": kinds, "pauses": np.ones(rows, dtype=int), "pause_s": both["duration_s"]}
        ),
    }
