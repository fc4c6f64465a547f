"""The Zipkin JSON reader, against zipkin-lens' numbers, truth files of the recorders, and spans by hand."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tests.needs import ROOT, corpus
from tests.readers.corpus import expected, of_family
from workbench.errors import Malformed, Unrecognized
from workbench.readers import Parts, Stream, recognise, zipkin_json

SAMPLES = ROOT / "data" / "samples" / "zipkin_json"
TRACE, SPAN, PARENT = "5aab74dbb904746bb33447baae403ed6", "4ad2db84ac76def7", "e457b5a2e4d86bd1"
START = 1_521_186_011_929_105
FRAGMENTS = 84  # of smartthings-mobile-web-install.json


def read(*documents: object) -> Parts:
    contents = [d if isinstance(d, bytes) else json.dumps(d).encode() for d in documents]
    return zipkin_json.read(*(Stream(f"{n}.json", c) for n, c in enumerate(contents)))


def span(**changed: object) -> dict:
    whole = {
        "traceId": TRACE,
        "id": SPAN,
        "parentId": PARENT,
        "name": "get /",
        "timestamp": START,
        "duration": 371,
        "localEndpoint": {"serviceName": "shop", "ipv4": "10.0.0.1", "port": 8080},
    }
    return {k: v for k, v in {**whole, **changed}.items() if v is not ...}


def only(**changed: object) -> pd.Series:
    return read([span(**changed)]).frames["spans"].iloc[0]


def test_spans_services_and_durations_are_those_of_zipkin_lens():
    compared = 0
    for path, known in expected("traces").items():
        for quantity, merged in known.items():
            if not quantity.startswith("n_spans_merged["):
                continue
            trace_id = quantity.partition("[")[2][:-1]
            spans = zipkin_json.read(Stream(path, corpus("traces", path))).frames["spans"]
            spans = spans[spans["trace_id"] == trace_id]
            # zipkin-lens keeps 84 fragments without kind and time, of servers that told the rest in another
            # piece at the same endpoint, as spans of their own; Zipkin's server would merge most of them.
            fragments = FRAGMENTS if "mobile-web-install" in path else 0
            assert len(spans) + fragments == int(merged.value), path
            told = known[f"service_span_counts[{trace_id}]"].value.split(";")
            counts = dict(pair.rsplit("=", 1) for pair in told if pair)
            remote = spans["attributes"].map(lambda pairs: dict(pairs).get("peer.service", "")).value_counts()
            for service, count in spans["service"].value_counts().items():
                # zipkin-lens counts a span for the other side too
                assert not service or count <= int(counts[service]) + FRAGMENTS, (path, service)
            assert set(counts) <= set(spans["service"]) | set(remote.index), path
            if "skew" not in path:  # whose clocks lens corrects, and we do not
                ends = spans["start"].astype("int64") + (spans["duration_s"] * 1e9).round().astype("int64")
                took = int(ends.max() - spans["start"].astype("int64").min()) // 1000
                assert took == int(known[f"duration[{trace_id}]"].value), path
            compared += 1
    assert compared == 12


@pytest.mark.parametrize("folder", ["zipkin", "js-zipkin"])
def test_exported_spans_are_those_that_the_recording_program_wrote_down(folder: str):
    files = {p: f for p, f in of_family("generated", "otlp/zipkin").items() if f"otel/{folder}/" in p}
    streams = [Stream(path, file) for path, file in files.items() if "api_v2_spans" in path]
    assert {recognise(stream.head()) for stream in streams} == {zipkin_json}
    frames = zipkin_json.read(*streams).frames
    truth = json.loads(corpus("generated", "otel", folder, f"truth.{folder}.json").read_bytes())
    spans = frames["spans"]
    if folder == "js-zipkin":
        assert len(spans) == 76
        return
    found = {
        (row.trace_id, row.span_id): (row.service, row.parent_id if isinstance(row.parent_id, str) else None)
        for row in spans.itertuples()
    }
    assert found == {(t["trace_id"], t["span_id"]): (t["service"], t["parent"]) for t in truth}
    started = {t["span_id"]: t["start"] for t in truth}  # the exporter rounds to microseconds
    assert all(abs(started[row.span_id] - row.start.value) <= 500 for row in spans.itertuples())
    assert len(frames["events"]) == sum(t["n_events"] for t in truth)


def test_a_span_becomes_a_row():
    row = only(kind="CLIENT", tags={"a": "b", "n": 3}, remoteEndpoint={"serviceName": "db", "ipv6": "::1"})
    assert row["trace_id"] == TRACE
    assert (row["span_id"], row["parent_id"], row["name"]) == (SPAN, PARENT, "get /")
    assert (row["service"], row["instance"], row["kind"]) == ("shop", "10.0.0.1:8080", "client")
    assert (row["start"].value, row["duration_s"]) == (START * 1000, 371e-6)
    assert dict(row["attributes"]) == {
        "a": "b",
        "n": "3",
        "peer.service": "db",
        "network.peer.address": "::1",
    }


def test_a_kind_of_null_and_a_parent_equal_to_the_id_are_none():
    assert only(kind=None)["kind"] == "unspecified"
    assert pd.isna(only(parentId=SPAN)["parent_id"])
    assert pd.isna(only(parentId=...)["parent_id"])
    assert pd.isna(only(parentId="0" * 16)["parent_id"])


def test_ids_are_lower_case_with_their_leading_zeros():
    row = only(traceId="ABC", id="1", parentId="2")
    assert [row[name] for name in ("trace_id", "span_id", "parent_id")] == [
        "0000000000000abc",
        "0000000000000001",
        "0000000000000002",
    ]


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ({}, "unset"),
        ({"error": ""}, "error"),
        ({"error": "false"}, "unset"),
        ({"otel.status_code": "OK"}, "ok"),
    ],
)
def test_an_error_is_a_tag(tags: dict, status: str):
    assert only(tags=tags)["status"] == status


def test_annotations_are_events():
    events = read([span(annotations=[{"timestamp": START + 2, "value": "ws"}])]).frames["events"]
    assert events[["trace_id", "span_id", "name"]].to_numpy().tolist() == [[TRACE, SPAN, "ws"]]
    assert events["time"][0].value == (START + 2) * 1000


@pytest.mark.parametrize("shared", [True, ...])
def test_a_client_that_shares_its_id_with_its_server_is_the_servers_parent(shared: object):
    caller = span(kind="CLIENT", localEndpoint={"serviceName": "web"})
    child = span(id="00000000000000c1", parentId=SPAN)
    for spans in ([span(kind="SERVER", shared=shared), caller, child], [child, caller, span(kind="SERVER")]):
        rows = read(spans).frames["spans"].set_index(["service", "kind"])
        server, client = rows.loc[("shop", "server")], rows.loc[("web", "client")]
        assert (server["span_id"], server["parent_id"]) == (SPAN, f"{SPAN}-client")
        assert (client["span_id"], client["parent_id"]) == (f"{SPAN}-client", PARENT)
        assert rows.loc[("shop", "unspecified")]["parent_id"] == SPAN


def test_pieces_of_one_side_are_merged():
    late = span(timestamp=START + 100, duration=400, name=..., tags={"late": "yes"}, parentId=...)
    note = [{"timestamp": START, "value": "x"}]
    parts = read([span(kind="SERVER", annotations=note), late, span(kind="SERVER", annotations=note)])
    (row,) = parts.frames["spans"].to_dict("records")
    assert (row["start"].value, round(row["duration_s"] * 1e6)) == (START * 1000, 500)
    assert (row["kind"], row["parent_id"], dict(row["attributes"])) == ("server", PARENT, {"late": "yes"})
    assert len(parts.frames["events"]) == 1


def test_version_1_tells_sides_by_their_annotations():
    web, app = {"serviceName": "web", "ipv4": "127.0.0.1"}, {"serviceName": "app", "ipv4": "127.0.0.1"}
    told = {
        "traceId": TRACE[:16],
        "id": SPAN,
        "parentId": PARENT,
        "name": "call",
        "timestamp": START,
        "duration": 300,
        "annotations": [
            {"timestamp": START, "value": "cs", "endpoint": web},
            {"timestamp": START + 10, "value": "sr", "endpoint": app},
            {"timestamp": START + 250, "value": "ss", "endpoint": app},
            {"timestamp": START + 300, "value": "cr", "endpoint": web},
            {"timestamp": START + 60, "value": "cache miss", "endpoint": app},
        ],
        "binaryAnnotations": [
            {"key": "http.path", "value": "/api", "endpoint": app},
            {"key": "sa", "value": True, "endpoint": app},
        ],
    }
    frames = read([told]).frames
    rows = frames["spans"].set_index("kind")
    client, server = rows.loc["client"], rows.loc["server"]
    assert (client["service"], client["start"].value, client["duration_s"]) == ("web", START * 1000, 300e-6)
    assert (server["service"], server["start"].value, server["duration_s"]) == (
        "app",
        (START + 10) * 1000,
        240e-6,
    )
    assert (client["parent_id"], server["parent_id"]) == (PARENT, client["span_id"])
    assert dict(client["attributes"])["peer.service"] == "app"
    assert dict(server["attributes"]) == {"http.path": "/api"}
    assert frames["events"]["span_id"].tolist() == [SPAN]


def test_a_span_a_list_and_a_list_of_traces_are_read():
    for document in (span(), [span()], [[span()]]):
        content = json.dumps(document, indent=1).encode()
        assert recognise(content) is zipkin_json
        assert len(read(content).frames["spans"]) == 1


def test_spans_without_time_and_without_duration_are_told():
    parts = read([span(timestamp=...), span(id="b", duration=...)])
    assert parts.frames["spans"]["duration_s"].tolist() == [0.0]
    assert parts.skipped == {"span without a start, or after the year 2262": 1}
    assert parts.notes == ["1 spans tell no duration; it is taken as 0"]


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b'{"traceId":"1","id":"2","message":"a log line"}',
        b'[{"traceID":"1","spanID":"2"}]',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"1","spanId":"2"}]}]}]}',
    ],
)
def test_other_json_is_not_claimed(content: bytes):
    assert not zipkin_json.sniff(content)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([span(), 7], "0.json, [1]"),
        ([span(), span(timestamp="noon")], "0.json, [1]"),
        ([[span(), span(id=...)]], "0.json, [0][1]"),
        ([span(tags=[1])], "0.json, [0]"),
    ],
)
def test_a_broken_layout_is_refused_with_its_place(document: object, place: str):
    with pytest.raises(Malformed) as caught:
        read(document)
    assert caught.value.where == place


def test_what_is_no_span_is_not_ours():
    with pytest.raises((Unrecognized, Malformed)):
        read(7)


@pytest.mark.parametrize("name", ["v1.json", "v2.json"])
def test_the_samples_are_three_calls(name: str):
    spans = read((SAMPLES / name).read_bytes()).frames["spans"]
    assert spans["kind"].value_counts().to_dict() == {"server": 6, "client": 3}
    called = spans[spans["service"] == "app"]
    assert set(called["parent_id"]) == set(spans[spans["kind"] == "client"]["span_id"])
    assert spans["status"].eq("error").sum() == 1
