"""The OTLP protobuf reader, against truth files of the recording program, its own JSON, and bytes by hand."""

from __future__ import annotations

import json
import struct

import pandas as pd
import pytest

from tests.needs import ROOT, corpus
from tests.readers.corpus import of_family
from workbench.errors import Malformed, Unrecognized
from workbench.readers import Parts, Stream, otlp_json, otlp_protobuf, recognise

SAMPLES = ROOT / "data" / "samples" / "otlp_protobuf"
START = 1_544_712_660_123_456_789


def number(value: int) -> bytes:
    digits = bytearray()
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    return bytes([*digits, value])


def field(tag: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return number(tag << 3) + number(value)
    return number(tag << 3 | 2) + number(len(value)) + value


def pair(key: str, value: bytes) -> bytes:
    return field(1, key.encode()) + field(2, value)


def span(*more: bytes, start: int = START, end: int = START + 1_500) -> bytes:
    times = b"\x39" + struct.pack("<Q", start) + b"\x41" + struct.pack("<Q", end)
    return field(1, bytes(range(16))) + field(2, b"\xaa" * 8) + field(5, b"GET /") + times + b"".join(more)


def request(*spans: bytes, resource: bytes = b"", scope: bytes = b"") -> bytes:
    inside = field(1, scope) + b"".join(field(2, one) for one in spans)
    return field(1, field(1, resource) + field(2, inside))


def read(*contents: bytes) -> Parts:
    return otlp_protobuf.read(*(Stream(f"{n}.pb", content) for n, content in enumerate(contents)))


def only(*more: bytes) -> pd.Series:
    return read(request(span(*more))).frames["spans"].iloc[0]


@pytest.mark.parametrize("folder", ["proto", "js-proto"])
def test_spans_are_those_that_the_recording_program_wrote_down(folder: str):
    files = of_family("generated", "otlp/zipkin").items()
    streams = [Stream(p, file) for p, file in files if f"/{folder}/" in p and p.endswith(".x-protobuf")]
    assert {recognise(stream.head()) for stream in streams} == {otlp_protobuf}
    frames = otlp_protobuf.read(*streams).frames
    found = {
        (row.trace_id, row.span_id): (
            row.service,
            None if pd.isna(row.parent_id) else row.parent_id,
            row.name_,
            row.start.value,
            row.start.value + round(row.duration_s * 1e9),
            row.status.upper(),
        )
        for row in frames["spans"].rename(columns={"name": "name_"}).itertuples()
    }
    truth = json.loads(corpus("generated", "otel", folder, f"truth.{folder}.json").read_bytes())
    members = ("service", "parent", "name", "start", "end", "status")
    if folder == "js-proto":
        for told in truth:  # JavaScript's times are pairs of seconds and nanoseconds, its codes numbers
            told["start"], told["end"] = (told[e][0] * 10**9 + told[e][1] for e in ("start", "end"))
            told["status"] = ("UNSET", "OK", "ERROR")[told["status"]]
    known = {(t["trace_id"], t["span_id"]): tuple(t[m] for m in members) for t in truth}
    if folder == "js-proto":  # of whose two requests the corpus has the first
        assert len(found) == 51
        assert found.items() <= known.items()
        return
    assert found == known
    assert len(frames["events"]) == sum(t["n_events"] for t in truth)
    assert len(frames["links"]) == sum(t["n_links"] for t in truth)


def test_the_same_spans_in_json_read_the_same():
    lines = (ROOT / "data/samples/otlp_json/traces.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    resources = [resource for line in told for resource in line["resourceSpans"]]
    packed = b"".join(field(1, _resource(resource)) for resource in resources)
    plain = otlp_json.read(Stream("", json.dumps({"resourceSpans": resources}).encode())).frames
    frames = read(packed).frames
    assert frames.keys() == plain.keys()
    for name, frame in plain.items():
        pd.testing.assert_frame_equal(frames[name], frame)


def test_attributes_are_text_and_values_of_other_kinds_json():
    listed = field(5, field(1, field(3, 1)) + field(1, field(1, b"b")) + field(1, b""))
    values = {
        "text": (field(1, "größe".encode()), "größe"),
        "no text": (field(1, b""), ""),
        "yes": (field(2, 1), "true"),
        "no": (field(2, 0), "false"),
        "number": (field(3, 2**63 - 1), "9223372036854775807"),
        "negative": (field(3, 2**64 - 1), "-1"),
        "double": (b"\x21" + struct.pack("<d", 0.1), "0.1"),
        "whole double": (b"\x21" + struct.pack("<d", 1.0), "1.0"),
        "not a number": (b"\x21" + struct.pack("<d", float("nan")), "NaN"),
        "list": (listed, '[1,"b",null]'),
        "object": (field(6, field(1, pair("k", field(5, b"")))), '{"k":[]}'),
        "bytes": (field(7, b"\0\1"), "AAE="),
        "nothing": (b"", "null"),
    }
    row = only(*(field(9, pair(key, value)) for key, (value, _) in values.items()))
    assert dict(row["attributes"]) == {key: text for key, (_, text) in values.items()}


def test_kind_status_parent_and_message_are_read_and_unknown_numbers_are_unspecified():
    row = only(field(4, b"\xbb" * 8), field(6, 3), field(15, field(2, b"no") + field(3, 2)))
    assert (row["parent_id"], row["kind"], row["status"]) == ("bb" * 8, "client", "error")
    assert dict(row["attributes"]) == {"otel.status_description": "no"}
    row = only(field(4, b"\0" * 8), field(6, 99), field(15, field(3, 77)))
    assert (pd.isna(row["parent_id"]), row["kind"], row["status"]) == (True, "unspecified", "unset")


def test_times_are_exact_to_the_nanosecond():
    assert only()["start"].value == START
    assert only()["duration_s"] == 1.5e-6


def test_messages_after_their_lengths_are_read_and_one_that_is_cut_off_is_counted():
    one = request(span())
    for stream in (number(len(one)) + one, len(one).to_bytes(4, "big") + one):
        whole, cut = stream * 3, (stream * 3)[:-5]
        assert recognise(whole) is otlp_protobuf
        assert len(read(whole).frames["spans"]) == 3
        parts = read(cut)
        assert len(parts.frames["spans"]) == 2
        assert parts.skipped == {"message that is cut off": 1}
        assert parts.notes == [f"0.pb, byte {2 * len(stream):,}: the message is cut off"]


def test_a_message_that_is_cut_off_is_refused_with_its_place():
    content = request(span(), span()) * 3
    with pytest.raises(Malformed) as caught:
        read(content[:-7])
    assert "cut off" in caught.value.found
    assert caught.value.where.startswith("0.pb, byte ")


def test_spans_that_cannot_be_are_counted():
    parts = read(request(span(), span(end=0), span(start=0), span(start=2**63, end=2**63 + 1)))
    assert len(parts.frames["spans"]) == 1
    assert parts.skipped == {
        "span that had not ended": 1,
        "span without a start, or after the year 2262": 2,
    }


def test_metrics_logs_and_other_protobuf_are_not_claimed():
    metric = field(1, b"http.server.duration") + field(2, b"in ms") + field(3, b"ms")
    log = b"\x09" + struct.pack("<Q", START) + field(2, 9) + field(3, b"INFO")
    for other in (
        request(metric),
        request(log),
        (ROOT / "data/samples/zipkin_protobuf/spans.pb").read_bytes(),
        Stream("", ROOT / "data/samples/pprof/shop-cpu.pb.gz").content(),
        b"\n\0",
        b"\n\xff\xff\xff\xff\x0f",
    ):
        assert not otlp_protobuf.sniff(other)
        with pytest.raises(Unrecognized):
            read(other)


def test_nesting_without_end_is_refused():
    deep = field(1, b"x")
    for _ in range(5000):
        deep = field(5, field(1, deep))
    with pytest.raises(Malformed):
        only(field(9, pair("deep", deep)))


@pytest.mark.parametrize(("name", "spans"), [("request.pb", 12), ("requests.bin", 18)])
def test_the_samples_are_six_requests_through_two_services(name: str, spans: int):
    frames = read((SAMPLES / name).read_bytes()).frames
    assert len(frames["spans"]) == spans
    assert frames["spans"]["parent_id"].isna().sum() == 6
    if name == "requests.bin":
        assert frames["spans"]["service"].value_counts().to_dict() == {"gateway": 12, "orders": 6}
        assert frames["spans"]["status"].eq("error").sum() == 1
        assert len(frames["links"]) == 5


def _resource(told: dict) -> bytes:
    scopes = []
    for one in told["scopeSpans"]:
        scope = field(1, one["scope"]["name"].encode()) + field(2, one["scope"].get("version", "").encode())
        scopes.append(field(2, field(1, scope) + b"".join(field(2, _span(span)) for span in one["spans"])))
    return field(1, _pairs(1, told["resource"]["attributes"])) + b"".join(scopes)


def _span(told: dict) -> bytes:
    times = [int(told[f"{edge}TimeUnixNano"]) for edge in ("start", "end")]
    parts = [
        field(1, bytes.fromhex(told["traceId"])),
        field(2, bytes.fromhex(told["spanId"])),
        field(4, bytes.fromhex(told.get("parentSpanId", ""))),
        field(5, told["name"].encode()),
        field(6, int(told["kind"])),
        b"\x39" + struct.pack("<Q", times[0]) + b"\x41" + struct.pack("<Q", times[1]),
        _pairs(9, told.get("attributes", [])),
    ]
    for event in told.get("events", []):
        time = b"\x09" + struct.pack("<Q", int(event["timeUnixNano"]))
        about = _pairs(3, event.get("attributes", []))
        parts.append(field(11, time + field(2, event["name"].encode()) + about))
    for link in told.get("links", []):
        ids = field(1, bytes.fromhex(link["traceId"])) + field(2, bytes.fromhex(link["spanId"]))
        parts.append(field(13, ids + _pairs(4, link.get("attributes", []))))
    status = told.get("status", {})
    message = field(2, status["message"].encode()) if status.get("message") else b""
    parts.append(field(15, message + field(3, int(status.get("code", 0)))))
    return b"".join(parts)


def _pairs(tag: int, pairs: list[dict]) -> bytes:
    return b"".join(field(tag, pair(told["key"], _value(told["value"]))) for told in pairs)


def _value(value: dict) -> bytes:
    ((kind, inner),) = value.items()
    if kind == "stringValue":
        return field(1, inner.encode())
    if kind == "boolValue":
        return field(2, int(inner))
    if kind == "intValue":
        return field(3, int(inner) % 2**64)
    if kind == "doubleValue":
        return b"\x21" + struct.pack("<d", inner)
    return field(5, b"".join(field(1, _value(member)) for member in inner["values"]))
