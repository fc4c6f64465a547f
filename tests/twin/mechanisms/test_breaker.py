"""Breakers driven through their hooks; conformance with the real libraries is in tests/conformance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.policies import Breaker
from workbench.twin.mechanisms import breaker


class Driven:
    """One breaker and its slots, which begin at 3 to be found there."""

    def __init__(self, policy: Breaker) -> None:
        self.state = np.zeros(1, breaker.STATE)[0]
        self.slots = np.zeros(3 + breaker.slots_needed(policy))
        breaker.set_up(self.state, policy, 3)

    def allow(self, now: float) -> int:
        return int(breaker.allow(self.state, self.slots, now))

    def tell(self, now: float, results: str, ticket: int = 0, duration_s: float = 0.0) -> None:
        for result in results:
            breaker.tell(self.state, self.slots, now, ticket, duration_s, result == "x")

    @property
    def phase(self) -> int:
        return int(self.state["phase"])


def test_without_a_breaker_every_try_is_let_through():
    driven = Driven(Breaker())
    driven.tell(0.0, "x" * 1000)
    assert driven.allow(1.0) == 0


def test_consecutive_failures_open_and_a_success_begins_the_count_anew():
    driven = Driven(Breaker("consecutive", failures=3, open_s=1.0))
    driven.tell(0.0, "xx.xx")
    assert driven.allow(0.0) == 0
    driven.tell(0.0, "x")
    assert driven.allow(0.5) == -1


def test_after_its_time_an_open_breaker_lets_trials_through_and_closes_by_their_successes():
    driven = Driven(Breaker("consecutive", failures=1, open_s=1.0, trials=2))
    driven.tell(0.0, "x", driven.allow(0.0))
    assert [driven.allow(t) for t in (1.0, 1.001)] == [-1, 2]  # at the very end it is open still
    assert driven.allow(1.002) == 2
    assert driven.allow(1.003) == -1  # both trials are under way
    driven.tell(1.1, "..", ticket=2)
    assert driven.phase == breaker.CLOSED


def test_a_failed_trial_opens_again_and_the_other_trial_is_then_of_the_past():
    driven = Driven(Breaker("consecutive", failures=1, open_s=1.0, trials=2))
    driven.tell(0.0, "x", driven.allow(0.0))
    first, second = driven.allow(2.0), driven.allow(2.0)
    driven.tell(2.5, "x", first)
    assert driven.phase == breaker.OPEN
    third = driven.allow(4.0)
    driven.tell(4.0, "x", second)
    assert driven.phase == breaker.HALF_OPEN
    driven.tell(4.0, "x", third)
    assert driven.phase == breaker.OPEN


def test_an_abandoned_trial_gives_its_place_back():
    for policy in (
        Breaker("consecutive", failures=1, open_s=1.0, trials=1),
        Breaker("count window", window=1, minimum=1, open_s=1.0, trials=1),
    ):
        driven = Driven(policy)
        driven.tell(0.0, "x", driven.allow(0.0))
        trial = driven.allow(2.0)
        assert driven.allow(2.0) == -1
        breaker.release(driven.state, driven.slots, 2.1, trial)
        assert driven.allow(2.2) >= 0


def test_counts_are_cleared_every_window():
    """Failures at 0.9 and 1.1 s are in different windows, those at 1.1 and 2.0 s in one."""
    driven = Driven(Breaker("consecutive", failures=2, window_s=1.0))
    driven.tell(0.9, "x", driven.allow(0.9))
    driven.tell(1.1, "x", driven.allow(1.1))
    assert driven.phase == breaker.CLOSED
    driven.tell(2.0, "x", driven.allow(2.0))
    assert driven.phase == breaker.OPEN


def test_a_share_of_failures_over_the_last_calls_opens():
    """Half of the last four, and not before there were four."""
    driven = Driven(Breaker("count window", window=4, minimum=4, failure_share=0.5))
    driven.tell(0.0, "xx.")
    assert driven.phase == breaker.CLOSED
    driven.tell(0.0, ".")
    assert driven.phase == breaker.OPEN
    driven = Driven(Breaker("count window", window=4, minimum=4, failure_share=0.5))
    driven.tell(0.0, "x....x...")
    assert driven.phase == breaker.CLOSED
    driven.tell(0.0, "x...")
    assert driven.phase == breaker.CLOSED
    driven.tell(0.0, "x.x")
    assert driven.phase == breaker.OPEN


def test_a_minimum_above_the_window_is_the_window():
    driven = Driven(Breaker("count window", window=3, minimum=100, failure_share=1.0))
    driven.tell(0.0, "xxx")
    assert driven.phase == breaker.OPEN


def test_calls_slower_than_the_limit_open():
    driven = Driven(Breaker("count window", window=4, minimum=4, slow_s=0.2, slow_share=0.75))
    driven.tell(0.0, "....", duration_s=0.2)
    assert driven.phase == breaker.CLOSED
    driven.tell(0.0, "...", duration_s=0.21)
    assert driven.phase == breaker.OPEN


def test_seconds_that_have_passed_count_no_more():
    """Over two whole seconds: failures of 0.9 s are forgotten at 2.0 s, not at 1.9 s."""
    for now, phase in [(1.9, breaker.OPEN), (2.0, breaker.CLOSED), (50.0, breaker.CLOSED)]:
        driven = Driven(Breaker("time window", window_s=2, minimum=3, failure_share=0.6))
        driven.tell(0.9, "xx")
        driven.tell(now, "x" if now < 2 else "x.")
        assert driven.phase == phase


def test_trials_are_judged_by_the_shares_once_all_have_answered():
    for results, phase in [("x..", breaker.CLOSED), ("x.x", breaker.OPEN)]:
        driven = Driven(Breaker("time window", window_s=5, minimum=4, open_s=1.0, trials=3))
        driven.tell(0.0, "xxxx")
        assert [driven.allow(1.5) >= 0 for _ in range(4)] == [True, True, True, False]
        driven.tell(2.0, results[:2])
        assert driven.phase == breaker.HALF_OPEN
        driven.tell(2.0, results[2])
        assert driven.phase == phase


def test_fewer_trials_than_there_are_will_do_where_the_minimum_is_less():
    driven = Driven(Breaker("count window", window=10, minimum=2, open_s=1.0, trials=5))
    driven.tell(0.0, "xx")
    driven.allow(1.5)
    driven.tell(2.0, "..")
    assert driven.phase == breaker.CLOSED


def test_a_window_that_was_full_is_empty_when_the_breaker_closes_again():
    for policy in (
        Breaker("count window", window=4, minimum=2, open_s=1.0, trials=1),
        Breaker("time window", window_s=60, minimum=2, open_s=1.0, trials=1),
    ):
        driven = Driven(policy)
        driven.tell(0.0, "xx")
        driven.allow(1.5)
        driven.tell(1.5, ".")
        assert driven.phase == breaker.CLOSED
        driven.tell(1.5, "..x...x...x")
        assert driven.phase == breaker.CLOSED


@pytest.mark.parametrize("kind", Breaker.KINDS)
def test_windows_take_their_slots_and_no_more(kind: str):
    """Three numbers a second, one a call; what lies before and behind stays as it was."""
    policy = Breaker(kind, window=7, window_s=4 if kind == "time window" else math.inf, minimum=1000)
    assert breaker.slots_needed(policy) == {"count window": 7, "time window": 12}.get(kind, 0)
    driven = Driven(policy)
    driven.slots = np.concatenate([driven.slots, [0.0]])
    for now in np.arange(0, 30, 0.3):
        driven.tell(now, "x")
    assert not driven.slots[:3].any()
    assert driven.slots[-1] == 0.0
