"""The Jaeger reader, against the same spans in OTLP, jaeger-ui's numbers, and hand-written traces."""

from __future__ import annotations

import json
import random

import pandas as pd
import pytest

from tests.needs import ROOT, corpus
from tests.readers.corpus import expected, of_family
from workbench.errors import Malformed, Unrecognized, WorkbenchError
from workbench.readers import Parts, Stream, jaeger_json, otlp_json, recognise

SAMPLES = ROOT / "data" / "samples"
SAMPLE = SAMPLES / "jaeger_json" / "traces.json"
FIXTURES = "jaegertracing+jaeger/internal/uimodel/converter/v1/json/fixtures"


def read(*documents: object) -> Parts:
    contents = [d if isinstance(d, bytes) else json.dumps(d).encode() for d in documents]
    return jaeger_json.read(*(Stream(f"{n}.json", c) for n, c in enumerate(contents)))


def trace(*spans: dict, **more: object) -> dict:
    processes = {"p1": {"serviceName": "shop", "tags": [{"key": "zone", "type": "string", "value": "a"}]}}
    return {"traceID": "t", "spans": list(spans), "processes": processes, **more}


def span(span_id: str, *references: dict, **changed: object) -> dict:
    return {
        "traceID": "t",
        "spanID": span_id,
        "operationName": "op",
        "references": list(references),
        "startTime": 1_706_678_909_209_712,
        "duration": 123,
        "processID": "p1",
        **changed,
    }


def ref(span_id: str, kind: str = "CHILD_OF", trace_id: str = "t") -> dict:
    return {"refType": kind, "traceID": trace_id, "spanID": span_id}


def parent_of_last(*spans: dict) -> str | None:
    parent = read(trace(*spans)).frames["spans"]["parent_id"].iloc[-1]
    return None if pd.isna(parent) else parent


def test_a_real_jaeger_gives_the_spans_that_it_was_sent():
    sent = otlp_json.read(Stream("", SAMPLES / "otlp_json" / "traces.jsonl")).frames
    given = jaeger_json.read(Stream("", SAMPLE)).frames
    key = ["trace_id", "span_id"]
    sent_spans = sent["spans"].sort_values(key, ignore_index=True)
    given_spans = given["spans"].sort_values(key, ignore_index=True)
    same = [*key, "parent_id", "service", "instance", "name", "kind", "status"]
    pd.testing.assert_frame_equal(given_spans[same], sent_spans[same])
    assert (given_spans["start"] == sent_spans["start"].dt.floor("us")).all()
    assert (given_spans["duration_s"] - sent_spans["duration_s"]).abs().max() < 1e-6
    for one, other in zip(given_spans["attributes"], sent_spans["attributes"], strict=True):
        # Jaeger adds tags of its own and keeps the others
        assert {k: _value(v) for k, v in other}.items() <= {k: _value(v) for k, v in one}.items()
    names = [
        frame.sort_values([*key, "time"])["name"].tolist() for frame in (given["events"], sent["events"])
    ]
    assert names[0] == names[1]
    links = [
        frame.sort_values(key)[[*key, "linked_trace_id", "linked_span_id"]].to_numpy().tolist()
        for frame in (given["links"], sent["links"])
    ]
    assert links[0] == links[1]


def test_spans_of_jaegers_own_fixture_are_read():
    frames = read(corpus("traces", FIXTURES, "ui_01.json").read_bytes()).frames
    spans = frames["spans"]
    assert spans["span_id"].str[-1].tolist() == ["2", "2", "3", "4", "5"]  # two share an id and differ
    assert spans["parent_id"].str[-1].fillna("").tolist() == ["", "", "2", "2", "4"]
    assert spans["service"].str[-1].tolist() == ["x", "x", "y", "y", "y"]
    assert spans["start"].map(lambda t: t.value).unique().tolist() == [1_485_467_191_639_875_000]
    assert dict(spans["attributes"][1]) == {
        "peer.service": "service-y",
        "peer.ipv4": "23456",
        "error": "true",
        "temperature": "72.5",
        "javascript_limit": "9223372036854775222",
        "blob": "AAAwOQ==",
    }
    assert spans["status"].tolist() == ["unset", "error", "unset", "unset", "unset"]
    assert frames["events"]["name"].tolist() == ["some-event", ""]
    assert frames["links"][["linked_trace_id", "linked_span_id"]].to_numpy().tolist() == [
        ["00000000000000ff", "00000000000000ff"],
        ["0000000000000001", "0000000000000002"],
    ]


def test_numbers_are_those_of_jaeger_ui():
    path = (
        "jaegertracing+jaeger/cmd/jaeger/internal/extension/jaegerquery/internal/fixture/otlp2jaeger-out.json"
    )
    known = expected("traces")[path]
    parts = jaeger_json.read(Stream(path, corpus("traces", path)))
    spans = parts.frames["spans"]
    # jaeger-ui counts both of two spans that are alike in all; here the second is counted as skipped.
    assert len(spans) + parts.skipped["span told twice alike"] == int(known["n_spans"].value)
    assert spans["trace_id"].unique().tolist() == [known["trace_id"].value]
    assert spans["start"].min().value == int(known["start"].value) * 1000
    assert round(spans["duration_s"].max() * 1e6) == int(known["duration"].value)
    assert not spans["parent_id"].isin(spans["span_id"]).any()  # orphan_spans: all


def test_parents_and_times_are_those_of_jaeger_uis_critical_path_cases():
    cases = json.loads(corpus("traces", "derived", "jaeger_ui_critical_path_cases.json").read_bytes())
    known = expected("traces")
    assert len(cases) == 9
    for case in cases:
        raw = case["raw"]
        spans = read(raw).frames["spans"]
        count = known[f"derived/jaeger_ui_critical_path_cases.json#{case['test']}"]["n_spans"]
        assert len(spans) == int(count.value) == len(raw["spans"]), case["test"]
        children = [s["references"][0]["spanID"] if s.get("references") else "" for s in raw["spans"]]
        assert spans["parent_id"].fillna("").tolist() == children, case["test"]
        starts = [s["startTime"] * 1000 for s in raw["spans"]]
        assert spans["start"].map(lambda t: t.value).tolist() == starts, case["test"]


def test_only_traces_as_the_api_gives_them_are_claimed():
    files = {**of_family("traces", "otlp", "jaeger", "zipkin"), **of_family("generated", "otlp/zipkin")}
    claimed = {path for path, file in files.items() if jaeger_json.sniff(Stream(path, file).head())}
    # The others are OTLP, documents of its storages, its protobuf model, and a list that jaeger-ui rejects.
    assert {path.rpartition("/")[2] for path in claimed} == {"ui_01.json", "otlp2jaeger-out.json"}


def test_the_parent_is_the_first_child_of_reference_that_resolves():
    a, b = span("a"), span("b")
    assert parent_of_last(a, b, span("c", ref("gone"), ref("a", "FOLLOWS_FROM"), ref("b"))) == "b"


def test_without_a_child_of_that_resolves_the_parent_is_what_resolves_then_the_first_of_the_trace():
    assert parent_of_last(span("a"), span("c", ref("gone"), ref("a", "FOLLOWS_FROM"))) == "a"
    assert parent_of_last(span("c", ref("gone"), ref("lost"))) == "gone"
    assert parent_of_last(span("a"), span("c", ref("a", trace_id="other"))) is None
    assert parent_of_last(span("c", parentSpanID="old")) == "old"


def test_references_that_are_not_the_parent_are_links():
    links = read(trace(span("a"), span("c", ref("a"), ref("x", "FOLLOWS_FROM", "other")))).frames["links"]
    assert links[["span_id", "linked_trace_id", "linked_span_id"]].to_numpy().tolist() == [
        ["c", "other", "x"]
    ]
    assert dict(links["attributes"][0]) == {"refType": "FOLLOWS_FROM"}


def test_microseconds_become_nanoseconds_exactly():
    starts = [1_706_678_909_209_713, 1_706_678_909_209_713.0, 1_706_678_909_209_713.5]
    frame = read(trace(*(span(str(n), startTime=start) for n, start in enumerate(starts)))).frames["spans"]
    whole = 1_706_678_909_209_713_000
    assert frame["start"].map(lambda t: t.value).tolist() == [whole, whole, whole + 500]


def test_a_span_told_twice_is_one_and_a_missing_process_is_counted():
    parts = read(trace(span("a"), span("a"), span("a", duration=5), span("b", processID="p9")))
    assert parts.frames["spans"]["span_id"].tolist() == ["a", "a", "b"]
    assert parts.frames["spans"]["service"].tolist() == ["shop", "shop", ""]
    assert parts.skipped == {"span told twice alike": 1, "process of a span that is kept without service": 1}


def test_tags_give_kind_status_and_attributes_and_win_over_those_of_the_process():
    tags = [
        {"key": "span.kind", "type": "string", "value": "producer"},
        {"key": "otel.status_code", "type": "string", "value": "OK"},
        {"key": "zone", "type": "string", "value": "b"},
    ]
    row = read(trace(span("a", tags=tags))).frames["spans"].iloc[0]
    assert (row["kind"], row["status"], dict(row["attributes"])["zone"]) == ("producer", "ok", "b")
    plain = read(trace(span("a"))).frames["spans"].iloc[0]
    assert (plain["kind"], plain["status"], dict(plain["attributes"])) == (
        "unspecified",
        "unset",
        {"zone": "a"},
    )
    for value, status in ((True, "error"), ("true", "error"), (False, "unset"), ("false", "unset")):
        told = read(trace(span("a", tags=[{"key": "error", "type": "bool", "value": value}])))
        assert told.frames["spans"]["status"].tolist() == [status]


def test_clock_skew_is_left_as_it_is():
    early = span("b", ref("a"), startTime=1_706_678_909_000_000)
    spans = read(trace(span("a"), early)).frames["spans"]
    assert spans["start"][1] < spans["start"][0]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("ordered", [False, True])
def test_traces_are_recognised_in_any_layout(indent: int | None, ordered: bool):
    many = [trace(*(span(f"{n}-{i}") for i in range(100))) for n in range(10)]
    answer = {"data": many, "total": 0, "limit": 0, "offset": 0, "errors": None}
    for document in (answer, {"data": many}, many, many[0]):
        content = json.dumps(document, indent=indent, sort_keys=ordered).encode()
        assert recognise(content[:65536]) is jaeger_json
        assert len(read(content).frames["spans"]) == (100 if document is many[0] else 1000)


def test_an_empty_answer_is_no_spans():
    content = b'{"data":[],"total":0,"limit":0,"offset":0,"errors":null}'
    assert recognise(content) is jaeger_json
    assert len(read(content).frames["spans"]) == 0


def test_an_error_of_the_server_is_told_in_its_own_words():
    content = b'{"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found"}]}'
    with pytest.raises(Malformed, match="404: trace not found"):
        recognise(content).read(Stream("answer.json", content))


def test_an_error_beside_traces_is_a_note():
    parts = read({"data": [trace(span("a"))], "errors": [{"code": 404, "msg": "trace not found"}]})
    assert len(parts.frames["spans"]) == 1
    assert parts.notes == ["Jaeger warned 1 times: 404: trace not found"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"data":["payments","orders"],"total":2}',
        b'{"traceID":"2be38093ead7a083","spanID":"7606ddfe69932d34","duration":267037}',
        b'{"spans":[{"traceId":"AAAAAAAAAAAAAAAAAAAAAQ==","spanId":"AAAAAAAAAAI=","operationName":"x"}]}',
        b'{"status":"success","data":{"resultType":"matrix","result":[]}}',
        b'{"resourceSpans":[]}',
    ],
)
def test_other_json_is_not_claimed(content: bytes):
    assert not jaeger_json.sniff(content)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (trace(span("a"), span("b", startTime="noon")), "data[0].spans[1]"),
        (trace(span("a", tags=[{"value": 1}])), "data[0].spans[0]"),
        ({"data": [7]}, "data[0]"),
        ({"data": [{"traceID": "t"}]}, "data[0]"),
        (trace(span("a", spanID=5)), "spans"),
    ],
)
def test_a_broken_layout_is_refused_with_its_place(document: object, place: str):
    with pytest.raises(Malformed) as caught:
        read(document)
    assert place in caught.value.where


def test_what_is_no_trace_is_not_ours():
    with pytest.raises(Unrecognized):
        read({"traceID": "2be38093ead7a083", "spanID": "7606ddfe69932d34"})


def test_a_truncated_download_names_the_byte_and_the_remedy():
    content = SAMPLE.read_bytes()
    for size in (500, 20_000, len(content) - 3):
        with pytest.raises(Malformed) as caught:
            read(content[:size])
        assert caught.value.where == f"0.json, byte {size:,} of {size:,}"
        assert "cut off" in caught.value.found
        assert caught.value.remedy


def test_damage_gives_a_clear_error_or_a_result():
    rng, content = random.Random(5), json.dumps(json.loads(SAMPLE.read_bytes())["data"][:1]).encode()
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(3):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            assert isinstance(read(bytes(damaged)), Parts)
        except WorkbenchError:
            continue


def _value(text: str) -> object:
    """Read text as a number where it is one: Jaeger writes 0 for 0.0."""
    try:
        return float(text)
    except ValueError:
        return text
