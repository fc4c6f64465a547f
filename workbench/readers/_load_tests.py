"""What readers of load tests share: the summary as series, one request as a client's span, Go's durations.

Metrics of a summary: load_test_requests_total, load_test_errors_total{kind}, load_test_responses_total{code},
load_test_duration_seconds, load_test_requests_per_second, load_test_latency_seconds{quantile},
load_test_latency_{mean,min,max,stddev}_seconds, load_test_received_bytes_total, load_test_sent_bytes_total.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench import tables
from workbench.readers import _json, _lines
from workbench.readers._seam import Stream
from workbench.readers._spans import SpanColumns

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_NO_TIME = np.iinfo(np.int64).min


class Samples:
    """Series and their samples in the making; a report that has no date gives samples without time."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._codes: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
        self._series: list[int] = []
        self._times: list[int] = []
        self._values: list[float] = []

    def add(
        self,
        metric: str,
        value: float,
        *,
        at_ns: int | None = None,
        labels: Mapping[str, str] | None = None,
        **more: str,
    ) -> None:
        """Take one value of the series that has this name and these labels."""
        key = (metric, tuple({**(labels or {}), **more}.items()))
        self._series.append(self._codes.setdefault(key, len(self._codes)))
        self._times.append(_NO_TIME if at_ns is None else at_ns)
        self._values.append(value)

    def __len__(self) -> int:
        return len(self._values)

    def frames(self, where: str) -> dict[str, pd.DataFrame]:
        """Build the two tables."""
        labels = [pairs for _, pairs in self._codes]
        offsets = np.cumsum([0, *map(len, labels)]).tolist()
        maps = _json.map_column([k for p in labels for k, _ in p], [v for p in labels for _, v in p], offsets)
        return {
            "series": tables.SERIES.build(
                {
                    "series": np.arange(len(labels)),
                    "metric": pa.array([metric for metric, _ in self._codes], pa.string()),
                    "service": [self._service] * len(labels),
                    "labels": maps,
                },
                where=where,
            ),
            "samples": tables.SAMPLES.build(
                {
                    "series": np.array(self._series, np.int64),
                    "time": np.array(self._times, np.int64).view("datetime64[ns]"),
                    "value": np.array(self._values, np.float64),
                },
                where=where,
            ),
        }


class Requests:
    """Spans of a load generator in the making, each its own trace with ids of the file and the row."""

    def __init__(self, tool: str, head: bytes) -> None:
        self.spans = SpanColumns()
        self._tool = tool
        self._file = hashlib.blake2b(tool.encode() + head, digest_size=8).hexdigest()
        self._rows = 0

    def add(
        self,
        *,
        start_ns: int,
        duration_ns: int,
        method: str = "",
        url: str = "",
        code: str = "",
        error: str = "",
        trace_id: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """Take a request; it failed if it has an error, no answer, or one of 400 or more."""
        self._rows += 1
        failed = bool(error) or (code.isdecimal() and (int(code) >= 400 or code == "0"))
        told = {
            "http.request.method": method,
            "url.full": url,
            "http.response.status_code": "" if code == "0" else code,
            "error.message": error,
            **(attributes or {}),
        }
        self.spans.add(
            trace_id or f"{self._file}{self._rows:016x}",
            f"{self._rows:016x}",
            None,
            service=self._tool,
            instance="",
            name=f"{method} {path_of(url)}".strip() or self._tool,
            kind="client",
            start_ns=start_ns,
            duration_ns=duration_ns,
            status="error" if failed else "unset",
            attributes={key: value for key, value in told.items() if value},
        )


def path_of(url: str) -> str:
    """Give the path of an address, without what asks."""
    try:
        return urlsplit(url).path or ("/" if url else "")
    except ValueError:
        return ""


def seconds(text: str) -> float | None:
    """Read a duration as Go and wrk print it: 982.493ms, 1m2.5s, 167.835µs; None for what is none."""
    text = text.strip()
    parts = _PART.findall(text[:64])
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return 0.0 if text == "0" else None
    return float(sum(float(number) * _SECONDS[unit] for number, unit in parts))


def texts(stream: Stream) -> Iterator[str]:
    """Give the lines of a CSV file as Python's reader wants them."""
    for line in _lines.lines(stream):
        yield line.decode("utf-8", "backslashreplace").replace("\0", "") + "\n"


def number(value: Any) -> float | None:
    """Give a number as it is in JSON; None for anything else."""
    return float(value) if type(value) in (int, float) else None
