"""Large OTLP, JSON or protobuf, read as cells: no Python object per span or attribute.

Only what is regular is read here, which is what exporters write; for anything else (an id in base64, a span
without times, an attribute's value of a kind that OTLP lacks) the answer is None, and the caller goes span by
span.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import orjson
import pandas as pd

from workbench import tables
from workbench.errors import Malformed
from workbench.readers import _cells_columns as columns
from workbench.readers import _otlp
from workbench.readers._cells import (
    FIXED,
    NESTED,
    REAL,
    REFUSE,
    STRICT,
    TEXT,
    VARINT,
    WHOLE,
    Cells,
    Layout,
    Leaf,
    Rows,
    scan,
)
from workbench.readers._cells_binary import fixed, hex_ids, varints
from workbench.readers._cells_columns import Irregular, Names, Pairs, owners
from workbench.readers._cells_json import scan_json
from workbench.readers._cells_protobuf import scan_protobuf
from workbench.readers._seam import Parts
from workbench.readers._spans import KINDS, STATUSES, backwards

_DESCRIPTION = "otel.status_description"
_STRING, _BOOL, _INT, _DOUBLE, _ARRAY, _PAIRS, _BYTES = range(1, 8)  # as protobuf numbers them


class _Spelling(NamedTuple):
    """How a format writes ids, times, values of attributes, and choices by name or number."""

    ids: Callable[..., pd.Series]
    times: Callable[[Cells, np.ndarray], np.ndarray]
    values: Callable[[Cells, np.ndarray], np.ndarray]
    named: Callable[[Cells, np.ndarray, dict[Any, str], str], pd.Series]
    keys: tuple[int, ...]  # the shapes of attributes' keys; protobuf leaves empty ones out


def read_json(content: bytes, kinds: dict[Any, str], statuses: dict[Any, str]) -> Parts | None:
    """Read an export request, or lines of them; None if any of it is irregular."""
    found = scan(content, _JSON, scan_json) if columns.is_utf8(content) else None
    if found is None or not columns.on_lines(found):
        return None
    found.is_text = True
    return _parts(
        found, _Spelling(_json_ids, _json_times, _json_values, _json_named, (TEXT,)), kinds, statuses
    )


def read_protobuf(content: bytes, framing: int, nested: Callable[[int, bytes], str]) -> Parts | None:
    """Read an export request, or a stream of them; None if any of it is irregular.

    `nested` gives the text of an AnyValue that has so many bytes in this field of it.
    """

    def values(found: Cells, cells: np.ndarray) -> np.ndarray:
        return _binary_values(found, cells, nested)

    found = scan(content, _PROTOBUF, scan_protobuf, framing)
    if found is None:
        return None
    return _parts(
        found,
        _Spelling(hex_ids, _fixed_times, values, _numbered, (0, TEXT)),
        dict(enumerate(KINDS)),
        dict(enumerate(STATUSES)),
    )


def _layout(spelled: Callable[[str, int], Any]) -> Layout:
    """Lay out both alike; `spelled` chooses between the name and the number of a member."""
    s = spelled
    value = {
        STRICT: True,
        s("stringValue", 1): Leaf("value", _STRING),
        s("boolValue", 2): Leaf("value", _BOOL),
        s("intValue", 3): Leaf("value", _INT),
        s("doubleValue", 4): Leaf("value", _DOUBLE),
        s("arrayValue", 5): Leaf("value", _ARRAY, nested=True),
        s("kvlistValue", 6): Leaf("value", _PAIRS, nested=True),
        s("bytesValue", 7): Leaf("value", _BYTES),
    }

    def pairs(table: str) -> Rows:
        return Rows(table, {s("key", 1): "key", s("value", 2): value})

    event = {
        s("timeUnixNano", 1): "time",
        s("name", 2): "name",
        s("attributes", 3): pairs("pairs of events"),
    }
    link = {
        s("traceId", 1): "trace_id",
        s("spanId", 2): "span_id",
        s("attributes", 4): pairs("pairs of links"),
    }
    span = {
        s("traceId", 1): "trace_id",
        s("spanId", 2): "span_id",
        s("parentSpanId", 4): "parent_id",
        s("name", 5): "name",
        s("kind", 6): "kind",
        s("startTimeUnixNano", 7): "start",
        s("endTimeUnixNano", 8): "end",
        s("attributes", 9): pairs("pairs of spans"),
        s("events", 11): Rows("events", event),
        s("links", 13): Rows("links", link),
        s("status", 15): {s("message", 2): "message", s("code", 3): "code"},
    }
    scope_spans = {
        s("scope", 1): {s("name", 1): "name", s("version", 2): "version"},
        s("spans", 2): Rows("spans", span),
        s("instrumentationLibrary", -1): REFUSE,
    }
    resource_spans = {
        s("resource", 1): {s("attributes", 1): pairs("pairs of resources")},
        s("scopeSpans", 2): Rows("scopes", scope_spans),
        s("instrumentationLibrarySpans", 1000): REFUSE,
    }
    return Layout({STRICT: True, s("resourceSpans", 1): Rows("resources", resource_spans)})


_JSON = _layout(lambda name, number: name)
_PROTOBUF = _layout(lambda name, number: number)


def _parts(
    found: Cells, spelling: _Spelling, kinds: dict[Any, str], statuses: dict[Any, str]
) -> Parts | None:
    try:
        return _tables(found, spelling, kinds, statuses)
    except (Irregular, Malformed):  # of which the plain reader tells the place
        return None


def _tables(found: Cells, spelling: _Spelling, kinds: dict[Any, str], statuses: dict[Any, str]) -> Parts:
    if not found.rows("spans"):
        raise Irregular
    names, owner = Names(found), owners(found.first("scopes", "spans"))
    services, instances, inherited = _heirlooms(found, spelling, names)
    resource = owners(found.first("resources", "scopes"))[owner]
    start, end = (spelling.times(found, found["spans", edge]) for edge in ("start", "end"))
    own = _pairs(found, spelling, names, "spans")
    message = columns.require(found["spans", "message"], 0, TEXT)
    own = columns.appended(own, names, found, _DESCRIPTION, message)
    spans = {
        "trace_id": spelling.ids(found, found["spans", "trace_id"], 32),
        "span_id": spelling.ids(found, found["spans", "span_id"], 16),
        "parent_id": spelling.ids(found, found["spans", "parent_id"], 16, optional=True),
        "service": columns.repeated(services, resource),
        "instance": columns.repeated(instances, resource),
        "name": columns.strings(found, columns.require(found["spans", "name"], 0, TEXT)),
        "kind": spelling.named(found, found["spans", "kind"], kinds, "unspecified"),
        "start": start.view("datetime64[ns]"),
        "duration_s": np.maximum(end - start, 0) / 1e9,
        "status": spelling.named(found, found["spans", "code"], statuses, "unset"),
        "attributes": columns.maps(found, own, names, inherited, owner),
    }
    frames = {"spans": tables.SPANS.build(spans)}
    for table in ("events", "links"):
        if found.rows(table):
            frames[table] = _of_spans(found, spelling, table, spans)
    return Parts(frames, notes=backwards(int((end < start).sum())))


def _heirlooms(found: Cells, spelling: _Spelling, names: Names) -> tuple[list[str], list[str], Pairs]:
    """Give service and instance of each resource, and the pairs that the spans of each scope inherit."""
    told = _pairs(found, spelling, names, "resources")
    service, instance = (
        columns.texts_of(found, told.values_of(names.code(f"service.{one}")))
        for one in ("name", "instance.id")
    )
    kept_apart = tuple(n for n, key in enumerate(names.texts()) if key.startswith("service."))
    shared = columns.deduplicated(told, names, kept_apart)
    scopes = columns.no_pairs(found.rows("scopes"))
    for column in ("name", "version"):
        cells = found["scopes", column]
        cells = np.where(columns.has_shape(cells, TEXT), cells, 0)
        scopes = columns.appended(scopes, names, found, f"otel.scope.{column}", cells)
    owner = owners(found.first("resources", "scopes"))
    return service, instance, columns.merged(scopes, names, shared, owner)


def _of_spans(found: Cells, spelling: _Spelling, table: str, spans: dict[str, Any]) -> pd.DataFrame:
    owner, names = owners(found.first("spans", table)), Names(found)
    pairs = _pairs(found, spelling, names, table)
    made = {name: columns.again(spans[name], owner) for name in ("trace_id", "span_id")}
    made["attributes"] = columns.own_maps(found, pairs, names)
    if table == "events":
        made["time"] = spelling.times(found, found[table, "time"]).view("datetime64[ns]")
        made["name"] = columns.strings(found, columns.require(found[table, "name"], 0, TEXT))
    else:
        made["linked_trace_id"] = spelling.ids(found, found[table, "trace_id"], 32)
        made["linked_span_id"] = spelling.ids(found, found[table, "span_id"], 16)
    return tables.TABLES[table].build(made)


def _pairs(found: Cells, spelling: _Spelling, names: Names, table: str) -> Pairs:
    own = f"pairs of {table}"
    keys = columns.require(found[own, "key"], *spelling.keys)
    return Pairs(
        found.first(table, own), keys, spelling.values(found, found[own, "value"]), names.codes(keys)
    )


def _json_ids(found: Cells, cells: np.ndarray, digits: int, *, optional: bool = False) -> pd.Series:
    return columns.ids(found, columns.require(cells, 0, TEXT), digits, optional=optional)


def _json_times(found: Cells, cells: np.ndarray) -> np.ndarray:
    return _positive(columns.whole_numbers(found, columns.require(cells, TEXT, WHOLE)))


def _fixed_times(found: Cells, cells: np.ndarray) -> np.ndarray:
    return _positive(fixed(found, columns.require(cells, FIXED)))


def _positive(times: np.ndarray) -> np.ndarray:
    if (times <= 0).any():
        raise Irregular
    return times


def _json_named(found: Cells, cells: np.ndarray, names: dict[Any, str], otherwise: str) -> pd.Series:
    texts = {str(spelling): name for spelling, name in names.items()}
    return columns.named(found, columns.require(cells, 0, TEXT, WHOLE), texts, otherwise)


def _numbered(found: Cells, cells: np.ndarray, names: dict[Any, str], otherwise: str) -> pd.Series:
    numbers = varints(found, columns.require(cells, 0, VARINT))
    known = [names[number] for number in range(len(names)) if number in names]
    within = (numbers >= 0) & (numbers < len(known))
    return columns.repeated([*known, otherwise], np.where(within, numbers, len(known)))


def _json_values(found: Cells, cells: np.ndarray) -> np.ndarray:
    """Give values as texts, as `_otlp.attributes` does one by one."""
    seen = columns.shapes(cells)
    if any(code in (_ARRAY, _PAIRS) and shape != NESTED for shape, code in seen):
        raise Irregular
    for shape, code in seen:
        if shape == REAL or (shape, code) == (WHOLE, _DOUBLE):
            columns.numerals(found, cells, columns.which(cells, shape, code))
        elif shape == NESTED:
            name = "arrayValue" if code == _ARRAY else "kvlistValue"
            columns.rewrite(found, cells, columns.which(cells, shape, code), lambda told: _told(name, told))  # noqa: B023
        elif not shape:
            cells[columns.which(cells, 0, 0)] = found.constant("null")
    return cells


def _told(kind: str, content: bytes) -> str:
    try:
        return _otlp.attributes([{"key": "", "value": {kind: orjson.loads(content)}}])[""]
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise Irregular from error


def _binary_values(found: Cells, cells: np.ndarray, nested: Callable[[int, bytes], str]) -> np.ndarray:
    """Give values as the texts that OTLP/JSON has for them."""
    seen = columns.shapes(cells)
    for shape, code in seen:
        where = columns.which(cells, shape, code)
        if not shape:
            cells[where] = found.constant("null")
        elif (shape, code) == (VARINT, _BOOL):
            words = np.array([found.constant("false"), found.constant("true")])
            cells[where] = words[(varints(found, cells[where]) != 0).astype(int)]
        elif (shape, code) == (VARINT, _INT):
            columns.write_numbers(found, cells, where, varints(found, cells[where]))
        elif (shape, code) == (FIXED, _DOUBLE):
            columns.write_numbers(found, cells, where, fixed(found, cells[where]).view(np.float64))
        elif (shape, code) == (TEXT, _BYTES):
            columns.rewrite(found, cells, where, lambda told: base64.b64encode(told).decode())
        elif shape == TEXT and code in (_ARRAY, _PAIRS):
            columns.rewrite(found, cells, where, partial(nested, code))
        elif (shape, code) != (TEXT, _STRING):
            raise Irregular
    return cells
