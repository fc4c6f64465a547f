"""What wrk and wrk2 print at the end of a run.

671 requests in 2.00s, 83.92KB read
"""

from __future__ import annotations

import re

from workbench.errors import Unrecognized
from workbench.readers import _lines
from workbench.readers._load_tests import Samples, seconds
from workbench.readers._seam import Parts, Stream

FORMAT = "wrk report"

_BEGINS = re.compile(rb"\A\s*Running \d+\w+ test @ \S+\r?\n\s+\d+ threads? and \d+ connections?")
_UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_BYTES = {"B": 1.0, "KB": 1024.0, "MB": 1024.0**2, "GB": 1024.0**3, "TB": 1024.0**4}
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?|-?nan)([kMGT]?)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGT]?B)")
_THREADS = re.compile(r"(\d+) threads? and (\d+) connections?")
_QUANTILE = re.compile(r"(\d+(?:\.\d+)?)% +(\S+)")
_TOTAL = re.compile(r"(\d+) requests in (\S+), (\S+) read")
_SOCKET = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_STATUS = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_SPECTRUM = re.compile(r"[\d.]+ +[\d.]+ +\d+ +(?:[\d.]+|inf)")
_TITLES = ("Running ", "Thread Stats", "Latency Distribution", "Initialised ", "Thread calibration", "----")


def sniff(head: bytes) -> bool:
    """True if it begins with the two lines that announce a run."""
    return _BEGINS.match(_lines.narrow(head)) is not None


def read(*streams: Stream) -> Parts:
    """Read reports as series load_test_…, service wrk; they have no date, so samples have no time.

    wrk2's table of the whole spectrum is counted as skipped; its quantiles are read.
    """
    parts = Parts()
    samples = Samples("wrk")
    for stream in streams:
        if not sniff(stream.head()):
            raise Unrecognized("not a report of wrk", where=stream.name, expected=FORMAT)
        corrected = True
        for raw in _lines.lines(stream):
            line = raw[:10_000].decode("utf-8", "backslashreplace").strip()
            if "Uncorrected Latency" in line:
                corrected = False
            if not line or line.startswith(_TITLES):
                continue
            if _SPECTRUM.fullmatch(line) or line.startswith(("#[", "Value ", "Detailed Percentile")):
                parts.skipped["line of the spectrum"] += 1
            elif not _line(samples, line, corrected):
                parts.skipped["line that is not of the report"] += 1
    parts.frames = samples.frames(streams[0].name)
    return parts


def _line(samples: Samples, line: str, corrected: bool) -> bool:
    """Take one line; False if it is none of the report."""
    name, _, rest = line.partition(" ")
    if match := _THREADS.fullmatch(line):
        samples.add("load_test_threads", float(match[1]))
        samples.add("load_test_connections", float(match[2]))
    elif name == "Latency" and len(values := rest.split()) == 4:
        for kind, text in zip(("mean", "stddev", "max"), values, strict=False):
            if (value := seconds(text)) is not None:
                samples.add(f"load_test_latency_{kind}_seconds", value)
    elif name == "Req/Sec" and len(values := rest.split()) == 4:
        samples.add("load_test_thread_requests_per_second", _amount(values[0]))
    elif (match := _QUANTILE.fullmatch(line)) and (value := seconds(match[2])) is not None:
        metric = "load_test_latency_seconds" if corrected else "load_test_uncorrected_latency_seconds"
        samples.add(metric, value, quantile=f"{float(match[1]) / 100:.8g}")
    elif (match := _TOTAL.fullmatch(line)) and (value := seconds(match[2])) is not None:
        samples.add("load_test_requests_total", float(match[1]))
        samples.add("load_test_duration_seconds", value)
        samples.add("load_test_received_bytes_total", _bytes(match[3]))
    elif match := _SOCKET.fullmatch(line):
        for kind, count in zip(("connect", "read", "write", "timeout"), match.groups(), strict=True):
            samples.add("load_test_errors_total", float(count), kind=kind)
    elif match := _STATUS.fullmatch(line):
        samples.add("load_test_errors_total", float(match[1]), kind="status")
    elif name == "Requests/sec:":
        samples.add("load_test_requests_per_second", _amount(rest.strip()))
    elif name == "Transfer/sec:":
        samples.add("load_test_received_bytes_per_second", _bytes(rest.strip()))
    else:
        return False
    return True


def _amount(text: str) -> float:
    match = _NUMBER.fullmatch(text)
    return float(match[1]) * _UNITS[match[2]] if match else float("nan")


def _bytes(text: str) -> float:
    match = _SIZE.fullmatch(text)
    return float(match[1]) * _BYTES[match[2]] if match else float("nan")
