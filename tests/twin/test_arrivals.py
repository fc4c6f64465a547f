"""Arrivals drawn from a rate, and the rate found in arrivals."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.network import Workload
from workbench.twin.arrivals import poisson, rate_over_time


def at(*rate_rps: float, bin_s: float = 10.0) -> Workload:
    return Workload(np.array(rate_rps), bin_s)


def test_counts_are_poisson_in_mean_and_variance():
    """200 windows with 500 expected: the mean within 4√(500/200), the variance within 4·500·√(2/200)."""
    counts = np.array([poisson(at(50.0), start_s=0, end_s=10, seed=seed).size for seed in range(200)])
    assert counts.mean() == pytest.approx(500, abs=4 * np.sqrt(500 / 200))
    assert counts.var(ddof=1) == pytest.approx(500, abs=4 * 500 * np.sqrt(2 / 200))


def test_gaps_at_a_constant_rate_are_exponential():
    """The Kolmogorov distance to 1 - exp(-20 t) stays below 1.95/√n, which 0.1 % of samples exceed."""
    gaps = np.sort(np.diff(poisson(at(20.0), start_s=0, end_s=200, seed=1)))
    steps = np.arange(gaps.size + 1) / gaps.size
    expected = 1 - np.exp(-20 * gaps)
    assert max(abs(expected - steps[1:]).max(), abs(expected - steps[:-1]).max()) < 1.95 / np.sqrt(gaps.size)


def test_arrivals_are_sorted_inside_the_window_and_the_same_for_the_same_seed():
    one = poisson(at(30.0, 5.0), start_s=-20, end_s=40, seed=4)
    assert np.all(np.diff(one) >= 0)
    assert one[0] >= -20
    assert one[-1] < 40
    assert np.array_equal(one, poisson(at(30.0, 5.0), start_s=-20, end_s=40, seed=4))
    assert not np.array_equal(one[:50], poisson(at(30.0, 5.0), start_s=-20, end_s=40, seed=5)[:50])


def test_twice_the_load_is_the_same_pattern_squeezed_to_half():
    once = poisson(at(20.0), start_s=0, end_s=100, seed=2)
    twice = poisson(at(20.0).scaled(2.0), start_s=0, end_s=100, seed=2)
    assert twice[: once.size] * 2 == pytest.approx(once, abs=1e-9)


def test_each_bin_has_its_own_rate_and_the_outer_ones_hold_beyond():
    found = poisson(at(100.0, 10.0, 60.0), start_s=-10, end_s=60, seed=3)
    seen = np.histogram(found, bins=np.arange(-10, 61, 10))[0]
    for count, expected in zip(seen, [1000, 1000, 100, 600, 600, 600, 600], strict=True):
        assert count == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_no_load_has_no_arrivals():
    assert poisson(at(0.0), start_s=0, end_s=100, seed=1).size == 0


def test_a_constant_rate_is_found_as_one():
    """A split wants 4 standard errors; among all 60 bins of 100 windows that is seldom."""
    split = 0
    for seed in range(100):
        found = rate_over_time(poisson(at(20.0), start_s=0, end_s=300, seed=seed), 300)
        split += np.unique(found).size > 1
        assert found.size == 60
    assert split <= 3


def test_the_one_rate_is_count_over_time():
    times = poisson(at(20.0), start_s=0, end_s=300, seed=0)
    assert rate_over_time(times, 300) == pytest.approx(np.full(60, times.size / 300))


def test_a_step_is_found_at_its_place_and_both_rates_within_their_errors():
    for seed in range(20):
        times = poisson(at(20.0, 35.0, bin_s=150.0), start_s=0, end_s=300, seed=seed)
        found = rate_over_time(times, 300)
        steps = np.flatnonzero(np.diff(found)) + 1
        assert steps.size == 1
        assert abs(steps[0] * 5 - 150) <= 10
        assert found[0] == pytest.approx(20, abs=4 * np.sqrt(20 / 140) + 0.6)  # 10 s of the other rate: 1 %
        assert found[-1] == pytest.approx(35, abs=4 * np.sqrt(35 / 140) + 0.6)


def test_the_rates_found_hold_as_many_requests_as_came():
    times = poisson(at(5.0, 50.0, 20.0, bin_s=33.0), start_s=0, end_s=97, seed=9)
    found = rate_over_time(times, 97)
    assert found.sum() * 97 / found.size == pytest.approx(times.size)


def test_a_window_shorter_than_a_bin_has_one_rate():
    assert rate_over_time(np.array([0.1, 0.2, 0.9]), 1.0) == pytest.approx([3.0])
