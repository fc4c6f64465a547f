"""Outlier detection driven through its hooks."""

from __future__ import annotations

import numpy as np

from workbench.policies import Outliers
from workbench.twin.mechanisms import balance, outliers


class Driven:
    """One link to n instances."""

    def __init__(self, policy: Outliers, n: int) -> None:
        self.n, self.policy = n, np.zeros(1, outliers.STATE)[0]
        outliers.set_up(self.policy, policy)
        self.views = np.zeros(n + 1, balance.VIEW)
        for view in self.views:
            balance.set_up_view(view)

    def tell(self, instance: int, now: float, results: str) -> None:
        for result in results:
            outliers.tell(self.policy, self.views, 1, self.n, instance, now, result == "x")

    def out(self, now: float) -> list[int]:
        return [i for i in range(self.n) if outliers.is_out(self.views[1 + i], now)]


def test_failures_in_a_row_eject_and_a_success_begins_the_count_anew():
    driven = Driven(Outliers(failures=3), 4)
    driven.tell(2, 0.0, "xx.xx")
    assert driven.out(0.0) == []
    driven.tell(2, 1.0, "x")
    assert driven.out(1.0) == [2]


def test_ejection_number_n_lasts_n_times_as_long():
    driven = Driven(Outliers(failures=1, ejection_s=10.0), 4)
    driven.tell(0, 0.0, "x")
    assert [driven.out(t) for t in (9.9, 10.0)] == [[0], []]
    driven.tell(0, 10.0, "x")
    assert [driven.out(t) for t in (29.9, 30.0)] == [[0], []]
    driven.tell(0, 30.0, "x")
    assert [driven.out(t) for t in (59.9, 60.0)] == [[0], []]


def test_what_an_ejected_one_answers_does_not_count():
    driven = Driven(Outliers(failures=2, ejection_s=10.0), 3)
    driven.tell(0, 0.0, "xx")
    driven.tell(0, 5.0, "xxxx")
    driven.tell(0, 10.0, "x")
    assert driven.out(10.0) == []
    driven.tell(0, 10.0, "x")
    assert driven.out(10.0) == [0]


def test_no_more_than_the_share_are_out_but_one_always_may():
    """A tenth of four is none: one all the same. Half of four is two; the third begins its count anew."""
    for share, most in [(0.1, 1), (0.5, 2), (0.75, 3), (1.0, 4)]:
        driven = Driven(Outliers(failures=2, share=share), 4)
        for instance in range(4):
            driven.tell(instance, 0.0, "xx")
        assert driven.out(0.0) == list(range(most))
    driven = Driven(Outliers(failures=2, share=0.1, ejection_s=10.0), 4)
    driven.tell(0, 0.0, "xx")
    driven.tell(1, 0.0, "xxx")
    driven.tell(1, 10.0, "x")
    assert driven.out(10.0) == [1]


def test_without_a_number_of_failures_nobody_is_ejected():
    driven = Driven(Outliers(), 2)
    driven.tell(0, 0.0, "x" * 10_000)
    assert driven.out(0.0) == []
