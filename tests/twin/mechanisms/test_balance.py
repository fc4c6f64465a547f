"""Balancers driven through their hooks; hash rings in use are compared in tests/conformance."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.policies import Balance
from workbench.twin.mechanisms import balance

INSTANCE = np.dtype([("running", "i8")])
OFFSET = 2  # rows before those of the link, to be left alone


class Driven:
    """One link to n instances."""

    def __init__(self, policy: Balance, n: int) -> None:
        self.n, self.now = n, 0.0
        self.ring = balance.ring_of(n, int(policy.points))
        self.policy, self.link = np.zeros(1, balance.STATE)[0], np.zeros(1, [("turn", "i8")])[0]
        balance.set_up(self.policy, policy, 0, self.ring.size)
        self.instances, self.views = np.ones(n + OFFSET, INSTANCE), np.zeros(n + OFFSET, balance.VIEW)
        for view in self.views:
            balance.set_up_view(view)

    def pick(self, key: int = 0, u1: float = 0.0, u2: float = 0.0) -> int:
        return int(
            balance.pick(
                self.policy,
                self.link,
                self.ring,
                self.instances,
                OFFSET,
                self.views,
                OFFSET,
                self.n,
                self.now,
                np.uint64(key),
                u1,
                u2,
            )
        )

    def out(self, *instances: int) -> None:
        self.views["ejected_until"][OFFSET:] = [np.inf if i in instances else 0.0 for i in range(self.n)]

    def active(self, *counts: int) -> None:
        self.views["active"][OFFSET:] = counts


def test_round_robin_takes_turns_and_passes_over_who_is_out():
    driven = Driven(Balance("round robin"), 4)
    assert [driven.pick() for _ in range(5)] == [0, 1, 2, 3, 0]
    driven.out(1, 2)
    assert [driven.pick() for _ in range(3)] == [3, 0, 3]
    driven.out()
    assert [driven.pick() for _ in range(2)] == [0, 1]


def test_where_all_are_out_none_is():
    for kind in Balance.KINDS:
        driven = Driven(Balance(kind), 3)
        driven.out(0, 1, 2)
        keys = np.random.default_rng(1).integers(0, 2**63, 200).tolist()
        assert {driven.pick(key, u, u) for key, u in zip(keys, np.linspace(0, 0.99, 200), strict=True)} >= {
            0,
            1,
        }


@pytest.mark.parametrize("kind", Balance.KINDS)
def test_nothing_goes_to_one_that_does_not_take_part(kind: str):
    """Not even where the only one that does is ejected."""
    driven = Driven(Balance(kind), 3)
    driven.instances["running"][OFFSET:] = [0, 1, 0]
    driven.out(1)
    assert {driven.pick(key << 58, u1, u2) for key in range(64) for u1 in (0, 0.9) for u2 in (0, 0.9)} == {1}


def test_one_instance_is_always_the_one():
    for kind in Balance.KINDS:
        assert Driven(Balance(kind), 1).pick(2**63, 0.99, 0.99) == 0


def test_random_is_uniform_over_those_in_question():
    driven = Driven(Balance("random"), 5)
    driven.out(0, 3)
    assert [driven.pick(u1=u) for u in (0.0, 0.33, 0.34, 0.66, 0.67, 0.99)] == [1, 1, 2, 2, 4, 4]


def test_two_choices_takes_the_less_busy_of_two_different_ones():
    """Of three, u1 names the first and u2 one of the two others; with equally many it is the first."""
    driven = Driven(Balance("two choices"), 3)
    driven.active(5, 3, 4)
    named = {(u1, u2): driven.pick(u1=u1, u2=u2) for u1 in (0.1, 0.5, 0.9) for u2 in (0.2, 0.8)}
    assert named == {(0.1, 0.2): 1, (0.1, 0.8): 2, (0.5, 0.2): 1, (0.5, 0.8): 1, (0.9, 0.2): 2, (0.9, 0.8): 1}
    driven.active(2, 2, 2)
    assert [driven.pick(u1=u, u2=0.5) for u in (0.1, 0.5, 0.9)] == [0, 1, 2]


def test_least_active_takes_the_first_in_turn_of_the_least_busy():
    driven = Driven(Balance("least active"), 4)
    driven.active(1, 0, 2, 0)
    assert [driven.pick() for _ in range(3)] == [1, 3, 1]
    driven.out(1, 3)
    assert [driven.pick() for _ in range(2)] == [0, 0]


def test_a_key_belongs_to_the_first_point_at_or_after_it():
    driven = Driven(Balance("ring hash", points=20), 5)
    keys = np.random.default_rng(2).integers(0, 2**64, 1000, np.uint64)
    keys = np.concatenate([keys, driven.ring["hash"], np.array([0, 2**64 - 1], np.uint64)])
    at = np.searchsorted(driven.ring["hash"], keys, side="left") % driven.ring.size
    assert [driven.pick(int(key)) for key in keys] == driven.ring["instance"][at].tolist()


def test_only_the_keys_of_one_that_is_out_move_and_they_come_back():
    driven = Driven(Balance("ring hash"), 6)
    keys = np.random.default_rng(3).integers(0, 2**64, 2000, np.uint64).tolist()
    before = [driven.pick(key) for key in keys]
    driven.out(2)
    during = [driven.pick(key) for key in keys]
    driven.out()
    assert [driven.pick(key) for key in keys] == before
    assert all((a == b) == (a != 2) for a, b in zip(before, during, strict=True))
    assert len({b for a, b in zip(before, during, strict=True) if a == 2}) == 5  # spread over all others


def test_a_ring_has_its_points_of_each_instance_in_order():
    ring = balance.ring_of(7, 50)
    assert (np.diff(ring["hash"].astype(float)) > 0).all()
    assert np.bincount(ring["instance"]).tolist() == [50] * 7


def known_down(policy: Balance, changes: list[tuple[float, str]], times: list[float]) -> list[bool]:
    """Whether instance 0 is passed over at these times."""
    driven = Driven(policy, 2)
    known, left = [], list(changes)
    for now in times:
        while left and left[0][0] <= now:
            time, what = left.pop(0)
            hook = balance.went_down if what == "down" else balance.came_up
            hook(driven.policy, driven.views[OFFSET], time)
        driven.link["turn"], driven.now = 0, now
        known.append(driven.pick() == 1)
    return known


def test_probes_notice_at_the_threshold():
    """Every second, the third counts: down at 0.5 s is known at 3 s, up at 7 s (with a probe) at 10 s."""
    policy = Balance(probe_s=1.0, threshold=3)
    changes = [(0.5, "down"), (7.0, "up")]
    times = [0.6, 2.99, 3.0, 7.0, 9.99, 10.0]
    assert known_down(policy, changes, times) == [False, False, True, True, True, False]


def test_what_does_not_last_is_not_noticed():
    """Up again before the third probe, or with it; and down again before the third that saw it up."""
    policy = Balance(probe_s=1.0, threshold=3)
    assert not any(known_down(policy, [(0.5, "down"), (2.9, "up")], [0.6, 2.95, 3.0, 50.0]))
    assert not any(known_down(policy, [(0.5, "down"), (3.0, "up")], [0.6, 3.0, 50.0]))
    changes = [(0.5, "down"), (10.2, "up"), (12.0, "down"), (20.5, "up")]
    times = [10.3, 12.9, 13.0, 20.4, 22.9, 23.0]
    assert known_down(policy, changes, times) == [True, True, True, True, True, False]


def test_without_probes_a_lost_instance_stays_in_turn():
    assert not any(known_down(Balance(), [(1.0, "down")], [0.0, 1.0, 1e9]))
