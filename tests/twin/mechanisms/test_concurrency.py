"""Concurrency limits through their hooks: by hand, and Envoy's against a second telling of it.

Those of Netflix are held to the library itself in tests/conformance.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from workbench.policies import Concurrency
from workbench.twin.mechanisms import concurrency


class Driven:
    """One limit, its slots in the middle of a store."""

    def __init__(self, policy: Concurrency) -> None:
        self.c, needed = np.zeros(1, concurrency.STATE)[0], concurrency.slots_needed(policy)
        self.slots = np.zeros(needed + 5)
        concurrency.set_up(self.c, policy, 3)

    def admit(self, now: float = 0.0) -> int:
        return concurrency.admit(self.c, self.slots, now)

    def leave(self, rtt_s: float, *, now: float = 0.0, inside: int = 1, failed: bool = False) -> float:
        concurrency.leave(self.c, self.slots, now, rtt_s, inside, failed)
        return float(self.c["limit"])


def test_a_fixed_limit_counts_who_is_inside():
    driven = Driven(Concurrency(kind="fixed", limit=2))
    assert [driven.admit() for _ in range(3)] == [1, 2, 0]
    driven.leave(9.0, failed=True)
    assert [driven.admit() for _ in range(2)] == [2, 0]


def test_without_a_limit_everyone_is_let_in():
    driven = Driven(Concurrency())
    assert [driven.admit() for _ in range(1000)] == list(range(1, 1001))


def test_aimd_adds_one_when_half_full_and_falls_by_its_factor():
    driven = Driven(Concurrency(kind="aimd", limit=20, low=5, high=22, timeout_s=1.0, backoff=0.5))
    assert driven.leave(0.1, inside=9) == 20  # less than half full
    assert [driven.leave(0.1, inside=11) for _ in range(3)] == [21, 22, 22]
    assert driven.leave(1.1, inside=1) == 11  # too slow
    assert [driven.leave(0.1, inside=1, failed=True) for _ in range(2)] == [5, 5]


def test_vegas_grows_without_a_queue_and_shrinks_with_a_long_one():
    """At a limit of 20 the steps are of one: +6 up to one queued, -1 beyond six."""
    driven = Driven(Concurrency(kind="vegas", limit=20))
    assert driven.leave(0.010, inside=20) == 20  # the first is the shortest round trip
    assert driven.leave(0.010, inside=20) == 26
    assert driven.leave(0.010, inside=12) == 26  # less than half full
    assert driven.leave(0.011, inside=26) == 26  # ceil(26 (1 - 10/11)) = 3 are queued: as it should be
    assert driven.leave(0.020, inside=26) == 25  # 13 are queued


def test_gradient2_shrinks_by_how_much_slower_than_usual_it_has_become():
    driven = Driven(Concurrency(kind="gradient2", limit=100, smoothing=1.0, tolerance=1.0))
    assert driven.leave(0.1, inside=100) == 104  # as usual: the queue of 4 is added
    assert driven.leave(0.3, inside=100) == 73  # usual is 0.2 now: 104 · 2/3 + 4
    assert driven.leave(0.3, inside=10) == 73


def test_envoys_limit_is_at_its_lowest_until_fifty_have_been_measured():
    driven = Driven(Concurrency(kind="envoy gradient", low=3, window_s=0.1, tolerance=1.25))
    assert [driven.admit() for _ in range(4)] == [1, 2, 3, 0]
    for i in range(50):
        driven.admit(0.02 * i)
        assert driven.leave(0.01, now=0.02 * i + 0.01) == 3
    driven.admit(1.0)
    driven.leave(0.01, now=1.01)
    driven.admit(1.2)
    assert driven.c["limit"] == 5  # about 3 · 1.25 = 3.75, and the root of that on top


@pytest.mark.parametrize("seed", range(4))
def test_envoys_limit_moves_as_another_telling_of_it_says(seed: int):
    rng = np.random.default_rng(seed)
    policy = Concurrency(
        kind="envoy gradient",
        low=[3, 1, 10, 5][seed],
        high=[1000, 50, 100, 30][seed],
        tolerance=[1.25, 1.5, 1.0, 2.0][seed],
        window_s=[0.1, 0.05, 0.5, 0.1][seed],
        probe_every_s=[3.0, 1.0, 10.0, 0.4][seed],
    )
    driven, envoy = Driven(policy), Envoy(policy)
    phase = np.repeat(np.arange(40), 500)
    times = np.cumsum(np.ceil(rng.exponential(rng.choice([1e5, 1e6, 1e7], 40)[phase]))) / 1e9
    rtts = (
        np.ceil(rng.choice([1.0, 1.3, 10.0], 40)[phase] * rng.lognormal(np.log(5e6), 1.0, phase.size)) / 1e9
    )
    events = sorted(
        [(t, 0.0) for t in times.tolist()] + list(zip((times + rtts).tolist(), rtts.tolist(), strict=True))
    )
    moves = Counter[str]()
    inside, before = 0, driven.c["limit"]
    for now, rtt_s in events:
        if rtt_s == 0.0:
            admitted = driven.admit(now) > 0
            assert admitted == envoy.admit(now)
            inside += admitted
            moves["refused"] += not admitted
        elif inside:
            driven.leave(rtt_s, now=now)
            envoy.leave(now, rtt_s)
            inside -= 1
        assert driven.c["limit"] == envoy.limit
        moves["up"] += driven.c["limit"] > before
        moves["down"] += driven.c["limit"] < before
        before = driven.c["limit"]
    assert min(moves[move] for move in ("refused", "up", "down")) >= 10
    assert envoy.measured > 2


class Envoy:
    """The gradient controller with its samples in a list and its timers asked for the earliest."""

    def __init__(self, policy: Concurrency) -> None:
        self.policy, self.limit, self.inside = policy, policy.low, 0
        self.samples_us: list[int] = []
        self.timers = {"window": policy.window_s}
        self.pinned_from: float | None = 0.0  # when measuring the minimum began
        self.came_from, self.epoch, self.minimum_us, self.lowest_in_a_row, self.measured = (
            policy.low,
            0.0,
            0,
            0,
            0,
        )

    def admit(self, now: float) -> bool:
        self.advance(now)
        admitted = self.inside < self.limit
        self.inside += admitted
        return admitted

    def leave(self, now: float, rtt_s: float) -> None:
        self.advance(now)
        self.inside -= 1
        if now - rtt_s < self.epoch:
            return
        self.samples_us.append(max(1, round(rtt_s * 1e9) // 1000))
        if self.pinned_from is not None and len(self.samples_us) >= 50:
            self.minimum_us = self.median_us()
            self.limit, self.pinned_from = self.came_from, None
            self.measured += 1
            self.timers = {"window": now + self.policy.window_s, "probe": now + self.policy.probe_every_s}

    def advance(self, now: float) -> None:
        while self.timers:
            name = min(self.timers, key=lambda name: (self.timers[name], name != "window"))
            time = self.timers[name]
            if time > now:
                return
            del self.timers[name]
            if name == "probe" and self.pinned_from is None:
                self.came_from, self.limit, self.lowest_in_a_row = self.limit, self.policy.low, 0
                self.pinned_from = self.epoch = time
                self.samples_us = []
            elif name == "window" and self.pinned_from is None:
                if self.samples_us:
                    self.recalculate(time)
                self.timers["window"] = time + self.policy.window_s

    def recalculate(self, time: float) -> None:
        buffered = self.minimum_us + self.minimum_us * (self.policy.tolerance - 1)
        limit = self.limit * min(2.0, max(0.5, buffered / self.median_us()))
        new = min(self.policy.high, max(self.policy.low, int(limit + math.sqrt(limit))))
        self.lowest_in_a_row = self.lowest_in_a_row + 1 if new == self.limit == self.policy.low else 0
        self.limit = new
        if self.lowest_in_a_row >= 5:
            self.timers["probe"] = time

    def median_us(self) -> int:
        """In its bin of two digits (tenths below 10), as far in as its rank among the n + 1 gaps of its n."""
        bins = Counter(int(str(s)[:2]) * 10 ** max(0, len(str(s)) - 2) for s in self.samples_us)
        rank, below = len(self.samples_us) / 2, 0
        self.samples_us = []
        for left, count in sorted(bins.items()):
            if below + count >= rank:
                width = 10 ** len(str(left)) / 100
                return int(left + math.ceil(rank - below) / (count + 1) * width)
            below += count
        raise AssertionError("no samples")
