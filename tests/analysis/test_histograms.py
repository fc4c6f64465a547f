"""Classic histograms, against Prometheus' own test cases, Prometheus' own answers and hand arithmetic."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from tests.needs import corpus
from workbench import tables
from workbench.analysis.histograms import bucket_growth, histogram_quantile
from workbench.capture import Capture

EPOCH = pd.Timestamp("2026-01-01", tz="UTC")
MINUTE = pd.Timedelta(minutes=1)


def test_a_quantile_is_interpolated_within_its_bucket():
    # 8 of 10 lie in (1, 2]; the fifth is the third of them: 1 + 3/8
    assert histogram_quantile(0.5, ["1", "2", "+Inf"], np.array([2, 10, 10])) == 1.375


def test_bounds_may_come_in_any_order_and_spelling():
    plain = histogram_quantile(0.5, [0.2, 0.4, np.inf], np.array([2, 3, 4]))
    assert histogram_quantile(0.5, ["+Inf", ".2", "4e-1", "2e-1"], np.array([4, 1, 3, 1])) == plain


def test_many_histograms_are_answered_at_once():
    rng = np.random.default_rng(5)
    counts = rng.poisson(3, (20, 3, 6)).cumsum(axis=-1)
    le = [0.1, 0.2, 0.5, 1, 2, np.inf]
    many = histogram_quantile(0.9, le, counts)
    assert many.shape == (20, 3)
    one_by_one = [[histogram_quantile(0.9, le, c) for c in row] for row in counts]
    np.testing.assert_array_equal(many, one_by_one)


def test_without_observations_or_without_the_last_bucket_there_is_no_quantile():
    assert np.isnan(histogram_quantile(0.5, [1, np.inf], np.array([0, 0])))
    assert np.isnan(histogram_quantile(0.5, [1, 2], np.array([1, 2])))
    assert np.isnan(histogram_quantile(0.5, [np.inf], np.array([2])))
    assert np.isnan(histogram_quantile(0.5, [], np.array([])))


def test_quantiles_of_classic_buckets_are_those_of_promqltest():
    cases = list(_promql_cases())
    assert len(cases) >= 70
    for place, found, wanted in cases:
        assert found == pytest.approx(wanted, rel=1e-9, nan_ok=True), place


def test_quantiles_of_a_recorded_histogram_are_the_recorded_servers():
    buckets = json.loads(corpus("generated", "prometheus", "query_range.buckets.json").read_bytes())
    answer = json.loads(corpus("generated", "prometheus", "query.hq.json").read_bytes())
    answered = {_key(entry["metric"]): float(entry["value"][1]) for entry in answer["data"]["result"]}
    heads: dict[tuple, dict[str, float]] = {}
    for entry in buckets["data"]["result"]:
        heads.setdefault(_key(entry["metric"]), {})[entry["metric"]["le"]] = float(entry["values"][-1][1])
    assert len(heads) >= 2
    for key, counts in heads.items():
        found = histogram_quantile(0.5, counts, np.array(list(counts.values())))
        assert found == pytest.approx(answered[key], rel=1e-14)


def test_buckets_grow_by_what_was_counted_between_two_times_restarts_included():
    le_1, le_inf = [5, 7, 1, 2], [8, 12, 3, 3]  # a restart between the second and the third sample
    capture = _capture(
        [("m_bucket", {"le": "1", "job": "a"}, le_1), ("m_bucket", {"le": "+Inf", "job": "a"}, le_inf)],
        MINUTE,
    )
    grown = bucket_growth(capture, "m_bucket", pd.DatetimeIndex([EPOCH, EPOCH + 3 * MINUTE]))
    assert grown[["service", "le", "growth"]].to_numpy().tolist() == [
        ["a", 1.0, 2 + 1 + 1],
        ["a", np.inf, 4 + 3 + 0],
    ]


def test_spellings_of_a_bound_are_one_bucket():
    series = [("m_bucket", {"le": le}, [0, 2]) for le in ("2e-1", ".2", "0.2", "+Inf", "+inf")]
    grown = bucket_growth(_capture(series, MINUTE), "m_bucket", pd.DatetimeIndex([EPOCH, EPOCH + MINUTE]))
    assert dict(zip(grown["le"], grown["growth"], strict=True)) == {0.2: 6.0, np.inf: 4.0}


def test_buckets_are_summed_over_all_labels_that_are_not_asked_for():
    series = [
        ("m_bucket", {"le": "+Inf", "job": "a", "instance": i, "code": c}, [0, n])
        for i, c, n in (("1", "200", 3), ("2", "200", 4), ("2", "500", 5))
    ]
    capture, window = _capture(series, MINUTE), pd.DatetimeIndex([EPOCH, EPOCH + MINUTE])
    assert bucket_growth(capture, "m_bucket", window)["growth"].tolist() == [12.0]
    by_code = bucket_growth(capture, "m_bucket", window, by=("service", "code"))
    assert dict(zip(by_code["code"], by_code["growth"], strict=True)) == {"200": 7.0, "500": 5.0}


def test_a_metric_that_is_not_there_has_no_buckets():
    grown = bucket_growth(_capture([], MINUTE), "m_bucket", pd.DatetimeIndex([EPOCH, EPOCH + MINUTE]))
    assert list(grown.columns) == ["time", "service", "le", "growth"]
    assert grown.empty


_SELECTOR = r"(?P<metric>\w+_bucket)"
_QUANTILE = re.compile(
    r"histogram_quantile\((?P<q>[^,]+), (?:(?P<sum>sum|avg)\()?"
    rf"(?:rate\({_SELECTOR}\[(?P<window>\w+)\]\)|(?P<instant>\w+_bucket))"
    r"(?(sum)\) by \((?P<by>[^)]+)\))\)"
)


def _promql_cases() -> Iterator[tuple[str, float, float]]:
    """Give (place, our quantile, expected) for each result of each classic histogram_quantile."""
    for case in json.loads(corpus("prometheus", "derived", "promqltest_evals.json").read_bytes()):
        match = _QUANTILE.fullmatch(case["expr"])
        if case["kind"] != "instant" or not match:
            continue
        q = float(Fraction(match["q"].replace(".", "")) if "/" in match["q"] else match["q"])
        at = EPOCH + pd.Timedelta(case["at"])
        loaded = [series for load in case["loads"] for series in _loaded(load)]
        if match["metric"]:
            found = _by_rate(loaded, match, q, at)
        else:
            found = _by_value(loaded, match["instant"], q, at)
        for line in case["results"]:
            labels, value = re.fullmatch(r"(\{.*\})\s+(\S+)", line.split("\n")[0]).groups()  # type: ignore[union-attr]
            key = _key(dict(re.findall(r'(\w+)="([^"]*)"', labels)))
            yield f"{case['file']}:{case['line']} {case['expr']} {labels}", found[key], float(value)


def _by_rate(loaded: list, match: re.Match, q: float, at: pd.Timestamp) -> dict[tuple, float]:
    """Buckets over the window of the rate; a quantile does not change when all counts are scaled alike."""
    chosen = [(name, labels, v, step) for name, labels, v, step in loaded if name == match["metric"]]
    capture = _capture([(n, labels, values) for n, labels, values, _ in chosen], chosen[0][3])
    known = sorted({name for _, labels, _, _ in chosen for name in labels})
    by = [name for name in (match["by"].split(", ") if match["by"] else known) if name != "le"]
    columns = [{"job": "service"}.get(name, name) for name in by]
    window = pd.DatetimeIndex([at - pd.Timedelta(match["window"]), at])
    grown = bucket_growth(capture, match["metric"], window, by=columns)
    found = {}
    for values, group in grown.groupby(columns) if columns else [((), grown)]:
        key = _key(dict(zip(by, values, strict=False)))
        found[key] = float(histogram_quantile(q, group["le"], group["growth"].to_numpy()))
    return found


def _by_value(loaded: list, metric: str, q: float, at: pd.Timestamp) -> dict[tuple, float]:
    heads: dict[tuple, list[tuple[str, float]]] = {}
    for name, labels, values, step in loaded:
        index = int((at - EPOCH) / step)  # the last sample at or before, within the five minutes of lookback
        if name == metric and index < len(values):
            heads.setdefault(_key(labels), []).append((labels["le"], values[index]))
    return {
        key: float(histogram_quantile(q, [le for le, _ in pairs], np.array([count for _, count in pairs])))
        for key, pairs in heads.items()
    }


def _loaded(load: str) -> Iterator[tuple[str, dict[str, str], list[float], pd.Timedelta]]:
    """Read a load of promqltest: a head with the step, then series with values (1+2x3: 1 3 5 7)."""
    head, *lines = load.split("\n")
    step = pd.Timedelta(head.split()[-1])
    for line in lines:
        name, labels, values = re.match(r"\s*(\w*)(\{[^}]*\})?\s*(.*)", line).groups()  # type: ignore[union-attr]
        if not name or not re.fullmatch(r"[-+.\dx\s]+", values):
            continue  # a comment, gaps, or a native histogram
        expanded: list[float] = []
        for token in values.split():
            first, grow, times = re.fullmatch(r"([-+]?[\d.]+?)([-+][\d.]+)?(?:x(\d+))?", token).groups()  # type: ignore[union-attr]
            expanded += [float(first) + float(grow or 0) * n for n in range(int(times or 0) + 1)]
        yield name, dict(re.findall(r'(\w+)="([^"]*)"', labels or "")), expanded, step


def _key(labels: dict[str, str]) -> tuple:
    return tuple(sorted((n, v) for n, v in labels.items() if n not in ("le", "__name__") and v))


def _capture(series: list[tuple[str, dict[str, str], list[float]]], step: pd.Timedelta) -> Capture:
    heads = {
        "series": range(len(series)),
        "metric": [name for name, _, _ in series],
        "service": [labels.get("job", "") for _, labels, _ in series],
        "instance": [labels.get("instance", "") for _, labels, _ in series],
        "labels": [labels for _, labels, _ in series],
    }
    samples = [
        (n, EPOCH + i * step, value) for n, (_, _, vs) in enumerate(series) for i, value in enumerate(vs)
    ]
    columns = list(zip(*samples, strict=True)) or [[], [], []]
    return Capture(
        series=tables.SERIES.build(heads),
        samples=tables.SAMPLES.build(dict(zip(("series", "time", "value"), map(list, columns), strict=True))),
    )
