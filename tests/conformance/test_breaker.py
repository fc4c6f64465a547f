"""Breakers decide as sony/gobreaker and resilience4j do, event by event, in virtual time.

Times are in 512ths of a second, the same numbers in whole nanoseconds and in binary seconds, and many events
share an instant with the end of an open state or of a window, so not one decision or state may differ.

What the twin leaves out on purpose: gobreaker's rolling windows (BucketPeriod); resilience4j's automatic
transitions, its longest stay half-open, and exceptions that it ignores or takes for successes.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from tests.conformance.conftest import Run
from workbench.policies import Breaker
from workbench.twin.mechanisms import breaker

TICK_NS = 10**9 // 512
TRIES = 15_000  # at each breaker
PHASES = "COH"

CONSECUTIVE = [
    Breaker("consecutive", failures=failures, window_s=window_s, open_s=open_s, trials=trials)
    for failures, trials in [(1, 1), (2, 3), (4, 2), (5, 1)]
    for window_s, open_s in [(np.inf, 0.25), (0.5, 0.125), (2.0, 1.0)]
]
WINDOWS = [
    Breaker(
        kind,
        window=window,
        window_s=window_s,
        minimum=minimum,
        failure_share=failure_share,
        slow_share=slow_share,
        slow_s=0.125,
        open_s=open_s,
        trials=trials,
    )
    for kind in ("count window", "time window")
    for window, window_s, minimum, trials in [(5, 1, 3, 1), (10, 2, 10, 4), (7, 3, 20, 5), (50, 10, 5, 10)]
    for failure_share, slow_share, open_s in [(0.5, 1.0, 0.25), (0.35, 0.6, 1.0), (1.0, 0.4, 0.125)]
]


def test_consecutive_breakers_are_those_of_gobreaker(go: Run):
    """Late answers of an older generation, abandoned tries (IsExcluded) and Interval included."""
    events = [random_events(seed) for seed in range(len(CONSECUTIVE))]
    asked = [
        f"{b.failures:g} {0 if np.isinf(b.window_s) else nanoseconds(b.window_s)} {nanoseconds(b.open_s)}"
        f" {b.trials:g} {written(e)}"
        for b, e in zip(CONSECUTIVE, events, strict=True)
    ]
    compare(CONSECUTIVE, events, go("breaker", "\n".join(asked)))


@pytest.mark.parametrize("kind", ["count window", "time window"])
def test_window_breakers_are_those_of_resilience4j(java: Run, kind: str):
    """Results that come after a transition count in the state that they meet, trials or not, in both."""
    breakers = [b for b in WINDOWS if b.kind == kind]
    events = [random_events(seed) for seed in range(len(breakers))]
    asked = [
        f"{'COUNT_BASED' if kind == 'count window' else 'TIME_BASED'}"
        f" {b.window if kind == 'count window' else b.window_s:g} {b.minimum:g} {100 * b.failure_share:g}"
        f" {100 * b.slow_share:g} {nanoseconds(b.slow_s)} {nanoseconds(b.open_s)} {b.trials:g} {written(e)}"
        for b, e in zip(breakers, events, strict=True)
    ]
    compare(breakers, events, java("CircuitBreakers", "\n".join(asked)))


def random_events(seed: int) -> list[tuple[int, str, int]]:
    """Tries by (tick, what, number), their answers some time later, in good times and bad ones."""
    rng = np.random.default_rng(seed)
    asked = np.cumsum(rng.geometric(1 / 24, TRIES) - (rng.random(TRIES) < 0.3))
    bad = np.sin(asked / 512 * 2 * np.pi / 11) + rng.normal(0, 0.6, TRIES) > 0.3
    took = rng.geometric(np.where(rng.random(TRIES) < 0.02, 1 / 400, np.where(bad, 1 / 60, 1 / 15)))
    what = np.where(rng.random(TRIES) < np.where(bad, 0.8, 0.1), "failure", "success")
    what[rng.random(TRIES) < 0.05] = "release"
    events = [(int(asked[i]), "ask", i) for i in range(TRIES)]
    events += [(int(asked[i] + took[i]), str(what[i]), i) for i in range(TRIES)]
    return sorted(events, key=lambda event: (event[0], event[1] == "ask"))


def written(events: list[tuple[int, str, int]]) -> str:
    return " ".join(f"{tick * TICK_NS},{what},{number}" for tick, what, number in events)


def nanoseconds(seconds: float) -> int:
    return round(seconds * 10**9)


def ours(policy: Breaker, events: list[tuple[int, str, int]]) -> str:
    """What came of each event, and the state after it, as the programs write them."""
    b, slots = np.zeros(1, breaker.STATE)[0], np.zeros(breaker.slots_needed(policy))
    breaker.set_up(b, policy, 0)
    tickets, sent, decisions = np.empty(TRIES, int), np.empty(TRIES), []
    for tick, what, number in events:
        now = tick / 512
        if what == "ask":
            sent[number], tickets[number] = now, breaker.allow(b, slots, now)
            decisions.append("1" if tickets[number] >= 0 else "0")
        elif tickets[number] < 0:
            decisions.append("-")
        else:
            if what == "release":
                breaker.release(b, slots, now, tickets[number])
            else:
                breaker.tell(b, slots, now, tickets[number], now - sent[number], what == "failure")
            decisions.append("+")
        decisions.append(PHASES[b["phase"]])
    return "".join(decisions)


def compare(breakers: list[Breaker], events: list[list[tuple[int, str, int]]], written_by_them: str) -> None:
    """Equal, and every transition and refusal at least a thousand times."""
    seen: Counter[str] = Counter()
    theirs = written_by_them.split()[: len(breakers)]
    for policy, listed, decided in zip(breakers, events, theirs, strict=True):
        mine = ours(policy, listed)
        assert len(mine) == len(decided) == 2 * len(listed)
        different = next((i // 2 for i in range(len(mine)) if mine[i] != decided[i]), None)
        assert different is None, f"{policy}: event {different}, {listed[different]}"
        phases = "C" + mine[1::2]
        seen.update(before + after for before, after in pairwise(phases))
        seen.update(before + what for before, what in zip(phases, mine[::2], strict=False))
    assert sum(map(len, events)) >= 100_000
    for change in ("CO", "OH", "HO", "HC", "O0", "H0"):
        assert seen[change] >= 1000, f"{change}: {seen[change]}"
