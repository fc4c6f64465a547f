"""Windows told apart: blocks as long as luck lasts, Kayenta's judge, false alarms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.twin import hand
from workbench.tuning._blocks import (
    BETTER,
    POINTS,
    SAME,
    WORSE,
    Seen,
    block_length_s,
    bootstrap,
    compare,
    kayenta,
    points_of,
    politis_white,
    series,
)
from workbench.twin import arrivals, world
from workbench.twin.model import run

JUDGED = ("p50_s", "p95_s", "p99_s", "throughput_rps", "error_share")


def window(twin, seed, duration_s=60.0):
    """What callers meet in one simulated window."""
    times = arrivals.poisson(twin.workload, start_s=-20.0, end_s=duration_s, seed=seed)
    log, _ = run(twin, twin.network, twin.workload, duration_s=duration_s, seed=seed, times_s=times)
    roots = log[(log["parent"] < 0) & (log["arrived"] >= -times[0])]
    return Seen(
        roots["arrived"] + times[0], roots["heard"] - roots["sent"], roots["result"] == world.OK, duration_s
    )


def drawn(rng, n=3000, duration_s=60.0, scale=0.1):
    return Seen(
        np.sort(rng.uniform(0, duration_s, n)), rng.exponential(scale, n), rng.random(n) > 0.02, duration_s
    )


def test_values_are_those_of_all_requests():
    rng = np.random.default_rng(1)
    one = drawn(rng)
    value, _ = bootstrap(one, 5.0)
    assert value["p99_s"] == np.quantile(one.latency_s, 0.99, method="inverted_cdf")
    assert value["mean_s"] == pytest.approx(one.latency_s.mean())
    assert value["error_share"] == pytest.approx(1 - one.ok.mean())
    assert value["throughput_rps"] == pytest.approx(one.ok.sum() / 60)


def test_throughput_of_a_share_is_scaled_to_the_whole():
    one = drawn(np.random.default_rng(2))
    whole, part = bootstrap(one, 5.0)[0], bootstrap(one, 5.0, share=0.25)[0]
    assert part["throughput_rps"] == pytest.approx(4 * whole["throughput_rps"])
    assert part["p99_s"] == whole["p99_s"]


def test_independent_steps_need_blocks_of_one_and_dependent_ones_longer():
    """For an AR(1) series the best length is (2 G² / D · n)^(1/3), with G and D in closed form."""
    rng = np.random.default_rng(3)
    n, found = 3000, {}
    for rho in (0.0, 0.5, 0.8):
        noise = rng.standard_normal(n)
        values = list(itertools.accumulate(noise, lambda x, e, rho=rho: rho * x + e))
        found[rho] = politis_white(np.array(values))
        g = 2 * rho / ((1 - rho) ** 2 * (1 - rho**2)) if rho else 0.0
        spectrum = 1 / (1 - rho) ** 2
        best = (2 * g**2 / (4 / 3 * spectrum**2) * n) ** (1 / 3)
        assert found[rho] == pytest.approx(max(best, 1.0), rel=0.5, abs=4.0)
    assert found[0.0] < found[0.5] < found[0.8]


def test_a_constant_series_needs_no_blocks():
    assert politis_white(np.ones(100)) == 1.0


def test_blocks_grow_with_how_long_luck_lasts_and_leave_six():
    rng = np.random.default_rng(4)
    calm = drawn(rng, duration_s=600.0, n=12000)
    slow = 1 + 0.8 * np.sin(calm.at_s / 600 * 2 * np.pi * 10)  # waves of a minute
    waves = Seen(calm.at_s, calm.latency_s * slow, calm.ok, 600.0)
    assert block_length_s(calm) < 15
    assert block_length_s(waves) > 15
    short = Seen(
        waves.at_s[waves.at_s < 30], waves.latency_s[waves.at_s < 30], waves.ok[waves.at_s < 30], 30.0
    )
    assert block_length_s(short) == 5.0


def test_points_over_time_are_those_of_each_part():
    one = drawn(np.random.default_rng(5))
    assert points_of(one) == 100
    parts = series(one, 60)
    k = 17
    mine = (one.at_s >= k) & (one.at_s < k + 1)
    assert parts["p50_s"][k] == np.quantile(one.latency_s[mine], 0.5, method="inverted_cdf")
    assert parts["throughput_rps"][k] == one.ok[mine].sum()


@pytest.mark.parametrize(
    ("control", "experiment", "expected"),
    [
        (np.arange(50.0), np.arange(50.0) + 30, 1),
        (np.arange(50.0), np.arange(50.0) - 30, -1),
        (np.arange(50.0), np.arange(50.0) + 1, 0),
        (np.ones(50), np.ones(50), 0),
        (np.ones(50), np.ones(50) * 2, 1),
        (np.arange(0.0), np.arange(50.0), 0),
        (np.repeat([0.0, 0.5], [30, 20]), np.zeros(50), -1),  # errors in two fifths of the window, then none
        (np.repeat([0.0, 0.5], [49, 1]), np.zeros(50), 0),
    ],
)
def test_kayentas_judge_by_hand(control, experiment, expected):
    assert kayenta(control, experiment) == expected


def test_kayentas_judge_is_wrong_in_two_cases_of_a_hundred_at_most():
    """Its interval is at 98 %: of 400 pairs 8 lie beyond 0 by chance, 16 in one case of 200."""
    rng = np.random.default_rng(6)
    called = sum(kayenta(rng.exponential(1, 50), rng.exponential(1, 50)) != 0 for _ in range(400))
    assert called <= 16


def test_the_interval_of_the_shift_is_that_of_a_published_example():
    """Hollander, Wolfe, Nonparametric Statistical Methods, 1973, p. 69: W = 35, no difference at 98 %."""
    control = np.array([1.15, 0.88, 0.90, 0.74, 1.21])
    experiment = np.array([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
    shifts = np.subtract.outer(experiment, control)
    assert (shifts > 0).sum() == 35
    assert kayenta(control, experiment) == 0


def test_what_is_told_apart_kayenta_calls_too_and_points_are_enough():
    rng = np.random.default_rng(7)
    for scale in (1.0, 1.05, 1.1, 1.3, 2.0):
        one, other = drawn(rng), drawn(rng, scale=0.1 * scale)
        found = compare(one, other)
        points = min(points_of(one), points_of(other))
        here, there = series(one, points), series(other, points)
        assert points >= POINTS
        for q in JUDGED:
            if found.judgement[q] != SAME:
                assert kayenta(here[q], there[q]) != 0, (scale, q)
    assert found.judgement["p50_s"] == WORSE
    assert compare(other, one).judgement["p50_s"] == BETTER


def test_too_few_points_tell_nothing_apart():
    rng = np.random.default_rng(8)
    one, other = drawn(rng, n=240), drawn(rng, n=240, scale=1.0)
    found = compare(one, other)
    assert found.points == 48
    assert set(found.judgement.values()) == {SAME}


def test_weather_that_both_groups_met_cancels_out():
    """A storm in a fifth of the window, met by both: resampled together, the difference is known better."""
    rng = np.random.default_rng(9)
    pair = []
    for scale in (0.1, 0.07):
        one = drawn(rng, n=6000, scale=scale)
        storm = (one.at_s > 20) & (one.at_s < 32)
        pair.append(Seen(one.at_s, one.latency_s * np.where(storm, 10, 1), one.ok, 60.0))
    apart, together = compare(*pair), compare(*pair, concurrent=True)
    spread = [float((c.after_drawn["mean_s"] - c.before_drawn["mean_s"]).std()) for c in (apart, together)]
    assert spread[1] < 0.6 * spread[0]


REGIMES = {
    "near saturation": hand.twin(hand.CALM.with_({"orders/workers": 2}), hand.workload([33.0])),
    "with retries": hand.twin(hand.EAGER, hand.workload([45.0], persistence=0.5)),
}


@pytest.mark.parametrize("regime", REGIMES)
def test_two_windows_of_the_same_settings_are_told_apart_in_one_case_of_twenty_at_most(regime):
    """25 pairs of a minute: at 5 % more than 4 would be told apart in one case of 140 (binomial)."""
    windows = [window(REGIMES[regime], seed) for seed in range(5000, 5026)]
    found = [compare(a, b, seed=i).judgement for i, (a, b) in enumerate(itertools.pairwise(windows))]
    for q in JUDGED:
        assert sum(one[q] != SAME for one in found) <= 4, q


def test_a_tenth_more_work_near_saturation_is_seen():
    """At 10 % more load than near saturation, most of 12 pairs are told apart, and none the wrong way."""
    busier = hand.twin(hand.CALM.with_({"orders/workers": 2}), hand.workload([36.3]))
    pairs = [(window(REGIMES["near saturation"], seed), window(busier, seed + 100)) for seed in range(12)]
    found = [compare(a, b, seed=i).judgement["p50_s"] for i, (a, b) in enumerate(pairs)]
    assert found.count(WORSE) >= 6
    assert BETTER not in found
