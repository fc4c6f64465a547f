"""Jaeger, Zipkin and Tempo as faithful servers on loopback; tests/conformance has real ones."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

import workbench
from tests.collectors.loopback import in_turn, plain, serve
from workbench.collectors import jaeger, tempo, zipkin
from workbench.errors import CollectError

START = datetime(2026, 11, 20, 10, tzinfo=UTC)
END = START + timedelta(hours=3)
T0 = int(START.timestamp())
# When each trace begins, in seconds after START: many at once, then few.
TIMES = [n / 100 for n in range(60)] + [float(n) for n in range(60, 10_800, 300)]


def trace_id(n):
    return f"{n + 1:032x}"


def jaeger_trace(n):
    span = {
        "traceID": trace_id(n),
        "spanID": "00000000000000a1",
        "operationName": "GET /",
        "references": [],
        "startTime": round((T0 + TIMES[n]) * 1e6),
        "duration": 1000,
        "tags": [],
        "logs": [],
        "processID": "p1",
    }
    return {"traceID": trace_id(n), "spans": [span], "processes": {"p1": {"serviceName": "orders"}}}


def live_jaeger(path, params):
    """What Jaeger's memory store does: both ends belong to the window, the newest are given first."""
    if path == "/api/services":
        return plain(
            200, {"data": ["orders", "gateway"], "total": 2, "limit": 0, "offset": 0, "errors": None}
        )
    low, high, most = (int(params[key]) for key in ("start", "end", "limit"))
    found = [n for n, at in enumerate(TIMES) if low <= round((T0 + at) * 1e6) <= high]
    answer = [jaeger_trace(n) for n in found[::-1][:most]]
    return plain(200, {"data": answer, "total": 0, "limit": 0, "offset": 0, "errors": None})


def live_zipkin(path, params):
    assert path == "/api/v2/traces"
    end, back, most = (int(params[key]) for key in ("endTs", "lookback", "limit"))
    assert back > 0  # which Zipkin insists on
    spans = [
        {
            "traceId": trace_id(n),
            "id": "00000000000000a1",
            "name": "get /",
            "timestamp": round((T0 + at) * 1e6),
            "duration": 1000,
            "localEndpoint": {"serviceName": "orders"},
        }
        for n, at in enumerate(TIMES)
        if (end - back) * 1000 <= round((T0 + at) * 1e6) <= end * 1000
    ]
    return plain(200, [[span] for span in spans[::-1][:most]])


def otlp(trace):
    n = int(trace, 16) - 1
    span = {
        "traceId": trace_id(n),
        "spanId": "00000000000000a1",
        "name": "GET /",
        "kind": "SPAN_KIND_SERVER",
        "startTimeUnixNano": str(round((T0 + TIMES[n]) * 1e9)),
        "endTimeUnixNano": str(round((T0 + TIMES[n]) * 1e9) + 1_000_000),
    }
    attributes = [{"key": "service.name", "value": {"stringValue": "orders"}}]
    return [{"resource": {"attributes": attributes}, "scopeSpans": [{"spans": [span]}]}]


def live_tempo(path, params):
    """Tempo as it is now: whole seconds, any of those found, ids without leading zeros."""
    if path.startswith("/api/v2/traces/"):
        return plain(200, {"trace": {"resourceSpans": otlp(path.rpartition("/")[2])}, "status": "COMPLETE"})
    assert path == "/api/search"
    low, high, most = (int(params[key]) for key in ("start", "end", "limit"))
    assert low < high <= low + 168 * 3600
    found = [n for n, at in enumerate(TIMES) if low <= T0 + at <= high][:most]
    traces = [{"traceID": trace_id(n).lstrip("0"), "rootServiceName": "orders"} for n in found]
    return plain(
        200, {"traces": traces, "metrics": {"totalJobs": 3, "completedJobs": 1 + 2 * (len(found) < most)}}
    )


def old_tempo(path, params):
    if path.startswith("/api/v2/"):
        return plain(404, b"404 page not found", "text/plain")
    if path.startswith("/api/traces/"):
        return plain(200, {"batches": otlp(path.rpartition("/")[2])})
    return live_tempo(path, params)


LIVE = pytest.mark.parametrize(
    ("collector", "live"),
    [(jaeger, live_jaeger), (zipkin, live_zipkin), (tempo, live_tempo), (tempo, old_tempo)],
    ids=["jaeger", "zipkin", "tempo", "tempo without v2"],
)


@LIVE
def test_a_long_window_is_complete_and_each_trace_is_there_once(collector, live, tmp_path):
    limit = {tempo: 70}.get(collector, 7)  # below the number of traces, and for Tempo above those of a second
    with serve(live) as (url, asked):
        path = collector.record(url, tmp_path / "a" / "x.json.gz", start=START, end=END, limit=limit)
    capture = workbench.read(path)
    assert sorted(capture.spans["trace_id"]) == [trace_id(n) for n in range(len(TIMES))]
    assert capture.sources[0].skipped == {}
    assert capture.services == ["orders"]
    assert [p.name for p in path.parent.iterdir()] == ["x.json.gz"]
    searches = [params for p, params, _ in asked if p in ("/api/traces", "/api/v2/traces", "/api/search")]
    assert 3 <= len(searches) < 150


@LIVE
def test_only_traces_of_the_window_are_asked_for(collector, live, tmp_path):
    middle, half = START + timedelta(minutes=30), timedelta(minutes=20)
    with serve(live) as (url, _):
        path = collector.record(url, tmp_path / "x.json", start=middle - half, end=middle + half)
    spans = workbench.read(path).spans
    assert len(spans) == len([t for t in TIMES if 600 <= t < 3000])
    assert path.read_bytes()[:1] in b"{["


@LIVE
def test_a_window_without_traces_is_named_and_leaves_nothing(collector, live, tmp_path):
    with serve(live) as (url, _), pytest.raises(CollectError, match="no trace in the window") as error:
        collector.record(url, tmp_path / "x.json", start=START - timedelta(days=2), end=START - timedelta(1))
    assert url in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("collector", "header"), [(jaeger, "x-tenant"), (tempo, "X-Scope-OrgID")], ids=["jaeger", "tempo"]
)
def test_tenant_and_credentials_are_sent_with_every_question_and_written_nowhere(collector, header, tmp_path):
    live = {jaeger: live_jaeger, tempo: live_tempo}[collector]
    with serve(live) as (url, asked):
        collector.record(
            url,
            tmp_path / "x.json",
            start=START,
            end=END,
            tenant="acme",
            headers={"Authorization": "Bearer s3"},
        )
    assert {(h.get(header), h.get("Authorization")) for _, _, h in asked} == {("acme", "Bearer s3")}
    assert b"acme" not in (tmp_path / "x.json").read_bytes()
    assert b"s3" not in (tmp_path / "x.json").read_bytes()


@pytest.mark.parametrize(
    ("collector", "answer", "words"),
    [
        (jaeger, {"data": None, "errors": [{"code": 500, "msg": "es is down"}]}, "errors .*es is down"),
        (jaeger, {"data": {"a": 1}}, r"/api/services: \{'data'.*expected JSON with a list"),
        (jaeger, ["orders"], "expected JSON with a list"),
        (zipkin, {"status": "UP"}, "expected lists of spans"),
        (zipkin, [[]], "expected lists of spans"),
        (zipkin, [[{"id": "a"}]], "expected lists of spans"),
        (tempo, {"traces": [{"spanID": 1}]}, "expected traces with their traceID"),
        (tempo, [], "expected traces with their traceID"),
        (
            tempo,
            {"metrics": {"totalJobs": 9, "completedJobs": 4}},
            "4 of 9 parts of the window were searched",
        ),
        (tempo, {"traces": [{"traceID": "a"}]}, "expected a trace in OTLP/JSON"),
    ],
)
def test_an_answer_of_another_shape_is_named_and_leaves_nothing(collector, answer, words, tmp_path):
    with serve(in_turn(plain(200, answer))) as (url, _), pytest.raises(CollectError, match=words):
        collector.record(url, tmp_path / "x.json", start=START, end=END)
    assert list(tmp_path.iterdir()) == []


def test_a_trace_that_is_none_is_named(tmp_path):
    answers = plain(200, {"data": ["orders"]}), plain(200, {"data": [{"spans": []}]})
    with serve(in_turn(*answers)) as (url, _), pytest.raises(CollectError, match="no trace:"):
        jaeger.record(url, tmp_path / "x.json", start=START, end=END)


def test_more_traces_at_once_than_can_be_asked_for_are_an_error_not_a_part(tmp_path):
    with (
        serve(live_tempo) as (url, _),
        pytest.raises(CollectError, match="7 traces or more between") as error,
    ):
        tempo.record(url, tmp_path / "x.json", start=START, end=END, limit=7)
    assert "larger limit" in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_trace_still_being_written_when_it_is_first_met_is_kept_at_its_longest(tmp_path):
    short, long = jaeger_trace(0), jaeger_trace(0)
    long["spans"] = [*long["spans"], {**long["spans"][0], "spanID": "00000000000000a2"}]
    answers = [plain(200, {"data": ["a", "b", "c"]})] + [
        plain(200, {"data": [t]}) for t in (short, long, short)
    ]
    with serve(in_turn(*answers)) as (url, _):
        path = jaeger.record(url, tmp_path / "x.json", start=START, end=START + timedelta(minutes=1))
    assert len(workbench.read(path).spans) == 2


def test_an_answer_too_large_to_take_is_asked_for_in_halves(tmp_path, monkeypatch):
    monkeypatch.setitem(zipkin.Server.__init__.__kwdefaults__, "most_bytes", 4000)
    with serve(live_zipkin) as (url, _):
        path = zipkin.record(url, tmp_path / "x.json.gz", start=START, end=END)
    assert len(json.loads(gzip.decompress(path.read_bytes()))) == len(TIMES)


def test_services_that_are_named_are_the_only_ones_asked_for(tmp_path):
    with serve(live_jaeger) as (url, asked):
        jaeger.record(url, tmp_path / "x.json", start=START, end=END, services=["orders"])
    assert {params.get("service") for _, params, _ in asked} == {"orders"}
    with serve(live_zipkin) as (url, asked):
        zipkin.record(url, tmp_path / "y.json", start=START, end=END, service="orders")
    assert {params.get("serviceName") for _, params, _ in asked} == {"orders"}


@pytest.mark.parametrize("end", [START, datetime(2026, 11, 20, 12)])
def test_a_window_without_length_or_zone_is_refused(end, tmp_path):
    with pytest.raises(CollectError, match="two times with a zone"):
        zipkin.record("http://127.0.0.1:1", tmp_path / "x", start=START, end=end)
