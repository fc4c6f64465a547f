"""`observe` blurs a simulated capture as the instruments of a measured one would have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.analysis.hand import metrics
from tests.twin import hand
from workbench import tables
from workbench.analysis.laws import contradictions
from workbench.analysis.pools import pools
from workbench.analysis.visits import visits
from workbench.twin.simulate import observe, simulate

BOUNDS = (0.02, 0.05, 0.3)


@pytest.fixture(scope="module")
def whole():
    return simulate(hand.twin(), duration_s=60, seed=31)


@pytest.fixture(scope="module")
def like(whole):
    """A measured capture: a tenth of traces, scraped every 5 s, three buckets."""
    name = "http_server_request_duration_seconds_bucket"
    rows = [(name, {"service": "orders", "le": f"{b:g}"}, [0.0] * 13) for b in (*BOUNDS, np.inf)]
    return replace(whole, load={"sample_share": 0.1}, **metrics(*rows, step_s=5.0))


@pytest.fixture(scope="module")
def seen(whole, like):
    return observe(whole, like=like)


def test_callers_own_spans_are_all_kept(whole, seen):
    assert seen.spans["parent_id"].isna().sum() == whole.spans["parent_id"].isna().sum()
    assert seen.load["sample_share"] == 0.1


def test_other_spans_are_kept_by_whole_traces_at_the_share(whole, seen):
    traces = whole.spans["trace_id"].nunique()
    inner = seen.spans[seen.spans["parent_id"].notna()]
    kept = inner["trace_id"].unique()
    assert len(kept) == pytest.approx(0.1 * traces, abs=4 * np.sqrt(traces * 0.1 * 0.9))
    before = whole.spans[whole.spans["parent_id"].notna() & whole.spans["trace_id"].isin(kept)]
    assert len(inner) == len(before)


def test_samples_come_at_the_scrape_times_in_the_buckets_of_the_other(seen):
    times = seen.samples["time"].drop_duplicates()
    assert list((times - hand.T0).dt.total_seconds()) == [5.0 * i for i in range(13)]
    name = "http_server_request_duration_seconds_bucket"
    labels = seen.series.loc[seen.series["metric"] == name, "labels"]
    assert {dict(pairs)["le"] for pairs in labels} == {"0.02", "0.05", "0.3", "+Inf"}


def test_targets_scraped_at_offsets_of_their_own_keep_their_interval(whole, like):
    """Two targets, each every 5 s, the second 300 ms after the first: not a scrape every 300 ms."""
    second = like.series["series"] == like.series["series"].max()
    late = like.samples["series"].isin(like.series.loc[second, "series"])
    moved = like.samples["time"].where(~late, like.samples["time"] + pd.Timedelta("300ms"))
    times = observe(whole, like=replace(like, samples=like.samples.assign(time=moved))).samples["time"]
    assert times.drop_duplicates().sort_values().diff().median() == pd.Timedelta("5s")


def test_one_scrape_has_no_interval_and_shows_no_metrics(whole, like):
    once = like.samples[like.samples["time"] == like.samples["time"].min()].reset_index(drop=True)
    assert observe(whole, like=replace(like, samples=once)).samples.empty


def test_metrics_count_what_was_not_sampled_too(whole, seen):
    exact = visits(whole)
    exact = exact[exact["service"] == "orders"]
    ended = exact["start"] + pd.to_timedelta(exact["duration_s"], unit="s") <= whole.end
    total = seen.metric("http_server_request_duration_seconds_count", service="orders").iloc[-1].sum()
    assert total == ended.sum()
    below = seen.metric("http_server_request_duration_seconds_bucket", service="orders", le="0.05").iloc[-1]
    assert below.sum() == (exact["duration_s"] <= 0.05)[ended].sum()


def test_pools_keep_their_sizes_and_counters_and_the_laws_hold(whole, seen):
    before, after = pools(whole).set_index("service"), pools(seen).set_index("service")
    for column in ("size", "busy", "saturated_share"):
        assert after[column].to_dict() == pytest.approx(before[column].to_dict(), rel=1e-6, abs=1e-9)
    assert contradictions(seen) == []


def test_what_has_no_metrics_shows_none(whole):
    bare = {"series": tables.SERIES.empty(), "samples": tables.SAMPLES.empty()}
    seen = observe(whole, like=replace(whole, **bare))
    assert len(seen.samples) == len(seen.series) == 0
    assert len(seen.spans) == len(whole.spans)


def test_observing_what_shows_all_changes_nothing(whole):
    seen = observe(whole, like=whole)
    pd.testing.assert_frame_equal(seen.spans, whole.spans)
    pd.testing.assert_frame_equal(seen.samples, whole.samples)
