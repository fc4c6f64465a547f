"""The GC log that a Python service writes from gc.callbacks, as the lab's services do.

# cpython gc.callbacks 1 python=3.11.7
2026-11-20T10:00:00.123456Z gc gen=2 pause_ms=1.234 collected=10 uncollectable=0 count=(12,3,1)

The time is when the collection began. CPython collects with all threads stopped, so that a collection is a
pause, and the log holds no heap sizes. The first line stands once in a file; a file that lost it is known by
its other lines.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import numpy as np

from workbench import tables
from workbench.errors import Malformed, Unrecognized
from workbench.readers._lines import lines, narrow
from workbench.readers._seam import Parts, Stream

FORMAT = "CPython GC log (gc.callbacks)"
VERSION = 1

_FIRST = re.compile(rb"^# cpython gc\.callbacks (\d{1,9})\b", re.MULTILINE)
_COLLECTION = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)Z gc gen=(\d{1,3}) pause_ms=(\d{1,12}(?:\.\d{1,9})?)"
    rb" collected=\d+ uncollectable=\d+ count=\(\d+(?:,\d+)*\)"
)


def sniff(head: bytes) -> bool:
    """True if some line is the first line of this log, or one of a collection."""
    head = narrow(head)
    return _FIRST.search(head) is not None or _COLLECTION.search(head) is not None


def read(*streams: Stream) -> Parts:
    """Read pauses and collections; lines of other programs are skipped and counted."""
    skipped: Counter[str] = Counter()
    starts, kinds, durations, recognised = [], [], [], False
    for stream in streams:
        for number, line in enumerate(lines(stream), 1):
            if first := _FIRST.match(line):
                recognised = True
                if int(first[1]) != VERSION:
                    raise Malformed(
                        f"{stream.name}:{number}", f"version {int(first[1])}", expected=f"version {VERSION}"
                    )
            elif found := _COLLECTION.search(line):
                try:
                    began = datetime.fromisoformat(found[1].decode()).replace(tzinfo=UTC)
                except ValueError:
                    skipped["lines with an impossible date"] += 1
                    continue
                starts.append(began.replace(tzinfo=None))
                kinds.append(f"gen{int(found[2])}")
                durations.append(float(found[3]) / 1e3)
            elif line.strip():
                skipped["cut lines" if b" gc gen=" in line else "lines of other programs"] += 1
    if not recognised and not starts:
        raise Unrecognized(
            "no line of gc.callbacks", where=", ".join(s.name for s in streams), expected=FORMAT
        )
    rows = len(starts)
    both = {
        "start": np.array(starts, dtype="datetime64[us]").astype("datetime64[ns]"),
        "duration_s": np.array(durations, dtype=float),
        "collector": ["CPython"] * rows,
    }
    pauses = tables.PAUSES.build({**both, "kind": [f"gc {kind}" for kind in kinds]})
    collections = tables.COLLECTIONS.build(
        {**both, "kind": kinds, "pauses": np.ones(rows, dtype=int), "pause_s": both["duration_s"]}
    )
    return Parts({"pauses": pauses, "collections": collections}, skipped)
