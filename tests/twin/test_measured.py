"""What callers met, from a capture: by hand for eight requests, by theory for many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.analysis.hand import T0, metrics, of_spans, span
from tests.twin import hand
from tests.twin.evidence import known
from workbench.capture import Capture
from workbench.errors import Contradiction
from workbench.twin.measured import bootstrap, callers, measured, replayed, reproduction
from workbench.twin.simulate import simulate

LATENCIES_MS = (10, 20, 30, 40, 50, 60, 70, 800)


def by_hand(**more) -> Capture:
    """Eight requests, one each 5 s, the last of them failed; a visit below the first."""
    roots = [
        span(f"t{i}", f"c{i}", None, "client", "client", 5000 * i, ms, status="error" if ms == 800 else "ok")
        for i, ms in enumerate(LATENCIES_MS)
    ]
    below = span("t0", "s0", "c0", "shop", "server", 1, 8, 200)
    inner = span("t0", "c9", "s0", "shop", "client", 2, 5)
    stray = span("t9", "c8", None, "shop", "client", 100, 5000)  # a service's own errand, no caller
    return of_spans(*roots, below, inner, stray, start=T0, end=T0 + np.timedelta64(40, "s"), **more)


@pytest.fixture(scope="module")
def busy() -> Capture:
    return simulate(hand.twin(asked=hand.workload([40.0])), duration_s=120, seed=41)


def test_callers_are_root_client_spans_of_services_that_serve_nobody():
    seen = callers(by_hand())
    assert seen["latency_s"].to_list() == pytest.approx([ms / 1e3 for ms in LATENCIES_MS])
    assert seen["at_s"].to_list() == [5.0 * i for i in range(8)]
    assert seen["ok"].to_list() == [True] * 7 + [False]


def test_values_are_counts_and_order_statistics():
    value, _ = bootstrap(by_hand())
    assert value["mean_s"] == pytest.approx(1.08 / 8)
    assert value["p50_s"] == pytest.approx(0.040)  # the smallest that half of them do not exceed
    assert value["p95_s"] == value["p99_s"] == pytest.approx(0.8)
    assert value["throughput_rps"] == pytest.approx(7 / 40)
    assert value["error_share"] == pytest.approx(1 / 8)
    assert value["load_rps"] == pytest.approx(8 / 40)


def test_resamples_are_of_whole_blocks():
    """Each 5 s block holds one request, so that a resample of 8 blocks has 8 requests again."""
    _, drawn = bootstrap(by_hand())
    assert len(drawn) == 400
    assert drawn["load_rps"].unique() == pytest.approx([8 / 40])
    # Each block is drawn Binomial(8, 1/8) times, and the spread is widened by t/z·√(8/7), t at 7 degrees.
    widening = 1.895 / 1.645 * np.sqrt(8 / 7)
    drawn_times = {max(0.0, 1 + (k - 1) * widening) for k in range(9)}
    failed = drawn["error_share"] * 8
    assert all(any(abs(times - one) < 1e-9 for one in drawn_times) for times in failed)
    assert (failed == 0).mean() == pytest.approx((7 / 8) ** 8, abs=4 * np.sqrt(0.34 * 0.66 / 400))


def test_an_interval_has_the_width_of_the_binomial_one(busy):
    """Requests of a calm system are nearly independent, so the median's error is √(¼/n)/density."""
    latency = np.sort(callers(busy)["latency_s"].to_numpy())
    n = latency.size
    reach = 1.645 * np.sqrt(0.25 / n)
    low, high = np.quantile(latency, [0.5 - reach, 0.5 + reach])
    row = measured(busy).loc["p50_s"]
    assert row["low"] < row["value"] < row["high"]
    assert (row["high"] - row["low"]) / (high - low) == pytest.approx(1.0, abs=0.35)  # 24 blocks: ±15 % sd


def test_utilisation_is_what_the_counters_say():
    """A pool of 4 that grows by 10 busy seconds in each bin of 5 s is half used."""
    pool = [
        ("worker_pool_size", {"service": "shop", "instance": "a"}, [4.0] * 41),
        (
            "worker_pool_busy_seconds_total",
            {"service": "shop", "instance": "a"},
            [2.0 * i for i in range(41)],
        ),
    ]
    row = measured(by_hand(**metrics(*pool))).loc["utilisation/shop"]
    assert row[["value", "low", "high"]].to_list() == pytest.approx([0.5] * 3)
    assert row["unit"] == "share"


def test_without_callers_spans_it_is_what_came_from_outside_to_the_service_most_asked():
    """Their own parents are not in the capture; of a quarter of the traces each stands for four."""
    came = [span(f"t{i}", "s", "far", "shop", "server", 3000 * i, 8 + i, 200) for i in range(4)]
    inner = span("t0", "u", "s", "stock", "server", 1, 2, 200)
    stray = span("t9", "v", None, "stock", "server", 1, 2, 200)
    capture = of_spans(*came, inner, stray, start=T0, end=T0 + np.timedelta64(10, "s"))
    assert callers(capture)["latency_s"].to_list() == pytest.approx([0.008, 0.009, 0.010, 0.011])
    sampled = replace(capture, load={"sample_share": 0.25})
    assert bootstrap(sampled)[0]["load_rps"] == pytest.approx(4 * 4 / 10)
    assert len(replayed(sampled, warm_up_s=1e-9)) == 16


def test_without_any_spans_it_says_so():
    with pytest.raises(Contradiction, match="no root spans of requests; expected a span per request"):
        measured(of_spans(span("t", "s", None, "shop", "client", 0, 8), start=T0).between(T0, T0))


def test_metrics_alone_tell_what_the_first_service_answered(busy):
    """Against the spans of the gateway: means and rates exactly, quantiles as far as its buckets reach."""
    bare = known.metered(busy, "http_server", service="gateway")
    told = measured(bare)
    seen = busy.spans[(busy.spans["service"] == "gateway") & (busy.spans["kind"] == "server")]["duration_s"]
    assert told.at["mean_s", "value"] == pytest.approx(seen.mean(), rel=0.01)
    assert told.at["load_rps", "value"] == pytest.approx(len(seen) / 120, rel=0.01)
    assert told.at["error_share", "value"] == 0
    for q in (0.5, 0.95):
        bound = (0.025, 0.05, 0.075, 0.1, 0.25)
        at = np.searchsorted(bound, np.quantile(seen, q))
        assert (bound[at - 1] if at else 0) <= told.at[f"p{q * 100:g}_s", "value"] <= 1.1 * bound[at]
    assert len(replayed(bare, warm_up_s=1e-9)) == pytest.approx(len(seen), rel=0.02)


def test_replayed_arrivals_are_those_that_came_with_the_first_part_again_before_them():
    times = replayed(by_hand(), warm_up_s=12)
    assert times.tolist() == [-12, -7, -2, 0, 5, 10, 15, 20, 25, 30, 35]


def test_a_twin_reproduces_a_window_of_its_own(busy):
    table = reproduction(hand.twin(), busy)
    assert table["agrees"].mean() >= 0.9
    assert table.at["load_rps", "predicted"] == pytest.approx(table.at["load_rps", "measured"])
    assert abs(table.at["p95_s", "error"]) < 0.1
    assert abs(table.at["utilisation/payments", "error"]) < 0.03


def test_a_twin_of_another_system_does_not(busy):
    other = hand.workload()
    slow = replace(other, demand=other.scaled(1.0, slower={"payments": 2.0}).demand)
    table = reproduction(hand.twin(asked=slow), busy)
    assert not table.loc[["mean_s", "p50_s", "p95_s", "utilisation/payments"], "agrees"].any()
    assert table.at["utilisation/payments", "error"] == pytest.approx(0.03 * 40 / 8, abs=0.02)


def test_a_window_under_other_settings_is_reproduced_at_those():
    asked = hand.workload([20.0])
    capture = simulate(hand.twin(hand.CALM.with_({"payments/workers": 1}), asked), duration_s=60, seed=2)
    table = reproduction(hand.twin(asked=asked), capture)
    assert table["agrees"].mean() >= 0.9
    assert table.at["utilisation/payments", "predicted"] == pytest.approx(20 * 0.03, abs=0.05)  # of one
