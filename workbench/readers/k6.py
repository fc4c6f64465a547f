"""What k6 writes: points as JSON lines (`--out json`) or CSV, and its summary as JSON.

{"metric":"http_req_duration","type":"Point","data":{"time":"2026-11-20T10:48:08.4Z","value":11.2,"tags":{…}}}
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

import orjson

from workbench import tables
from workbench.errors import Malformed, Unrecognized
from workbench.readers import _json, _lines, _records
from workbench.readers._load_tests import Requests, Samples, number, texts
from workbench.readers._seam import Parts, Stream

FORMAT = "k6 points or summary"

_CSV = b"metric_name,timestamp,metric_value"
_REQUESTS = ("http_req_duration", "grpc_req_duration")  # ms, on the clock's time when they ended
_TAGS = {"method": "method", "url": "url", "status": "code", "error": "error"}
_TRACED = ("trace_id", "traceid", "traceID")
_OF_METRICS = ("avg", "min", "med", "max", "count", "rate", "value", "passes", "fails", "values")


def sniff(head: bytes) -> bool:
    """True for points or their metrics in JSON lines, k6's names of columns, or a summary."""
    head = _lines.narrow(head)
    if head.startswith(_CSV):
        return True
    if head[:1] != b"{":
        return False
    keys = _json.outline(head)
    if keys.keys() >= {"metric", "type", "data"} and keys["type"] in ("Point", "Metric"):
        return True
    named = {key.split(".")[2] for key in keys if key.startswith("metrics.") and key.count(".") == 2}
    ours = keys.keys() & {"root_group", "metrics.iterations", "metrics.vus", "metrics.http_reqs"}
    return bool(ours) and bool(named & set(_OF_METRICS))


def read(*streams: Stream) -> Parts:
    """Read requests as spans of kind client, service k6, and other points and summaries as series k6_….

    A request's span lasts what k6 calls http_req_duration, without the wait for a connection; if k6 traced
    it, it has that trace id. Values of series are k6's own: times are milliseconds. The summary has a series
    per statistic, k6_http_req_duration{stat="p(95)"}, and no time; and load_test_requests_total,
    load_test_errors_total{kind="failed"}, load_test_latency_seconds{quantile} beside them.
    """
    parts = Parts()
    samples = Samples("k6")
    spans = []
    for stream in streams:
        head = _lines.narrow(stream.head())
        if not sniff(head):
            raise Unrecognized("neither points nor summary of k6", where=stream.name, expected=FORMAT)
        if head.startswith(_CSV) or "metric" in _json.outline(head):
            requests = Requests("k6", head)
            rows = _csv_rows(stream) if head.startswith(_CSV) else _json_rows(stream)
            for row in rows:
                if row is None or not _point(row, requests, samples):
                    parts.skipped["line that is no point"] += 1
            spans.append(requests.spans.parts(stream.name))
        else:
            _summary(stream, samples)
    for made in spans:
        parts.skipped.update(made.skipped)
        parts.notes += made.notes
    if spans:
        parts.frames["spans"] = tables.SPANS.concat([made.frames["spans"] for made in spans])
    if len(samples) or not spans:
        parts.frames |= samples.frames(streams[0].name)
    return parts


def _json_rows(stream: Stream) -> Iterator[dict[str, Any] | None]:
    """Give points with flat tags; lines that declare a metric are passed over."""
    for line in _lines.lines(stream):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            row = None
        data = row.get("data") if isinstance(row, dict) else None
        if not isinstance(data, dict) or row.get("type") not in ("Point", "Metric"):
            yield None
        elif row["type"] == "Point":
            yield {**data, "metric": row.get("metric")}


def _csv_rows(stream: Stream) -> Iterator[dict[str, Any] | None]:
    rows = csv.reader(texts(stream))
    names: list[str] = []
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield None
            continue
        if not names:
            names = row
            continue
        cells = dict(zip(names, row, strict=False))
        try:
            value = float(cells.pop("metric_value", ""))
        except ValueError:
            yield None
            continue
        metric, time = cells.pop("metric_name"), cells.pop("timestamp")
        extra = [pair.partition("=") for pair in cells.pop("extra_tags", "").split("&") if pair]
        told = [pair.partition("=") for pair in cells.pop("metadata", "").split("&") if pair]
        tags = {key: text for key, text in cells.items() if text} | {key: text for key, _, text in extra}
        yield {
            "metric": metric,
            "time": time,
            "value": value,
            "tags": tags,
            "metadata": {key: text for key, _, text in told},
        }


def _point(row: dict[str, Any], requests: Requests, samples: Samples) -> bool:
    """Take a point as a span or a sample; False if it is neither."""
    metric, tags = row.get("metric"), row.get("tags")
    at, value = _records.time_ns(row.get("time")), number(row.get("value"))
    if not isinstance(metric, str) or at is None or value is None:
        return False
    labels = {str(k): _json.text(v) for k, v in tags.items()} if isinstance(tags, dict) else {}
    if metric not in _REQUESTS:
        samples.add(f"k6_{metric}", value, at_ns=at, labels=labels)
        return True
    told = row.get("metadata")
    told = told if isinstance(told, dict) else {}
    trace = next((_records.identity(told[key]) for key in _TRACED if key in told), None)
    duration = max(0, round(value * 1e6))
    main = {argument: labels.pop(tag) for tag, argument in _TAGS.items() if tag in labels}
    others = {f"k6.{key}": text for key, text in labels.items()}
    requests.add(start_ns=at - duration, duration_ns=duration, trace_id=trace, attributes=others, **main)
    return True


def _summary(stream: Stream, samples: Samples) -> None:
    document = _json.parse(stream.content(), stream.name)
    metrics = document.get("metrics") if isinstance(document, dict) else None
    if not isinstance(metrics, dict):
        raise Malformed(f"{stream.name}.metrics", f"{metrics!r:.40}", expected="an object")
    for name, found in metrics.items():
        values = found.get("values", found) if isinstance(found, dict) else None
        if not isinstance(values, dict):
            raise Malformed(f"{stream.name}.metrics.{name}", f"{found!r:.40}", expected="an object")
        base, _, tags = name.partition("{")  # http_req_duration{expected_response:true}
        pairs = [pair.partition(":") for pair in tags.rstrip("}").split(",") if pair]
        labels = {key.strip(): text.strip() for key, _, text in pairs}
        stats = {stat: amount for stat, value in values.items() if (amount := number(value)) is not None}
        for stat, amount in stats.items():
            samples.add(f"k6_{base}", amount, labels=labels | {"stat": stat})
        if name == "http_reqs" and "count" in stats:
            samples.add("load_test_requests_total", stats["count"])
        elif name == "http_req_failed" and "passes" in stats:
            samples.add("load_test_errors_total", stats["passes"], kind="failed")  # passes of "it failed"
        elif name == "http_req_duration":
            _latency(samples, stats)


def _latency(samples: Samples, stats: dict[str, float]) -> None:
    for stat, milliseconds in stats.items():
        share = stat[2:-1] if stat.startswith("p(") and stat.endswith(")") else "50" if stat == "med" else ""
        if share.replace(".", "", 1).isdecimal():
            quantile = f"{float(share) / 100:.8g}"
            samples.add("load_test_latency_seconds", milliseconds / 1e3, quantile=quantile)
        elif stat in ("avg", "min", "max"):
            kind = "mean" if stat == "avg" else stat
            samples.add(f"load_test_latency_{kind}_seconds", milliseconds / 1e3)
