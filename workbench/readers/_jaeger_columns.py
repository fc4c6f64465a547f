"""Large Jaeger JSON read as cells: no Python object per span or tag.

Spans that share an id, times that are no whole numbers and the like are left to the caller, who goes span by
span; the answer is None then.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import orjson
import pandas as pd

from workbench import tables
from workbench.readers import _cells_columns as columns
from workbench.readers._cells import NESTED, REFUSE, TEXT, Cells, Layout, Leaf, Rows, scan
from workbench.readers._cells_columns import Irregular, Names, Pairs, owners
from workbench.readers._cells_json import scan_json
from workbench.readers._seam import Parts
from workbench.readers._spans import KINDS

_CHILD_OF = "CHILD_OF"


def _tags(table: str) -> Rows:
    return Rows(table, {"key": "key", "value": Leaf("value", 1, nested=True)})


_SPAN = {
    "traceID": "trace_id",
    "spanID": "span_id",
    "operationName": "name",
    "references": Rows("references", {"refType": "kind", "traceID": "trace_id", "spanID": "span_id"}),
    "startTime": "start",
    "duration": "duration",
    "tags": _tags("pairs of spans"),
    "logs": Rows("events", {"timestamp": "time", "fields": _tags("pairs of events")}),
    "processID": "process",
    "warnings": Leaf("warnings", nested=True),
    "parentSpanID": "parent_id",
    "process": REFUSE,
}
_TRACE = {
    "traceID": "trace_id",
    "spans": Rows("spans", _SPAN),
    "processes": Rows(
        "processes", {"serviceName": "service", "tags": _tags("pairs of processes")}, key="key"
    ),
    "warnings": Leaf("warnings", nested=True),
}
_LAYOUT = Layout(
    {"data": Rows("traces", _TRACE), "errors": Leaf("errors", nested=True)}, listed=Rows("traces", _TRACE)
)


def read(content: bytes) -> tuple[Parts, list[Any], Counter[str]] | None:
    """Read an answer, or a list of traces; also give its errors, and the warnings of traces and spans.

    None if any of it is irregular.
    """
    found = scan(content, _LAYOUT, scan_json) if columns.is_utf8(content) else None
    if found is None or found.rows("documents") != 1:
        return None
    found.is_text = True
    try:
        errors = [error for told in _told_lists(found, found["documents", "errors"]) for error in told]
        return _parts(found), errors, _warnings(found)
    except Irregular:
        return None


def _parts(found: Cells) -> Parts:
    in_trace, names = found.first("traces", "spans"), Names(found)
    trace = owners(in_trace)
    if not found.rows("spans") or not np.diff(in_trace).all():
        raise Irregular
    own_id, of_trace = (columns.require(found[table, "trace_id"], 0, TEXT) for table in ("spans", "traces"))
    trace_id = columns.filled(own_id, of_trace[trace])
    span_id = columns.full(columns.require(found["spans", "span_id"], TEXT))
    tags = _pairs(found, names, "spans")
    process, service, instance, inherited, unknown = _processes(found, names, trace)
    parent, of_parent = _parents(found, in_trace, trace_id, span_id)
    spans = {
        "trace_id": columns.strings(found, columns.full(trace_id)),
        "span_id": columns.strings(found, span_id),
        "parent_id": columns.strings(found, parent, missing=columns.empty(parent)),
        "service": columns.repeated(service, process),
        "instance": columns.repeated(instance, process),
        "name": columns.strings(found, columns.require(found["spans", "name"], 0, TEXT)),
        "kind": columns.named(
            found, tags.values_of(names.code("span.kind")), dict(zip(KINDS, KINDS, strict=True)), KINDS[0]
        ),
        "start": columns.times_of_us(found, found["spans", "start"]),
        "duration_s": columns.durations(found, found["spans", "duration"]),
        "status": columns.statuses(found, names, tags, fine=("false", "", "0")),
        "attributes": columns.maps(found, tags, names, inherited, process),
    }
    frames = {"spans": tables.SPANS.build(spans)}
    if found.rows("events"):
        frames["events"] = _events(found, spans)
    links = np.setdiff1d(np.arange(found.rows("references")), of_parent)
    if len(links):
        frames["links"] = _links(found, spans, trace_id, links)
    skipped = Counter({"process of a span that is kept without service": unknown} if unknown else {})
    return Parts(frames, skipped)


def _processes(
    found: Cells, names: Names, trace: np.ndarray
) -> tuple[np.ndarray, list[str], list[str], Pairs, int]:
    """Give the process of each span, and services, instances and shared tags of all; the last is nobody's."""
    tags = _pairs(found, names, "processes")
    services = columns.texts_of(found, columns.require(found["processes", "service"], 0, TEXT))
    instances = columns.texts_of(found, tags.values_of(names.code("service.instance.id")))
    kept_apart = tuple(n for n, key in enumerate(names.texts()) if key.startswith("service."))
    shared = columns.deduplicated(tags, names, kept_apart)
    shared.first = np.append(shared.first, shared.first[-1])

    keys = Names(found)
    own = keys.codes(found["processes", "key"])
    wanted = columns.require(found["spans", "process"], 0, TEXT)
    codes = keys.codes(wanted)
    own_trace = owners(found.first("traces", "processes"))
    known, asked = own_trace * len(keys) + own, trace * len(keys) + codes
    order = np.argsort(known, kind="stable")
    if len(np.unique(known)) < len(known):
        raise Irregular
    at = np.searchsorted(known[order], asked)
    at[at == len(known)] = 0
    met = (known[order][at] == asked) & (wanted != 0) if len(known) else np.zeros(len(asked), np.bool_)
    process = np.where(met, order[at] if len(known) else 0, len(known))
    return process, [*services, ""], [*instances, ""], shared, int((~met).sum())


def _parents(
    found: Cells, in_trace: np.ndarray, trace_id: np.ndarray, span_id: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give the parents' ids, and which references tell them: the best of those inside the trace."""
    names, first = Names(found, len(span_id)), found.first("spans", "references")
    codes = names.codes(span_id)
    if columns.repeats(in_trace, codes, names):
        raise Irregular  # a span told twice, or two that share an id
    owner = owners(first)
    told_trace, told_span, kind = _references(found, trace_id[owner])
    resolved = np.zeros(len(owner), np.bool_)
    several = np.flatnonzero(np.diff(first)[owner] > 1)
    if len(several):
        asked, trace = names.codes(told_span[several]), owners(in_trace)
        known = trace * len(names) + codes
        resolved[several] = np.isin(trace[owner[several]] * len(names) + asked, known)
    child_of = columns.alike(found, kind, np.full(len(kind), found.constant(_CHILD_OF)))
    inside = columns.alike(found, told_trace, trace_id[owner])
    rank = np.where(inside, np.where(resolved, np.where(child_of, 0, 1), 2), 3) * len(owner)
    parent = np.array(columns.require(found["spans", "parent_id"], 0, TEXT))
    telling = np.flatnonzero(np.diff(first))
    best = np.minimum.reduceat(rank + np.arange(len(owner)), first[telling]) if len(telling) else rank
    chosen = best[best < 3 * len(owner)] % max(len(owner), 1)
    parent[owner[chosen]] = columns.full(told_span[chosen])
    return parent, chosen


def _references(found: Cells, own_trace: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give trace, span and kind of each reference, with what stands for those that are absent."""
    trace, span, kind = (
        columns.require(found["references", column], 0, TEXT) for column in ("trace_id", "span_id", "kind")
    )
    child_of = np.full(len(kind), found.constant(_CHILD_OF))
    return columns.filled(trace, own_trace), span, columns.filled(kind, child_of)


def _events(found: Cells, spans: dict[str, Any]) -> pd.DataFrame:
    names, owner = Names(found), owners(found.first("spans", "events"))
    fields, event = _pairs(found, names, "events"), names.code("event")
    return tables.EVENTS.build(
        {
            "trace_id": columns.again(spans["trace_id"], owner),
            "span_id": columns.again(spans["span_id"], owner),
            "time": columns.times_of_us(found, found["events", "time"]),
            "name": columns.strings(found, fields.values_of(event)),
            "attributes": columns.own_maps(found, fields, names, (event,)),
        }
    )


def _links(found: Cells, spans: dict[str, Any], trace_id: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
    owner = owners(found.first("spans", "references"))
    told_trace, told_span, kind = (cells[rows] for cells in _references(found, trace_id[owner]))
    names, key = Names(found), np.full(len(rows), found.constant("refType"))
    about = Pairs(np.arange(len(rows) + 1), key, kind, names.codes(key))
    return tables.LINKS.build(
        {
            "trace_id": columns.again(spans["trace_id"], owner[rows]),
            "span_id": columns.again(spans["span_id"], owner[rows]),
            "linked_trace_id": columns.strings(found, told_trace),
            "linked_span_id": columns.strings(found, told_span),
            "attributes": columns.own_maps(found, about, names),
        }
    )


def _pairs(found: Cells, names: Names, table: str) -> Pairs:
    own = f"pairs of {table}"
    keys, values = columns.require(found[own, "key"], TEXT), found[own, "value"]
    return Pairs(found.first(table, own), keys, columns.json_texts(found, values), names.codes(keys))


def _told_lists(found: Cells, cells: np.ndarray) -> list[list[Any]]:
    told = [orjson.loads(written) for written in columns.raw(found, cells[columns.has_shape(cells, NESTED)])]
    return [one for one in told if isinstance(one, list)]


def _warnings(found: Cells) -> Counter[str]:
    """Count the warnings of traces and of their spans, in the order in which the plain reader meets them."""
    of_spans, of_traces = found["spans", "warnings"], found["traces", "warnings"]
    trace = owners(found.first("traces", "spans"))
    met = [(row, -1, cell) for row, cell in enumerate(of_traces.tolist()) if cell]
    met += [(trace[row], row, of_spans[row]) for row in np.flatnonzero(of_spans).tolist()]
    cells = np.array([cell for _, _, cell in sorted(met)], np.int64)
    return Counter(str(warning) for told in _told_lists(found, cells) for warning in told)
