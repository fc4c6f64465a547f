"""What hey prints: a summary, or with `-o csv` a line per request, on a clock that begins with the run.

response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset
0.0110,0.0003,0.0000,0.0001,0.0106,0.0000,200,0.0254
"""

from __future__ import annotations

import re
from math import isfinite

from workbench.errors import Unrecognized
from workbench.readers import _lines
from workbench.readers._load_tests import Samples
from workbench.readers._seam import Parts, Stream

FORMAT = "hey summary or CSV"

_COLUMNS = b"response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code"
_SUMMARY = re.compile(rb"\A\s*Summary:\s*\n\s+Total:\s+[\d.]+ secs")
_NUMBER = r"(\d+(?:\.\d+)?)"
_LINES = {  # of the summary
    rf"Total:\s+{_NUMBER} secs": "load_test_duration_seconds",
    rf"Slowest:\s+{_NUMBER} secs": "load_test_latency_max_seconds",
    rf"Fastest:\s+{_NUMBER} secs": "load_test_latency_min_seconds",
    rf"Average:\s+{_NUMBER} secs": "load_test_latency_mean_seconds",
    rf"Requests/sec:\s+{_NUMBER}": "load_test_requests_per_second",
    rf"Total data:\s+{_NUMBER} bytes": "load_test_received_bytes_total",
}
_KNOWN = [(re.compile(pattern), metric) for pattern, metric in _LINES.items()]
_BAR = re.compile(rf"{_NUMBER} \[(\d+)\]\t.*")
_QUANTILE = re.compile(rf"{_NUMBER}%+ in {_NUMBER} secs")
_DETAIL = re.compile(rf"(DNS\+dialup|DNS-lookup|req write|resp wait|resp read):\s+{_NUMBER} secs.*")
_CODE = re.compile(r"\[(\d+)\]\t(\d+) responses")
_ERROR = re.compile(r"\[(\d+)\]\t(.*)")
_TITLES = (
    *("Summary:", "Response time histogram:", "Latency distribution:", "Status code distribution:"),
    *("Error distribution:", "Details (average, fastest, slowest):"),
)
_PARTS = ("duration", "dialup", "dns", "write", "wait", "read")  # of CSV, in order


def sniff(head: bytes) -> bool:
    """True for hey's line of column names, or the beginning of its summary."""
    head = _lines.narrow(head)
    return head.startswith(_COLUMNS) or _SUMMARY.match(head) is not None


def read(*streams: Stream) -> Parts:
    """Read a summary or requests as series load_test_…, service hey; hey knows no date, so none has a time.

    Of CSV, `load_test_request_duration_seconds`, `…_wait_seconds` and so on, by code, and
    `load_test_request_offset_seconds`, when each began since the run did, are in the order of the file.
    Quantiles that hey leaves at 0 for want of requests are left out.
    """
    parts = Parts()
    samples = Samples("hey")
    for stream in streams:
        head = _lines.narrow(stream.head())
        if not sniff(head):
            raise Unrecognized("neither summary nor CSV of hey", where=stream.name, expected=FORMAT)
        (_csv if head.startswith(_COLUMNS) else _summary)(stream, samples, parts)
    parts.frames = samples.frames(streams[0].name)
    return parts


def _csv(stream: Stream, samples: Samples, parts: Parts) -> None:
    for number, raw in enumerate(_lines.lines(stream)):
        cells = raw.decode("utf-8", "replace").strip().split(",")
        if not number or cells == [""]:
            continue
        try:
            values = [float(cell) for cell in (*cells[:6], *cells[7:8])]
        except ValueError:
            values = []
        if len(values) < 6 or len(cells) < 7 or not all(map(isfinite, values)):
            parts.skipped["line that is no request"] += 1
            continue
        for part, value in zip((*_PARTS, "offset"), values, strict=False):
            samples.add(f"load_test_request_{part}_seconds", value, code=cells[6])


def _summary(stream: Stream, samples: Samples, parts: Parts) -> None:
    counts: list[float] = []
    found: dict[str, float] = {}
    answers = errors = 0.0
    section = ""
    for raw in _lines.lines(stream):
        line = raw[:10_000].decode("utf-8", "backslashreplace").strip()
        if line in _TITLES:
            section = line
        elif match := _BAR.fullmatch(line):
            counts.append(float(match[2]))
        elif match := _QUANTILE.fullmatch(line):
            if float(match[1]):
                quantile = f"{float(match[1]) / 100:g}"
                samples.add("load_test_latency_seconds", float(match[2]), quantile=quantile)
        elif match := _DETAIL.fullmatch(line):
            samples.add("load_test_phase_mean_seconds", float(match[2]), phase=match[1])
        elif match := _CODE.fullmatch(line):
            samples.add("load_test_responses_total", float(match[2]), code=match[1])
            answers += float(match[2])
            errors += float(match[2]) if match[1] >= "400" else 0.0
        elif section == "Error distribution:" and (match := _ERROR.fullmatch(line)):
            samples.add("load_test_errors_total", float(match[1]), kind=match[2])
            answers += float(match[1])
        else:
            known = ((m, metric) for pattern, metric in _KNOWN if (m := pattern.fullmatch(line)))
            value, metric = next(known, (None, ""))
            if value:
                found[metric] = float(value[1])
            elif line and not line.startswith("Size/request:") and "NaN" not in line:
                parts.skipped["line that is not of the summary"] += 1
    for metric, amount in found.items():
        if counts or not metric.startswith("load_test_latency"):
            samples.add(metric, amount)
    samples.add("load_test_requests_total", answers)
    samples.add("load_test_errors_total", errors, kind="status")
    _histogram(samples, counts, found)


def _histogram(samples: Samples, counts: list[float], found: dict[str, float]) -> None:
    """Give cumulative buckets; hey rounds their bounds, which lie evenly between the fastest and slowest."""
    low, high = (found.get(f"load_test_latency_{end}_seconds", 0.0) for end in ("min", "max"))
    total = 0.0
    for number, count in enumerate(counts):
        total += count
        bound = low + (high - low) * number / max(1, len(counts) - 1)
        samples.add("load_test_latency_seconds_bucket", total, le=f"{bound:.6g}")
