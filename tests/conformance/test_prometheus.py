"""Quantiles of histograms are those of Prometheus 3, built from its module; tests/collectors has version 2.

Different on purpose: where NaN was observed and several buckets are filled. Prometheus (0.315.0 as a module)
finds the bucket of the quantile, then overwrites it with the last one while it counts on (promql/quantile.go,
HistogramQuantile, the loop under "Detect if h.Count is greater"), and interpolates there. Ours stays in the
bucket found, as the function's own comments say.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.collectors import live
from tests.conformance.test_collectors import build
from workbench.analysis._native import edges
from workbench.analysis.histograms import histogram_quantile
from workbench.analysis.native import native_quantile
from workbench.collectors.query import query_range
from workbench.readers import Stream, prometheus_api

SOURCE = Path(__file__).parent / "go" / "prometheus"
NOW = int(time.time()) // 60 * 60
QUANTILES = (0, 0.001, 0.1, 0.25, 0.499, 0.5, 0.501, 0.75, 0.9, 0.99, 0.999, 1)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    program = build(
        SOURCE,
        "-tags=remove_all_sd",
        "github.com/prometheus/prometheus/cmd/prometheus",
        out=folder / "server",
    )
    with live.prometheus(str(program), folder) as address:
        yield address


def custom(rng: random.Random) -> live.Native:
    bounds = sorted({round(rng.uniform(-3, 10), 2) for _ in range(6)})
    counts = {i: float(rng.randint(0, 5)) for i in range(len(bounds) + 1)} | {len(bounds): 1.0}
    return live.Native(-53, counts, zero_threshold=0.0, custom=bounds)


def not_numbers(rng: random.Random) -> live.Native:
    """Some of what was observed is NaN: counted, but in no bucket. One bucket is filled."""
    counts = {rng.randint(-9, 9): float(rng.randint(1, 5))}
    return live.Native(0, counts, sum=float("nan"), count=sum(counts.values()) + rng.randint(1, 5))


@pytest.mark.parametrize("kind", [live.random_native, custom, not_numbers])
def test_quantiles_of_native_histograms_are_equal_to_rounding(url, kind):
    rng, metric = random.Random(7), kind.__name__
    histograms = [kind(rng) for _ in range(200)]
    live.write(url, [({"__name__": metric, "n": str(n)}, [(NOW, one)]) for n, one in enumerate(histograms)])
    buckets: dict[str, list[tuple[float, float, float]]] = {}
    for labels, value in values(url, metric):
        if "native_range" in labels:
            buckets.setdefault(labels["n"], []).append((*edges(labels["native_range"]), value))
    assert len(buckets) == len(histograms)
    for q in QUANTILES:
        query = f"histogram_quantile({q}, {metric})"
        answered = {labels["n"]: value for labels, value in values(url, query)}
        assert len(answered) == len(histograms)
        for n, wanted in answered.items():
            lower, upper, counts = np.array(buckets[n]).T
            found = native_quantile(q, lower, upper, counts, observations=histograms[int(n)].count)
            assert float(found) == pytest.approx(wanted, rel=1e-12, nan_ok=True), (q, histograms[int(n)])


def test_quantiles_of_classic_histograms_are_equal_to_rounding(url):
    rng = random.Random(8)
    histograms = [live.random_classic(rng) for _ in range(200)]
    live.write(
        url,
        [
            ({"__name__": "classic_bucket", "n": str(n), "le": le}, [(NOW, count)])
            for n, one in enumerate(histograms)
            for le, count in one.items()
        ],
    )
    for q in QUANTILES:
        for labels, wanted in values(url, f"histogram_quantile({q}, classic_bucket)"):
            one = histograms[int(labels["n"])]
            found = float(histogram_quantile(q, one, np.array(list(one.values()))))
            assert found == pytest.approx(wanted, rel=1e-12, nan_ok=True), (q, one)


def values(url: str, query: str) -> list[tuple[dict[str, str], float]]:
    """Ask for the values at NOW, by labels, as the workbench records and reads them."""
    window = {"start": datetime.fromtimestamp(NOW - 1, UTC), "end": datetime.fromtimestamp(NOW, UTC)}
    answers = query_range(url, query, **window)
    frames = prometheus_api.read(*(Stream("a", answer) for answer in answers)).frames
    assert all(json.loads(answer)["status"] == "success" for answer in answers)
    last = frames["samples"].groupby("series")["value"].last()
    return [(dict(pairs), float(last[code])) for code, pairs in enumerate(frames["series"]["labels"])]
