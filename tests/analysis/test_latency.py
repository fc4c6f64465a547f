"""Latencies: exact quantiles, quantiles from buckets, intervals from blocks, and distributions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.analysis.hand import T0, metrics, of_spans, span
from workbench.analysis.latency import ecdf, latencies, latency, log_histogram, quantiles
from workbench.capture import Capture


def test_a_quantile_over_time_is_an_observed_latency() -> None:
    rows = [span(f"t{i}", "s", None, "a", "server", 10 * i, i + 1, 200) for i in range(10)]
    capture = of_spans(*rows, start=T0, end=T0 + pd.Timedelta(seconds=1))
    table = latency(capture, step_s=1, probabilities=(0.5, 0.9))
    assert table["value_s"].tolist() == pytest.approx([0.005, 0.009])
    assert table["n"].tolist() == [10, 10]


def test_a_request_turned_away_is_no_fast_answer() -> None:
    capture = of_spans(
        span("t", "s", None, "a", "server", 0, 100, 200),
        span("u", "s", None, "a", "server", 1, 0.1, 503),
        span("v", "s", None, "a", "server", 2, 0.1, 429),
        start=T0,
        end=T0 + pd.Timedelta(seconds=1),
    )
    assert latency(capture, step_s=1, probabilities=(0.5,))["value_s"].tolist() == pytest.approx([0.1])
    assert latencies(capture, "a")["outcome"].tolist() == ["ok", "refused", "limited"]


def test_without_spans_a_quantile_is_interpolated_in_its_bucket() -> None:
    def bucket(le: str, last: float) -> tuple:
        labels = {"service": "a", "instance": "a-0", "le": le, "status_code": "200"}
        return ("http_server_request_duration_seconds_bucket", labels, [0, last])

    capture = Capture(
        start=T0,
        end=T0 + pd.Timedelta(seconds=1),
        **metrics(bucket("0.1", 50), bucket("0.2", 90), bucket("+Inf", 100)),
    )
    table = latency(capture, step_s=1, probabilities=(0.25, 0.7, 0.99)).set_index("q")["value_s"]
    # 25 of the 50 below 0.1; 20 of the 40 between 0.1 and 0.2; beyond the last bound, that bound
    assert table.tolist() == pytest.approx([0.05, 0.15, 0.2])


def test_a_quantile_is_the_smallest_value_that_its_share_does_not_exceed() -> None:
    table = quantiles(np.arange(4), [4.0, 1.0, 3.0, 2.0], (0.25, 0.5, 0.51, 1.0))
    assert table["value"].tolist() == [1, 2, 3, 4]


def test_with_a_single_block_there_is_no_interval() -> None:
    table = quantiles(np.arange(5), np.arange(5), (0.5,), block_s=10)
    assert table[["low", "high"]].isna().all(axis=None)


def test_two_blocks_that_differ_give_an_interval_from_one_to_the_other() -> None:
    # of 400 draws of two blocks about a quarter take the first twice, and a quarter the second twice
    table = quantiles([0, 1, 10, 11], [1.0, 1.0, 9.0, 9.0], (0.5,), seed=3)
    assert table.loc[0, ["value", "low", "high"]].tolist() == [1, 1, 9]


def test_nearly_all_intervals_hold_the_true_quantile_of_independent_values() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for seed in range(60):
        values = rng.exponential(size=1000)
        row = quantiles(np.arange(1000) * 0.5, values, (0.5,), seed=seed).iloc[0]
        held += row["low"] <= np.log(2) <= row["high"]
    assert 50 <= held <= 60


def test_times_may_be_datetimes() -> None:
    seconds = np.array([0, 1, 10, 11])
    dated = T0 + pd.to_timedelta(seconds, unit="s")
    values = [1.0, 2.0, 8.0, 9.0]
    assert quantiles(dated, values).equals(quantiles(seconds, values))


def test_nothing_has_no_quantiles() -> None:
    assert quantiles([], []).drop(columns="q").isna().all(axis=None)


def test_the_distribution_function_of_few_values_is_complete() -> None:
    table = ecdf([3.0, 1.0, 2.0, np.nan, 2.0])
    assert table.drop_duplicates("value", keep="last").to_numpy().tolist() == [[1, 0.25], [2, 0.75], [3, 1.0]]


def test_the_distribution_function_keeps_its_extremes_when_thinned() -> None:
    table = ecdf(np.arange(1, 100_001), points=100)
    assert len(table) <= 100
    assert table["value"].iloc[[0, -1]].tolist() == [1, 100_000]
    assert np.allclose(table["value"] / 100_000, table["share"])


def test_bins_of_the_log_histogram_widen_by_the_same_factor_and_hold_everything() -> None:
    table = log_histogram([0.001, 0.0015, 0.01, 0.5, 1.0], per_decade=1)
    assert table["low"].tolist() == pytest.approx([0.001, 0.01, 0.1, 1])
    assert table["count"].tolist() == [2, 1, 1, 1]
    assert table["share"].sum() == 1
