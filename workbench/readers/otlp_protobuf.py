"""OTLP traces as protobuf: an export request or TracesData, by itself or many of them, each after its length.

resource_spans { resource { attributes { key: "service.name" … } } scope_spans { spans { trace_id: "…" … } } }
"""

from __future__ import annotations

import base64
import math
from typing import Any

from workbench.errors import Unrecognized
from workbench.readers import _cells, _json, _protobuf
from workbench.readers._seam import Parts, Stream
from workbench.readers._spans import KINDS, STATUSES, SpanColumns, large

FORMAT = "OTLP traces, protobuf"

# Pairs of attributes stay packed: the same few thousand come again and again, and are decoded once.
_SCHEMA = (
    ("TracesData", "1 resource_spans *ResourceSpans"),
    ("ResourceSpans", "1 resource Resource, 2 scope_spans *ScopeSpans, 1000 library_spans *ScopeSpans"),
    ("Resource", "1 attributes *bytes"),
    ("ScopeSpans", "1 scope Scope, 2 spans *Span"),
    ("Scope", "1 name bytes, 2 version bytes"),
    (
        "Span",
        "1 trace_id bytes, 2 span_id bytes, 4 parent_span_id bytes, 5 name bytes, 6 kind int32, "
        "7 start fixed64, 8 end fixed64, 9 attributes *bytes, 11 events *Event, 13 links *Link, "
        "15 status Status",
    ),
    ("Event", "1 time fixed64, 2 name bytes, 3 attributes *bytes"),
    ("Link", "1 trace_id bytes, 2 span_id bytes, 4 attributes *bytes"),
    ("Status", "2 message bytes, 3 code int32"),
    ("KeyValue", "1 key bytes, 2 value AnyValue"),
    (
        "AnyValue",
        "1 text ?bytes, 2 truth ?bool, 3 whole ?int64, 4 real ?double, 5 list ?ArrayValue, "
        "6 pairs ?KeyValueList, 7 raw ?bytes",
    ),
    ("ArrayValue", "1 values *AnyValue"),
    ("KeyValueList", "1 values *KeyValue"),
)
_MOST_KNOWN = 200_000  # pairs that are kept decoded


def sniff(head: bytes) -> bool:
    """True if the first span in it has a trace id, a span id and times where OTLP has them."""
    if head[:1] == b"\n" and _begins_traces(head):
        return True
    at = 4 if head[:1] == b"\0" else _protobuf.varint(head, 0)[1]
    return 0 < at < len(head) and head[at : at + 1] == b"\n" and _begins_traces(head[at:])


def read(*streams: Stream) -> Parts:
    """Read traces; of a stream of messages, one that is cut off at its end is counted as skipped."""
    return large(streams, "protobuf", _read_large) or _read_spans(streams)


def _read_large(content: bytes) -> Parts | None:
    from workbench.readers import _otlp_columns

    whole = content[:1] == b"\n" and _begins_traces(content[:65536])
    framing = _cells.WHOLE_FILE if whole else _cells.WIDE if content[:1] == b"\0" else _cells.SHORT
    return _otlp_columns.read_protobuf(content, framing, _nested)


def _nested(field: int, content: bytes) -> str:
    """Give the text of an attribute with a list or pairs, of which the content alone is at hand."""
    value = _protobuf.message(_SCHEMA, "AnyValue")()
    inner = value.list if field == value.DESCRIPTOR.fields_by_name["list"].number else value.pairs
    inner.SetInParent()
    inner.CopyFrom(_protobuf.parse(type(inner), content, "an attribute"))
    return _text(value)


def _read_spans(streams: tuple[Stream, ...]) -> Parts:
    found = SpanColumns()
    for stream in streams:
        content = stream.content()
        if not sniff(content[:65536]):
            raise Unrecognized("no OTLP traces", where=stream.name, expected=FORMAT)
        kind, pairs = _protobuf.message(_SCHEMA, "TracesData"), _Pairs(stream.name)
        with _json.collector_resting():
            for place, body in _messages(content, stream.name):
                if body is None:
                    found.skipped["message that is cut off"] += 1
                    found.notes.append(f"{place}: the message is cut off")
                else:
                    for resource_spans in _protobuf.parse(kind, body, place).resource_spans:
                        _read_resource(resource_spans, pairs, found)
    return found.parts(", ".join(stream.name for stream in streams))


def _messages(content: bytes, name: str) -> Any:
    if content[:1] == b"\n" and _begins_traces(content[:65536]):
        return [(name, content)]
    return ((f"{name}, byte {at:,}", body) for at, body in _protobuf.delimited(content))


def _begins_traces(head: bytes) -> bool:
    """Walk down to the first span, of which the head may hold a part."""
    for number, wire, resource_spans, _ in _protobuf.fields(head):
        if (number, wire) != (1, 2):
            return False
        for inner, wire, scope_spans, _ in _protobuf.fields(resource_spans):
            if inner not in (1, 2, 3, 1000) or wire != 2:
                return False
            if inner in (2, 1000) and (verdict := _holds_spans(scope_spans)) is not None:
                return verdict
    return False


def _holds_spans(scope_spans: bytes) -> bool | None:
    for number, wire, span, _ in _protobuf.fields(scope_spans):
        if number not in (1, 2, 3) or wire != 2:
            return False
        if number == 2:
            sizes = {n: (w, len(body)) for n, w, body, _ in _protobuf.fields(span)}
            times = {n: kind for n, (kind, _) in sizes.items() if n in (7, 8)}
            return sizes.get(1) == (2, 16) and sizes.get(2) == (2, 8) and set(times.values()) <= {1}
    return None


def _read_resource(resource_spans: Any, pairs: _Pairs, found: SpanColumns) -> None:
    resource = pairs.texts(resource_spans.resource.attributes)
    service, instance = resource.get("service.name", ""), resource.get("service.instance.id", "")
    shared = {key: value for key, value in resource.items() if not key.startswith("service.")}
    for scope_spans in (*resource_spans.scope_spans, *resource_spans.library_spans):
        named = {"otel.scope.name": scope_spans.scope.name, "otel.scope.version": scope_spans.scope.version}
        inherited = {**shared, **{key: _decoded(value) for key, value in named.items() if value}}
        for span in scope_spans.spans:
            _read_span(span, pairs, found, service, instance, inherited)


def _read_span(
    span: Any, pairs: _Pairs, found: SpanColumns, service: str, instance: str, inherited: dict[str, str]
) -> None:
    end_ns = span.end
    if not end_ns:
        found.skipped["span that had not ended"] += 1
        return
    trace_id, span_id, start_ns = span.trace_id.hex(), span.span_id.hex(), span.start
    attributes = {**inherited, **pairs.texts(span.attributes)}
    if message := span.status.message:
        attributes["otel.status_description"] = _decoded(message)
    parent_id, kind, code = span.parent_span_id, span.kind, span.status.code
    taken = found.add(
        trace_id,
        span_id,
        parent_id.hex() if parent_id.strip(b"\0") else None,
        service=service,
        instance=instance,
        name=_decoded(span.name),
        kind=KINDS[kind] if 0 <= kind < len(KINDS) else "unspecified",
        start_ns=start_ns,
        duration_ns=end_ns - start_ns,
        status=STATUSES[code] if 0 <= code < len(STATUSES) else "unset",
        attributes=attributes,
    )
    if not taken:
        return
    for event in span.events:
        found.add_event(trace_id, span_id, event.time, _decoded(event.name), pairs.texts(event.attributes))
    for link in span.links:
        to = link.trace_id.hex(), link.span_id.hex()
        found.add_link(trace_id, span_id, to, pairs.texts(link.attributes))


class _Pairs(dict[bytes, tuple[str, str]]):
    """Attributes as key and text by their packed bytes, decoded when first asked for."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self._kind, self._place = _protobuf.message(_SCHEMA, "KeyValue"), place

    def __missing__(self, packed: bytes) -> tuple[str, str]:
        if len(self) >= _MOST_KNOWN:
            self.clear()
        pair = _protobuf.parse(self._kind, packed, f"{self._place}, an attribute")
        self[packed] = told = _decoded(pair.key), _text(pair.value)
        return told

    def texts(self, attributes: Any) -> dict[str, str]:
        """Give attributes by key."""
        return dict(map(self.__getitem__, attributes))


def _text(value: Any) -> str:
    return _decoded(value.text) if value.text else _json.text(_plain(value))


def _plain(value: Any) -> Any:
    """Turn AnyValue into what OTLP/JSON has for it."""
    kind = value.WhichOneof("one")
    if kind is None:
        return None
    inner = getattr(value, kind)
    if kind == "text":
        return _decoded(inner)
    if kind == "raw":
        return base64.b64encode(inner).decode()
    if kind == "list":
        return [_plain(member) for member in inner.values]
    if kind == "pairs":
        return {_decoded(pair.key): _plain(pair.value) for pair in inner.values}
    if kind == "real" and not math.isfinite(inner):
        return "NaN" if math.isnan(inner) else "Infinity" if inner > 0 else "-Infinity"
    return inner


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "replace")
