"""Readers of load tests: what the tools printed of the same runs, read by eye, and what they print seldom."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tests.needs import ROOT
from workbench.errors import Unrecognized
from workbench.readers import Parts, Stream, ab, go_bench, hey, k6, recognise, vegeta, wrk
from workbench.readers._load_tests import seconds

SAMPLES = ROOT / "data" / "samples"


def read(reader: object, *path: str) -> Parts:
    return reader.read(Stream(path[-1], SAMPLES.joinpath(*path)))


def text(reader: object, content: str) -> Parts:
    return reader.read(Stream("x", content.encode()))


def value(parts: Parts, metric: str, **labels: str) -> float:
    """Give the one value of a metric with exactly these labels."""
    rows = parts.frames["samples"].merge(parts.frames["series"], on="series")
    fits = [m == metric and dict(p) == labels for m, p in zip(rows["metric"], rows["labels"], strict=True)]
    (found,) = rows["value"][fits]
    return found


def test_the_forms_of_vegetas_results_are_the_same_requests():
    one, other = (read(vegeta, "vegeta", f"results.{form}").frames["spans"] for form in ("json", "csv"))
    columns = ["span_id", "name", "kind", "start", "duration_s", "status", "service"]
    pd.testing.assert_frame_equal(one[columns], other[columns])
    lines = [
        json.loads(line) for line in (SAMPLES / "vegeta" / "results.json").read_text("utf-8").splitlines()
    ]
    assert one["duration_s"].tolist() == [line["latency"] / 1e9 for line in lines]
    assert one["start"].tolist() == [pd.Timestamp(line["timestamp"]) for line in lines]
    assert (one["status"] == "error").tolist() == [line["code"] in (0, 503) for line in lines]
    assert one["name"].tolist()[:3] == ["GET /orders", "POST /payments", "GET /gone"]


def test_the_forms_of_vegetas_report_say_the_same():
    as_text, as_json = (read(vegeta, "vegeta", f"report.{form}") for form in ("txt", "json"))
    for parts in (as_text, as_json):  # report.txt, by eye
        assert value(parts, "load_test_requests_total") == 40
        assert value(parts, "load_test_success_share") == 0.625
        assert value(parts, "load_test_latency_seconds", quantile="0.95") == pytest.approx(0.020903, abs=1e-6)
        assert value(parts, "load_test_latency_min_seconds") == pytest.approx(167.835e-6)
        assert value(parts, "load_test_errors_total", kind="connection") == 13
        assert value(parts, "load_test_errors_total", kind="status") == 2
        assert value(parts, "load_test_duration_seconds") == pytest.approx(0.974665, abs=1e-6)
    assert as_text.frames["samples"]["time"].isna().all()
    assert (as_json.frames["samples"]["time"] == pd.Timestamp("2026-11-20T10:48:09.390026902Z")).all()


def test_vegetas_binary_results_are_refused_with_advice():
    content = (
        b"\xff\x96\x7f\x03\x01\x01\x06Result\x01\xff\x80\x00\x01\x0c\x01\x06Attack\x01\x0c\x00\x01\x03Seq"
    )
    with pytest.raises(Unrecognized, match="vegeta encode"):
        recognise(content).read(Stream("results.bin", content))


def test_heys_summary_is_what_it_prints_with_bounds_that_it_rounds():
    parts = read(hey, "hey", "summary.txt")
    assert value(parts, "load_test_requests_total") == 200
    assert value(parts, "load_test_latency_mean_seconds") == 0.0123
    assert value(parts, "load_test_latency_seconds", quantile="0.95") == 0.0205
    assert value(parts, "load_test_responses_total", code="503") == 17
    assert value(parts, "load_test_latency_seconds_bucket", le="0.0029") == 1
    assert value(parts, "load_test_latency_seconds_bucket", le="0.0222") == 200
    assert value(parts, "load_test_phase_mean_seconds", phase="resp wait") == 0.0122


def test_heys_quantiles_that_it_has_no_requests_for_are_left_out():
    head = "\nSummary:\n  Total:\t0.4 secs\n  Average:\t NaN secs\n\nLatency distribution:\n"
    parts = text(hey, f"{head}  95%% in 0.0008 secs\n  0%% in 0.0000 secs\n")
    rows = parts.frames["series"]["labels"][parts.frames["series"]["metric"] == "load_test_latency_seconds"]
    assert [dict(pairs) for pairs in rows] == [{"quantile": "0.95"}]


def test_heys_refused_requests_are_errors_and_have_no_latency():
    parts = read(hey, "hey", "refused.txt")
    kinds = {
        dict(p).get("kind")
        for p, m in parts.frames["series"][["labels", "metric"]].to_numpy()
        if "errors" in m
    }
    assert any("connection refused" in str(kind) for kind in kinds)
    assert not parts.frames["series"]["metric"].str.contains("latency").any()
    assert value(parts, "load_test_requests_total") == 12


def test_heys_rows_keep_their_order_and_their_clock():
    parts = read(hey, "hey", "requests.csv")
    lines = (SAMPLES / "hey" / "requests.csv").read_text("utf-8").splitlines()[1:]
    rows = parts.frames["samples"].merge(parts.frames["series"], on="series")
    for column, metric in ((0, "duration"), (4, "wait"), (7, "offset")):
        ours = rows["value"][rows["metric"] == f"load_test_request_{metric}_seconds"]
        assert ours.tolist() == [float(line.split(",")[column]) for line in lines]


def test_wrks_report_is_what_it_prints():
    parts = read(wrk, "wrk", "orders.txt")
    assert value(parts, "load_test_requests_total") == 671
    assert value(parts, "load_test_duration_seconds") == 2.0
    assert value(parts, "load_test_received_bytes_total") == 83.92 * 1024
    assert value(parts, "load_test_latency_seconds", quantile="0.99") == pytest.approx(0.02144)
    assert value(parts, "load_test_latency_stddev_seconds") == pytest.approx(0.00514)
    assert value(parts, "load_test_errors_total", kind="status") == 45
    assert value(parts, "load_test_thread_requests_per_second") == 336.1
    assert not parts.skipped


def test_wrk2s_report_has_quantiles_with_decimals_and_a_spectrum_that_is_counted():
    parts = text(
        wrk,
        "Running 30s test @ http://127.0.0.1:80/index.html\n  2 threads and 100 connections\n"
        "  Thread calibration: mean lat.: 10087 usec, rate sampling interval: 22 msec\n"
        "  Thread Stats   Avg      Stdev     Max   +/- Stdev\n"
        "    Latency     6.60ms    1.92ms  12.50ms   68.46%\n"
        "    Req/Sec     1.04k     1.08k    2.50k    72.79%\n"
        "  Latency Distribution (HdrHistogram - Recorded Latency)\n 50.000%    6.67ms\n 99.999%   12.50ms\n"
        "  Detailed Percentile spectrum:\n       Value   Percentile   TotalCount 1/(1-Percentile)\n\n"
        "       0.921     0.000000            1         1.00\n"
        "      12.503     1.000000        39500          inf\n"
        "#[Mean    =        6.602, StdDeviation   =        1.919]\n"
        "----------------------------------------------------------\n"
        "  60018 requests in 30.00s, 19.81MB read\n  Socket errors: connect 1, read 2, write 3, timeout 4\n"
        "Requests/sec:   2000.15\nTransfer/sec:    676.14KB\n",
    )
    assert value(parts, "load_test_latency_seconds", quantile="0.99999") == 0.0125
    assert value(parts, "load_test_errors_total", kind="timeout") == 4
    assert parts.skipped == {"line of the spectrum": 5}


def test_abs_files_are_what_it_wrote():
    parts = read(ab, "ab", "report.txt")
    assert value(parts, "load_test_requests_total") == 60
    assert value(parts, "load_test_failed_total") == 9
    assert value(parts, "load_test_errors_total", kind="status") == 9
    assert value(parts, "load_test_latency_seconds", quantile="0.95") == 0.020
    assert value(parts, "load_test_latency_stddev_seconds") == pytest.approx(0.0059)
    assert value(parts, "load_test_requests_per_second") == 276.48
    shares = read(ab, "ab", "percentages.csv")
    assert value(shares, "load_test_latency_seconds", quantile="0.5") == pytest.approx(0.014781)
    spans = read(ab, "ab", "requests.tsv").frames["spans"]
    rows = (SAMPLES / "ab" / "requests.tsv").read_text("utf-8").splitlines()[1:]
    assert spans["duration_s"].tolist() == [int(row.split("\t")[4]) / 1e3 for row in rows]
    assert len(spans) == 60
    assert spans["span_id"].is_unique


def test_k6s_requests_and_summary_are_what_it_printed():
    points, summary = read(k6, "k6", "points.json"), read(k6, "k6", "summary.json")
    spans = points.frames["spans"]
    assert len(spans) == value(summary, "load_test_requests_total") == 16
    assert (spans["status"] == "error").sum() == value(summary, "load_test_errors_total", kind="failed") == 2
    assert 1e3 * spans["duration_s"].mean() == pytest.approx(11.73, abs=0.01)  # which k6 cuts off
    assert value(summary, "load_test_latency_seconds", quantile="0.95") == pytest.approx(0.02187, abs=1e-5)
    assert value(summary, "k6_http_req_duration", expected_response="true", stat="p(95)") > 0
    lines = [json.loads(line) for line in (SAMPLES / "k6" / "points.json").read_text("utf-8").splitlines()]
    timed = [
        line["data"] for line in lines if line["metric"] == "http_req_duration" and line["type"] == "Point"
    ]
    ends = spans["start"] + pd.to_timedelta(spans["duration_s"], unit="s")
    theirs = pd.to_datetime(pd.Series([point["time"] for point in timed]), format="ISO8601")
    assert (ends - theirs).abs().max() < pd.Timedelta("2ns")
    others = [line for line in lines if line["type"] == "Point" and line["metric"] != "http_req_duration"]
    assert len(points.frames["samples"]) == len(others)


def test_k6s_csv_and_traced_requests_are_read_alike():
    spans = read(k6, "k6", "points.csv").frames["spans"]
    assert set(spans["kind"]) == {"client"}
    line = {
        "metric": "http_req_duration",
        "type": "Point",
        "data": {
            "time": "2026-11-20T11:00:10.5Z",
            "value": 500,
            "tags": {"status": "200", "attributes": "x", "at_ns": "y"},
            "metadata": {"trace_id": "DC0718B190738D9301F1C4B2F5D4C0F1"},
        },
    }
    row = text(k6, json.dumps(line) + "\n").frames["spans"].iloc[0]
    assert row["trace_id"] == "dc0718b190738d9301f1c4b2f5d4c0f1"
    assert row["start"] == pd.Timestamp("2026-11-20T11:00:10Z")
    assert {"k6.attributes": "x", "k6.at_ns": "y"}.items() <= dict(row["attributes"]).items()


def test_k6s_newer_summary_nests_its_values():
    document = {
        "metrics": {
            "http_reqs": {"type": "counter", "contains": "default", "values": {"count": 3, "rate": 1.5}}
        },
        "root_group": {"name": "", "checks": []},
        "state": {"testRunDurationMs": 2000},
    }
    assert value(text(k6, json.dumps(document)), "k6_http_reqs", stat="count") == 3


def test_go_benchmarks_are_series_by_unit_in_the_order_of_their_runs():
    parts = read(go_bench, "go_bench", "bench.txt")
    rows = parts.frames["samples"].merge(parts.frames["series"], on="series")
    labels = [dict(pairs) for pairs in rows["labels"]]
    fits = [
        metric == "go_bench_ns_per_op" and found["name"] == "Sort/n=1000"
        for metric, found in zip(rows["metric"], labels, strict=True)
    ]
    assert rows["value"][fits].tolist() == [134332, 69971]
    assert labels[0]["procs"] == "2"
    assert labels[0]["pkg"] == "shop"
    assert set(rows["metric"]) == {
        *("go_bench_ns_per_op", "go_bench_mb_per_s", "go_bench_bytes_per_op", "go_bench_allocs_per_op"),
        *("go_bench_orders_per_op", "go_bench_iterations"),
    }


def test_go_benchmarks_as_json_events_are_put_together():
    parts = read(go_bench, "go_bench", "bench.json")
    assert parts.frames["samples"]["value"].tolist() == [71170366, 0.7963]
    cut = '{"Action":"output","Output":"BenchmarkA  \\t"}\n{"Action":"output","Output":"7\\t 5 ns/op\\n"}\n'
    assert text(go_bench, cut).frames["samples"]["value"].tolist() == [7, 5]


def test_durations_are_read_as_go_prints_them():
    assert seconds("1h2m3.5s") == 3723.5
    assert seconds("167.835µs") == pytest.approx(167.835e-6)
    assert seconds("0s") == 0
    assert seconds("") is None
    assert seconds("12 ms") is None


@pytest.mark.parametrize("reader", [ab, go_bench, hey, k6, vegeta, wrk])
@pytest.mark.parametrize(
    "content",
    [
        b'{"metric":{"__name__":"up"},"values":[1],"timestamps":[1700000000000]}\n',
        b'{"level":"info","msg":"x","time":"2026-11-20T00:00:00Z"}\n',
        b'{"resourceSpans":[]}\n',
        b'{"metrics":{"a":1}}',
        b"Requests 12\n",
        b"BenchmarkX\n",
        b"time,value\n1,2\n",
    ],
)
def test_other_content_is_not_claimed(reader, content):
    assert not reader.sniff(content)
    with pytest.raises(Unrecognized):
        reader.read(Stream("x", content))


def test_long_lines_take_linear_time():
    for reader, head in (
        (wrk, "Running 2s test @ http://a\n  1 threads and 4 connections\n"),
        (hey, "\nSummary:\n  Total:\t0.4 secs\n"),
        (ab, "This is ApacheBench, Version 2.3\n"),
        (go_bench, "BenchmarkA 1 1 ns/op\n"),
        (vegeta, "Requests      [total, rate, throughput]  1, 1.00, 1.00\n"),
    ):
        for line in ("1" * 10**6, "a " * 500_000, " " * 10**6 + "x", "1.1% " * 200_000, "[1]\t" * 200_000):
            text(reader, head + line + "\n")
