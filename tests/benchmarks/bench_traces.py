"""Reading traces with their attributes, twelve a span: against what people use, and against bare parsers.

A chunk of spans is written once and repeated with other ids, so that a file of a million is made in seconds.
"""

from __future__ import annotations

import importlib
import json
import random
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pandas as pd

from tests.benchmarks import Absent, Peak, Row
from tests.benchmarks._timing import medians
from workbench.readers import Stream, jaeger_json, otlp_json, otlp_protobuf, zipkin_json
from workbench.readers import _protobuf as _protobuf_messages

_CHUNK, _BATCH, _TRACE = 10_000, 500, 50
_CHUNKS, _MANY_CHUNKS = 10, 100
_START_NS = 1_700_000_000_000_000_000
_MARK = "feedface0000"  # at the beginning of every id; the chunk's number takes the place of its zeros
_ONE_MB = 2**20


class _Format(NamedTuple):
    name: str
    reader: Any
    write: Callable[[list[dict[str, Any]]], tuple[bytes, bytes, bytes]]  # what is before, repeated, behind
    joined: bytes


def run() -> list[Row | Peak | Absent]:
    """Read four formats: beside others, then a megabyte and a million spans, in new processes."""
    return [*_beside_others(), *_parsers_with_types(), *_in_new_processes()]


def _beside_others() -> list[Row]:
    rows, contents = [], {one.name: _file(one, _CHUNKS) for one in _FORMATS}
    for one in _FORMATS:
        content, tenth = contents[one.name], _file(one, 1)
        work, parse = f"{one.name}, {_CHUNKS * _CHUNK:,} spans", _PARSERS[one.name]
        ours, parsed = _times(one, content, parse)
        rows.append(Row(work, ours, f"{parse.__doc__}, no table", parsed))
        if one.name in _NORMALIZE:
            ours, theirs = _times(one, tenth, _NORMALIZE[one.name])
            rows.append(Row(f"{one.name}, {_CHUNK:,} spans", ours, "json + json_normalize", theirs))
    text, packed = _FORMATS[0], _FORMATS[-1]
    ours, theirs = medians(
        lambda: packed.reader.read(Stream("traces", contents[packed.name])),
        lambda: text.reader.read(Stream("traces", contents[text.name])),
        times=5,
    )
    return [*rows, Row(f"{packed.name}, {_CHUNKS * _CHUNK:,} spans", ours, "our OTLP/JSON", theirs)]


def _times(one: _Format, content: bytes, theirs: Callable[[bytes], object]) -> tuple[float, float]:
    return medians(lambda: one.reader.read(Stream("traces", content)), lambda: theirs(content), times=3)


def _parsers_with_types() -> list[Row | Absent]:
    """Compare with msgspec, the quickest parser into Python's objects, which here are of declared classes."""
    one = _FORMATS[0]
    work = f"{one.name}, {_CHUNKS * _CHUNK:,} spans, msgspec"
    try:
        msgspec = importlib.import_module("msgspec")
    except ImportError:
        return [Absent(work, "pip install msgspec")]
    value = msgspec.defstruct(
        "Value",
        [
            (name, kind | None, None)
            for name, kind in (
                ("stringValue", str),
                ("intValue", str),
                ("boolValue", bool),
                ("doubleValue", float),
            )
        ],
    )
    pair = msgspec.defstruct("Pair", [("key", str), ("value", value)])
    texts = ("traceId", "spanId", "parentSpanId", "name", "startTimeUnixNano", "endTimeUnixNano")
    span = msgspec.defstruct(
        "Span", [*((name, str) for name in texts), ("kind", int), ("attributes", list[pair])]
    )
    scope = msgspec.defstruct("Scope", [("spans", list[span])])
    resource = msgspec.defstruct("Resource", [("scopeSpans", list[scope])])
    decoder = msgspec.json.Decoder(msgspec.defstruct("Request", [("resourceSpans", list[resource])]))
    ours, theirs = _times(one, _file(one, _CHUNKS), decoder.decode)
    return [Row(work[: -len(", msgspec")], ours, "msgspec structs, no table", theirs)]


def _in_new_processes() -> list[Row | Peak]:
    rows: list[Row | Peak] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traces"
        for one in _FORMATS:
            path.write_bytes(_file(one, 1, _CHUNK * _ONE_MB // len(_file(one, 1))))
            taken = sorted(_alone(one, path)["s"] for _ in range(5))[2]
            rows.append(Row(f"{one.name}, 1 MB in a new process", taken, "at most", 0.3))
            path.write_bytes(_file(one, _MANY_CHUNKS))
            told = _alone(one, path)
            size = path.stat().st_size
            work = f"{one.name}, {told['spans']:,} spans in {told['s']:.1f} s"
            rows.append(Peak(work, told["peak"], size, told["result"]))
    return rows


_ALONE = """
import json, sys, time
import workbench
from pathlib import Path
from workbench.readers import Stream, readers
reader, path = readers()[sys.argv[1]], Path(sys.argv[2])
told = lambda key: int(Path("/proc/self/status").read_text().split(key)[1].split()[0]) * 1024
before = told("VmRSS:")
began = time.perf_counter()
spans = reader.read(Stream("traces", path)).frames["spans"]
taken = time.perf_counter() - began
peak = told("VmHWM:") - before
columns = [spans[name].array for name in spans]
result = sum(getattr(column, "_pa_array", column).nbytes for column in columns)
print(json.dumps({"s": taken, "spans": len(spans), "peak": peak, "result": result}))
"""


def _alone(one: _Format, path: Path) -> dict[str, Any]:
    """Read a file in a new process: seconds after the import, most memory beyond it, size of the table."""
    name = one.reader.__name__.rpartition(".")[2]
    done = subprocess.run([sys.executable, "-c", _ALONE, name, str(path)], capture_output=True, check=True)
    return json.loads(done.stdout)


def _file(one: _Format, chunks: int, spans: int = _CHUNK) -> bytes:
    before, repeated, behind = one.write(_spans(spans))
    marks = (_MARK.encode(), bytes.fromhex(_MARK))
    copies = (
        repeated.replace(marks[0], f"{_MARK[:-4]}{n:04x}".encode()).replace(
            marks[1], bytes.fromhex(f"{_MARK[:-4]}{n:04x}")
        )
        for n in range(chunks)
    )
    return before + one.joined.join(copies) + behind


def _spans(count: int) -> list[dict[str, Any]]:
    luck = random.Random(5)
    return [
        {
            "trace": f"{_MARK}{luck.getrandbits(80):020x}",
            "id": f"{_MARK[:8]}{luck.getrandbits(32):08x}",
            "parent": f"{_MARK[:8]}{luck.getrandbits(32):08x}",
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


def _otlp(spans: list[dict[str, Any]]) -> tuple[bytes, bytes, bytes]:
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
    return b'{"resourceSpans":[', orjson.dumps(batches)[1:-1], b"]}"


def _jaeger(spans: list[dict[str, Any]]) -> tuple[bytes, bytes, bytes]:
    kinds = {bool: "bool", int: "int64", float: "float64", str: "string"}
    traces = []
    for first in range(0, len(spans), _TRACE):
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
            for span in spans[first : first + _TRACE]
        ]
        told[0]["references"] = []
        processes = {"p1": {"serviceName": "shop", "tags": []}}
        traces.append({"traceID": spans[first]["trace"], "spans": told, "processes": processes})
    behind = b'],"total":0,"limit":0,"offset":0,"errors":null}'
    return b'{"data":[', orjson.dumps(traces)[1:-1], behind


def _zipkin(spans: list[dict[str, Any]]) -> tuple[bytes, bytes, bytes]:
    told = orjson.dumps(
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
    return b"[", told[1:-1], b"]"


def _protobuf(spans: list[dict[str, Any]]) -> tuple[bytes, bytes, bytes]:
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
    return b"", b"".join(batches), b""


def _normalize_otlp(content: bytes) -> object:
    return pd.json_normalize(json.loads(content), ["resourceSpans", "scopeSpans", "spans", "attributes"])


def _normalize_jaeger(content: bytes) -> object:
    return pd.json_normalize(json.loads(content), ["data", "spans", "tags"])


def _normalize_zipkin(content: bytes) -> object:
    return pd.json_normalize(json.loads(content))


def _loads(content: bytes) -> object:
    """orjson.loads"""
    return orjson.loads(content)


def _upb(content: bytes) -> object:
    """upb's parse"""
    return _protobuf_messages.message(otlp_protobuf._SCHEMA, "TracesData").FromString(content)


_FORMATS = (
    _Format("OTLP/JSON", otlp_json, _otlp, b","),
    _Format("Jaeger JSON", jaeger_json, _jaeger, b","),
    _Format("Zipkin JSON", zipkin_json, _zipkin, b","),
    _Format("OTLP protobuf", otlp_protobuf, _protobuf, b""),
)
_PARSERS = {one.name: _upb if one.reader is otlp_protobuf else _loads for one in _FORMATS}
_NORMALIZE = {
    "OTLP/JSON": _normalize_otlp,
    "Jaeger JSON": _normalize_jaeger,
    "Zipkin JSON": _normalize_zipkin,
}
