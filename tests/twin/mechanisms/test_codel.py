"""CoDel through its hooks, against the dequeue of RFC 8289 on a queue of its own."""

from __future__ import annotations

from collections import deque
from math import sqrt

import numpy as np

from workbench.policies import Codel
from workbench.twin.mechanisms import codel


def new(target_s: float, interval_s: float) -> np.void:
    state = np.zeros(1, codel.STATE)[0]
    codel.set_up(state, Codel(target_s=target_s, interval_s=interval_s))
    return state


def test_a_standing_queue_is_thinned_out_faster_and_faster():
    """Waits of 100 ms for good: the first is dropped after an interval, then at 1/sqrt(n) of it."""
    state = new(0.005, 0.1)
    dropped = [ms for ms in range(1000) if codel.drop(state, ms / 1000, 0.1, 5)]
    due = 100 + np.cumsum([0] + [100 / sqrt(n) for n in range(1, len(dropped))])
    assert len(dropped) > 20
    assert np.abs(dropped - due).max() < 2


def test_short_waits_and_a_last_one_are_never_dropped():
    state = new(0.005, 0.1)
    assert not any(codel.drop(state, ms / 1000, 0.004, 5) for ms in range(1000))
    assert not any(codel.drop(state, ms / 1000, 0.1, 1) for ms in range(1000))


def test_a_queue_found_empty_begins_anew():
    state = new(0.005, 0.1)
    codel.drop(state, 0.0, 0.1, 5)
    codel.found_empty(state)
    assert not codel.drop(state, 1.0, 0.1, 5)
    assert codel.drop(state, 1.1, 0.1, 5)


def test_without_a_target_nothing_is_dropped():
    state = new(np.inf, 0.1)
    assert not any(codel.drop(state, s, 1000.0, 5) for s in range(1000))


def test_drops_are_those_of_the_rfc_on_random_queues():
    """Arrivals and a server of changing speed; at each departure one dequeue, which may drop several."""
    rng = np.random.default_rng(1)
    dropped_in_all, several = 0, 0
    for target_s, interval_s in [(0.005, 0.1), (0.02, 0.05), (0.001, 0.3)]:
        coming = np.cumsum(rng.exponential(0.01 * np.repeat(rng.choice([0.1, 0.5, 2.0], 40), 500)))
        asking = np.cumsum(rng.exponential(0.01 * np.repeat(rng.choice([0.3, 0.6, 1.0], 40), 500)))
        published, mine = Rfc(target_s, interval_s), new(target_s, interval_s)
        queue: deque[float] = deque()
        i = 0
        for now in asking.tolist():
            while i < coming.size and coming[i] <= now:
                queue.append(float(coming[i]))
                i += 1
            before = list(queue)
            given = published.dequeue(queue, now)
            gone = len(before) - len(queue) - (given is not None)
            decisions = []
            while len(decisions) < len(before):
                left = len(before) - len(decisions) - 1
                decisions.append(bool(codel.drop(mine, now, now - before[len(decisions)], left)))
                if not decisions[-1]:
                    break
            else:
                codel.found_empty(mine)
            assert decisions == [True] * gone + [False] * (given is not None)
            dropped_in_all += gone
            several += gone > 1
    assert dropped_in_all > 1000
    assert several > 100


class Rfc:
    """Section 5 of the RFC: a queue of arrival times, each of the largest size."""

    def __init__(self, target_s: float, interval_s: float) -> None:
        self.target_s, self.interval_s = target_s, interval_s
        self.first_above = self.drop_next = 0.0
        self.count = self.last_count = 0
        self.dropping = False

    def take(self, queue: deque[float], now: float) -> tuple[float | None, bool]:
        if not queue:
            self.first_above = 0.0
            return None, False
        arrived = queue.popleft()
        if now - arrived < self.target_s or len(queue) <= 1:
            self.first_above = 0.0
        elif self.first_above == 0.0:
            self.first_above = now + self.interval_s
        elif now >= self.first_above:
            return arrived, True
        return arrived, False

    def next_after(self, time: float) -> float:
        return time + self.interval_s / sqrt(self.count)

    def dequeue(self, queue: deque[float], now: float) -> float | None:
        taken, may_drop = self.take(queue, now)
        if self.dropping:
            self.dropping = may_drop
            while self.dropping and now >= self.drop_next:
                self.count += 1
                taken, self.dropping = self.take(queue, now)
                if self.dropping:
                    self.drop_next = self.next_after(self.drop_next)
        elif may_drop:
            taken, _ = self.take(queue, now)
            self.dropping = True
            delta = self.count - self.last_count
            self.count = delta if delta > 1 and now - self.drop_next < 16 * self.interval_s else 1
            self.drop_next = self.next_after(now)
            self.last_count = self.count
        return taken
