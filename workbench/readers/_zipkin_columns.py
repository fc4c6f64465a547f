"""Large Zipkin JSON read as cells: no Python object per span or tag.

Spans told in pieces, those of version 1, times that are no whole numbers and the like are left to the caller,
who goes span by span; the answer is None then.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench import tables
from workbench.readers import _cells_columns as columns
from workbench.readers import _zipkin as zipkin
from workbench.readers._cells import REFUSE, STRICT, TEXT, WHOLE, WORD, Cells, Layout, Leaf, Rows, scan
from workbench.readers._cells_columns import Irregular, Names, Pairs, owners
from workbench.readers._cells_json import scan_json
from workbench.readers._seam import Parts
from workbench.readers._spans import KINDS


def _endpoint(side: str) -> dict[str, str]:
    return {
        "serviceName": f"{side} service",
        "ipv4": f"{side} ipv4",
        "ipv6": f"{side} ipv6",
        "port": f"{side} port",
    }


_SPAN = {
    "traceId": "trace_id",
    "id": "span_id",
    "parentId": "parent_id",
    "kind": "kind",
    "name": "name",
    "timestamp": "start",
    "duration": "duration",
    "localEndpoint": _endpoint("local"),
    "remoteEndpoint": _endpoint("remote"),
    "annotations": Rows("events", {"timestamp": "time", "value": "name", "endpoint": REFUSE}),
    "tags": Rows("tags", Leaf("value", 1, nested=True), key="key"),
    "shared": "shared",
    "binaryAnnotations": REFUSE,
}
_LAYOUT = Layout({STRICT: True}, listed=Rows("spans", _SPAN, grouped=True))


def read(content: bytes) -> Parts | None:
    """Read a list of spans or of lists of them, or lines of such; None if any of it is irregular."""
    found = scan(content, _LAYOUT, scan_json) if columns.is_utf8(content) else None
    if found is None or not columns.on_lines(found) or not found.rows("spans"):
        return None
    found.is_text = True
    try:
        return _parts(found)
    except Irregular:
        return None


def _parts(found: Cells) -> Parts:
    names = Names(found)
    keys = columns.require(found["tags", "key"], TEXT)
    values = columns.json_texts(found, found["tags", "value"])
    tags = Pairs(found.first("spans", "tags"), keys, values, names.codes(keys))
    trace_id, span_id, parent_id = _ids(found)
    start = columns.times_of_us(found, found["spans", "start"])
    durations = columns.durations(found, found["spans", "duration"])
    spans = {
        "trace_id": trace_id,
        "span_id": span_id,
        "parent_id": parent_id,
        "service": columns.strings(found, _service(found, names, tags)),
        "instance": _instance(found, names, tags),
        "name": columns.strings(found, columns.require(found["spans", "name"], 0, TEXT)),
        "kind": _kind(found),
        "start": start,
        "duration_s": durations,
        "status": columns.statuses(found, names, tags, fine=("false",)),
        "attributes": _attributes(found, names, tags),
    }
    frames = {"spans": tables.SPANS.build(spans)}
    if found.rows("events"):
        frames["events"] = _events(found, spans)
    return Parts(frames, notes=zipkin.silent(int((durations == 0).sum())))


def _ids(found: Cells) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Give ids of traces, spans and parents; refuse a span that is told in pieces."""
    trace, span, parent = (
        columns.rewritten_ids(found, columns.require(found["spans", f"{whose}_id"], 0, TEXT), zipkin.hex_id)
        for whose in ("trace", "span", "parent")
    )
    names = Names(found, len(span))
    codes = names.codes(span)
    if len(names) < len(span):
        traces = Names(found)
        if not pd.Index(traces.codes(trace) * np.int64(len(names)) + codes).is_unique:
            raise Irregular
    nobody = columns.zeros(found, parent) | columns.alike(found, parent, span)
    return (
        columns.strings(found, columns.full(trace)),
        columns.strings(found, columns.full(span)),
        columns.strings(found, np.where(nobody, 0, parent), missing=nobody),
    )


def _service(found: Cells, names: Names, tags: Pairs) -> np.ndarray:
    local = columns.require(found["spans", "local service"], 0, TEXT)
    return columns.filled(local, tags.values_of(names.code("service.name")))


def _instance(found: Cells, names: Names, tags: Pairs) -> pd.Series:
    """Name instances by their tag or their address, of which there are few."""
    tag = tags.values_of(names.code("service.instance.id"))
    ipv4, ipv6, port = (found["spans", f"local {one}"] for one in ("ipv4", "ipv6", "port"))
    texts, seen = Names(found), np.zeros(len(tag), np.int64)
    for cells, shape in ((tag, None), (ipv4, TEXT), (ipv6, TEXT), (port, WHOLE)):
        if shape:
            columns.require(cells, 0, shape)
        codes = texts.codes(cells)
        seen = pd.factorize(seen * len(texts) + codes)[0]
    first = np.unique(seen, return_index=True)[1]
    told = zip(*(columns.texts_of(found, cells[first]) for cells in (tag, ipv4, ipv6, port)), strict=True)
    named = [
        instance or zipkin.address({"ipv4": four, "ipv6": six, "port": int(number or 0)})
        for instance, four, six, number in told
    ]
    return columns.repeated(named, seen)


def _kind(found: Cells) -> pd.Series:
    names, kind = Names(found), columns.require(found["spans", "kind"], 0, TEXT)
    shared = columns.require(found["spans", "shared"], 0, WORD)
    codes = names.codes(kind)
    texts = [text.lower() if text.lower() in KINDS else KINDS[0] for text in names.texts()]
    is_server = columns.empty(kind) & columns.alike(
        found, shared, np.full(len(shared), found.constant("true"))
    )
    return columns.repeated([*texts, "server"], np.where(is_server, len(texts), codes))


def _attributes(found: Cells, names: Names, tags: Pairs) -> pd.Series:
    """Give tags and the other side, without what has a column of its own."""
    service, ipv4, ipv6 = (
        columns.require(found["spans", f"remote {one}"], 0, TEXT) for one in ("service", "ipv4", "ipv6")
    )
    port = columns.require(found["spans", "remote port"], 0, WHOLE)
    port = np.where(columns.whole_numbers(found, port) > 0, port, 0)
    told = tags
    for key, cells in zip(zipkin.PEER, (service, columns.filled(ipv4, ipv6), port), strict=True):
        told = columns.appended(told, names, found, key, cells)
    return columns.own_maps(found, told, names, tuple(names.code(key) for key in zipkin.OWN_COLUMNS))


def _events(found: Cells, spans: dict[str, Any]) -> pd.DataFrame:
    """Give annotations in the order of time, each once."""
    owner = owners(found.first("spans", "events"))
    times = columns.times_of_us(found, found["events", "time"])
    texts = columns.require(found["events", "name"], TEXT)
    if ((np.diff(times.view(np.int64)) <= 0) & (np.diff(owner) == 0)).any():
        names = Names(found)
        codes = names.codes(texts)
        place = np.argsort(np.argsort(np.array(names.texts(), object)))[codes]
        order = np.lexsort((place, times, owner))
        row = np.stack([owner, times.view(np.int64), codes])[:, order]
        order = order[np.concatenate([[True], (np.diff(row) != 0).any(axis=0)])]
        owner, times, texts = owner[order], times[order], texts[order]
    return tables.EVENTS.build(
        {
            "trace_id": columns.again(spans["trace_id"], owner),
            "span_id": columns.again(spans["span_id"], owner),
            "time": times,
            "name": columns.strings(found, texts),
            "attributes": columns.own_maps(found, columns.no_pairs(len(owner)), Names(found)),
        }
    )
