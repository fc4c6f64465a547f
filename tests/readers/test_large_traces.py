"""What is read as cells, in compiled code, is what the plain readers give, on random documents of traces."""

from __future__ import annotations

import base64
import json
import random
import sys
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from workbench.errors import Unrecognized, WorkbenchError
from workbench.readers import (
    Parts,
    Stream,
    _cells,
    _protobuf,
    jaeger_json,
    otlp_json,
    otlp_protobuf,
    zipkin_json,
)

DOCUMENTS = 40  # of each kind; a thousand agreed when this was written
START = 1_700_000_000_000_000_000
TEXTS = [
    "",
    "a",
    "GET /",
    "ü",
    "日本",
    '"quoted"',
    "back\\slash",
    "\n\t\r\b\f",
    "\x7f\x00",
    "🙂",
    "a" * 300,
    "</script>",
]
EDGES = [-(2**63), 10**19, 2**64, 1e-300, 5e-324]  # left to the plain reader
NUMBERS = [0, 1, -1, 200, 2**53 + 1, 2**63 - 1, 0.1, -0.0, 1.0, 1e99, 1e-7, 12345.678901234567]


def both(reader: Any, content: bytes) -> tuple[Parts | None, Parts | WorkbenchError]:
    try:
        plain: Any = reader._read_spans((Stream("x", content),))
    except WorkbenchError as error:
        plain = error
    return reader._read_large(content), plain


def assert_same(one: Parts, other: Parts) -> None:
    assert one.frames.keys() == other.frames.keys()
    assert (one.skipped, one.notes) == (other.skipped, other.notes)
    for name, frame in other.frames.items():
        told = one.frames[name]
        pd.testing.assert_frame_equal(told.drop(columns="attributes"), frame.drop(columns="attributes"))
        assert told["attributes"].tolist() == frame["attributes"].tolist()


def assert_agree(reader: Any, content: bytes) -> bool:
    """Both ways agree, unless cells are left to the plain reader; True if they were not."""
    cells, plain = both(reader, content)
    if cells is None:
        return False
    assert isinstance(plain, Parts), plain
    assert_same(cells, plain)
    return True


def attributes(luck: random.Random, value: Callable[[random.Random], Any]) -> list[dict[str, Any]]:
    keys = ["http.route", "service.name", "error", "otel.status_code", "span.kind", "é", "event", *TEXTS]
    return [{"key": luck.choice(keys), "value": value(luck)} for _ in range(luck.randrange(6))]


def any_value(luck: random.Random, depth: int = 0) -> dict[str, Any]:
    kind = luck.randrange(9 if depth < 3 else 6)
    if kind == 0:
        return {"stringValue": luck.choice(TEXTS)}
    if kind == 1:
        return {"intValue": luck.choice(["1", "-5", str(2**63 - 1), 7, -7, 1.5])}
    if kind == 2:
        return {"boolValue": luck.random() < 0.5}
    if kind == 3:
        return {"doubleValue": luck.choice([*NUMBERS, *EDGES, "NaN", "Infinity", luck.random()])}
    if kind == 4:
        return luck.choice([{}, {"stringValue": None}, {"bytesValue": "AAE="}, {"intValue": None}])
    if kind == 5:
        return {"stringValue": f"item {luck.randrange(50)}"}
    if kind == 6:
        return {"arrayValue": {"values": [any_value(luck, depth + 1) for _ in range(luck.randrange(3))]}}
    if kind == 7:
        return {"kvlistValue": {"values": attributes(luck, lambda luck: any_value(luck, depth + 1))}}
    return {"stringValue": luck.choice(["ok", "ERROR", "server", "true"])}


def maybe(luck: random.Random, whole: dict[str, Any], *needed: str) -> dict[str, Any]:
    """Leave members out, and put them in any order."""
    kept = [key for key in whole if key in needed or luck.random() < 0.8]
    luck.shuffle(kept)
    return {key: whole[key] for key in kept}


def otlp(luck: random.Random) -> Any:
    def span() -> dict[str, Any]:
        start = START + luck.randrange(10**9)
        ends = [start + luck.randrange(10**6), start, start - 5]
        write = luck.choice([str, int])
        event = {
            "timeUnixNano": str(start),
            "name": luck.choice(TEXTS),
            "attributes": attributes(luck, any_value),
        }
        link = {
            "traceId": f"{luck.getrandbits(128):032x}",
            "spanId": f"{luck.getrandbits(64):016X}",
            "traceState": "",
        }
        whole = {
            "traceId": f"{luck.getrandbits(128):032X}"
            if luck.random() < 0.1
            else f"{luck.getrandbits(128):032x}",
            "spanId": f"{luck.getrandbits(64):016x}",
            "parentSpanId": luck.choice(["", "0" * 16, f"{luck.getrandbits(64):016x}"]),
            "name": luck.choice(TEXTS),
            "kind": luck.choice([0, 1, 2, "3", "SPAN_KIND_CLIENT", 99, None, "odd"]),
            "startTimeUnixNano": write(start),
            "endTimeUnixNano": write(luck.choice(ends)),
            "attributes": luck.choice([attributes(luck, any_value), None]),
            "events": [maybe(luck, event, "timeUnixNano") for _ in range(luck.randrange(3))],
            "links": [link] * luck.randrange(2),
            "status": luck.choice(
                [{}, None, {"code": 2, "message": luck.choice(TEXTS)}, {"code": "STATUS_CODE_OK"}]
            ),
            "flags": 257,
            "unknown": {"a": [1, {"b": "\\u00e9"}, None, True], "c": {}},
        }
        return maybe(luck, whole, "traceId", "spanId", "startTimeUnixNano", "endTimeUnixNano")

    def batch() -> dict[str, Any]:
        scope = {"name": luck.choice([*TEXTS, None]), "version": luck.choice(["1", 5, ""])}
        scopes = [
            maybe(
                luck,
                {"scope": luck.choice([scope, None]), "spans": [span() for _ in range(luck.randrange(4))]},
            )
            for _ in range(luck.randrange(3))
        ]
        resource = luck.choice([{}, {"attributes": attributes(luck, any_value)}])
        return maybe(luck, {"resource": resource, "scopeSpans": scopes, "schemaUrl": "x"})

    return {"resourceSpans": [*(batch() for _ in range(3)), {"scopeSpans": [{"spans": [span()]}]}]}


def jaeger(luck: random.Random) -> Any:
    def tags() -> Any:
        values = [*TEXTS, *NUMBERS, True, False, None, [1, "a"], {"a": 1.0}, "error", "OK"]
        return luck.choice(
            [None, attributes(luck, lambda luck: luck.choice(EDGES if luck.random() < 0.005 else values))]
        )

    def trace(number: int) -> dict[str, Any]:
        ids = [f"{number}-{n}" for n in range(luck.randrange(1, 6))]
        trace_id = f"t{number}"

        def reference() -> dict[str, Any]:
            told = {
                "refType": luck.choice(["CHILD_OF", "FOLLOWS_FROM", ""]),
                "traceID": luck.choice([trace_id, "other"]),
            }
            return {**maybe(luck, told), "spanID": luck.choice([*ids, "gone"])}

        def span(span_id: str) -> dict[str, Any]:
            log = {"timestamp": START // 1000 + luck.randrange(10**6), "fields": tags()}
            whole = {
                "traceID": trace_id,
                "spanID": span_id,
                "operationName": luck.choice([*TEXTS, None]),
                "references": luck.choice([None, [], [reference()], [reference() for _ in range(3)]]),
                "startTime": START // 1000 + luck.randrange(10**6),
                "duration": luck.choice([0, 5, luck.randrange(10**9)]),
                "tags": tags(),
                "logs": [log] * luck.randrange(3),
                "processID": luck.choice(["p1", "p2", "p9"]),
                "parentSpanID": luck.choice(["", "old"]),
                "warnings": luck.choice([None, ["clock skew"], ["a", 5], "odd"]),
            }
            return maybe(luck, whole, "spanID", "startTime", "traceID")

        processes = {
            "p1": {"serviceName": "shop", "tags": tags()},
            "p2": maybe(luck, {"serviceName": luck.choice(TEXTS), "tags": tags(), "x": [[]]}),
        }
        whole = {
            "traceID": trace_id,
            "spans": [span(one) for one in ids],
            "processes": maybe(luck, processes),
        }
        return maybe(luck, whole | {"warnings": luck.choice([None, ["late"]])}, "spans", "processes")

    traces = [trace(n) for n in range(4)]
    return luck.choice(
        [traces, {"data": traces, "errors": luck.choice([None, [{"code": 1, "msg": "m"}]]), "total": 0}]
    )


def zipkin(luck: random.Random) -> Any:
    def endpoint() -> Any:
        whole = {
            "serviceName": luck.choice(TEXTS),
            "ipv4": "10.0.0.1",
            "ipv6": "::1",
            "port": luck.choice([0, 80]),
        }
        return luck.choice([None, {}, maybe(luck, whole)])

    def span() -> dict[str, Any]:
        start = START // 1000 + luck.randrange(10**6)
        note = {"timestamp": start, "value": luck.choice(TEXTS)}
        span_id = f"{luck.getrandbits(64):016x}"
        keys = ["error", "otel.status_code", "service.name", "service.instance.id", "peer.service", *TEXTS]
        whole = {
            "traceId": luck.choice([f"{luck.getrandbits(128):032x}", "ABC", span_id]),
            "id": luck.choice([span_id, span_id.upper(), span_id.lstrip("0")]),
            "parentId": luck.choice([None, "", "0", span_id, "b", f"{luck.getrandbits(64):016x}"]),
            "kind": luck.choice([None, "CLIENT", "server", "ODD", ""]),
            "name": luck.choice([*TEXTS, None]),
            "timestamp": start,
            "duration": luck.choice([0, None, 7]),
            "localEndpoint": endpoint(),
            "remoteEndpoint": endpoint(),
            "annotations": [
                {**note, "timestamp": start + luck.randrange(3)} for _ in range(luck.randrange(4))
            ],
            "tags": {
                luck.choice(keys): luck.choice([*TEXTS, "false", "OK", 5, 0.5, True, None]) for _ in range(4)
            },
            "shared": luck.choice([True, False, None]),
            "debug": True,
        }
        return maybe(luck, whole, "traceId", "id", "timestamp")

    spans = [span() for _ in range(8)]
    return luck.choice([spans, [spans[:3], spans[3:]]])


def packed_value(told: dict[str, Any], kind: Any) -> Any:
    """Turn AnyValue from JSON into protobuf, by the plain reader's own messages."""
    made = kind()
    for name, inner in told.items():
        if name == "stringValue":
            made.text = (inner or "").encode()
        elif name == "intValue":
            made.whole = int(inner or 0)
        elif name == "boolValue":
            made.truth = inner
        elif name == "doubleValue":
            made.real = float(inner)
        elif name == "bytesValue":
            made.raw = base64.b64decode(inner)
        elif name == "arrayValue":
            made.list.values.extend(packed_value(value, kind) for value in inner["values"])
            made.list.SetInParent()
        else:
            made.pairs.SetInParent()
            pack_pairs(made.pairs.values, inner["values"], kind)
    return made


def pack_pairs(into: Any, told: list[dict[str, Any]], kind: Any) -> None:
    for pair in told:
        added = into.add(key=pair["key"].encode())
        added.value.CopyFrom(packed_value(pair["value"], kind))


def packed(document: Any, luck: random.Random) -> bytes:
    schema = tuple((name, fields.replace("*bytes", "*KeyValue")) for name, fields in otlp_protobuf._SCHEMA)
    whole, kind = _protobuf.message(schema, "TracesData")(), _protobuf.message(schema, "AnyValue")
    value = whole.resource_spans.add().resource.attributes.add().value.__class__
    whole.Clear()
    del kind
    for resource in document["resourceSpans"]:
        made = whole.resource_spans.add()
        pack_pairs(made.resource.attributes, (resource.get("resource") or {}).get("attributes") or [], value)
        for scope in resource.get("scopeSpans") or []:
            spans = made.scope_spans.add()
            told = scope.get("scope") or {}
            spans.scope.name, spans.scope.version = (
                str(told.get(k) or "").encode() for k in ("name", "version")
            )
            for one in scope.get("spans") or []:
                span = spans.spans.add(
                    trace_id=bytes.fromhex(one["traceId"]),
                    span_id=bytes.fromhex(one["spanId"]),
                    parent_span_id=bytes.fromhex(one.get("parentSpanId", "")),
                    name=one.get("name", "").encode(),
                    kind=luck.choice([0, 1, 5, 99, -1]),
                    start=int(one["startTimeUnixNano"]),
                    end=int(one["endTimeUnixNano"]),
                )
                pack_pairs(span.attributes, one.get("attributes") or [], value)
                status = one.get("status") or {}
                span.status.message = status.get("message", "").encode()
                span.status.code = luck.choice([0, 1, 2, 7])
                for event in one.get("events") or []:
                    added = span.events.add(
                        time=int(event["timeUnixNano"]), name=event.get("name", "").encode()
                    )
                    pack_pairs(added.attributes, event.get("attributes") or [], value)
                for link in one.get("links") or []:
                    span.links.add(
                        trace_id=bytes.fromhex(link["traceId"]), span_id=bytes.fromhex(link["spanId"])
                    )
    return whole.SerializeToString()


def lengths(messages: list[bytes], *, wide: bool) -> bytes:
    return b"".join((len(m).to_bytes(4, "big") if wide else leb(len(m))) + m for m in messages)


def leb(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + leb(number >> 7)


FORMATS = {"otlp": (otlp_json, otlp), "jaeger": (jaeger_json, jaeger), "zipkin": (zipkin_json, zipkin)}


@pytest.mark.parametrize("name", FORMATS)
def test_random_documents_are_read_alike_both_ways(name: str):
    reader, make = FORMATS[name]
    by_cells = 0
    for seed in range(DOCUMENTS):
        luck = random.Random(seed)
        document = make(luck)
        layout: dict[str, Any] = luck.choice([{}, {"indent": 1}, {"separators": (",", ":")}])
        content = json.dumps(document, ensure_ascii=luck.random() < 0.5, **layout).encode()
        by_cells += assert_agree(reader, content)
    assert by_cells > DOCUMENTS / 4


def test_a_file_that_outgrows_the_first_room_is_read_alike_both_ways():
    luck = random.Random(1)
    long = {"key": "long", "value": {"stringValue": "\\\n🙂" * 4000}}
    requests = [otlp(luck) for _ in range(120)]
    requests = [request for request in requests if otlp_json._read_large(json.dumps(request).encode())]
    lines = [json.dumps(request) for request in requests]
    whole = {"resourceSpans": [batch for request in requests for batch in request["resourceSpans"]]}
    for batch in whole["resourceSpans"]:
        batch["resource"] = {"attributes": [long]}
    assert assert_agree(otlp_json, "\n".join(lines).encode())
    assert assert_agree(otlp_json, json.dumps(whole).encode())


@pytest.mark.parametrize(
    "content",
    [
        b'[{"traceId":"1","id":"2","timestamp":5},]',
        b'[{"traceId":"1","id":"2","timestamp":05}]',
        b'[{"traceId":"1","id":"2","timestamp":5,"x":"\\ud800"}]',
        b'[{"traceId":"1","id":"2","timestamp":5,"x":[1,{"a":tru}]}]',
        b'[{"traceId":"1","id":"2","timestamp":5}',
        b'[{"traceId":"1","id":"2","timestamp":5}]]',
        b'[{"traceId":"1","id":"2","timestamp":5,"x":1e999}]',
        b'[{"traceId":"1","id":"2","timestamp":5,"x":"\xff"}]',
        b'[{"traceId":"1","id":"2","timestamp":5,"x":"a',
        b'[{"traceId":"1","id":"2","timestamp":5,"x":' + b"[" * 100_000,
        b'[[[{"traceId":"1","id":"2","timestamp":5}]]]',
        b'[{"traceId":"1","id":"2","timestamp":5}] [{"traceId":"1","id":"3","timestamp":5}]',
    ],
)
def test_what_is_not_json_is_left_to_the_plain_reader(content: bytes):
    assert zipkin_json._read_large(content) is None


def test_compiled_code_is_not_awaited_for_a_megabyte(monkeypatch):
    monkeypatch.delitem(sys.modules, f"{_cells.__name__}_json", raising=False)
    monkeypatch.setattr(_cells, "is_cached", lambda *told: False)
    assert not _cells.pay(2**25, "json")
    assert _cells.pay(2**27, "json")
    monkeypatch.setattr(_cells, "is_cached", lambda *told: True)
    assert not _cells.pay(2**20, "json")
    assert _cells.pay(2**25, "json")


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_documents_are_refused_or_read_alike_both_ways(name: str):
    reader, make = FORMATS[name]
    for seed in range(DOCUMENTS):
        luck = random.Random(seed)
        content = bytearray(json.dumps(make(luck)).encode())
        for _ in range(luck.randrange(1, 3)):
            content[luck.randrange(len(content))] = luck.choice(b'"\\{}[],:0159.eE-+ntu \n\x00\x80\xff')
        assert_agree(reader, bytes(content[: luck.choice([len(content), luck.randrange(len(content))])]))


def test_random_messages_of_protobuf_are_read_alike_both_ways_alone_and_in_streams():
    by_cells = 0
    for seed in range(DOCUMENTS):
        luck = random.Random(seed)
        messages = [packed(otlp(luck), luck) for _ in range(luck.randrange(1, 4))]
        content = luck.choice([messages[0], lengths(messages, wide=False), lengths(messages, wide=True)])
        try:
            by_cells += assert_agree(otlp_protobuf, content)
        except Unrecognized:
            continue
    assert by_cells > DOCUMENTS / 4


def test_damaged_messages_of_protobuf_are_refused_or_read_alike_both_ways():
    for seed in range(DOCUMENTS):
        luck = random.Random(seed)
        content = bytearray(packed(otlp(luck), luck))
        for _ in range(luck.randrange(1, 3)):
            content[luck.randrange(len(content))] = luck.randrange(256)
        assert_agree(
            otlp_protobuf, bytes(content[: luck.choice([len(content), luck.randrange(len(content))])])
        )
