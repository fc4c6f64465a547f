"""Concurrency limits move as Netflix concurrency-limits' do, and a fixed one is resilience4j's bulkhead.

Different on purpose: Vegas' probes, whose jitter the library draws from [½, 1), come at ¾, and the program
holds the library's there; Vegas heeds `low`, where the library's lowest limit is always 1. A bulkhead with a
maxWaitDuration is a `Pool`, no `Concurrency`; here nobody waits.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from tests.conformance.conftest import Run
from workbench.policies import Concurrency
from workbench.twin.mechanisms import concurrency

VISITS = 20_000  # at each limiter
POLICIES = [
    Concurrency(limit=20, low=20, high=200, timeout_s=0.1),
    Concurrency(limit=10, low=1, high=1000, timeout_s=0.3, backoff=0.5, smoothing=1.0, tolerance=1.0),
    Concurrency(limit=100, low=5, high=120, timeout_s=0.05, backoff=0.75, smoothing=0.05, tolerance=2.0),
    Concurrency(limit=3, low=2, high=2000, timeout_s=5.0, backoff=0.95, smoothing=0.5, tolerance=1.2),
]


class Event(NamedTuple):
    """A visit comes ("enter") or goes ("success", "drop"), at a whole number of nanoseconds."""

    time_ns: int
    what: str
    visit: int


@pytest.mark.parametrize("kind", ["aimd", "vegas", "gradient2"])
def test_limits_move_as_netflix_ones(java: Run, kind: str):
    rng = np.random.default_rng(Concurrency.KINDS.index(kind))
    policies = [replace(policy, kind=kind, low=1 if kind == "vegas" else policy.low) for policy in POLICIES]
    lists = [events(rng) for _ in policies]
    lines = [
        f"{kind} {p.limit:.0f} {p.low:.0f} {p.high:.0f} {p.timeout_s * 1e9:.0f} {p.backoff} {p.smoothing} "
        f"{p.tolerance} {' '.join(f'{e.time_ns},{e.what},{e.visit}' for e in listed)}"
        for p, listed in zip(policies, lists, strict=True)
    ]
    theirs = java("NetflixLimits", "\n".join(lines)).split()
    mine = [word for p, listed in zip(policies, lists, strict=True) for word in ours(p, listed)]
    assert len(theirs) == 2 * VISITS * len(policies)
    limits = np.array([int(word[:-1]) for word in theirs])
    ends = [word[-1] for word in theirs]
    assert min((np.diff(limits) > 0).sum(), (np.diff(limits) < 0).sum()) >= 1000
    assert min(ends.count("+"), ends.count("-")) >= 1000
    differing = [i for i in range(len(theirs)) if mine[i] != theirs[i]]
    assert differing == []


@pytest.mark.parametrize("calls", [1, 3, 25])
def test_a_fixed_limit_is_a_semaphore_bulkhead(java: Run, calls: int):
    rng = np.random.default_rng(calls)
    drift = np.repeat(rng.choice([0.3, 0.5, 0.7], 200), 200)  # of calls coming and going
    listed = np.where(rng.random(drift.size) < drift, "+", "-").tolist()
    theirs = java("Bulkheads", f"{calls} {''.join(listed)}").strip()
    policy = Concurrency(kind="fixed", limit=calls)
    c, slots = record(policy)
    mine = []
    for event in listed:
        if event == "+":
            mine.append("1" if concurrency.admit(c, slots, 0.0) else "0")
        elif c["inside"]:
            concurrency.leave(c, slots, 0.0, 0.0, 1, False)
            mine.append(".")
        else:
            mine.append("!")
    assert min(theirs.count("1"), theirs.count("0")) >= 1000
    assert "".join(mine) == theirs


def events(rng: np.random.Generator) -> list[Event]:
    """Visits in phases of load, of slowness and of failure, so that limits climb, fall and are hit."""
    phases = np.repeat(np.arange(VISITS // 500), 500)
    gaps = rng.exponential(rng.choice([0.1e6, 0.5e6, 3e6], phases.max() + 1)[phases])
    enter = np.cumsum(np.ceil(gaps)).astype(np.int64)
    slow = rng.choice([1.0, 1.1, 2.0, 8.0], phases.max() + 1)[phases]
    leave = enter + np.ceil(slow * rng.lognormal(np.log(10e6), 0.4, VISITS)).astype(np.int64)
    failing = rng.random(VISITS) < rng.choice([0.0, 0.001, 0.05], phases.max() + 1)[phases]
    coming = [Event(int(time), "enter", v) for v, time in enumerate(enter)]
    going = [Event(int(time), "drop" if failing[v] else "success", v) for v, time in enumerate(leave)]
    return sorted(coming + going, key=lambda event: event.time_ns)


def ours(policy: Concurrency, listed: list[Event]) -> list[str]:
    """What the twin's mechanism does, as the program prints it."""
    c, slots = record(policy)
    inside: dict[int, tuple[int, int]] = {}  # visit: when it came, how many were inside with it
    words = []
    for time_ns, what, visit in listed:
        if what == "enter":
            count = concurrency.admit(c, slots, time_ns / 1e9)
            if count:
                inside[visit] = time_ns, count
            came = "+" if count else "-"
        elif visit in inside:
            began_ns, count = inside.pop(visit)
            rtt_s = (time_ns - began_ns) / 1e9
            concurrency.leave(c, slots, time_ns / 1e9, rtt_s, count, what == "drop")
            came = "."
        else:
            came = "!"
        words.append(f"{c['limit']:.0f}{came}")
    return words


def record(policy: Concurrency) -> tuple[np.void, np.ndarray]:
    c, slots = np.zeros(1, concurrency.STATE)[0], np.zeros(concurrency.slots_needed(policy))
    concurrency.set_up(c, policy, 0)
    return c, slots
