"""The canonical tables: every telemetry format becomes these, once, at the door, and is checked there.

A `Table` declares its columns with dtype, unit and meaning. `Table.build(columns)` makes a frame of the
declared dtypes from whatever a reader has, filling optional columns that it lacks; `Table.check(frame)`
proves that a frame is that table and hands it back; `Table.empty()` is the absent table.

Conventions: times are `datetime64[ns, UTC]` (NaT where a log has no date); `_s` is seconds as float64;
`_bytes` is Int64, missing (not 0) where unknown; a `share` runs from 0 to 1; ids are text. Service and
instance are "" where nothing names them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from workbench.errors import TableError

TIME = pd.DatetimeTZDtype("ns", "UTC")
TEXT = pd.StringDtype("pyarrow", na_value=float("nan"))  # what pandas 3 calls `str`
MAP = pd.ArrowDtype(pa.map_(pa.string(), pa.string()))  # attributes, labels
CODES = pd.ArrowDtype(pa.list_(pa.int32()))  # frames of a stack, innermost first
FLOAT, INT, COUNT = "float64", "int64", "Int64"  # Int64: whole numbers that may be missing
FLAG = "boolean"  # yes, no or missing


@dataclass(frozen=True)
class Column:
    """One column: its dtype, unit ("" for none), meaning, and whether a value may be missing."""

    name: str
    dtype: Any
    unit: str
    meaning: str
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """A named table: what one row is, and its columns in order."""

    name: str
    row: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]

    def empty(self) -> pd.DataFrame:
        """Give the absent table: no rows, the right columns."""
        return pd.DataFrame({c.name: pd.Series([], dtype=c.dtype) for c in self.columns})

    def build(self, columns: Mapping[str, Any], *, where: str = "") -> pd.DataFrame:
        """Make the checked frame from array-likes by column name; optional columns may be left out.

        Times may be int64 nanoseconds since the epoch, or anything `pandas.to_datetime` takes.
        Raises TableError for an unknown or absent column, unequal lengths or values of the wrong kind.
        """
        unknown = sorted(set(columns) - set(self.names))
        absent = [c.name for c in self.columns if not c.optional and c.name not in columns]
        if unknown or absent:
            raise TableError(
                f"columns unknown {unknown}, absent {absent}",
                where=_place(where, self.name),
                expected=f"columns {self.names}",
            )
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise TableError(f"columns of unequal length {lengths}", where=_place(where, self.name))
        rows = next(iter(lengths.values()), 0)
        made = {}
        for column in self.columns:
            values = columns[column.name] if column.name in columns else _missing(column, rows)
            try:
                made[column.name] = _cast(values, column)
            except (TypeError, ValueError, OverflowError, pa.ArrowException) as error:
                raise TableError(
                    f"values that are not {column.dtype}: {error}",
                    where=_place(where, self.name, column.name),
                    expected=_wants(column),
                ) from error
        return self.check(pd.DataFrame(made), where=where)

    def check(self, frame: pd.DataFrame, *, where: str = "") -> pd.DataFrame:
        """Prove that `frame` is this table and return it; raise TableError naming the first difference."""
        if list(frame.columns) != self.names:
            raise TableError(
                f"columns {list(frame.columns)}", where=_place(where, self.name), expected=f"{self.names}"
            )
        for column in self.columns:
            values = frame[column.name]
            if values.dtype != column.dtype:
                raise TableError(
                    f"dtype {values.dtype}",
                    where=_place(where, self.name, column.name),
                    expected=_wants(column),
                )
            if not column.optional and values.isna().any():
                row = int(values.isna().to_numpy().argmax())
                raise TableError(
                    f"a missing value in row {row}",
                    where=_place(where, self.name, column.name),
                    expected=_wants(column),
                )
            if column.name == "duration_s" and (values < 0).any():
                row = int((values < 0).to_numpy().argmax())
                raise TableError(
                    f"{values.iloc[row]} s in row {row}",
                    where=_place(where, self.name, column.name),
                    expected="a duration of 0 s or more",
                )
        return frame

    def concat(self, frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
        """Join checked frames of this table, in the order given."""
        full = [frame for frame in frames if len(frame)]
        if not full:
            return self.empty()
        return full[0] if len(full) == 1 else pd.concat(full, ignore_index=True)


def _place(where: str, table: str, column: str = "") -> str:
    return ", ".join(part for part in (where, f"table {table}", column and f"column {column}") if part)


def _wants(column: Column) -> str:
    unit = f" in {column.unit}" if column.unit else ""
    return f"{column.dtype}{unit}: {column.meaning}"


def _missing(column: Column, rows: int) -> pd.Series:
    if column.dtype == TEXT:
        text = pa.scalar("" if column.name in ("service", "instance") else None, pa.large_string())
        return pd.Series(pd.arrays.ArrowStringArray(pa.chunked_array([pa.repeat(text, rows)]), dtype=TEXT))
    if column.dtype == MAP:
        return pd.Series(pd.arrays.ArrowExtensionArray(pa.array([[]] * rows, type=MAP.pyarrow_dtype)))
    return pd.Series([None] * rows, dtype=column.dtype)


def _cast(values: Any, column: Column) -> pd.Series:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        values = pd.Series(pd.arrays.ArrowExtensionArray(values))
    if isinstance(values, pd.Series):
        values = values.reset_index(drop=True)
    if column.dtype in (MAP, CODES) and not (isinstance(values, pd.Series) and values.dtype == column.dtype):
        rows = [list(v.items()) if isinstance(v, Mapping) else v for v in values]
        return pd.Series(pd.arrays.ArrowExtensionArray(pa.array(rows, type=column.dtype.pyarrow_dtype)))
    if column.dtype == TIME:
        return pd.Series(pd.to_datetime(values, utc=True)).astype(TIME)
    return pd.Series(values).astype(column.dtype)


def _c(name: str, dtype: Any, unit: str, meaning: str) -> Column:
    return Column(name, dtype, unit, meaning)


def _o(name: str, dtype: Any, unit: str, meaning: str) -> Column:
    return Column(name, dtype, unit, meaning, optional=True)


_WHO = (
    _o("service", TEXT, "", "what is deployed together and scaled together"),
    _o("instance", TEXT, "", "one running copy of the service"),
)
_HEAP = (
    _o("heap_before_bytes", COUNT, "bytes", "heap in use before"),
    _o("heap_after_bytes", COUNT, "bytes", "heap in use after"),
    _o("heap_capacity_bytes", COUNT, "bytes", "heap committed, or the goal where the log has only that"),
)
_CPU = (
    _o("user_s", FLOAT, "s", "CPU time in user mode, over all threads"),
    _o("sys_s", FLOAT, "s", "CPU time in the kernel, over all threads"),
)

SPANS = Table(
    "spans",
    "one span",
    (
        _c("trace_id", TEXT, "", "lower-case hex where the format has bytes"),
        _c("span_id", TEXT, "", "lower-case hex where the format has bytes"),
        _o("parent_id", TEXT, "", "span_id of the parent; missing for a root"),
        *_WHO,
        _c("name", TEXT, "", "operation"),
        _c("kind", TEXT, "", "server, client, producer, consumer, internal or unspecified"),
        _c("start", TIME, "", "start of the span"),
        _c("duration_s", FLOAT, "s", "end minus start"),
        _c("status", TEXT, "", "unset, ok or error"),
        _o("attributes", MAP, "", "attributes as text; values of other kinds as JSON"),
    ),
)
EVENTS = Table(
    "events",
    "one event of a span",
    (
        _c("trace_id", TEXT, "", "trace of the span"),
        _c("span_id", TEXT, "", "the span"),
        _c("time", TIME, "", "when"),
        _c("name", TEXT, "", "what"),
        _o("attributes", MAP, "", "attributes as text"),
    ),
)
LINKS = Table(
    "links",
    "one link from a span to another",
    (
        _c("trace_id", TEXT, "", "trace of the span"),
        _c("span_id", TEXT, "", "the span"),
        _c("linked_trace_id", TEXT, "", "trace of the span linked to"),
        _c("linked_span_id", TEXT, "", "the span linked to"),
        _o("attributes", MAP, "", "attributes as text"),
    ),
)
SERIES = Table(
    "series",
    "one labelled series",
    (
        _c("series", INT, "", "its code in samples"),
        _c("metric", TEXT, "", "metric name"),
        *_WHO,
        _o("labels", MAP, "", "all labels but __name__, as scraped"),
    ),
)
SAMPLES = Table(
    "samples",
    "one value of a series",
    (
        _c("series", INT, "", "code of its series"),
        _o("time", TIME, "", "sample time; missing where a scrape has no date"),
        _o("value", FLOAT, "", "value; NaN and infinities as scraped"),
    ),
)
EXEMPLARS = Table(
    "exemplars",
    "one observation behind a sample, and its trace",
    (
        _c("series", INT, "", "code of its series"),
        _o("time", TIME, "", "when it was observed"),
        _o("value", FLOAT, "", "what was observed"),
        _o("trace_id", TEXT, "", "trace that it belongs to"),
        _o("span_id", TEXT, "", "span that it belongs to"),
        _o("labels", MAP, "", "all labels of the exemplar"),
    ),
)
PAUSES = Table(
    "pauses",
    "one stop of the world",
    (
        *_WHO,
        _o("start", TIME, "", "when it began; missing where the log has no date"),
        _o("uptime_s", FLOAT, "s", "when it began, since the process started"),
        _c("duration_s", FLOAT, "s", "how long all application threads stood still"),
        _c("kind", TEXT, "", "as the log calls it, e.g. Pause Young (Normal)"),
        _o("cause", TEXT, "", "why, e.g. G1 Evacuation Pause"),
        _c("collector", TEXT, "", "Serial, Parallel, CMS, G1, Z, Shenandoah, Epsilon, Go, CPython, V8"),
        _o("cycle", COUNT, "", "id of the cycle that it belongs to, as in collections"),
        *_HEAP,
        *_CPU,
    ),
)
COLLECTIONS = Table(
    "collections",
    "one GC cycle",
    (
        *_WHO,
        _o("cycle", COUNT, "", "its id in the log"),
        _o("start", TIME, "", "when it began; missing where the log has no date"),
        _o("uptime_s", FLOAT, "s", "when it began, since the process started"),
        _o("duration_s", FLOAT, "s", "from its begin to its end, concurrent work included"),
        _c("kind", TEXT, "", "young, mixed, full, concurrent, major, minor, gen0 …"),
        _o("cause", TEXT, "", "why"),
        _c("collector", TEXT, "", "as in pauses"),
        _o("pauses", COUNT, "", "stops of the world in it: none, one or more"),
        _o("pause_s", FLOAT, "s", "their sum"),
        *_HEAP,
        _o("young_before_bytes", COUNT, "bytes", "young generation in use before"),
        _o("young_after_bytes", COUNT, "bytes", "young generation in use after"),
        _o("old_before_bytes", COUNT, "bytes", "old generation in use before"),
        _o("old_after_bytes", COUNT, "bytes", "old generation in use after"),
        _o("promoted_bytes", COUNT, "bytes", "moved from young to old"),
        *_CPU,
    ),
)
FRAMES = Table(
    "frames",
    "one code location that stacks refer to",
    (
        _c("frame", INT, "", "its code in stacks"),
        _c("function", TEXT, "", "function name"),
        _o("file", TEXT, "", "source file"),
        _o("line", COUNT, "", "line in it"),
        _o("inlined", FLAG, "", "whether the compiler put it inside the frame that calls it"),
    ),
)
STACKS = Table(
    "stacks",
    "one sample or weight of one sample type",
    (
        *_WHO,
        _o("start", TIME, "", "when it was taken; missing in aggregated profiles"),
        _o("thread", TEXT, "", "thread name or id"),
        _c("frames", CODES, "", "frame codes, innermost first"),
        _c("type", TEXT, "", "sample type: samples, cpu, alloc_space, wall …"),
        _c("value", FLOAT, "by unit", "weight"),
        _c("unit", TEXT, "", "count, seconds, bytes …"),
        _o("labels", MAP, "", "labels of the sample"),
    ),
)
LOGS = Table(
    "logs",
    "one log record",
    (
        *_WHO,
        _o("time", TIME, "", "when"),
        _o("level", TEXT, "", "severity, lower case"),
        _c("message", TEXT, "", "the message"),
        _o("trace_id", TEXT, "", "trace that it belongs to"),
        _o("span_id", TEXT, "", "span that it belongs to"),
        _o("attributes", MAP, "", "other fields as text"),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        SPANS,
        EVENTS,
        LINKS,
        SERIES,
        SAMPLES,
        EXEMPLARS,
        PAUSES,
        COLLECTIONS,
        FRAMES,
        STACKS,
        LOGS,
    )
}
