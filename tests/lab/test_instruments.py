import asyncio
import gc
import json
import re
import sys
import time

import pytest
from opentelemetry import trace

from workbench.lab.gclog import log_collections
from workbench.lab.spans import SpanFile, tracer
from workbench.lab.timer import new_event_loop


def spans_in(path):
    for line in path.read_text().splitlines():
        for of_resource in json.loads(line)["resourceSpans"]:
            for of_scope in of_resource["scopeSpans"]:
                for span in of_scope["spans"]:
                    yield of_resource["resource"], span


def test_spans_are_written_as_the_otlp_json_specification_has_them(tmp_path):
    file = SpanFile(tmp_path / "orders-0.jsonl", "orders", "orders-0")
    make = tracer(file, "orders", "orders-0")
    outer = make.start_span("GET /orders", kind=trace.SpanKind.SERVER, start_time=10**18)
    inner = make.start_span(
        "GET /payments", trace.set_span_in_context(outer), trace.SpanKind.CLIENT, {"n": 1, "s": "x", "f": 0.5}
    )
    inner.set_status(trace.StatusCode.ERROR)
    inner.end()
    outer.end(10**18 + 5)
    file.close()
    (resource, client), (_, server) = spans_in(tmp_path / "orders-0.jsonl")
    assert resource["attributes"] == [
        {"key": "service.name", "value": {"stringValue": "orders"}},
        {"key": "service.instance.id", "value": {"stringValue": "orders-0"}},
    ]
    assert re.fullmatch("[0-9a-f]{32}", server["traceId"])
    assert re.fullmatch("[0-9a-f]{16}", server["spanId"])
    assert (client["traceId"], client["parentSpanId"]) == (server["traceId"], server["spanId"])
    assert "parentSpanId" not in server
    assert (server["kind"], client["kind"]) == (2, 3)
    assert (server["startTimeUnixNano"], server["endTimeUnixNano"]) == (str(10**18), str(10**18 + 5))
    assert (server["status"], client["status"]) == ({}, {"code": 2})
    assert client["attributes"] == [
        {"key": "n", "value": {"intValue": "1"}},
        {"key": "s", "value": {"stringValue": "x"}},
        {"key": "f", "value": {"doubleValue": 0.5}},
    ]


def test_a_trace_that_its_caller_did_not_sample_leaves_no_span(tmp_path):
    file = SpanFile(tmp_path / "x.jsonl", "orders", "orders-0")
    parent = trace.SpanContext(1, 2, is_remote=True, trace_flags=trace.TraceFlags(0))
    context = trace.set_span_in_context(trace.NonRecordingSpan(parent))
    tracer(file, "orders", "orders-0").start_span("GET /orders", context).end()
    file.close()
    assert list(spans_in(tmp_path / "x.jsonl")) == []


def test_every_collection_is_a_line_of_the_gc_log(tmp_path):
    stop = log_collections(tmp_path / "gc.log")
    gc.collect()
    stop()
    head, *lines = (tmp_path / "gc.log").read_text().splitlines()
    assert re.fullmatch(r"# cpython gc\.callbacks 1 python=3\.\d+\.\d+\S*", head)
    line = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z gc gen=[012] pause_ms=\d+\.\d{3}"
    line += r" collected=\d+ uncollectable=\d+ count=\(\d+,\d+,\d+\)"
    assert all(re.fullmatch(line, one) for one in lines)
    assert any(" gen=2 " in one for one in lines)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is the usual loop")
def test_a_sleep_is_not_rounded_up_to_whole_milliseconds():
    async def shortest(wanted_s):
        passed = []
        for _ in range(40):
            start = time.perf_counter()
            await asyncio.sleep(wanted_s)
            passed.append(time.perf_counter() - start)
        return min(passed)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert 0.0012 <= runner.run(shortest(0.0012)) < 0.0019
