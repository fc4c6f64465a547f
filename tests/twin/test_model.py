"""Predictions of a known twin: intervals hold what they promise; a glance and a curve agree with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.twin import hand
from workbench.errors import SettingError
from workbench.network import Scenario
from workbench.settings import Settings
from workbench.twin.calibrate import calibrate
from workbench.twin.model import glance, load_curve, predict, run
from workbench.twin.simulate import simulate

TIGHT = hand.CALM.with_({"payments/workers": 2, "orders/workers": 5})
LOADED = hand.twin(TIGHT, hand.workload([55.0]))
PROMISED = ("p50_s", "p95_s", "p99_s", "throughput_rps")
NOT_USED = 500_000  # seeds from here on are not those of any replicate


@pytest.fixture(scope="module")
def prediction():
    return predict(LOADED, {})


@pytest.fixture(scope="module")
def new_windows():
    seeds = range(NOT_USED, NOT_USED + 60)
    return [run(LOADED, LOADED.network, LOADED.workload, duration_s=60, seed=s)[1].numbers for s in seeds]


@pytest.mark.parametrize("quantity", PROMISED)
def test_nine_of_ten_new_windows_lie_in_the_interval(quantity, prediction, new_windows):
    """Of 60 windows at 90 % fewer than 46 come in one case of 1500 (binomial)."""
    low, high = prediction.interval(quantity)
    held = [low <= numbers[quantity] <= high for numbers in new_windows]
    assert sum(held) >= 46


def test_intervals_of_fitted_twins_hold_new_windows_too():
    """Six twins, each fitted to its own 25 s; of 24 checks at 90 % fewer than 17 come once in 2000.

    Quantiles of one window move together, which makes that less rare.
    """
    held = []
    for seed in range(6):
        fitted = calibrate(simulate(LOADED, duration_s=25, seed=7000 + seed), seed=seed)
        prediction = predict(fitted, {}, seed=seed)
        _, out = run(LOADED, LOADED.network, LOADED.workload, duration_s=25, seed=NOT_USED + seed)
        held += [prediction.interval(q)[0] <= out.numbers[q] <= prediction.interval(q)[1] for q in PROMISED]
    assert sum(held) >= 17


def test_an_interval_narrows_with_the_square_root_of_the_window():
    """A Poisson count has a relative error of 1/√(rate·time); 20 runs know it to ±16 %."""
    for duration_s in (20.0, 180.0):
        low, high = predict(LOADED, {}, duration_s=duration_s, seed=1).interval("load_rps")
        expected = 2 * 1.729 * np.sqrt(1 + 1 / 20) * np.sqrt(55 / duration_s)  # t at 95 %, 19 degrees
        assert high - low == pytest.approx(expected, rel=4 * 0.16)


def test_shares_stay_between_0_and_1_and_times_above_0():
    drowned = predict(LOADED, {"payments/workers": 1, "orders/queue": 4}, duration_s=20)
    table = drowned.table
    shares = table[table["unit"] == "share"]
    assert (shares[["low", "value", "high"]] >= 0).all(axis=None)
    assert (shares[["low", "value", "high"]] <= 1).all(axis=None)
    assert (table["low"] >= 0).all()
    assert any("near saturation" in text for text in drowned.outside)


def test_the_same_seed_predicts_the_same():
    one, same = predict(LOADED, {}, duration_s=20, seed=4), predict(LOADED, {}, duration_s=20, seed=4)
    assert one.table.equals(same.table)
    assert np.array_equal(one.latency_s, same.latency_s)


def test_a_prediction_says_where_it_leaves_the_evidence():
    seen = replace(LOADED, concurrency={"payments": 1.0, "orders": 5.0})
    outside = predict(seen, {"payments/workers": 16, "orders/workers": 64}, duration_s=20).outside
    assert any(text.startswith("payments: ") and "at most 1 in the recording" in text for text in outside)
    assert not any(text.startswith("gateway") for text in outside)


def test_settings_not_named_stay_as_recorded():
    moved = LOADED.at({"orders/workers": 9})
    assert moved.get("orders.pool.servers") == 9
    assert moved.set("orders.pool.servers", 5) == LOADED.network
    assert LOADED.at(Settings()) == LOADED.network


def test_unknown_settings_and_values_out_of_bounds_are_refused():
    with pytest.raises(SettingError, match="no knob 'orders/wrkers'"):
        predict(LOADED, {"orders/wrkers": 9})
    with pytest.raises(SettingError, match=r"orders/queue: -1 requests.*Choose a value inside the bounds"):
        predict(LOADED, {"orders/queue": -1})


def test_a_glance_is_one_window_of_the_same_twin():
    """Against the interval for as many requests; a glance at every request is a run."""
    here = glance(LOADED, {}, requests=3300, seed=3).numbers
    _, whole = run(LOADED, LOADED.network, LOADED.workload, duration_s=60, seed=3)
    assert here == pytest.approx(whole.numbers, nan_ok=True)
    short = glance(LOADED, {}, requests=1100, seed=3).numbers
    assert short["load_rps"] == pytest.approx(55, abs=4 * np.sqrt(55 / 20))


def test_a_glance_at_part_of_a_window_keeps_its_steps():
    stepped = hand.twin(asked=hand.workload([20.0, 60.0], bin_s=30.0))
    assert glance(stepped, {}, requests=1200, seed=1).numbers["load_rps"] == pytest.approx(
        40, abs=4 * np.sqrt(40 / 30)
    )


def test_two_settings_meet_the_same_luck():
    """More workers can then not make any request of a network without calls back slower."""
    few, many = (glance(LOADED, {"gateway/workers": w}, requests=2000, seed=2) for w in (32, 256))
    assert np.array_equal(few.latency_s, many.latency_s)  # 32 were enough already


def test_the_load_curve_rises_and_its_throughput_is_the_load_until_saturation():
    curve = load_curve(LOADED, {}, loads=(0.5, 1.0, 2.0), seed=1).set_index("load")
    assert curve["p95_s"].is_monotonic_increasing
    for load in (0.5, 1.0):
        assert curve.at[load, "load_rps"] == pytest.approx(55 * load, rel=0.1)
        assert curve.at[load, "throughput_rps"] == pytest.approx(curve.at[load, "load_rps"], rel=0.02)
    assert curve.at[2.0, "utilisation/payments"] > 0.97
    assert curve.at[2.0, "throughput_rps"] < 2 / 0.03 * 1.1  # two servers of 30 ms give 67/s


def test_a_scenario_scales_what_is_asked():
    more = predict(LOADED, {}, scenario=Scenario("half", load=0.5), duration_s=60)
    assert more["load_rps"] == pytest.approx(27.5, abs=4 * np.sqrt(27.5 / 60 / 20) + 0.5)
