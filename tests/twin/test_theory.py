"""Closed forms against sums over states, in exact fractions, and against each other."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from workbench.errors import SettingError
from workbench.twin import theory


@pytest.mark.parametrize(("servers", "load"), [(1, "1/2"), (1, "3"), (3, "2"), (10, "10"), (40, "61/2")])
def test_erlang_b_is_the_truncated_poisson_law(servers: int, load: str):
    a = Fraction(load)
    terms = [a**n / math.factorial(n) for n in range(servers + 1)]
    assert theory.erlang_b(servers, float(a)) == pytest.approx(float(terms[-1] / sum(terms)), rel=1e-12)


def test_erlang_b_is_that_of_printed_tables():
    """Ten erlangs on ten lines lose 21.46 %; at 1 % loss ten lines carry 4.46 erlangs, thirty 20.3."""
    assert theory.erlang_b(10, 10.0) == pytest.approx(0.2146, abs=5e-5)
    assert theory.erlang_b(10, 4.455) < 0.01 < theory.erlang_b(10, 4.465)
    assert theory.erlang_b(30, 20.25) < 0.01 < theory.erlang_b(30, 20.35)


def test_erlang_b_stays_a_share_where_powers_and_factorials_overflow():
    assert 0 < theory.erlang_b(1000, 1000.0) < 0.03
    assert theory.erlang_b(1000, 1.0) == 0.0


@pytest.mark.parametrize(("servers", "load"), [(1, "1/2"), (2, "3/2"), (4, "18/5"), (32, "30")])
def test_erlang_c_is_the_sum_over_all_states_in_which_one_waits(servers: int, load: str):
    a = Fraction(load)
    free = sum(a**n / math.factorial(n) for n in range(servers))
    waiting = a**servers / math.factorial(servers) / (1 - a / servers)
    assert theory.erlang_c(servers, float(a)) == pytest.approx(float(waiting / (free + waiting)), rel=1e-12)


def test_one_server_makes_the_share_wait_that_it_is_busy():
    assert theory.erlang_c(1, 0.37) == pytest.approx(0.37)


def test_at_full_load_everyone_waits_for_ever():
    assert theory.erlang_c(3, 3.0) == 1.0
    assert theory.mmc_wait(3, 30.0, 0.1) == math.inf
    assert theory.mmc_wait_quantile(0.5, 3, 31.0, 0.1) == math.inf
    assert theory.mg1_wait(2.0, 0.5, 0.25) == math.inf


def test_mm1_wait_is_rho_over_mu_minus_lambda():
    assert theory.mmc_wait(1, 8.0, 0.1) == pytest.approx(0.8 / (10 - 8))


def test_mean_wait_is_the_integral_of_the_wait_quantiles():
    probabilities = (np.arange(200_000) + 0.5) / 200_000
    waits = [theory.mmc_wait_quantile(p, 4, 3.2, 1.0) for p in probabilities]
    assert np.mean(waits) == pytest.approx(theory.mmc_wait(4, 3.2, 1.0), rel=1e-3)


def test_those_who_do_not_wait_have_quantile_zero():
    waiting = theory.erlang_c(4, 2.0)
    assert theory.mmc_wait_quantile(1 - waiting - 1e-9, 4, 2.0, 1.0) == 0.0
    assert 0 < theory.mmc_wait_quantile(1 - waiting + 1e-6, 4, 2.0, 1.0) < 1e-4


def test_mm1_wait_quantile_inverts_the_tail_of_the_wait():
    """M/M/1: P(W > t) = ρ·exp(-(μ - λ)t)."""
    t = theory.mmc_wait_quantile(0.95, 1, 6.0, 0.1)
    assert 0.6 * math.exp(-(10 - 6) * t) == pytest.approx(0.05)


def test_mg1_with_exponential_service_is_mm1_and_with_constant_service_half_of_it():
    exponential = theory.mg1_wait(0.8, 1.0, 2.0)
    assert exponential == pytest.approx(theory.mmc_wait(1, 0.8, 1.0))
    assert theory.mg1_wait(0.8, 1.0, 1.0) == pytest.approx(exponential / 2)


@pytest.mark.parametrize(("servers", "room", "load"), [(1, 1, 0.5), (1, 6, 1.0), (3, 3, 2.0), (4, 11, 5.5)])
def test_mmck_is_the_stationary_law_of_its_generator(servers: int, room: int, load: float):
    up = np.full(room, load)
    down = np.minimum(np.arange(1, room + 1), servers).astype(float)
    generator = np.diag(up, 1) + np.diag(down, -1)
    generator -= np.diag(generator.sum(axis=1))
    balance = np.vstack([generator.T, np.ones(room + 1)])
    p = np.linalg.lstsq(balance, np.r_[np.zeros(room + 1), 1.0], rcond=None)[0]
    loss, present = theory.mmck(servers, room, load, 1.0)
    assert loss == pytest.approx(p[-1], rel=1e-9)
    assert present == pytest.approx(p @ np.arange(room + 1), rel=1e-9)


def test_mmck_without_a_queue_is_erlang_b_and_with_a_long_one_erlang_c():
    assert theory.mmck(5, 5, 4.0, 1.0)[0] == pytest.approx(theory.erlang_b(5, 4.0))
    loss, present = theory.mmck(5, 2000, 4.0, 1.0)
    assert loss == pytest.approx(0.0, abs=1e-12)
    assert present == pytest.approx(4.0 + 4.0 * theory.mmc_wait(5, 4.0, 1.0))


def test_nothing_is_lost_where_nothing_arrives():
    assert theory.mmck(2, 4, 0.0, 1.0) == (0.0, 0.0)
    assert theory.erlang_b(2, 0.0) == 0.0


@pytest.mark.parametrize(
    "ask",
    [
        lambda: theory.erlang_b(0, 1.0),
        lambda: theory.erlang_c(1, -1.0),
        lambda: theory.mmc_wait_quantile(1.0, 1, 0.5, 1.0),
        lambda: theory.mmck(4, 3, 1.0, 1.0),
        lambda: theory.mg1_wait(math.nan, 1.0, 1.0),
    ],
)
def test_what_is_no_queue_is_refused(ask):
    with pytest.raises(SettingError, match=r"expected at least|expected a share"):
        ask()
