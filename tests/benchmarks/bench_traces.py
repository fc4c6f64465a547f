"""Reading traces with their attributes: against pandas.json_normalize and the fastest kept JSON parser."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import orjson
import pandas as pd

from tests.benchmarks import Row
from tests.benchmarks._timing import medians
from workbench.readers import Stream, jaeger_json, otlp_json, otlp_protobuf, zipkin_json

_SPANS, _BATCH = 30_000, 500
_START_NS = 1_700_000_000_000_000_000


def run() -> list[Row]:
    """Read spans of 12 attributes in four formats; json_normalize reads a tenth of them."""
    spans = _spans(_SPANS)
    otlp, jaeger, zipkin, packed = (make(spans) for make in (_otlp, _jaeger, _zipkin, _protobuf))
    few = spans[: _SPANS // 10]
    rows = []
    for name, reader, content, tenth, normalize in (
        ("OTLP/JSON", otlp_json, otlp, _otlp(few), _normalize_otlp),
        ("Jaeger JSON", jaeger_json, jaeger, _jaeger(few), _normalize_jaeger),
        ("Zipkin JSON", zipkin_json, zipkin, _zipkin(few), _normalize_zipkin),
    ):
        work = f"{name}, {_SPANS:,} spans"
        whole, part = Stream("traces", content), Stream("traces", tenth)
        ours, parsed = medians(
            lambda: reader.read(whole),  # noqa: B023
            lambda: orjson.loads(content),  # noqa: B023
            times=3,
        )
        rows.append(Row(work, ours, "orjson.loads, no table", parsed))
        ours, theirs = medians(
            lambda: reader.read(part),  # noqa: B023
            lambda: normalize(tenth),  # noqa: B023
            times=3,
        )
        rows.append(Row(f"{work}, a tenth", ours, "json + json_normalize", theirs))
    ours, theirs = medians(
        lambda: otlp_protobuf.read(Stream("traces", packed)),
        lambda: otlp_json.read(Stream("traces", otlp)),
        times=3,
    )
    rows.append(Row(f"OTLP protobuf, {_SPANS:,} spans", ours, "our OTLP/JSON", theirs))
    return rows


def _spans(count: int) -> list[dict[str, Any]]:
    luck = random.Random(5)
    return [
        {
            "trace": f"{luck.getrandbits(128):032x}",
            "id": f"{luck.getrandbits(64):016x}",
            "parent": f"{luck.getrandbits(64):016x}",
            "start": _START_NS + n * 1000,
            "took": luck.randrange(1, 10**7) * 1000,
            "attributes": {
                "http.request.method": "GET",
                "url.path": f"/item/{luck.randrange(1000)}",
                "http.response.status_code": 200,
                "server.address": "cart",
                "server.port": 8080,
                "network.protocol.version": "1.1",
                "user.id": f"u{luck.randrange(10**6):06}",
                "db.system": "postgresql",
                "retry": False,
                "ratio": luck.random(),
                "client.address": f"10.0.0.{luck.randrange(256)}",
                "thread.id": luck.randrange(100),
            },
        }
        for n in range(count)
    ]


def _otlp(spans: list[dict[str, Any]]) -> bytes:
    def value(inner: Any) -> dict[str, Any]:
        if isinstance(inner, bool):
            return {"boolValue": inner}
        if isinstance(inner, int):
            return {"intValue": str(inner)}
        return {"doubleValue": inner} if isinstance(inner, float) else {"stringValue": inner}

    batches = []
    for first in range(0, len(spans), _BATCH):
        told = [
            {
                "traceId": span["trace"],
                "spanId": span["id"],
                "parentSpanId": span["parent"],
                "name": "GET /item/:id",
                "kind": 2,
                "startTimeUnixNano": str(span["start"]),
                "endTimeUnixNano": str(span["start"] + span["took"]),
                "attributes": [{"key": k, "value": value(v)} for k, v in span["attributes"].items()],
                "status": {},
            }
            for span in spans[first : first + _BATCH]
        ]
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
        batches.append({"resource": resource, "scopeSpans": [{"scope": {"name": "shop"}, "spans": told}]})
    return orjson.dumps({"resourceSpans": batches})


def _jaeger(spans: list[dict[str, Any]]) -> bytes:
    kinds = {bool: "bool", int: "int64", float: "float64", str: "string"}
    traces = []
    for first in range(0, len(spans), 50):
        told = [
            {
                "traceID": spans[first]["trace"],
                "spanID": span["id"],
                "operationName": "GET /item/:id",
                "references": [
                    {"refType": "CHILD_OF", "traceID": spans[first]["trace"], "spanID": spans[first]["id"]}
                ],
                "startTime": span["start"] // 1000,
                "duration": span["took"] // 1000,
                "tags": [
                    {"key": k, "type": kinds[type(v)], "value": v} for k, v in span["attributes"].items()
                ],
                "logs": [],
                "processID": "p1",
                "warnings": None,
            }
            for span in spans[first : first + 50]
        ]
        told[0]["references"] = []
        processes = {"p1": {"serviceName": "shop", "tags": []}}
        traces.append({"traceID": spans[first]["trace"], "spans": told, "processes": processes})
    return orjson.dumps({"data": traces, "total": 0, "limit": 0, "offset": 0, "errors": None})


def _zipkin(spans: list[dict[str, Any]]) -> bytes:
    return orjson.dumps(
        [
            {
                "traceId": span["trace"],
                "id": span["id"],
                "parentId": span["parent"],
                "kind": "SERVER",
                "name": "get /item/:id",
                "timestamp": span["start"] // 1000,
                "duration": span["took"] // 1000,
                "localEndpoint": {"serviceName": "shop"},
                "tags": {k: str(v) for k, v in span["attributes"].items()},
            }
            for span in spans
        ]
    )


def _protobuf(spans: list[dict[str, Any]]) -> bytes:
    def field(tag: int, body: bytes) -> bytes:
        size, length = len(body), bytearray()
        while size > 127:
            length.append(size & 127 | 128)
            size >>= 7
        return bytes([tag << 3 | 2, *length, size]) + body

    def value(inner: Any) -> bytes:
        if isinstance(inner, int):
            low = bytes([inner]) if inner < 128 else bytes([inner & 127 | 128, inner >> 7])
            return (b"\x10" if isinstance(inner, bool) else b"\x18") + low
        return b"\x21" + struct.pack("<d", inner) if isinstance(inner, float) else field(1, inner.encode())

    resource = field(1, field(1, b"service.name") + field(2, field(1, b"shop")))
    batches = []
    for first in range(0, len(spans), _BATCH):
        told = [
            field(1, bytes.fromhex(span["trace"]))
            + field(2, bytes.fromhex(span["id"]))
            + field(4, bytes.fromhex(span["parent"]))
            + field(5, b"GET /item/:id")
            + b"\x30\x02\x39"
            + struct.pack("<Q", span["start"])
            + b"\x41"
            + struct.pack("<Q", span["start"] + span["took"])
            + b"".join(
                field(9, field(1, k.encode()) + field(2, value(v))) for k, v in span["attributes"].items()
            )
            for span in spans[first : first + _BATCH]
        ]
        scope_spans = field(1, field(1, b"shop")) + b"".join(field(2, one) for one in told)
        batches.append(field(1, field(1, resource) + field(2, scope_spans)))
    return b"".join(batches)


def _normalize_otlp(content: bytes) -> object:
    return pd.json_normalize(json.loads(content), ["resourceSpans", "scopeSpans", "spans", "attributes"])


def _normalize_jaeger(content: bytes) -> object:
    return pd.json_normalize(json.loads(content), ["data", "spans", "tags"])


def _normalize_zipkin(content: bytes) -> object:
    return pd.json_normalize(json.loads(content))
