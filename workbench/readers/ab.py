"""What ApacheBench prints, and its files: `-g` a line per request, `-e` the time of each percentage.

starttime	seconds	ctime	dtime	ttime	wait
Fri Nov 20 10:38:33 2026	1795171113	0	3	3	3
"""

from __future__ import annotations

import re

from workbench import tables
from workbench.errors import Unrecognized
from workbench.readers import _lines
from workbench.readers._load_tests import Requests, Samples
from workbench.readers._seam import Parts, Stream

FORMAT = "ApacheBench report, -g or -e file"

_REPORT = b"This is ApacheBench, Version"
_ROWS = b"starttime\tseconds\tctime\tdtime\tttime\twait"
_SHARES = b"Percentage served,Time in ms"
_FIELD = re.compile(r"([A-Z][A-Za-z0-9 -]*?): +(\d+(?:\.\d+)?)(?: .*)?")
_METRICS = {  # metric and factor by the field's name
    "Concurrency Level": ("load_test_connections", 1.0),
    "Time taken for tests": ("load_test_duration_seconds", 1.0),
    "Complete requests": ("load_test_requests_total", 1.0),
    "Failed requests": ("load_test_failed_total", 1.0),
    "Write errors": ("load_test_errors_total", 1.0),
    "Non-2xx responses": ("load_test_errors_total", 1.0),
    "Keep-Alive requests": ("load_test_kept_alive_total", 1.0),
    "Total transferred": ("load_test_received_bytes_total", 1.0),
    "Total body sent": ("load_test_sent_bytes_total", 1.0),
    "Requests per second": ("load_test_requests_per_second", 1.0),
}
_KINDS = {"Write errors": "write", "Non-2xx responses": "status"}
_CAUSES = re.compile(r"\(Connect: (\d+), Receive: (\d+), Length: (\d+), Exceptions: (\d+)\)")
_TIMES = re.compile(r"(Connect|Processing|Waiting|Total): +(\d+) +(\d+) +(\d+\.\d) +(\d+) +(\d+)")
_SERVED = re.compile(r"(\d{1,3})% +(\d+)(?: \(longest request\))?")
_BARE = re.compile(r"\d{1,3},\d+\.\d+")


def sniff(head: bytes) -> bool:
    """True if it begins as ab's report, or with the line of names of one of its files."""
    return _lines.narrow(head).lstrip().startswith((_REPORT, _ROWS, _SHARES))


def read(*streams: Stream) -> Parts:
    """Read a report or `-e` file as series load_test_…, a `-g` file as spans of kind client, service ab.

    A `-g` file dates requests to the second, and lists them by how long they took. A report has no date, so
    its samples have no time. What failed is told by cause in load_test_errors_total; an answer of another
    length than the first is one, so that one answer can count under `length` and under `status`.
    """
    parts = Parts()
    samples = Samples("ab")
    spans = []
    for stream in streams:
        head = _lines.narrow(stream.head()).lstrip()
        if not sniff(head):
            raise Unrecognized("not of ApacheBench", where=stream.name, expected=FORMAT)
        if head.startswith(_ROWS):
            requests = Requests("ab", head)
            _rows(stream, requests, parts)
            spans.append(requests.spans.parts(stream.name).frames["spans"])
        else:
            (_shares if head.startswith(_SHARES) else _report)(stream, samples, parts)
    parts.frames = {"spans": tables.SPANS.concat(spans)} if spans else {}
    if len(samples) or not spans:
        parts.frames |= samples.frames(streams[0].name)
    return parts


def _rows(stream: Stream, requests: Requests, parts: Parts) -> None:
    for number, raw in enumerate(_lines.lines(stream)):
        cells = raw.decode("utf-8", "replace").strip().split("\t")
        if not number or cells == [""]:
            continue
        if len(cells) != 6 or not all(cell.isdecimal() and len(cell) < 12 for cell in cells[1:]):
            parts.skipped["line that is no request"] += 1
            continue
        began, connect, process, total, wait = (int(cell) for cell in cells[1:])
        requests.add(
            start_ns=began * 10**9,
            duration_ns=total * 10**6,
            attributes={"connect_ms": str(connect), "processing_ms": str(process), "wait_ms": str(wait)},
        )


def _shares(stream: Stream, samples: Samples, parts: Parts) -> None:
    for number, raw in enumerate(_lines.lines(stream)):
        line = raw.decode("utf-8", "replace").strip()
        if number and _BARE.fullmatch(line):
            share, milliseconds = line.split(",")
            quantile = f"{int(share) / 100:g}"
            samples.add("load_test_latency_seconds", float(milliseconds) / 1e3, quantile=quantile)
        elif number and line:
            parts.skipped["line that is no percentage"] += 1


def _report(stream: Stream, samples: Samples, parts: Parts) -> None:
    for raw in _lines.lines(stream):
        line = raw[:10_000].decode("utf-8", "backslashreplace").strip()
        field = _FIELD.fullmatch(line)
        if match := _CAUSES.fullmatch(line):
            for kind, count in zip(
                ("connect", "receive", "length", "exception"), match.groups(), strict=True
            ):
                samples.add("load_test_errors_total", float(count), kind=kind)
        elif match := _TIMES.fullmatch(line):
            _phase(samples, match)
        elif match := _SERVED.fullmatch(line):
            quantile = f"{int(match[1]) / 100:g}"
            samples.add("load_test_latency_seconds", float(match[2]) / 1e3, quantile=quantile)
        elif field and field[1] in _METRICS:
            metric, factor = _METRICS[field[1]]
            why = {"kind": _KINDS[field[1]]} if field[1] in _KINDS else {}
            samples.add(metric, float(field[2]) * factor, labels=why)


def _phase(samples: Samples, match: re.Match[str]) -> None:
    """Take a row of connection times, in whole ms: the total is the latency, the others are its phases."""
    for kind, text in zip(("min", "mean", "stddev", "median", "max"), match.groups()[1:], strict=True):
        value = float(text) / 1e3
        if match[1] == "Total":
            samples.add(f"load_test_latency_{kind}_seconds", value)
        else:
            samples.add(f"load_test_phase_{kind}_seconds", value, phase=match[1].lower())
