"""Reading Prometheus' answers: against its Python client and the fastest kept JSON parser."""

from __future__ import annotations

import io
import json

import numpy as np
import orjson
from prometheus_api_client import MetricRangeDataFrame

from tests.benchmarks import Row
from tests.benchmarks._timing import medians
from workbench.readers import Stream, prometheus_api, prometheus_text

_SERIES, _POINTS = 100, 11_000


def run() -> list[Row]:
    """Read a matrix of 100 series × 11,000 points, and an exposition."""
    matrix = _matrix(_SERIES)
    work = f"Prometheus matrix {_SERIES} × {_POINTS:,}"
    ours, parsed = medians(lambda: _read(matrix), lambda: orjson.loads(matrix), times=5)
    ours_again, client = medians(lambda: _read(matrix), lambda: _client(matrix), times=1)
    text = _exposition()
    ours_text, theirs_text = medians(lambda: _read_text(text), lambda: _parse_text(text), times=3)
    return [
        Row(work, ours, "orjson.loads, no table", parsed),
        Row(work, ours_again, "prometheus-api-client", client),
        Row("exposition, 20,000 samples", ours_text, "prometheus_client's parser", theirs_text),
    ]


def _matrix(series: int) -> bytes:
    random = np.random.default_rng(11)
    times = 1_700_000_000 + 15 * np.arange(_POINTS)
    body = io.StringIO()
    body.write('{"status":"success","data":{"resultType":"matrix","result":[')
    for number in range(series):
        values = np.cumsum(random.exponential(size=_POINTS)) / 7
        labels = {"__name__": "requests_total", "job": "shop", "instance": f"shop-{number}"}
        points = ",".join(f'[{t}.781,"{v!r}"]' for t, v in zip(times.tolist(), values.tolist(), strict=True))
        body.write(f'{"," if number else ""}{{"metric":{json.dumps(labels)},"values":[{points}]}}')
    body.write("]}}")
    return body.getvalue().encode()


def _exposition() -> bytes:
    random = np.random.default_rng(12)
    lines = ["# TYPE requests_seconds histogram"]
    for route in range(1000):
        counts = np.cumsum(random.integers(0, 50, 20))
        lines += [
            f'requests_seconds_bucket{{route="/r/{route}",code="200",le="{le / 8}"}} {count}'
            for le, count in enumerate(counts)
        ]
    return ("\n".join(lines) + "\n").encode()


def _read(content: bytes) -> object:
    return prometheus_api.read(Stream("matrix.json", content))


def _client(content: bytes) -> object:
    return MetricRangeDataFrame(json.loads(content)["data"]["result"])


def _read_text(content: bytes) -> object:
    return prometheus_text.read(Stream("metrics.txt", content))


def _parse_text(content: bytes) -> object:
    from prometheus_client.parser import text_string_to_metric_families

    return [family.samples for family in text_string_to_metric_families(content.decode())]
