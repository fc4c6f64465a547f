"""What vegeta encodes (JSON lines or CSV, one request each) and reports (text or JSON).

{"attack":"","seq":0,"code":200,"timestamp":"2026-11-20T10:48:08.407533685Z","latency":18779850,"bytes_out":0,…}
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Any

import orjson
import pandas as pd

from workbench import tables
from workbench.errors import Malformed, Unrecognized
from workbench.readers import _json, _lines, _records
from workbench.readers._load_tests import Requests, Samples, number, seconds, texts
from workbench.readers._seam import Parts, Stream

FORMAT = "vegeta results or report"

_BINARY = re.compile(rb"\A.{0,8}\x06Result\x01.{0,8}\x06Attack", re.DOTALL)
_COLUMNS = (  # of CSV, which has no line of names
    *("timestamp", "code", "latency", "bytes_out", "bytes_in", "error"),
    *("body", "attack", "seq", "method", "url", "headers"),
)
_RESULT = {"attack", "seq", "code", "timestamp", "latency"}
_ROW = re.compile(rb"\A\d{16,19},\d{1,3},\d{1,19},\d{1,19},\d{1,19},")
_TEXT = re.compile(rb"\ARequests {2,}\[total, rate(?:, throughput)?\] {2,}\d")
_LINE = re.compile(r"(\w[\w ]*?) {2,}\[([^\]]*)\] {2,}(.*)")


def sniff(head: bytes) -> bool:
    """True for results as JSON or CSV, for a report, and for results in Go's binary form."""
    head = _lines.narrow(head)
    if head[:1] == b"{":
        keys = _json.outline(head)
        return keys.keys() >= _RESULT or keys.keys() >= {"latencies.mean", "bytes_in.total", "status_codes"}
    return any(pattern.match(head) for pattern in (_ROW, _TEXT, _BINARY))


def read(*streams: Stream) -> Parts:
    """Read results as spans of kind client, service vegeta; a report as series load_test_….

    Results in Go's binary form (gob) are refused with advice.
    """
    parts = Parts()
    found: dict[str, list[pd.DataFrame]] = {}
    samples = Samples("vegeta")
    for stream in streams:
        head = _lines.narrow(stream.head())
        if not sniff(head) or _BINARY.match(head):
            binary = _BINARY.match(head) is not None
            raise Unrecognized(
                "results of vegeta in Go's binary form" if binary else "neither results nor report of vegeta",
                where=stream.name,
                expected=FORMAT,
                remedy="turn them into text: vegeta encode -to json <results >results.json" if binary else "",
            )
        if _TEXT.match(head):
            _report_text(stream, samples, parts)
        elif head[:1] == b"{" and "latencies.mean" in _json.outline(head):
            _report_json(stream, samples)
        else:
            spans = _results(stream, head, parts)
            found.setdefault("spans", []).append(spans)
    parts.frames = {"spans": tables.SPANS.concat(found["spans"])} if found else {}
    if len(samples) or not found:
        parts.frames |= samples.frames(streams[0].name)
    return parts


def _results(stream: Stream, head: bytes, parts: Parts) -> pd.DataFrame:
    requests = Requests("vegeta", head)
    for row in _json_rows(stream) if head[:1] == b"{" else _csv_rows(stream):
        try:
            at, latency = row["timestamp"], int(row["latency"])
            start = at if type(at) is int else _records.time_ns(at)
            code, sizes = str(int(row["code"])), [str(int(row[key])) for key in ("bytes_out", "bytes_in")]
        except (KeyError, TypeError, ValueError):
            start = None
        if start is None:
            parts.skipped["line that is no result"] += 1
            continue
        requests.add(
            start_ns=start,
            duration_ns=latency,
            method=str(row.get("method") or ""),
            url=str(row.get("url") or ""),
            code=code,
            error=str(row.get("error") or ""),
            attributes={
                "http.request.body.size": sizes[0],
                "http.response.body.size": sizes[1],
                "attack": str(row.get("attack") or ""),
            },
        )
    made = requests.spans.parts(stream.name)
    parts.skipped.update(made.skipped)
    parts.notes += made.notes
    return made.frames["spans"]


def _json_rows(stream: Stream) -> Iterator[dict[str, Any]]:
    for line in _lines.lines(stream):
        if line.strip():
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError:
                row = None
            yield row if isinstance(row, dict) else {}


def _csv_rows(stream: Stream) -> Iterator[dict[str, Any]]:
    rows = csv.reader(texts(stream))
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield {}
            continue
        if row:
            yield {
                **dict(zip(_COLUMNS, row, strict=False)),
                "timestamp": int(row[0]) if row[0].isdecimal() else None,
            }


def _report_json(stream: Stream, samples: Samples) -> None:
    report = _json.parse(stream.content(), stream.name)
    latencies = report.get("latencies") if isinstance(report, dict) else None
    if not isinstance(latencies, dict):
        raise Malformed(f"{stream.name}.latencies", f"{latencies!r:.40}", expected="an object")
    at = _records.time_ns(report.get("end"))
    for name, value in latencies.items():
        if (nanoseconds := number(value)) is None or name == "total":
            continue
        if name.endswith("th") and name[:-2].isdecimal():
            quantile = f"{int(name[:-2]) / 100:g}"
            samples.add("load_test_latency_seconds", nanoseconds / 1e9, at_ns=at, quantile=quantile)
        else:
            samples.add(f"load_test_latency_{name}_seconds", nanoseconds / 1e9, at_ns=at)
    for key, metric, factor in (
        ("requests", "load_test_requests_total", 1.0),
        ("rate", "load_test_requests_per_second", 1.0),
        ("throughput", "load_test_throughput_per_second", 1.0),
        ("duration", "load_test_duration_seconds", 1e-9),
        ("success", "load_test_success_share", 1.0),
    ):
        if (value := number(report.get(key))) is not None:
            samples.add(metric, value * factor, at_ns=at)
    for key, metric in (("bytes_in", "received"), ("bytes_out", "sent")):
        sizes = report.get(key)
        if isinstance(sizes, dict) and (total := number(sizes.get("total"))) is not None:
            samples.add(f"load_test_{metric}_bytes_total", total, at_ns=at)
    codes = report.get("status_codes")
    _codes(samples, codes if isinstance(codes, dict) else {}, at)


def _codes(samples: Samples, codes: dict[str, Any], at: int | None) -> None:
    failed = {"connection": 0.0, "status": 0.0}
    for code, value in codes.items():
        if (count := number(value)) is not None:
            samples.add("load_test_responses_total", count, at_ns=at, code=code)
            if code[:1] not in "123":
                failed["connection" if code == "0" else "status"] += count
    for kind, count in failed.items():
        samples.add("load_test_errors_total", count, at_ns=at, kind=kind)


def _report_text(stream: Stream, samples: Samples, parts: Parts) -> None:
    errors = False
    for raw in _lines.lines(stream):
        line = raw.decode("utf-8", "backslashreplace").strip()
        match = _LINE.fullmatch(line) if not errors and len(line) < 10_000 else None
        if line == "Error Set:":
            errors = True
        elif errors:
            parts.notes += [f"error: {line}"] if line and len(parts.notes) < 20 else []
        elif line and not (match and _text_line(samples, match[1], match[2].split(", "), match[3])):
            parts.skipped["line that is not of the report"] += 1


def _text_line(samples: Samples, title: str, names: list[str], text: str) -> bool:
    """Take one line of the report, as `Bytes In  [total, mean]  120, 3.00`; False if it cannot be read."""
    if title == "Status Codes":
        pairs = [pair.partition(":") for pair in text.split()]
        if not all(count.isdecimal() for _, _, count in pairs):
            return False
        _codes(samples, {code: int(count) for code, _, count in pairs}, None)
        return True
    values = [_value(value) for value in text.split(", ")]
    if len(values) != len(names) or any(value is None for value in values):
        return False
    known = {
        ("Requests", "total"): "load_test_requests_total",
        ("Requests", "rate"): "load_test_requests_per_second",
        ("Requests", "throughput"): "load_test_throughput_per_second",
        ("Duration", "attack"): "load_test_duration_seconds",
        ("Bytes In", "total"): "load_test_received_bytes_total",
        ("Bytes Out", "total"): "load_test_sent_bytes_total",
        ("Success", "ratio"): "load_test_success_share",
    }
    for name, value in zip(names, values, strict=True):
        if title == "Latencies" and name.isdecimal():
            samples.add("load_test_latency_seconds", value or 0.0, quantile=f"{int(name) / 100:g}")
        elif title == "Latencies":
            samples.add(f"load_test_latency_{name}_seconds", value or 0.0)
        elif metric := known.get((title, name)):
            samples.add(metric, value or 0.0)
    return True


def _value(text: str) -> float | None:
    """Read a number, a percentage or a duration."""
    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return seconds(text)
