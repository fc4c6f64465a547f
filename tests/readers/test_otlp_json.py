"""The OTLP/JSON reader, against truth files of the programs that made the spans, and other spellings."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path

import pandas as pd
import pytest

from tests.needs import ROOT, corpus
from tests.readers.corpus import expected, of_family
from workbench.errors import Malformed, Unrecognized, WorkbenchError
from workbench.readers import Parts, Stream, _cells, otlp_json, recognise

SAMPLE = ROOT / "data" / "samples" / "otlp_json" / "traces.jsonl"
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
START = 1_544_712_660_123_456_789


def read(*documents: object) -> Parts:
    contents = [d if isinstance(d, bytes) else json.dumps(d).encode() for d in documents]
    return otlp_json.read(*(Stream(f"{n}.json", c) for n, c in enumerate(contents)))


def request(*spans: dict, resource: dict | None = None) -> dict:
    attributes = [{"key": k, "value": {"stringValue": v}} for k, v in (resource or {}).items()]
    return {
        "resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": [{"spans": list(spans)}]}]
    }


def span(**changed: object) -> dict:
    whole = {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "GET /",
        "kind": 2,
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 1_500),
    }
    return {k: v for k, v in {**whole, **changed}.items() if v is not None}


def only(**changed: object) -> pd.Series:
    return read(request(span(**changed))).frames["spans"].iloc[0]


@pytest.mark.parametrize(
    ("paths", "truth"),
    [
        (["json-file/traces.jsonl"], "json-file/truth.json-file.json"),
        ([f"json-http/{n}_v1_traces.json" for n in ("001", "002", "003")], "json-http/truth.json-http.json"),
    ],
)
def test_spans_are_those_that_the_recording_program_wrote_down(paths: list[str], truth: str):
    streams = [Stream(path, corpus("generated", "otel", path)) for path in paths]
    assert {recognise(stream.head()) for stream in streams} == {otlp_json}
    frames = otlp_json.read(*streams).frames
    events = frames["events"].groupby(["trace_id", "span_id"]).size()
    links = frames["links"].groupby(["trace_id", "span_id"]).size()
    found = {
        (row.trace_id, row.span_id): {
            "service": row.service,
            "parent": None if pd.isna(row.parent_id) else row.parent_id,
            "name": row.name_,
            "kind": row.kind.upper(),
            "start": row.start.value,
            "end": row.start.value + round(row.duration_s * 1e9),
            "status": row.status.upper(),
            "n_events": events.get((row.trace_id, row.span_id), 0),
            "n_links": links.get((row.trace_id, row.span_id), 0),
        }
        for row in frames["spans"].rename(columns={"name": "name_"}).itertuples()
    }
    wanted = {}
    for entry in json.loads(corpus("generated", "otel", truth).read_bytes()):
        del entry["n_attr"]  # ours have those of the resource too
        wanted[entry.pop("trace_id"), entry.pop("span_id")] = entry
    assert found == wanted


def test_corpus_traces_have_the_spans_that_were_counted():
    counted = 0
    for path, known in expected("traces").items():
        if "kind_encoding" not in known:
            continue
        spans = otlp_json.read(Stream(path, corpus("traces", path))).frames["spans"]
        services = ";".join(f"{s}={n}" for s, n in sorted(spans["service"].value_counts().items()))
        assert len(spans) == int(known["n_spans"].value), path
        assert services == known["service_span_counts"].value, path
        assert known["trace_id_example"].value.lower() in set(spans["trace_id"]), path
        counted += 1
    assert counted == 2


def test_every_trace_file_of_the_corpus_is_claimed_when_it_has_resource_spans():
    files = {**of_family("traces", "otlp", "jaeger", "zipkin"), **of_family("generated", "otlp/zipkin")}
    for path, file in files.items():
        try:
            text = file.read_text(encoding="utf-8").lstrip()
            document, _ = json.JSONDecoder().raw_decode(text)  # of JSON lines the first
        except ValueError:
            document = None
        whole = isinstance(document, dict) and "resourceSpans" in document
        assert otlp_json.sniff(Stream(path, file).head()) == whole, path
        if whole:
            spans = [
                span
                for resource in document["resourceSpans"]
                for scope in resource["scopeSpans"]
                for span in scope["spans"]
            ]
            parts = otlp_json.read(Stream(path, file))
            if not path.endswith(".jsonl"):
                assert parts.frames["spans"]["span_id"].tolist() == [s["spanId"].lower() for s in spans], path


def test_times_are_exact_to_the_nanosecond():
    row = only()
    assert row["start"].value == START
    assert row["duration_s"] == 1.5e-6
    assert only(startTimeUnixNano=START, endTimeUnixNano=START + 1)["start"].value == START


@pytest.mark.parametrize(
    ("trace_id", "span_id"),
    [
        (TRACE, SPAN),
        (TRACE.upper(), SPAN.upper()),
        (base64.b64encode(bytes.fromhex(TRACE)).decode(), base64.b64encode(bytes.fromhex(SPAN)).decode()),
        (base64.urlsafe_b64encode(bytes.fromhex(TRACE)).decode().rstrip("="), "7uGbfsPBsXQ"),
    ],
)
def test_ids_are_lower_case_hex_whether_written_in_hex_or_base64(trace_id: str, span_id: str):
    row = only(traceId=trace_id, spanId=span_id, parentSpanId=span_id)
    assert (row["trace_id"], row["span_id"], row["parent_id"]) == (TRACE, SPAN, SPAN)


@pytest.mark.parametrize("nobody", [None, "", "0000000000000000", "AAAAAAAAAAA="])
def test_a_parent_of_zeros_is_none(nobody: str | None):
    assert pd.isna(only(parentSpanId=nobody)["parent_id"])


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (None, "unspecified"),
        (0, "unspecified"),
        (1, "internal"),
        (2, "server"),
        ("3", "client"),
        ("SPAN_KIND_PRODUCER", "producer"),
        (5, "consumer"),
        (99, "unspecified"),
    ],
)
def test_kinds_are_numbers_or_names(written: object, kind: str):
    assert only(kind=written)["kind"] == kind


@pytest.mark.parametrize(
    ("written", "status"),
    [
        (None, "unset"),
        ({}, "unset"),
        ({"code": 1}, "ok"),
        ({"code": "STATUS_CODE_ERROR", "message": "no"}, "error"),
    ],
)
def test_a_status_is_a_number_or_a_name_and_its_message_is_kept(written: dict | None, status: str):
    row = only(status=written)
    assert row["status"] == status
    assert dict(row["attributes"]).get("otel.status_description") == (written or {}).get("message")


def test_attributes_are_text_and_values_of_other_kinds_json():
    values = {
        "text": ({"stringValue": "a"}, "a"),
        "number as text": ({"intValue": "9223372036854775807"}, "9223372036854775807"),
        "number": ({"intValue": 9223372036854775807}, "9223372036854775807"),
        "double": ({"doubleValue": 0.1}, "0.1"),
        "not a number": ({"doubleValue": "NaN"}, "NaN"),
        "yes": ({"boolValue": True}, "true"),
        "bytes": ({"bytesValue": "AAE="}, "AAE="),
        "nothing": ({}, "null"),
        "list": ({"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "b"}, {}]}}, '[1,"b",null]'),
        "empty": ({"arrayValue": {}}, "[]"),
        "object": (
            {"kvlistValue": {"values": [{"key": "k", "value": {"arrayValue": {"values": []}}}]}},
            '{"k":[]}',
        ),
    }
    row = only(attributes=[{"key": k, "value": v} for k, (v, _) in values.items()])
    assert dict(row["attributes"]) == {k: text for k, (_, text) in values.items()}


def test_the_resource_names_the_service_and_gives_its_other_attributes():
    resource = {"service.name": "shop", "service.instance.id": "shop-1", "host.arch": "arm", "zone": "a"}
    own = [{"key": "zone", "value": {"stringValue": "b"}}]
    row = read(request(span(attributes=own), resource=resource)).frames["spans"].iloc[0]
    assert (row["service"], row["instance"]) == ("shop", "shop-1")
    assert dict(row["attributes"]) == {"host.arch": "arm", "zone": "b"}


def test_events_and_links_become_tables():
    about = [{"key": "k", "value": {"intValue": 1}}]
    event = {"timeUnixNano": str(START + 7), "name": "priced", "attributes": about}
    link = {"traceId": TRACE, "spanId": SPAN, "attributes": about}
    frames = read(request(span(events=[event], links=[link]))).frames
    assert frames["events"].iloc[0]["time"].value == START + 7
    assert frames["events"].iloc[0]["name"] == "priced"
    assert dict(frames["events"].iloc[0]["attributes"]) == {"k": "1"}
    assert frames["links"].iloc[0][["linked_trace_id", "linked_span_id"]].tolist() == [TRACE, SPAN]


def test_answers_of_tempo_and_older_layouts_hold_the_same_spans():
    plain = read(SAMPLE.read_bytes()).frames["spans"]
    lines = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
    resources = [resource for line in lines for resource in line["resourceSpans"]]
    older = json.loads(json.dumps(resources))
    for resource in older:
        for library in resource["scopeSpans"]:
            library["instrumentationLibrary"] = library.pop("scope")
            for one in library["spans"]:
                for key in ("traceId", "spanId", "parentSpanId"):
                    if key in one:
                        one[key] = base64.b64encode(bytes.fromhex(one[key])).decode()
        resource["instrumentationLibrarySpans"] = resource.pop("scopeSpans")
    for document in (
        {"resourceSpans": resources},
        {"batches": older},
        {"trace": {"resourceSpans": resources}, "status": "COMPLETE"},
        {"result": {"resourceSpans": resources}},
        lines,
    ):
        content = json.dumps(document, indent=1).encode()
        assert recognise(content[:65536]) is otlp_json
        pd.testing.assert_frame_equal(read(content).frames["spans"], plain)


def test_spans_that_cannot_be_are_counted_and_clocks_that_go_back_are_told():
    parts = read(
        request(
            span(),
            span(spanId=""),
            span(startTimeUnixNano=None),
            span(startTimeUnixNano=str(2**63), endTimeUnixNano=str(2**63 + 1)),
            span(endTimeUnixNano="0"),
            span(endTimeUnixNano=str(START - 1)),
        )
    )
    assert parts.frames["spans"]["duration_s"].tolist() == [1.5e-6, 0.0]
    assert parts.skipped == {
        "span without trace id or span id": 1,
        "span without a start, or after the year 2262": 2,
        "span that had not ended": 1,
    }
    assert parts.notes == ["1 spans end before they start; their duration is taken as 0"]


def test_lines_of_other_signals_and_cut_lines_are_counted():
    line = json.dumps(request(span())).encode()
    parts = read(b"\n".join([line, b'{"resourceMetrics":[]}', b"", line, line[:90]]))
    assert len(parts.frames["spans"]) == 2
    assert parts.skipped == {"line that is no trace data": 2}
    assert parts.notes == ["0.json:5: the line is not whole JSON"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"resourceMetrics":[{"scopeMetrics":[]}]}',
        b'{"resourceLogs":[]}',
        b'{"batches":[{"number":1}]}',
        b'{"note":"resourceSpans"}',
        b'[{"traceId":"1","id":"2","name":"zipkin"}]',
    ],
)
def test_other_json_is_not_claimed(content: bytes):
    assert not otlp_json.sniff(content)
    if content:
        with pytest.raises((Unrecognized, Malformed)):
            read(b'{"resourceLogs":[]}')


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"resourceSpans": {}}, "0.json, resourceSpans"),
        ({"resourceSpans": [7]}, "resourceSpans[0]"),
        (request(span(), span(startTimeUnixNano="noon")), "resourceSpans[0].scopeSpans[0].spans[1]"),
        (request(span(attributes=[{"value": {}}])), "spans[0]"),
        (request(span(kind=[])), "spans[0]"),
        (request(span(attributes=[{"key": 7, "value": {}}])), "spans"),
    ],
)
def test_a_broken_layout_is_refused_with_its_place(document: object, place: str):
    with pytest.raises(Malformed) as caught:
        read(document)
    assert place in caught.value.where


def test_a_truncated_document_names_the_byte_and_the_remedy():
    content = json.dumps(request(span(), span()), indent=1).encode()
    for size in (30, len(content) // 2, len(content) - 1):
        with pytest.raises(Malformed) as caught:
            read(content[:size])
        assert caught.value.where.startswith("0.json, byte ")
        assert "cut off" in caught.value.found
        assert caught.value.remedy


def test_nesting_without_end_is_refused():
    deep: dict = {"stringValue": "x"}
    for _ in range(200):
        deep = {"arrayValue": {"values": [deep]}}
    row = only(attributes=[{"key": "deep", "value": deep}])
    assert dict(row["attributes"])["deep"] == "[" * 200 + '"x"' + "]" * 200
    with pytest.raises(Malformed):
        read(b'{"resourceSpans":' + b"[" * 100_000)
    assert not otlp_json.sniff(b"[" * 65536)


def test_damage_gives_a_clear_error_or_a_result():
    rng, content = random.Random(4), SAMPLE.read_bytes()[:6000]
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(3):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            assert isinstance(read(bytes(damaged)), Parts)
        except WorkbenchError:
            continue


def test_the_sample_is_a_shop_of_three_services():
    stream = Stream(SAMPLE.name, SAMPLE)
    parts = recognise(stream.head()).read(stream)
    spans = parts.frames["spans"]
    assert spans["service"].value_counts().to_dict() == {"gateway": 18, "orders": 20, "payments": 10}
    assert set(spans["instance"]) == {"gateway-1", "orders-1", "payments-1"}
    inside = spans["parent_id"].dropna()
    assert inside.isin(spans["span_id"]).all()
    assert spans["parent_id"].isna().sum() == 8
    assert (spans["status"] == "error").sum() == 4
    assert not parts.skipped
    assert Path(SAMPLE).read_bytes().count(b'"links"') == len(parts.frames["links"])


def by_columns(content: bytes) -> Parts | None:
    return otlp_json._read_large(content)


def batch(spans: list[dict]) -> bytes:
    about = {"service.name": "shop", "host.arch": "arm"}
    return json.dumps(request(*spans, resource=about)).encode()


def many(**changed: object) -> list[dict]:
    about = [{"key": k, "value": v} for k, v in (("a", {"stringValue": "ü"}), ("n", {"intValue": "7"}))]
    return [span(**{"spanId": f"{n:016x}", "attributes": about, **changed}) for n in range(1, 20)]


def assert_same(content: bytes) -> None:
    columns, plain = by_columns(content), otlp_json._read_spans((Stream("", content),))
    assert columns is not None
    assert not plain.skipped
    assert columns.frames.keys() == plain.frames.keys()
    for name, frame in plain.frames.items():
        told = columns.frames[name]
        pd.testing.assert_frame_equal(told.drop(columns="attributes"), frame.drop(columns="attributes"))
        assert told["attributes"].tolist() == frame["attributes"].tolist()


def test_columns_hold_what_reading_span_by_span_gives():
    otel = [p for p in of_family("generated", "otlp/zipkin").items() if "json" in p[0].split("/")[1]]
    contents = [file.read_bytes() for path, file in otel if "_v1_traces" in path or path.endswith(".jsonl")]
    assert len(contents) == 5
    for content in [SAMPLE.read_bytes(), *contents]:
        assert_same(content)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"kind": "SPAN_KIND_CLIENT"},
        {"startTimeUnixNano": START, "endTimeUnixNano": START + 1},
        {"status": {"code": 2, "message": "no"}},
        {"status": {"code": "STATUS_CODE_OK"}},
        {"parentSpanId": SPAN.upper()},
        {"parentSpanId": "0" * 16},
        {"parentSpanId": ""},
        {"events": [{"timeUnixNano": str(START), "name": "e"}, {"timeUnixNano": str(START + 1)}]},
        {"links": [{"traceId": TRACE, "spanId": SPAN, "attributes": []}]},
        {"flags": 1, "traceState": "x=y", "droppedAttributesCount": 1},
        {"endTimeUnixNano": str(START - 1)},
        {"somethingNew": 1},
        {"kind": None},
        {"attributes": [{"key": "host.arch", "value": {"stringValue": "x86"}}]},
        {"attributes": [{"key": "a", "value": {}}, {"key": "a", "value": {"stringValue": "2"}}]},
        {"attributes": [{"key": "d", "value": {"doubleValue": "NaN"}}]},
        {"attributes": [{"key": "m", "value": {"kvlistValue": {"values": []}}}]},
    ],
)
def test_what_exporters_write_is_read_by_columns(changed: dict):
    assert_same(batch(many(**changed)))


def test_values_of_all_kinds_are_the_same_text_by_columns():
    values = [
        {"stringValue": ""},
        {"intValue": "-5"},
        {"boolValue": False},
        {"doubleValue": 0.1},
        {"doubleValue": 1e200},
        {"doubleValue": 3},
        {"bytesValue": "AAE="},
        {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "b"}, {}]}},
        {"arrayValue": {}},
        {},
    ]
    about = [{"key": f"k{n}", "value": value} for n, value in enumerate(values)]
    assert_same(batch([span(attributes=about)] * 9))


@pytest.mark.parametrize(
    "changed",
    [
        {"endTimeUnixNano": "0"},
        {"startTimeUnixNano": str(2**63)},
        {"startTimeUnixNano": None},
        {"spanId": "7uGbfsPBsXQ="},
        {"traceId": ""},
        {"attributes": [{"key": "n", "value": {"intValue": 2**64}}]},
        {"attributes": [{"key": "u", "value": {"unknownValue": 1}}]},
    ],
)
def test_what_is_irregular_is_read_span_by_span_with_the_same_result(changed: dict):
    content = batch([*many(), span(**changed)])
    assert by_columns(content) is None
    assert len(read(content).frames["spans"]) >= 19


def test_a_large_file_is_read_by_columns_and_a_cut_one_is_refused_with_its_place(monkeypatch):
    monkeypatch.setattr(_cells, "pay", lambda size, scanner: True)
    content = batch([span(spanId=f"{n:016x}") for n in range(1, 4000)])
    assert len(read(content).frames["spans"]) == 3999
    with pytest.raises(Malformed, match="cut off"):
        read(content[:-10])
    broken = content.replace(b"GET /", b"GET \xff", 1)
    with pytest.raises(Malformed):
        read(broken)
