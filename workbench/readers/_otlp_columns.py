"""Large OTLP/JSON read column by column by Arrow's JSON parser: no Python object per span or attribute.

Only what is regular is read here, which is what exporters write; for anything else (a field that the schema
below lacks, a span without times, a key twice) `read` gives None, and the caller goes span by span.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench import tables
from workbench.readers import _otlp

_MOST_BYTES = 2**30  # Arrow counts the bytes of a column in 32 bits
_MOST_KEYS = 1024
_ENOUGH_BYTES = 1024**2  # to see how an exporter writes numbers
_DESCRIPTION = "otel.status_description"


class _Irregular(Exception):
    """What is read span by span."""


def read(content: bytes, kinds: dict[Any, str], statuses: dict[Any, str]) -> dict[str, pd.DataFrame] | None:
    """Give the tables of an export request, or of lines of them; None if any of it is irregular."""
    if len(content) >= _MOST_BYTES:
        return None
    try:
        return _frames(_parsed(content), kinds, statuses)
    except (_Irregular, pa.ArrowException, KeyError):
        return None


def _parsed(content: bytes) -> pa.Table:
    from pyarrow import json

    return json.read_json(
        pa.BufferReader(content),
        read_options=json.ReadOptions(block_size=len(content) + 1),
        parse_options=json.ParseOptions(
            explicit_schema=_schema(content), newlines_in_values=True, unexpected_field_behavior="error"
        ),
    )


def _schema(content: bytes) -> pa.Schema:
    """Declare what may stand there; numbers of 64 bits and enums are text or numbers as in `content`."""
    text, number, head = pa.string(), pa.int64(), content[:_ENOUGH_BYTES]

    def written(key: bytes) -> pa.DataType:
        found = re.search(rb'"' + key + rb'"\s*:\s*(["\d-])', head)
        return number if found and found[1] != b'"' else text

    scalars = {
        "stringValue": text,
        "intValue": written(b"intValue"),
        "boolValue": pa.bool_(),
        "doubleValue": pa.float64(),
        "bytesValue": text,
    }
    listed = pa.struct({"values": pa.list_(pa.struct(scalars))})
    attributes = pa.list_(pa.struct({"key": text, "value": pa.struct(scalars | {"arrayValue": listed})}))
    dropped = {"attributes": attributes, "droppedAttributesCount": number}
    event = {"timeUnixNano": written(b"timeUnixNano"), "name": text, **dropped}
    link = {"traceId": text, "spanId": text, "traceState": text, "flags": number, **dropped}
    span = {
        "traceId": text,
        "spanId": text,
        "parentSpanId": text,
        "traceState": text,
        "flags": number,
        "name": text,
        "kind": written(b"kind"),
        "startTimeUnixNano": written(b"startTimeUnixNano"),
        "endTimeUnixNano": written(b"endTimeUnixNano"),
        "events": pa.list_(pa.struct(event)),
        "droppedEventsCount": number,
        "links": pa.list_(pa.struct(link)),
        "droppedLinksCount": number,
        "status": pa.struct({"message": text, "code": written(b"code")}),
        **dropped,
    }
    scope = pa.struct({"name": text, "version": text, **dropped})
    scope_spans = {"scope": scope, "spans": pa.list_(pa.struct(span)), "schemaUrl": text}
    resource = pa.struct(dropped)
    resource_spans = {
        "resource": resource,
        "scopeSpans": pa.list_(pa.struct(scope_spans)),
        "schemaUrl": text,
    }
    return pa.schema({"resourceSpans": pa.list_(pa.struct(resource_spans))})


def _frames(parsed: pa.Table, kinds: dict[Any, str], statuses: dict[Any, str]) -> dict[str, pd.DataFrame]:
    requests = parsed["resourceSpans"].combine_chunks()
    resources = requests.flatten()
    scopes = resources.field("scopeSpans").flatten()
    spans = scopes.field("spans").flatten()
    if not len(spans) or len(scopes) * 8 > len(spans):
        raise _Irregular  # of small batches, what is done for each outweighs the rest
    per_scope, per_resource = _counts(scopes.field("spans")), _counts(resources.field("scopeSpans"))
    owners = [_otlp.resource(told) for told in _told(resources.field("resource"))]
    owner_of_scope = np.repeat(np.arange(len(owners)), per_resource)
    inherited = [
        owners[owner][2] | _otlp.scope(told)
        for owner, told in zip(owner_of_scope, _told(scopes.field("scope")), strict=True)
    ]
    owner = np.repeat(owner_of_scope, per_scope)
    start, end = (_times(spans.field(f"{edge}TimeUnixNano")) for edge in ("start", "end"))
    if (end < start).any():
        raise _Irregular
    trace_id, span_id = _ids(spans.field("traceId"), 32), _ids(spans.field("spanId"), 16)
    frames = {
        "spans": {
            "trace_id": trace_id,
            "span_id": span_id,
            "parent_id": _parents(spans.field("parentSpanId")),
            "service": pa.array([name for name, _, _ in owners], pa.string()).take(pa.array(owner)),
            "instance": pa.array([name for _, name, _ in owners], pa.string()).take(pa.array(owner)),
            "name": pc.fill_null(spans.field("name"), ""),
            "kind": _named(spans.field("kind"), kinds, "unspecified"),
            "start": start.view("datetime64[ns]"),
            "duration_s": (end - start) / 1e9,
            "status": _named(spans.field("status").field("code"), statuses, "unset"),
            "attributes": _attributes(
                spans.field("attributes"),
                inherited,
                np.repeat(np.arange(len(inherited)), per_scope),
                spans.field("status").field("message"),
            ),
        }
    }
    events, links = spans.field("events").flatten(), spans.field("links").flatten()
    for name, told, of in (("events", events, "events"), ("links", links, "links")):
        if not len(told):
            continue
        rows = pa.array(np.repeat(np.arange(len(spans)), _counts(spans.field(of))))
        frames[name] = {
            "trace_id": trace_id.take(rows),
            "span_id": span_id.take(rows),
            "attributes": _attributes(told.field("attributes")),
        }
    if len(events):
        frames["events"]["time"] = _times(events.field("timeUnixNano")).view("datetime64[ns]")
        frames["events"]["name"] = pc.fill_null(events.field("name"), "")
    if len(links):
        frames["links"]["linked_trace_id"] = _ids(links.field("traceId"), 32)
        frames["links"]["linked_span_id"] = _ids(links.field("spanId"), 16)
    for columns in frames.values():
        for column in columns.values():
            if isinstance(column, pa.Array):
                column.validate(full=True)  # Arrow does not look whether a text is UTF-8
    return {name: tables.TABLES[name].build(columns) for name, columns in frames.items()}


def _attributes(
    lists: pa.ListArray,
    inherited: list[dict[str, str]] | None = None,
    heir_of: np.ndarray | None = None,
    messages: pa.StringArray | None = None,
) -> pa.MapArray:
    """Make a map of each row: what it inherits, its own pairs, and the message of its status."""
    pairs, counts = lists.flatten(), _counts(lists)
    keys, values = pairs.field("key"), _texts(pairs.field("value"))
    if keys.null_count:
        raise _Irregular
    told = pc.fill_null(pc.greater(pc.binary_length(messages), 0), False) if messages is not None else None
    pools: list[tuple[Any, Any, np.ndarray, np.ndarray | None]] = [(keys, values, counts, None)]
    if inherited is not None and heir_of is not None and any(inherited):
        sizes = np.array([len(one) for one in inherited])
        flat = [[text for one in inherited for text in part(one)] for part in (dict.keys, dict.values)]
        pools.insert(0, (pa.array(flat[0], pa.string()), pa.array(flat[1], pa.string()), sizes, heir_of))
    if messages is not None and told is not None and (some := messages.filter(told)) and len(some):
        name = pa.array([_DESCRIPTION] * len(some), pa.string())
        pools.append((name, some, told.to_numpy(False).astype(int), None))
    rows = len(lists)
    sizes_of = [sizes if heir is None else sizes[heir] for _, _, sizes, heir in pools]
    offsets = np.concatenate([[0], np.cumsum(np.sum(sizes_of, axis=0))]).astype(np.int64)
    if offsets[-1] >= 2**31:
        raise _Irregular
    if len(pools) > 1:
        index = np.empty(offsets[-1], np.int64)
        done, base = offsets[:-1].copy(), 0
        for (pool, _, sizes, heir), own in zip(pools, sizes_of, strict=True):
            first = np.concatenate([[0], np.cumsum(sizes)])[:-1]
            first = (first if heir is None else first[heir]) + base
            within = np.arange(own.sum()) - np.repeat(np.cumsum(own) - own, own)
            index[np.repeat(done, own) + within] = np.repeat(first, own) + within
            done += own
            base += len(pool)
        taken = pa.array(index)
        keys = pa.concat_arrays([pool[0] for pool in pools]).take(taken)
        values = pa.concat_arrays([pool[1] for pool in pools]).take(taken)
    _refuse_repeated(keys, offsets, rows)
    return pa.MapArray.from_arrays(pa.array(offsets.astype(np.int32)), keys, values)


def _refuse_repeated(keys: pa.StringArray, offsets: np.ndarray, rows: int) -> None:
    """Refuse a row that has a key twice: count the different ones, 64 at a time, as bits."""
    if not len(keys):
        return
    coded = keys.dictionary_encode()
    if len(coded.dictionary) > _MOST_KEYS:
        raise _Irregular
    codes, sizes = coded.indices.to_numpy(), np.diff(offsets)
    filled = np.flatnonzero(sizes)
    different = np.zeros(rows, np.int64)
    for first in range(0, len(coded.dictionary), 64):
        here = (codes >= first) & (codes < first + 64)
        bits = np.where(here, np.uint64(1) << ((codes - first) & 63).astype(np.uint64), np.uint64(0))
        different[filled] += np.bitwise_count(np.bitwise_or.reduceat(bits, offsets[:-1][filled]))
    if (different != sizes).any():
        raise _Irregular


def _texts(values: pa.StructArray) -> pa.StringArray:
    """Give attribute values as text, as `_otlp.attributes` does one by one."""
    texts = values.field("stringValue")
    if texts.null_count:
        others = [values.field("intValue"), values.field("boolValue")]
        texts = pc.coalesce(texts, *(other.cast(pa.string()) for other in others), values.field("bytesValue"))
        texts = _filled(texts, values.field("doubleValue"), _numerals)
        texts = _filled(texts, values.field("arrayValue"), _lists)
        texts = pc.fill_null(texts, "null")
    return texts


def _filled(
    texts: pa.StringArray, others: pa.Array, write: Callable[[pa.Array], list[str]]
) -> pa.StringArray:
    """Put the texts of `others` where it has a value and `texts` has none."""
    where = pc.and_(pc.is_null(texts), pc.is_valid(others))
    chosen = others.filter(where)
    if not len(chosen):
        return texts
    return pc.replace_with_mask(texts, where, pa.array(write(chosen), pa.string()))


def _numerals(numbers: pa.DoubleArray) -> list[str]:
    written = orjson.dumps(numbers.to_numpy(), option=orjson.OPT_SERIALIZE_NUMPY)
    return written[1:-1].decode().split(",")


def _lists(lists: pa.StructArray) -> list[str]:
    pairs = ({"key": "", "value": {"arrayValue": told}} for told in _told(lists))
    return [_otlp.attributes([pair])[""] for pair in pairs]


def _told(values: pa.Array) -> list[Any]:
    """Give values as Python has them from JSON: Arrow adds every member that is not there as None."""

    def present(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: present(inner) for key, inner in value.items() if inner is not None}
        return [present(inner) for inner in value] if isinstance(value, list) else value

    return [present(value) for value in values.to_pylist()]


def _ids(texts: pa.StringArray, digits: int) -> pa.StringArray:
    if texts.null_count or pc.any(pc.not_equal(pc.binary_length(texts), digits)).as_py():
        raise _Irregular  # base64, or absent
    return pc.ascii_lower(texts)


def _parents(texts: pa.StringArray) -> pa.StringArray:
    """Give parents, of which one of no bytes or of zeros is none."""
    nobody = pc.or_kleene(pc.equal(texts, ""), pc.equal(texts, "0" * 16))
    texts = pc.if_else(pc.fill_null(nobody, True), None, texts)
    return _ids_or_none(texts)


def _ids_or_none(texts: pa.StringArray) -> pa.StringArray:
    if pc.any(pc.not_equal(pc.binary_length(texts), 16)).as_py():
        raise _Irregular
    return pc.ascii_lower(texts)


def _times(written: pa.Array) -> np.ndarray:
    if written.null_count:
        raise _Irregular
    times = written.cast(pa.int64()).to_numpy()
    if (times <= 0).any():
        raise _Irregular
    return times


def _named(codes: pa.Array, names: dict[Any, str], otherwise: str) -> pa.StringArray:
    coded = codes.dictionary_encode()
    named = [names.get(code, otherwise) for code in coded.dictionary.to_pylist()]
    return pc.fill_null(pa.array(named, pa.string()).take(coded.indices), otherwise)


def _counts(lists: pa.ListArray) -> np.ndarray:
    return pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
