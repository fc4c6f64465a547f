"""A circuit breaker. Hooks: `allow` a try, then `tell` its result, or `release` it if it was abandoned.

"consecutive" is sony/gobreaker: every change of state, and every `window_s` while closed, begins a generation
with counts at zero, and what tries of an older generation answer counts no more. The window kinds are
resilience4j's CircuitBreaker: what comes late counts in the state that it meets, a trial or not. Both begin a
half-open state only when a try comes, and only after `open_s`, not at it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.policies import Breaker
from workbench.twin._compiled import compiled, inlined

NONE, CONSECUTIVE, COUNT_WINDOW, TIME_WINDOW = range(4)  # kinds, as in Breaker.KINDS
CLOSED, OPEN, HALF_OPEN = range(3)

STATE = np.dtype(
    [
        ("kind", "i8"),
        ("failures", "f8"),
        ("failure_share", "f8"),
        ("slow_s", "f8"),
        ("slow_share", "f8"),
        ("window", "i8"),  # calls, or whole seconds; consecutive: unused
        ("window_s", "f8"),  # consecutive: the counts are cleared after it
        ("minimum", "i8"),
        ("open_s", "f8"),
        ("trials", "i8"),
        ("first_slot", "i8"),
        ("phase", "i8"),  # state
        ("until", "f8"),  # open: when that ends; closed, consecutive: when the counts are cleared
        ("generation", "i8"),
        ("let_through", "i8"),  # tries let through in this generation less those abandoned
        ("in_a_row", "i8"),  # successes (above 0) or failures (below) since the last of the other
        ("calls", "i8"),  # results in the window, or of the half-open state
        ("failed", "i8"),
        ("slow", "i8"),
        ("head", "i8"),  # count window: results so far; time window: the second of the newest bucket
    ]
)


def slots_needed(policy: Breaker) -> int:
    """Floats that the window takes: one for each call, or three counts for each second."""
    if policy.kind == "count window":
        return int(policy.window)
    return 3 * int(policy.window_s) if policy.kind == "time window" else 0


def set_up(state: Any, policy: Breaker, first_slot: int) -> None:
    """Fill a record of STATE for a closed breaker at time 0; its slots, from `first_slot` on, hold zeros."""
    seconds = policy.kind == "time window"
    for name in ("failures", "failure_share", "slow_s", "slow_share", "window_s", "open_s"):
        state[name] = getattr(policy, name)
    state["kind"] = Breaker.KINDS.index(policy.kind)
    state["window"] = int(policy.window_s if seconds else policy.window)
    state["minimum"] = policy.minimum if seconds else min(policy.minimum, policy.window)
    state["trials"], state["first_slot"] = policy.trials, first_slot
    state["phase"] = CLOSED
    state["until"] = policy.window_s if policy.kind == "consecutive" else np.inf
    for name in ("generation", "let_through", "in_a_row", "calls", "failed", "slow", "head"):
        state[name] = 0


@inlined
def allow(b, slots, now):  # type: ignore[no-untyped-def]
    """Give a ticket (0 or more) for a try that may be sent at time now, or -1."""
    if b.kind == NONE:
        return 0
    _look_at_clock(b, slots, now)
    if b.phase == OPEN or (b.phase == HALF_OPEN and b.let_through >= b.trials):
        return -1
    b.let_through += 1
    return b.generation


@inlined
def tell(b, slots, now, ticket, duration_s, failed):  # type: ignore[no-untyped-def]
    """Count the result of a try that was let through with `ticket`."""
    if b.kind == CONSECUTIVE:
        _look_at_clock(b, slots, now)
    following = b.phase
    if b.kind == CONSECUTIVE and ticket == b.generation:
        b.in_a_row = min(b.in_a_row, 0) - 1 if failed else max(b.in_a_row, 0) + 1
        following = _judged_in_a_row(b)
    elif b.kind > CONSECUTIVE and b.phase != OPEN:
        slow = duration_s > b.slow_s
        if b.phase == HALF_OPEN:
            _count(b, 1, failed, slow)
        elif b.kind == COUNT_WINDOW:
            _count_in_calls(b, slots, failed, slow)
        else:
            _count_in_seconds(b, slots, now, failed, slow)
        following = _judged_by_share(b)
    if following != b.phase:
        _become(b, slots, following, now)


@inlined
def release(b, slots, now, ticket):  # type: ignore[no-untyped-def]
    """Take back what `allow` counted for a try that will have no result."""
    if b.kind == CONSECUTIVE:
        _look_at_clock(b, slots, now)
        if ticket == b.generation:
            b.let_through -= 1
    elif b.phase == HALF_OPEN:
        b.let_through -= 1


@compiled
def _look_at_clock(b, slots, now):  # type: ignore[no-untyped-def]
    if now > b.until:
        _become(b, slots, HALF_OPEN if b.phase == OPEN else CLOSED, now)


@compiled
def _become(b, slots, phase, now):  # type: ignore[no-untyped-def]
    b.phase = phase
    b.generation += 1
    b.let_through = b.in_a_row = b.calls = b.failed = b.slow = 0
    b.until = np.inf
    if phase == OPEN:
        b.until = now + b.open_s
    elif phase == CLOSED and b.kind == CONSECUTIVE:
        b.until = now + b.window_s
    elif phase == CLOSED and b.kind == TIME_WINDOW:
        b.head = int(now)
        for i in range(b.first_slot, b.first_slot + 3 * b.window):
            slots[i] = 0.0


@compiled
def _count(b, calls, failed, slow):  # type: ignore[no-untyped-def]
    b.calls += calls
    b.failed += failed
    b.slow += slow


@inlined
def _judged_in_a_row(b):  # type: ignore[no-untyped-def]
    """The phase after this row: failures open, one if half open; as many successes as trials close."""
    if -b.in_a_row >= (b.failures if b.phase == CLOSED else 1):
        return OPEN
    return CLOSED if b.in_a_row >= b.trials else b.phase


@compiled
def _count_in_calls(b, slots, failed, slow):  # type: ignore[no-untyped-def]
    """The slot of a call holds 1 if it failed, plus 2 if it was slow."""
    slot = b.first_slot + b.head % b.window
    b.head += 1
    if b.calls == b.window:
        oldest = int(slots[slot])
        _count(b, -1, -(oldest & 1), -(oldest >> 1))
    slots[slot] = failed + 2.0 * slow
    _count(b, 1, failed, slow)


@compiled
def _count_in_seconds(b, slots, now, failed, slow):  # type: ignore[no-untyped-def]
    """Second s has three slots: its calls, those that failed, those that were slow."""
    second = int(now)
    for passed in range(max(b.head, second - b.window) + 1, second + 1):
        slot = b.first_slot + 3 * (passed % b.window)
        _count(b, -int(slots[slot]), -int(slots[slot + 1]), -int(slots[slot + 2]))
        slots[slot] = slots[slot + 1] = slots[slot + 2] = 0.0
    b.head = second
    slot = b.first_slot + 3 * (second % b.window)
    slots[slot] += 1.0
    slots[slot + 1] += failed
    slots[slot + 2] += slow
    _count(b, 1, failed, slow)


@compiled
def _judged_by_share(b):  # type: ignore[no-untyped-def]
    """The phase after these calls, once they are enough: too many failed or slow ones open, others close."""
    if b.calls < (b.minimum if b.phase == CLOSED else min(b.minimum, b.trials)):
        return b.phase
    bad = b.failed / b.calls >= b.failure_share or b.slow / b.calls >= b.slow_share
    return OPEN if bad else CLOSED
