"""Arrivals admitted by rate: the four kinds of `policies.Limit`, with reservations. Hook: `admit`.

- token bucket, filled lazily as in golang.org/x/time/rate: a refusal leaves the bucket as it was, a wait is
  cut to whole nanoseconds, so a token less than a nanosecond away counts as there.
- leaky bucket, by what stands in it when the next arrival has been poured in, as nginx does it, without
  nginx's rounding to milliseconds and thousandths; here a billionth over is not over, and delays are whole
  nanoseconds.
- fixed window, in whole nanoseconds: a permit reserved in a later window is missing there (resilience4j).
- sliding window, in whole nanoseconds: a log of the last `permits` admitted, kept in the slots as a ring.

The windows' permits are rate_rps · window_s rounded down, but one at least. What was admitted to wait keeps
its permit, whatever becomes of it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench import policies
from workbench.twin._compiled import compiled, inlined

_TOKEN_BUCKET, _LEAKY_BUCKET, _FIXED_WINDOW, _SLIDING_WINDOW = range(4)  # as in policies.Limit.KINDS
STATE = np.dtype(
    [
        ("kind", "i8"),  # policy
        ("rate_rps", "f8"),
        ("burst", "f8"),
        ("permits", "f8"),  # of one window
        ("window_ns", "f8"),
        ("wait_ns", "f8"),
        ("first_slot", "i8"),
        ("tokens", "f8"),  # state: tokens, what is in the leaky bucket, or permits left in the window
        ("at", "f8"),  # when that was so; number of the window
        ("admitted", "i8"),  # so far, by the sliding window
    ]
)


def set_up(state: Any, policy: policies.Limit, first_slot: int) -> None:
    """Fill a record from the policy: everything unused yet."""
    state["kind"] = policies.Limit.KINDS.index(policy.kind)
    state["rate_rps"], state["burst"] = policy.rate_rps, policy.burst
    state["wait_ns"] = np.rint(policy.wait_s * 1e9)
    state["permits"], state["window_ns"] = _permits(policy), np.rint(policy.window_s * 1e9)
    state["first_slot"], state["at"], state["admitted"] = first_slot, 0.0, 0
    state["tokens"] = {"token bucket": policy.burst, "leaky bucket": -1.0}.get(policy.kind, _permits(policy))


def slots_needed(policy: policies.Limit) -> int:
    """How many slots its record needs."""
    logs = policy.kind == "sliding window" and math.isfinite(policy.rate_rps)
    return int(_permits(policy)) if logs else 0


def _permits(policy: policies.Limit) -> float:
    permits = policy.rate_rps * policy.window_s
    return max(1.0, math.floor(permits * (1 + 1e-12))) if math.isfinite(permits) else math.inf


@inlined
def admit(limit, slots, now):  # type: ignore[no-untyped-def]
    """Delay (s) of an arrival at time now: 0 passes at once, inf is refused. An infinite rate admits."""
    if np.isinf(limit.rate_rps):
        return 0.0
    if limit.kind == _TOKEN_BUCKET:
        return _token_bucket(limit, now)
    if limit.kind == _LEAKY_BUCKET:
        return _leaky_bucket(limit, now)
    if limit.kind == _FIXED_WINDOW:
        return _fixed_window(limit, now)
    return _sliding_window(limit, slots, now)


@compiled
def _token_bucket(limit, now):  # type: ignore[no-untyped-def]
    left = min(limit.burst, limit.tokens + (now - limit.at) * limit.rate_rps) - 1.0
    wait_ns = np.floor(-left / limit.rate_rps * 1e9) if left < 0.0 else 0.0
    if wait_ns > limit.wait_ns:
        return np.inf
    limit.tokens, limit.at = left, now
    return wait_ns / 1e9


@compiled
def _leaky_bucket(limit, now):  # type: ignore[no-untyped-def]
    ahead = max(0.0, limit.tokens - (now - limit.at) * limit.rate_rps + 1.0)
    if ahead > limit.burst + 1e-9:
        return np.inf
    limit.tokens, limit.at = ahead, now
    return np.rint(ahead / limit.rate_rps * 1e9) / 1e9


@compiled
def _fixed_window(limit, now):  # type: ignore[no-untyped-def]
    now_ns = np.rint(now * 1e9)
    window = np.floor(now_ns / limit.window_ns)
    left = min(limit.permits, limit.tokens + (window - limit.at) * limit.permits)
    wait_ns = 0.0
    if left < 1.0:
        windows = np.ceil((1.0 - left) / limit.permits)
        wait_ns = (window + windows) * limit.window_ns - now_ns
    if wait_ns > limit.wait_ns:
        return np.inf
    limit.tokens, limit.at = left - 1.0, window
    return wait_ns / 1e9


@compiled
def _sliding_window(limit, slots, now):  # type: ignore[no-untyped-def]
    place = limit.first_slot + limit.admitted % np.int64(limit.permits)
    passed_ns = np.rint((now - slots[place]) * 1e9)
    if limit.admitted >= limit.permits and passed_ns < limit.window_ns:
        return np.inf
    slots[place] = now
    limit.admitted += 1
    return 0.0
