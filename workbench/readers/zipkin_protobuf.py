"""Zipkin's protobuf, a ListOfSpans: what reporters send as application/x-protobuf.

spans { trace_id: "…" id: "…" kind: CLIENT name: "get" timestamp: 1521186011929043 local_endpoint { … } }
"""

from __future__ import annotations

import ipaddress
from typing import Any

from workbench.errors import Malformed, Unrecognized
from workbench.readers import _json, _protobuf
from workbench.readers._seam import Parts, Stream
from workbench.readers._spans import SpanColumns
from workbench.readers._zipkin import Span, Traces

FORMAT = "Zipkin protobuf"

_SCHEMA = (
    ("ListOfSpans", "1 spans *Span"),
    (
        "Span",
        "1 trace_id bytes, 2 parent_id bytes, 3 id bytes, 4 kind int32, 5 name bytes, 6 timestamp fixed64, "
        "7 duration uint64, 8 local Endpoint, 9 remote Endpoint, 10 annotations *Annotation, 11 tags *Tag, "
        "13 shared bool",
    ),
    ("Endpoint", "1 name bytes, 2 ipv4 bytes, 3 ipv6 bytes, 4 port int32"),
    ("Annotation", "1 timestamp fixed64, 2 value bytes"),
    ("Tag", "1 key bytes, 2 value bytes"),
)
_KINDS = ("", "CLIENT", "SERVER", "PRODUCER", "CONSUMER")
_WIRES = {1: 2, 2: 2, 3: 2, 4: 0, 5: 2, 6: 1, 7: 0, 8: 2, 9: 2, 10: 2, 11: 2, 12: 0, 13: 0}


def sniff(head: bytes) -> bool:
    """True if the first field is a span with ids of 8 or 16 bytes where Zipkin has them."""
    if head[:1] != b"\n":
        return False
    for number, wire, span, _ in _protobuf.fields(head):
        inner = list(_protobuf.fields(span))
        sizes = {n: len(body) for n, _, body, _ in inner}
        shaped = all(_WIRES.get(n) == w for n, w, _, _ in inner)
        return (number, wire) == (1, 2) and shaped and sizes.get(1) in (8, 16) and sizes.get(3) == 8
    return False


def read(*streams: Stream) -> Parts:
    """Read spans, merged as `_zipkin` says; annotations are events."""
    found, traces = SpanColumns(), Traces()
    for stream in streams:
        content = stream.content()
        if not sniff(content):
            raise Unrecognized("no Zipkin spans", where=stream.name, expected=FORMAT)
        kind = _protobuf.message(_SCHEMA, "ListOfSpans")
        with _json.collector_resting():
            for index, span in enumerate(_protobuf.parse(kind, content, stream.name).spans):
                try:
                    traces.take(_version_2(span))
                except ValueError as error:
                    raise Malformed(
                        f"{stream.name}, spans[{index}]", str(error), remedy="record it again"
                    ) from error
    traces.into(found)
    return found.parts(", ".join(stream.name for stream in streams))


def _version_2(span: Any) -> Span:
    return {
        "traceId": span.trace_id.hex(),
        "id": span.id.hex(),
        "parentId": span.parent_id.hex(),
        "kind": _KINDS[span.kind] if 0 <= span.kind < len(_KINDS) else "",
        "name": _decoded(span.name),
        "timestamp": span.timestamp,
        "duration": span.duration,
        "localEndpoint": _endpoint(span.local),
        "remoteEndpoint": _endpoint(span.remote),
        "annotations": [{"timestamp": a.timestamp, "value": _decoded(a.value)} for a in span.annotations],
        "tags": {_decoded(tag.key): _decoded(tag.value) for tag in span.tags},
        "shared": span.shared,
    }


def _endpoint(endpoint: Any) -> Span:
    addresses = {"ipv4": endpoint.ipv4, "ipv6": endpoint.ipv6}
    told = {key: str(ipaddress.ip_address(packed)) for key, packed in addresses.items() if packed}
    return {"serviceName": _decoded(endpoint.name), "port": endpoint.port, **told}


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "replace")
