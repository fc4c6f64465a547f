"""Native histograms, against Prometheus' own test cases, its recorded answers and hand arithmetic."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from tests.needs import corpus
from workbench import tables
from workbench.analysis._native import edges, with_classic
from workbench.analysis.latency import latency
from workbench.analysis.native import linear_native_quantile, native_growth, native_quantile
from workbench.capture import Capture
from workbench.readers import read

EPOCH = pd.Timestamp("2026-01-01", tz="UTC")
STEP = pd.Timedelta(seconds=10)
ONE_TO_EIGHT = np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 8.0])


def test_a_quantile_is_interpolated_exponentially_as_prometheus_3_does_and_evenly_as_2_did():
    counts = np.array([2.0, 4.0, 2.0])  # the fourth of eight is the second of four in (2, 4]
    assert native_quantile(0.5, *ONE_TO_EIGHT, counts) == pytest.approx(2 * 2**0.5)
    assert linear_native_quantile(0.5, *ONE_TO_EIGHT, counts) == 3
    mirrored = -ONE_TO_EIGHT[1], -ONE_TO_EIGHT[0]
    assert native_quantile(0.5, *mirrored, counts) == pytest.approx(-2 * 2**0.5)


def test_between_custom_bounds_it_is_interpolated_evenly():
    lower, upper = np.array([-np.inf, 5.0, 10.0]), np.array([5.0, 10.0, np.inf])
    counts = np.array([2.0, 4.0, 2.0])
    found = [native_quantile(q, lower, upper, counts) for q in (0.125, 0.25, 0.5, 0.9)]
    assert found == [2.5, 5, 7.5, 10]


def test_without_observations_there_is_no_quantile():
    assert np.isnan(native_quantile(0.5, *ONE_TO_EIGHT, np.zeros(3)))
    assert np.isnan(native_quantile(0.5, np.array([]), np.array([]), np.array([])))
    assert np.isnan(native_quantile(np.nan, *ONE_TO_EIGHT, np.ones(3)))
    assert native_quantile(-0.1, *ONE_TO_EIGHT, np.ones(3)) == -np.inf
    assert native_quantile(1.1, *ONE_TO_EIGHT, np.ones(3)) == np.inf


def test_observations_that_are_no_number_stand_above_all_buckets():
    counts = np.array([3.0, 2.0, 4.0])
    found = [native_quantile(q, *ONE_TO_EIGHT, counts, observations=12) for q in (0.1, 0.5, 0.75, 0.76)]
    assert found[:3] == pytest.approx([2 ** (1.2 / 3), 4 * 2 ** (1 / 4), 8])
    assert np.isnan(found[3])


def test_many_histograms_are_answered_at_once_in_any_order_of_buckets():
    rng = np.random.default_rng(5)
    lower = np.array([-4.0, -2.0, -0.5, 1.0, 2.0, 8.0])
    upper = np.array([-2.0, -1.0, 0.5, 2.0, 4.0, 16.0])
    counts = rng.poisson(1, (50, 6)).astype(float)
    order = rng.permutation(6)
    for q in (0, 0.1, 0.5, 0.9, 1):
        many = native_quantile(q, lower[order], upper[order], counts[:, order])
        np.testing.assert_array_equal(many, [native_quantile(q, lower, upper, row) for row in counts])


def test_quantiles_of_native_histograms_are_those_of_promqltest():
    cases = list(_promql_cases())
    assert len(cases) >= 50
    for place, found, wanted in cases:
        assert found == pytest.approx(wanted, rel=1e-6, abs=1e-15, nan_ok=True), place


def test_quantiles_of_recorded_rates_are_those_that_prometheus_2_gave():
    rates = read(corpus("generated", "prometheus", "query_range.native_hist_rate.json"))
    answer = json.loads(corpus("generated", "prometheus", "query_range.hq99_native.json").read_bytes())
    wanted = {round(t * 1000): float(value) for t, value in answer["data"]["result"][0]["values"]}
    ranges = dict(zip(rates.series["series"], map(dict, rates.series["labels"]), strict=True))
    samples = rates.samples.assign(
        edges=[edges(ranges[code].get("native_range", "(0,0]")) for code in rates.samples["series"]]
    )
    samples = samples[samples["edges"] != (0, 0)]
    for time, group in samples.groupby("time"):
        counts = group.groupby("edges")["value"].sum()
        lower, upper = np.array(counts.index.to_list()).T
        found = linear_native_quantile(0.99, lower, upper, counts.to_numpy())
        assert found == pytest.approx(wanted.pop(time.value // 10**6), rel=1e-12)
    assert wanted == {}


def test_growth_of_a_recorded_histogram_is_the_difference_of_its_ends():
    path = corpus("generated", "prometheus", "query_range.native_hist.json")
    capture = read(path)
    window = pd.DatetimeIndex([capture.start, capture.end])
    grown = native_growth(capture, "demo_native_duration_seconds", window, by=("service", "route"))
    wanted = {}
    for entry in json.loads(path.read_bytes())["data"]["result"]:
        (_, first), (_, last) = entry["histograms"][0], entry["histograms"][-1]
        before = {tuple(b[:3]): float(b[3]) for b in first["buckets"]}
        for closed, low, high, count in last["buckets"]:
            more = float(count) - before.get((closed, low, high), 0)
            wanted[entry["metric"]["route"], round(float(high), 12)] = more
    found = {
        (route, round(high, 12)): growth
        for route, high, growth in zip(grown["route"], grown["upper"], grown["growth"], strict=True)
    }
    assert found == pytest.approx(wanted)


def test_a_bucket_without_a_sample_was_empty_and_a_late_histogram_began_at_0():
    steps = [None, {"(1,2]": 1}, {"(1,2]": 1, "(2,4]": 3}]
    assert grown(capture_of(steps)) == {(1, 2): 1, (2, 4): 3}


def test_a_restart_is_of_all_buckets_at_once():
    # (2, 4] has more after the restart than before it; that (1, 2] fell tells that all 5 are new
    steps = [{"(1,2]": 3, "(2,4]": 1}, {"(1,2]": 4, "(2,4]": 2}, {"(1,2]": 1, "(2,4]": 5}]
    assert grown(capture_of(steps)) == {(1, 2): 1 + 1, (2, 4): 1 + 5}


def test_a_histogram_whose_resolution_falls_goes_on_in_the_wider_buckets():
    root = 2**0.5
    fine = {f"(1,{root!r}]": 1, f"({root!r},2]": 2, "(-2,-1.4142135623730951]": 1}
    coarse = {"(1,2]": 5, "(-2,-1]": 1}
    assert grown(capture_of([fine, coarse])) == pytest.approx({(1, 2): 2, (-2, -1): 0})


def test_histograms_of_different_resolution_are_added_in_the_coarser():
    fine, coarse = {"(1,1.4142135623730951]": 1, "(1.4142135623730951,2]": 2}, {"(1,4]": 4}
    both = capture_of([{}, fine], [{}, coarse])
    assert grown(both) == pytest.approx({(1, 4): 7})


def test_a_zero_bucket_that_widens_takes_in_what_it_covers():
    narrow = {"[-0.25,0.25]": 1, "(0.25,0.5]": 1, "(0.5,1]": 1, "[-0.5,-0.25)": 1}
    wide = {"[-0.3,0.3]": 3, "(0.3,0.5]": 2, "(0.5,1]": 1}
    assert grown(capture_of([narrow, wide])) == {(-0.5, 0.5): 2, (0.5, 1): 0}


def test_growth_is_summed_by_what_is_asked_for():
    capture = capture_of([{}, {"(1,2]": 1}], [{}, {"(1,2]": 2}])
    window = pd.DatetimeIndex([EPOCH, EPOCH + STEP])
    by = native_growth(capture, "m", window, by=("service", "n"))
    assert by[["service", "n", "growth"]].to_numpy().tolist() == [["a", "0", 1], ["a", "1", 2]]


def test_latency_is_had_from_a_native_histogram_alone():
    rng = np.random.default_rng(3)
    seen = rng.lognormal(-3, 1, 5000)
    ends = np.ceil(np.log2(seen) * 8)  # schema 3
    filled = {
        f"({2 ** ((e - 1) / 8)!r},{2 ** (e / 8)!r}]": float((ends == e).sum())
        for e in np.unique(ends).tolist()
    }
    capture = capture_of([dict.fromkeys(filled, 0.0), filled], metric="http_server_request_duration_seconds")
    found = latency(capture, step_s=10.0, probabilities=(0.5, 0.9, 0.99)).set_index("q")
    assert (found["n"] == 5000).all()
    lower, upper = np.array([edges(name) for name in filled]).T
    for q, value in found["value_s"].items():
        own = native_quantile(float(q), lower, upper, np.array(list(filled.values())))
        assert own * (1 - 1e-9) <= value <= own * (1 + np.log(2) ** 2 / 64 / 8 + 1e-4)
        assert value == pytest.approx(np.quantile(seen, q), rel=2 ** (1 / 8) - 1)


def test_classic_buckets_beside_native_ones_count_up_to_every_edge():
    both = with_classic(capture_of([{"[-0.5,0.5]": 1, "(1,2]": 2, "(8,16]": 4}]))
    series = both.series[both.series["metric"] == "m_bucket"]
    value = both.samples.set_index("series")["value"]
    counts = {
        dict(pairs)["le"]: value[code] for code, pairs in zip(series["series"], series["labels"], strict=True)
    }
    assert counts == {"0.5": 1, "1.0": 1, "2.0": 3, "8.0": 3, "16.0": 7, "+Inf": 7}
    assert with_classic(both) is both


def test_a_label_that_is_no_range_is_no_bucket():
    capture = capture_of([{"(one,2]": 1, "(1,2": 1, "": 1, "(1e,2]": 1}])
    assert with_classic(capture) is capture


def test_a_metric_that_is_not_there_has_no_buckets():
    found = native_growth(capture_of(), "m", pd.DatetimeIndex([EPOCH, EPOCH + STEP]))
    assert list(found.columns) == ["time", "service", "lower", "upper", "growth"]
    assert found.empty


def grown(capture: Capture) -> dict[tuple[float, float], float]:
    window = pd.DatetimeIndex([capture.start, capture.end])
    found = native_growth(capture, "m", window)
    return {(low, high): n for low, high, n in found[["lower", "upper", "growth"]].to_numpy().tolist()}


def capture_of(*histograms: list[dict[str, float] | None], metric: str = "m") -> Capture:
    """A capture of histograms, told by their buckets step by step; None where there was none."""
    series, samples = [("up", {})], [(0, i, 1.0) for i in range(max(map(len, histograms), default=0))]
    for n, steps in enumerate(histograms):
        codes = {}
        for i, buckets in enumerate(steps):
            if buckets is None:
                continue
            for name, value in [("", sum(buckets.values())), *buckets.items()]:
                if name not in codes:
                    codes[name] = len(series)
                    labels = {"n": str(n)} | ({"native_range": name} if name else {})
                    series.append((metric if name else f"{metric}_count", labels))
                samples.append((codes[name], i, float(value)))
    heads = {
        "series": range(len(series)),
        "metric": [name for name, _ in series],
        "service": ["a"] * len(series),
        "labels": [labels for _, labels in series],
    }
    columns = list(zip(*((code, EPOCH + i * STEP, value) for code, i, value in samples), strict=True))
    return Capture(
        series=tables.SERIES.build(heads),
        samples=tables.SAMPLES.build(
            dict(zip(("series", "time", "value"), map(list, columns or [[], [], []]), strict=True))
        ),
    )


def _promql_cases() -> Iterator[tuple[str, float, float]]:
    """Give (place, our quantile, expected) where the load spells the histogram out."""
    for case in json.loads(corpus("prometheus", "derived", "promqltest_evals.json").read_bytes()):
        asked = re.fullmatch(r"histogram_quantile\(([-\d.]+), (\w+)\)", case["expr"])
        if not asked or case["kind"] != "instant":
            continue
        known = {}
        for line in (line for load in case["loads"] for line in load.split("\n")[1:]):
            told = re.fullmatch(r"\s*(\w+)(\{.*?\})?\s+\{\{([^}]*)\}\}(?:x\d+)?\s*", line)
            if told and told[1] == asked[2]:
                known[_labels(told[2] or "{}")] = _told(told[3])
        for line in case["results"]:
            head = re.fullmatch(r"(\{.*\})\s+(\S+)", line.split("\n")[0])
            if head and _labels(head[1]) in known:
                lower, upper, counts, seen = known[_labels(head[1])]
                found = native_quantile(float(asked[1]), lower, upper, counts, observations=seen)
                yield f"{case['file']}:{case['line']} {line}", float(found), float(head[2])


def _labels(text: str) -> tuple:
    return tuple(sorted(re.findall(r'(\w+)="([^"]*)"', text)))


def _told(text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, float | None]:
    """Read "schema:0 count:3 z_bucket:1 buckets:[1 1]" as edges, counts, and `count` if the sum is NaN."""
    found = dict(re.findall(r"(\w+):(\[[^\]]*\]|\S+)", text))

    def many(key: str) -> list[float]:
        return [float(word) for word in found.get(key, "[]").strip("[]").split()]

    schema, width = int(found.get("schema", 0)), float(found.get("z_bucket_w", 0))
    rows = []
    if schema == -53:
        bounds = [-np.inf, *many("custom_values"), np.inf]
        first = int(found.get("offset", 0))
        rows = [(bounds[first + i], bounds[first + i + 1], n) for i, n in enumerate(many("buckets"))]
    else:
        base = 2 ** (2.0**-schema)
        for key, sign in (("buckets", 1), ("n_buckets", -1)):
            first = int(found.get(key.replace("buckets", "offset"), 0))
            for index, count in enumerate(many(key), first):
                ends = sorted((sign * max(base ** (index - 1), width), sign * base**index))
                rows.append((*ends, count))
        rows.append((-width, width, float(found.get("z_bucket", 0))))
    lower, upper, counts = np.array([row for row in rows if row[2]] or np.empty((0, 3)), float).T
    seen = float(found["count"]) if found.get("sum") == "NaN" else None
    return lower, upper, counts, seen
