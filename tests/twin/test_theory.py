"""Closed forms against sums over states, chains solved, queues simulated by hand, and against each other."""

from __future__ import annotations

import heapq
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


def stationary(generator: np.ndarray) -> np.ndarray:
    """The law that a chain with these rates between its states keeps; the diagonal is filled in."""
    generator = generator - np.diag(generator.sum(axis=1))
    generator[:, -1] = 1.0
    return np.linalg.solve(generator.T, np.eye(len(generator))[-1])


@pytest.mark.parametrize(("servers", "load", "patience_s"), [(1, 0.7, 0.3), (3, 4.5, 2.0), (10, 9.0, 5.0)])
def test_erlang_a_is_the_stationary_law_of_its_generator(servers: int, load: float, patience_s: float):
    n = np.arange(1, 150)
    deaths = np.minimum(n, servers) + np.maximum(n - servers, 0) / patience_s
    p = stationary(np.diag(np.full(149, load), 1) + np.diag(deaths, -1))
    waiting = p[1:] @ np.maximum(n - servers, 0)
    assert theory.erlang_a(servers, load, 1.0, patience_s) == pytest.approx(
        (waiting / patience_s / load, waiting / load), rel=1e-9
    )


def test_erlang_a_is_a_poisson_law_where_patience_is_as_long_as_service():
    """Then each who is present leaves at the same rate, served or not: the number present is Poisson(20)."""
    n = np.arange(200)
    p = np.exp(n * math.log(20) - 20 - np.array([math.lgamma(k + 1) for k in n]))
    share, wait_s = theory.erlang_a(17, 40.0, 0.5, 0.5)
    assert share == pytest.approx(p @ np.maximum(n - 17, 0) / 20, rel=1e-9)
    assert wait_s == pytest.approx(share * 0.5)


def test_erlang_a_lies_between_erlang_b_and_erlang_c():
    assert theory.erlang_a(5, 4.0, 1.0, 1e-7)[0] == pytest.approx(theory.erlang_b(5, 4.0), rel=1e-5)
    assert theory.erlang_a(5, 4.0, 1.0, 1e5)[1] == pytest.approx(theory.mmc_wait(5, 4.0, 1.0), rel=1e-3)
    assert theory.erlang_a(100, 120.0, 1.0, 50.0)[0] == pytest.approx(
        20 / 120, rel=1e-2
    )  # fluid: what is too much


def test_processor_sharing_takes_as_long_as_a_queue_where_work_is_exponential():
    assert theory.mg1_ps_time(0.8, 0.1) == pytest.approx(theory.mmc_wait(1, 8.0, 0.1) + 0.1)
    assert theory.mg1_ps_time(1.0, 0.1) == math.inf


def test_processor_sharing_is_insensitive_to_the_law_of_work():
    """Pieces of 1 s, and of 0.5 or 5.5 s, at 60 % load: each takes 2.5 times its work, on average."""
    rng = np.random.default_rng(3)
    gaps = rng.exponential(1 / 0.6, 100_000)
    long = rng.random(gaps.size) < 0.1
    for work in (np.ones(gaps.size), np.where(long, 5.5, 0.5)):
        took = shared_times(gaps, work)
        for size in np.unique(work):
            assert took[work == size].mean() == pytest.approx(theory.mg1_ps_time(0.6, size), rel=0.03)


def shared_times(gaps: np.ndarray, work: np.ndarray) -> np.ndarray:
    """How long each piece takes on one processor, shared evenly; simulated from event to event."""
    took, left, since, now = np.empty(work.size), [], {}, 0.0  # left: (work done by each when it ends, piece)
    done = 0.0  # work that a piece present all the time would have had
    for piece, gap in enumerate(gaps.tolist()):
        until = now + gap
        while left and now + (left[0][0] - done) * len(left) <= until:
            end, first = heapq.heappop(left)
            now, done = now + (end - done) * (len(left) + 1), end
            took[first] = now - since[first]
        done += (until - now) / len(left) if left else 0.0
        now = since[piece] = until
        heapq.heappush(left, (done + work[piece], piece))
    while left:
        end, first = heapq.heappop(left)
        now, done = now + (end - done) * (len(left) + 1), end
        took[first] = now - since[first]
    return took


def test_a_jackson_network_is_the_product_of_its_stations():
    """Two servers, half of whose requests go on to another one, and a third of those come back."""
    rates, present = theory.jackson(
        np.array([1.0, 0.2]), np.array([[0.0, 0.5], [1 / 3, 0.0]]), np.array([0.9, 0.5]), np.array([2, 1])
    )
    assert rates == pytest.approx([1.28, 0.84])  # by substitution: a = 1 + b/3, b = 0.2 + a/2
    room = 36
    generator = np.zeros((room, room, room, room))
    for a in range(room):
        for b in range(room):
            first, second = min(a, 2) / 0.9, (b > 0) / 0.5
            for da, db, rate in [(1, 0, 1.0), (0, 1, 0.2), (-1, 1, first / 2), (-1, 0, first / 2)] + [
                (1, -1, second / 3),
                (0, -1, second * 2 / 3),
            ]:
                if rate and a + da < room and b + db < room:
                    generator[a, b, a + da, b + db] = rate
    p = stationary(generator.reshape(room**2, -1)).reshape(room, room)
    assert present == pytest.approx(
        [p.sum(axis=1) @ np.arange(room), p.sum(axis=0) @ np.arange(room)], rel=1e-4
    )


def kiefer_wolfowitz(gaps: np.ndarray, services: np.ndarray, servers: int) -> float:
    """Mean wait by the recursion of the servers' remaining work, in order."""
    work, total = [0.0] * servers, 0.0
    for gap, service in zip(gaps.tolist(), services.tolist(), strict=True):
        work = [max(w - gap, 0.0) for w in work]
        heapq.heapify(work)
        total += work[0]
        heapq.heapreplace(work, work[0] + service)
    return total / gaps.size


@pytest.mark.parametrize("servers", [1, 2, 5])
@pytest.mark.parametrize(("shape_of_gaps", "shape_of_service"), [(1, 1), (4, 0.25), (0.3, 3), (1, 0.1)])
def test_waits_lie_within_their_bounds(servers: int, shape_of_gaps: float, shape_of_service: float):
    """Gamma laws: the squared coefficient of variation is one over the shape."""
    rng = np.random.default_rng(7)
    gaps = rng.gamma(shape_of_gaps, 1 / (0.8 * servers) / shape_of_gaps, 100_000)
    services = rng.gamma(shape_of_service, 1 / shape_of_service, gaps.size)
    low, high = theory.ggc_wait_bounds(servers, 0.8 * servers, 1.0, 1 / shape_of_gaps, 1 / shape_of_service)
    assert low < kiefer_wolfowitz(gaps, services, servers) < high


def test_bounds_meet_where_the_wait_is_known():
    """Near full load of one server both are near the exact wait; where nothing varies nobody waits."""
    exact = theory.mg1_wait(0.999, 1.0, 21.0)
    assert theory.ggc_wait_bounds(1, 0.999, 1.0, 1.0, 20.0) == pytest.approx((exact, exact), rel=0.1)
    assert theory.ggc_wait_bounds(1, 0.9, 1.0, 0.0, 0.0) == pytest.approx((0.0, 0.0))
    assert theory.ggc_wait_bounds(3, 3.0, 1.0, 1.0, 1.0) == (math.inf, math.inf)
    low, high = theory.ggc_wait_bounds(4, 3.8, 1.0, 1.0, 1.0)
    assert low < theory.mmc_wait(4, 3.8, 1.0) < high


def test_one_line_with_retrials_is_as_busy_as_its_load():
    """All are served in the end, so the line is busy a share a of the time, and Poisson tries find it so."""
    for load in (0.1, 0.5, 0.9):
        assert theory.retrials(1, load, 1.0) == pytest.approx((load / (1 - load), load))


def test_losses_that_do_not_come_again_are_erlang_b():
    assert theory.retrials(7, 5.0, 0.0) == pytest.approx((5.0, theory.erlang_b(7, 5.0)))
    assert theory.retrials(3, 0.0, 0.5) == (0.0, 0.0)


@pytest.mark.parametrize(("servers", "load"), [(2, 1.0), (3, 2.1)])
def test_retrials_are_those_of_the_chain_where_they_come_late(servers: int, load: float):
    """States (busy lines, in orbit); each in orbit tries again at a rate of 0.02 of a service."""
    again, room = 0.02, 400
    generator = np.zeros((servers + 1, room, servers + 1, room))
    for busy in range(servers + 1):
        for orbit in range(room):
            if busy < servers:
                generator[busy, orbit, busy + 1, orbit] = load
                if orbit:
                    generator[busy, orbit, busy + 1, orbit - 1] = again * orbit
            elif orbit + 1 < room:
                generator[busy, orbit, busy, orbit + 1] = load
            if busy:
                generator[busy, orbit, busy - 1, orbit] = busy
    p = stationary(generator.reshape((servers + 1) * room, -1)).reshape(servers + 1, room)
    tries = load + again * (p.sum(axis=0) @ np.arange(room))
    lost = (load * p[servers].sum() + again * (p[servers] @ np.arange(room))) / tries
    assert theory.retrials(servers, load, 1.0) == pytest.approx((tries, lost), rel=0.02)


def test_more_than_the_lines_carry_comes_again_for_ever():
    assert theory.retrials(4, 4.0, 1.0) == (math.inf, 1.0)
    assert theory.retrials(4, 40.0, 0.5)[0] < 80.0


@pytest.mark.parametrize("choices", [1, 2, 3])
def test_tails_of_choices_balance_what_comes_and_goes(choices: int):
    """As many servers reach k requests, λ(s(k-1)^d - s(k)^d), as leave them, s(k) - s(k+1)."""
    s = [theory.choices_tail(0.9, choices, k) for k in range(8)]
    for k in range(1, 7):
        assert 0.9 * (s[k - 1] ** choices - s[k] ** choices) == pytest.approx(s[k] - s[k + 1], abs=1e-12)


def test_two_choices_take_as_long_as_published():
    """M. Mitzenmacher's table of predictions, to its digits; at half load 1 + 1/4 + 2^-6 + 2^-14 + ..."""
    assert theory.choices_time(0.5, 2, 1.0) == pytest.approx(1 + 2**-2 + 2**-6 + 2**-14 + 2**-30, abs=1e-12)
    for load, time_s in [(0.7, 1.6145), (0.9, 2.6141), (0.99, 5.4320)]:
        assert theory.choices_time(load, 2, 1.0) == pytest.approx(time_s, abs=2e-4)
    assert theory.choices_time(0.8, 1, 0.1) == pytest.approx(theory.mmc_wait(1, 8.0, 0.1) + 0.1)
    assert theory.choices_time(1.0, 2, 0.1) == math.inf


@pytest.mark.parametrize(
    "ask",
    [
        lambda: theory.erlang_b(0, 1.0),
        lambda: theory.erlang_c(1, -1.0),
        lambda: theory.mmc_wait_quantile(1.0, 1, 0.5, 1.0),
        lambda: theory.mmck(4, 3, 1.0, 1.0),
        lambda: theory.mg1_wait(math.nan, 1.0, 1.0),
        lambda: theory.retrials(3, 1.0, 1.5),
    ],
)
def test_what_is_no_queue_is_refused(ask):
    with pytest.raises(SettingError, match=r"expected at least|expected a share"):
        ask()
