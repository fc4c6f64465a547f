"""Spans with their events and links, gathered as flat lists and turned into the tables at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from workbench import tables
from workbench.errors import Malformed
from workbench.readers import _cells, _json
from workbench.readers._seam import Parts, Stream

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")  # in the order of OTLP
STATUSES = ("unset", "ok", "error")

_LATEST_NS = 2**63  # nanoseconds in 64 bits end in the year 2262
_TABLES = (tables.SPANS, tables.EVENTS, tables.LINKS)


class SpanColumns:
    """The three tables of traces in the making; `add` takes one span, `parts` gives what came of all."""

    def __init__(self, *, earliest_ns: int = 1) -> None:
        self.skipped: Counter[str] = Counter()
        self._earliest_ns = earliest_ns
        self.notes: list[str] = []
        self._backwards = 0
        self._spans: dict[str, list] = {name: [] for name in tables.SPANS.names if name != "attributes"}
        self._events: dict[str, list] = {name: [] for name in tables.EVENTS.names if name != "attributes"}
        self._links: dict[str, list] = {name: [] for name in tables.LINKS.names if name != "attributes"}
        self._maps = {name: _Maps() for name in ("spans", "events", "links")}

    def add(
        self,
        trace_id: str,
        span_id: str,
        parent_id: str | None,
        *,
        service: str,
        instance: str,
        name: str,
        kind: str,
        start_ns: int,
        duration_ns: int,
        status: str,
        attributes: dict[str, str],
    ) -> bool:
        """Take a span; False if it cannot be one, which is counted."""
        if not (trace_id and span_id):
            self.skipped["span without trace id or span id"] += 1
            return False
        if not self._earliest_ns <= start_ns < _LATEST_NS:
            self.skipped["span without a start, or after the year 2262"] += 1
            return False
        if duration_ns < 0:
            self._backwards += 1
            duration_ns = 0
        spans = self._spans
        spans["trace_id"].append(trace_id)
        spans["span_id"].append(span_id)
        spans["parent_id"].append(parent_id)
        spans["service"].append(service)
        spans["instance"].append(instance)
        spans["name"].append(name)
        spans["kind"].append(kind)
        spans["start"].append(start_ns)
        spans["duration_s"].append(duration_ns)
        spans["status"].append(status)
        self._maps["spans"].add(attributes)
        return True

    def add_event(
        self, trace_id: str, span_id: str, time_ns: int, name: str, attributes: dict[str, str]
    ) -> None:
        """Take an event of a span that was taken."""
        if not self._earliest_ns <= time_ns < _LATEST_NS:
            self.skipped["event without a time, or after the year 2262"] += 1
            return
        events = self._events
        events["trace_id"].append(trace_id)
        events["span_id"].append(span_id)
        events["time"].append(time_ns)
        events["name"].append(name)
        self._maps["events"].add(attributes)

    def add_link(self, trace_id: str, span_id: str, to: tuple[str, str], attributes: dict[str, str]) -> None:
        """Take a link from a span that was taken to (trace, span)."""
        links = self._links
        links["trace_id"].append(trace_id)
        links["span_id"].append(span_id)
        links["linked_trace_id"].append(to[0])
        links["linked_span_id"].append(to[1])
        self._maps["links"].add(attributes)

    def parts(self, name: str) -> Parts:
        """Build the tables, of the files called `name`; those without rows are left out, except spans."""
        self.notes += backwards(self._backwards)
        frames = {}
        for table, columns in zip(_TABLES, (self._spans, self._events, self._links), strict=True):
            if columns["span_id"] or table is tables.SPANS:
                try:
                    made: dict[str, Any] = {
                        column: _array(column, values) for column, values in columns.items()
                    }
                    made["attributes"] = self._maps[table.name].array()
                except (TypeError, ValueError, OverflowError) as error:  # Arrow's are of these kinds too
                    raise Malformed(
                        f"{name}, {table.name}",
                        f"an id, name or key that is not text: {error}",
                        remedy="export the traces again",
                    ) from error
                frames[table.name] = table.build(made)
        return Parts(frames, self.skipped, self.notes)


def backwards(count: int) -> list[str]:
    """Give the note on spans whose clocks went back, if there are any."""
    return [f"{count} spans end before they start; their duration is taken as 0"] if count else []


def large(streams: tuple[Stream, ...], scanner: str, read: Callable[[bytes], Parts | None]) -> Parts | None:
    """Join what `read` gives of each stream; None if any is irregular, or too small for compiled code."""
    made = []
    for stream in streams:
        content = stream.content()
        parts = read(content) if _cells.pay(len(content), scanner) else None
        if parts is None:
            return None
        made.append(parts)
    names = [table.name for table in _TABLES if any(table.name in parts.frames for parts in made)]
    return Parts(
        {n: tables.TABLES[n].concat([p.frames[n] for p in made if n in p.frames]) for n in names},
        sum((parts.skipped for parts in made), Counter()),
        [note for parts in made for note in parts.notes],
    )


class _Maps:
    """A map column in the making."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.items: list[str] = []
        self.offsets = [0]

    def add(self, pairs: dict[str, str]) -> None:
        self.keys.extend(pairs)
        self.items.extend(pairs.values())
        self.offsets.append(len(self.keys))

    def array(self) -> pa.MapArray:
        return _json.map_column(self.keys, self.items, self.offsets)


def _array(name: str, values: list) -> pa.Array | np.ndarray:
    if name in ("start", "time"):
        return np.array(values, dtype="int64").view("datetime64[ns]")
    if name == "duration_s":
        return np.array(values, dtype="int64") / 1e9
    return pa.array(values, pa.string())
