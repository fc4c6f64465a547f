"""Pauses and GC cycles as rows while a log is being read, and the two tables that they become.

What readers of GC logs share: a log of theirs is told block by block what was written, and what it has found
at the end becomes tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench import tables
from workbench.errors import Unrecognized
from workbench.readers._json import collector_resting
from workbench.readers._lines import log_blocks
from workbench.readers._seam import Parts, Stream

UNITS = {b"B": 1, b"K": 1024, b"M": 1024**2, b"G": 1024**3}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_ns(date: bytes) -> int | None:
    """Read 2016-04-12T18:00:00.565+0000; None where no calendar or table has such a time."""
    try:
        when = datetime.fromisoformat(date.decode())
    except ValueError:
        return None
    return (when - _EPOCH) // timedelta(microseconds=1) * 1000 if 1970 < when.year < 2262 else None


def real(text: bytes) -> float:
    """Read a number that may have a decimal comma."""
    return float(text.replace(b",", b"."))


def in_bytes(count: bytes, unit: bytes) -> int:
    """Read a size such as 78656 K."""
    return int(count) * UNITS[unit]


class Stamp(NamedTuple):
    """When a line was written: nanoseconds since the epoch and seconds since the start, where it says so."""

    epoch_ns: int | None = None
    uptime_s: float | None = None

    def before(self, duration_s: float) -> Stamp:
        """Give the stamp of `duration_s` earlier, but not before the process started."""
        return Stamp(
            None if self.epoch_ns is None else self.epoch_ns - round(duration_s * 1e9),
            None if self.uptime_s is None else max(0.0, self.uptime_s - duration_s),
        )

    def since(self, other: Stamp) -> float | None:
        """Give the seconds from `other` to this, not less than 0; None where no clock tells."""
        if self.uptime_s is not None and other.uptime_s is not None:
            return max(0.0, self.uptime_s - other.uptime_s)
        if self.epoch_ns is not None and other.epoch_ns is not None:
            return max(0, self.epoch_ns - other.epoch_ns) / 1e9
        return None


class Heap(NamedTuple):
    """Bytes in use before and after, and committed."""

    before: int | None = None
    after: int | None = None
    capacity: int | None = None


UNKNOWN = Heap()


@dataclass(slots=True)
class Pause:
    """One stop of the world."""

    start: Stamp
    duration_s: float
    kind: str
    cause: str | None = None
    cycle: int | None = None
    heap: Heap = UNKNOWN
    user_s: float | None = None
    sys_s: float | None = None
    collector: str = ""


@dataclass(slots=True)
class Cycle:
    """One GC cycle; what is not known of it is None."""

    number: int
    start: Stamp | None = None
    end: Stamp | None = None
    duration_s: float | None = None
    kind: str = "concurrent"
    cause: str | None = None
    pauses: int = 0
    pause_s: float = 0.0
    pauses_logged: bool = True
    heap: Heap = UNKNOWN
    young: tuple[int, int] | None = None
    old: tuple[int, int] | None = None
    promoted: int | None = None
    user_s: float | None = None
    sys_s: float | None = None
    collector: str = ""
    last: Pause | None = None  # the pause that a line of CPU times right behind it speaks of
    whole: bool = False  # the cycle is one stop of the world
    holds_full: bool = False  # a full collection happened inside its pause


class Log(Protocol):
    """What was found so far in a log that may hold the runs of several processes."""

    pauses: list[Pause]
    collections: list[Cycle]
    skipped: Counter[str]

    def end_run(self) -> None:
        """Close the log of one process: what has begun and not ended by now never will."""
        ...

    def notes(self) -> list[str]:
        """Say what a reader of the tables should know."""
        ...


Kind = TypeVar("Kind", bound=Log)


def read_log(
    log: Kind,
    take: Callable[[Kind, bytes], None],
    streams: Sequence[Stream],
    sniff: Callable[[bytes], bool],
    name: str,
) -> Parts:
    """Have the log take each block of lines; raise Unrecognized if nothing in it is of the format `name`."""
    with collector_resting():  # rows by the ten thousand, and no cycles among them
        for stream in streams:
            for block in log_blocks(stream):
                take(log, block)
        log.end_run()
    if not (log.pauses or log.collections or any(sniff(stream.head()) for stream in streams)):
        raise Unrecognized("no line of it", where=", ".join(s.name for s in streams), expected=name)
    return Parts(frames(log.pauses, log.collections), log.skipped, log.notes())


def frames(pauses: Sequence[Pause], cycles: Sequence[Cycle]) -> dict[str, pd.DataFrame]:
    """Make the tables `pauses` and `collections`."""
    pause_columns = {**_shared(pauses), "cycle": _whole([p.cycle for p in pauses])}
    cycle_columns = {
        **_shared(cycles),
        "cycle": [c.number for c in cycles],
        "pauses": _whole([c.pauses if c.pauses_logged else None for c in cycles]),
        "pause_s": _real([c.pause_s if c.pauses_logged else None for c in cycles]),
        "young_before_bytes": _whole([c.young and c.young[0] for c in cycles]),
        "young_after_bytes": _whole([c.young and c.young[1] for c in cycles]),
        "old_before_bytes": _whole([c.old and c.old[0] for c in cycles]),
        "old_after_bytes": _whole([c.old and c.old[1] for c in cycles]),
        "promoted_bytes": _whole([c.promoted for c in cycles]),
    }
    return {
        "pauses": tables.PAUSES.build(pause_columns),
        "collections": tables.COLLECTIONS.build(cycle_columns),
    }


def _shared(rows: Sequence[Pause] | Sequence[Cycle]) -> dict:
    starts = [row.start or Stamp() for row in rows]
    never = np.iinfo(np.int64).min  # NaT
    epoch_ns = np.array([never if s.epoch_ns is None else s.epoch_ns for s in starts], dtype=np.int64)
    return {
        "start": epoch_ns.view("datetime64[ns]"),
        "uptime_s": _real([s.uptime_s for s in starts]),
        "duration_s": _real([row.duration_s for row in rows]),
        "kind": _text([row.kind for row in rows]),
        "cause": _text([row.cause for row in rows]),
        "collector": _text([row.collector for row in rows]),
        "heap_before_bytes": _whole([row.heap.before for row in rows]),
        "heap_after_bytes": _whole([row.heap.after for row in rows]),
        "heap_capacity_bytes": _whole([row.heap.capacity for row in rows]),
        "user_s": _real([row.user_s for row in rows]),
        "sys_s": _real([row.sys_s for row in rows]),
    }


def _real(values: Sequence[float | None]) -> np.ndarray:
    return pa.array(values, pa.float64()).to_numpy(zero_copy_only=False)  # None becomes NaN


def _whole(values: Sequence[int | None]) -> pd.api.extensions.ExtensionArray:
    column = pa.array(values, pa.int64())
    numbers, missing = column.fill_null(0).to_numpy(), column.is_null().to_numpy(zero_copy_only=False)
    return pd.arrays.IntegerArray(numbers.copy(), missing)


def _text(values: Sequence[str | None]) -> pd.api.extensions.ExtensionArray:
    return pd.arrays.ArrowStringArray(pa.array(values, pa.large_string()), dtype=tables.TEXT)
