"""A real Prometheus and a real VictoriaMetrics, which are told what they shall answer."""

from __future__ import annotations

import json
import random
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.collectors import live
from tests.needs import need_program
from workbench.analysis._native import edges
from workbench.analysis.histograms import histogram_quantile
from workbench.analysis.native import linear_native_quantile
from workbench.collectors.query import query_range
from workbench.collectors.record import record
from workbench.errors import CollectError
from workbench.readers import Stream, prometheus_api, read

NOW = int(time.time()) // 60 * 60
SETTLED = NOW - 900
LENGTH = 12_345
QUANTILES = (0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    program = need_program("prometheus", "apt-get install prometheus")
    with live.prometheus(program, tmp_path_factory.mktemp("prometheus")) as url:
        _tell(url)
        live.write(url, [({"__name__": "native", "n": str(n)}, [(NOW, one)]) for n, one in enumerate(NATIVE)])
        yield url


@pytest.fixture(scope="module")
def victoria_metrics(tmp_path_factory):
    program = need_program("victoria-metrics", "apt-get install victoria-metrics")
    with live.victoria_metrics(program, tmp_path_factory.mktemp("victoria")) as url:
        _tell(url)
        live.flush(url)
        yield url


@pytest.fixture(params=["prometheus", "victoria_metrics"])
def url(request):
    return request.getfixturevalue(request.param)


RNG = random.Random(11)
CLASSIC, NATIVE = [live.random_classic(RNG) for _ in range(60)], [live.random_native(RNG) for _ in range(60)]


def _tell(url: str) -> None:
    times = range(SETTLED - LENGTH, SETTLED + 1)
    labels = {"__name__": "told_total", "job": "shop", "instance": "shop-0"}
    live.write(url, [(labels, [(t, float(t * 7 % 1000)) for t in times])])
    counts = [
        ({"__name__": "classic_bucket", "n": str(n), "le": le}, [(NOW, count)])
        for n, buckets in enumerate(CLASSIC)
        for le, count in buckets.items()
    ]
    live.write(url, counts)


def _ask(url: str, query: str, at: int) -> list[dict]:
    window = {"start": datetime.fromtimestamp(at - 1, UTC), "end": datetime.fromtimestamp(at, UTC)}
    answers = query_range(url, query, **window)
    return [entry for answer in answers for entry in json.loads(answer)["data"]["result"]]


def test_a_long_window_loses_no_point_and_has_none_twice(url, tmp_path):
    window = {
        "start": datetime.fromtimestamp(SETTLED - LENGTH, UTC),
        "end": datetime.fromtimestamp(SETTLED, UTC),
    }
    answers = query_range(url, "told_total", **window, cache=tmp_path)
    assert len(answers) == 2
    samples = prometheus_api.read(*(Stream("a", answer) for answer in answers)).frames["samples"]
    times = samples["time"].astype("int64") // 10**9
    assert times.tolist() == list(range(SETTLED - LENGTH, SETTLED + 1))
    assert samples["value"].tolist() == [t * 7 % 1000 for t in times]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("step", [7, 60, 90])
def test_steps_lie_where_they_were_asked_for(url, step):
    start, end = SETTLED - 1000, SETTLED - 3
    window = {"start": datetime.fromtimestamp(start, UTC), "end": datetime.fromtimestamp(end, UTC)}
    (answer,) = query_range(url, "told_total", **window, step_s=step)
    times = [t for t, _ in json.loads(answer)["data"]["result"][0]["values"]]
    assert times == [t for t in range(start, end + 1) if t % step == 0]


def test_a_recording_is_read_as_a_capture(url, tmp_path):
    window = {"start": datetime.fromtimestamp(SETTLED - 60, UTC), "end": datetime.fromtimestamp(SETTLED, UTC)}
    folder = record(tmp_path / "capture", prometheus=url, **window)
    capture = read(folder)
    assert capture.services == ["shop"]
    assert len(capture.metric("told_total")) == 61
    assert [path.name for path in tmp_path.iterdir()] == ["capture"]


def test_a_query_that_is_wrong_is_told_in_the_servers_words(url):
    with pytest.raises(CollectError, match=r"HTTP 4.*: .*pars"):
        _ask(url, "rate(up[", NOW)


def test_quantiles_of_random_classic_histograms_are_prometheus_own(prometheus):
    for q in QUANTILES:
        answered = {
            entry["metric"]["n"]: float(entry["values"][-1][1])
            for entry in _ask(prometheus, f"histogram_quantile({q}, classic_bucket)", NOW)
        }
        assert len(answered) == len(CLASSIC)
        for n, buckets in enumerate(CLASSIC):
            found = float(histogram_quantile(q, buckets, np.array(list(buckets.values()))))
            assert found == pytest.approx(answered[str(n)], rel=1e-12, nan_ok=True), (q, buckets)


def test_quantiles_of_random_native_histograms_are_prometheus_own(prometheus, tmp_path):
    known: dict[str, list] = {}
    window = {"start": datetime.fromtimestamp(NOW - 1, UTC), "end": datetime.fromtimestamp(NOW, UTC)}
    (answer,) = query_range(prometheus, "native", **window)
    Path(tmp_path / "answer.json").write_bytes(answer)
    capture = read(tmp_path / "answer.json")
    value = capture.samples.groupby("series")["value"].last()
    for code, labels in zip(capture.series["series"], map(dict, capture.series["labels"]), strict=True):
        if "native_range" in labels:
            known.setdefault(labels["n"], []).append((*edges(labels["native_range"]), value[code]))
    assert len(known) == len(NATIVE)
    for q in QUANTILES:
        for entry in _ask(prometheus, f"histogram_quantile({q}, native)", NOW):
            lower, upper, counts = np.array(known[entry["metric"]["n"]]).T
            found = float(linear_native_quantile(q, lower, upper, counts))
            assert found == pytest.approx(float(entry["values"][-1][1]), rel=1e-12), (q, entry["metric"])
