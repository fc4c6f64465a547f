"""How many visits may be inside an instance: `policies.Concurrency`. Hooks: `admit`, then `leave`.

- aimd, vegas, gradient2: Netflix concurrency-limits (AIMDLimit, VegasLimit, Gradient2Limit under a
  SimpleLimiter) with the library's other defaults, in its whole nanoseconds. A visit that failed is a drop.
  Where the library draws the jitter of Vegas' probes from [½, 1) it is ¾ here, and a round trip takes a
  nanosecond at least, where the library throws.
- envoy gradient: Envoy's GradientController: median of the samples from its histogram of two significant
  digits in microseconds, `_REQUESTS` samples for the minimum round trip, during which the limit is `low`, and
  so it begins. Left out: the jitter of its interval (0 here), a fixed minimum round trip, other percentiles,
  and calls cancelled by the client, which count as samples here. Its timers run before what happens at the
  same time, the window's before that of the minimum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench import policies
from workbench.twin._compiled import compiled, inlined

_NONE, _FIXED, _AIMD, _VEGAS, _GRADIENT2, _ENVOY = range(6)  # as in policies.Concurrency.KINDS
_PROBE_EVERY = 0.75 * 30  # samples for each unit of the limit, between two probes of Vegas
_QUEUE, _LONG_WINDOW, _WARM_UP = 4.0, 600, 10  # of gradient2
_REQUESTS, _DECADES = 50, 10  # of envoy; the histogram ends at 10^10 microseconds

STATE = np.dtype(
    [
        ("kind", "i8"),  # policy
        ("low", "f8"),
        ("high", "f8"),
        ("timeout_ns", "f8"),
        ("backoff", "f8"),
        ("smoothing", "f8"),
        ("tolerance", "f8"),
        ("window_s", "f8"),
        ("probe_every_s", "f8"),
        ("first_slot", "i8"),
        ("inside", "i8"),  # state
        ("limit", "f8"),  # in force, a whole number
        ("estimate", "f8"),  # gradient2: the limit before rounding
        ("rtt", "f8"),  # minimum (vegas in ns, envoy in us) or long average (gradient2 in ns), 0 for none yet
        ("total", "f8"),  # of gradient2's first samples, in ns
        ("samples", "i8"),  # since Vegas' last probe, in gradient2's average at first, in Envoy's histogram
        ("deferred", "f8"),  # envoy: the limit to come back to after measuring the minimum, 0 while it is not
        ("epoch", "f8"),  # when that measuring began
        ("window_at", "f8"),  # its timers
        ("probe_at", "f8"),
        ("at_low", "i8"),  # windows in a row that left the limit at `low`
    ]
)


def set_up(state: Any, policy: policies.Concurrency, first_slot: int) -> None:
    """Fill a record from the policy: nobody inside, nothing measured."""
    for name in ("limit", "low", "high"):
        state[name] = np.floor(getattr(policy, name))
    for name in ("backoff", "smoothing", "tolerance", "window_s", "probe_every_s"):
        state[name] = getattr(policy, name)
    state["kind"] = policies.Concurrency.KINDS.index(policy.kind)
    state["timeout_ns"], state["first_slot"] = np.rint(policy.timeout_s * 1e9), first_slot
    for name in ("inside", "rtt", "total", "samples", "deferred", "epoch", "at_low"):
        state[name] = 0
    if policy.kind == "none":
        state["limit"] = math.inf
    state["window_at"] = state["probe_at"] = math.inf
    if policy.kind == "envoy gradient":
        state["limit"] = state["deferred"] = state["low"]
        state["window_at"] = policy.window_s
    state["estimate"] = state["limit"]


def slots_needed(policy: policies.Concurrency) -> int:
    """How many slots, zero at first, its record needs."""
    return 90 * _DECADES if policy.kind == "envoy gradient" else 0


@inlined
def admit(c, slots, now):  # type: ignore[no-untyped-def]
    """Count a visit in; give how many are inside with it, for `leave`, or 0 if it is refused."""
    if c.kind == _ENVOY:
        _run_timers(c, slots, now)
    if c.inside >= c.limit:
        return 0
    c.inside += 1
    return c.inside


@inlined
def leave(c, slots, now, rtt_s, inside, failed):  # type: ignore[no-untyped-def]
    """Count a visit out and move the limit; `inside` is what `admit` gave it."""
    rtt_ns = max(1.0, np.rint(rtt_s * 1e9))
    if c.kind == _ENVOY:
        _run_timers(c, slots, now)
    c.inside -= 1
    if c.kind == _AIMD:
        _aimd(c, rtt_ns, inside, failed)
    elif c.kind == _VEGAS:
        _vegas(c, rtt_ns, inside, failed)
    elif c.kind == _GRADIENT2:
        _gradient2(c, rtt_ns, inside)
    elif c.kind == _ENVOY and now - rtt_s >= c.epoch:
        _sample(c, slots, now, rtt_ns)


@compiled
def _aimd(c, rtt_ns, inside, failed):  # type: ignore[no-untyped-def]
    limit = c.limit
    if failed or rtt_ns > c.timeout_ns:
        limit = np.floor(limit * c.backoff)
    elif inside * 2 >= limit:
        limit += 1.0
    c.limit = min(c.high, max(c.low, limit))


@compiled
def _vegas(c, rtt_ns, inside, failed):  # type: ignore[no-untyped-def]
    c.samples += 1
    if _PROBE_EVERY * c.limit <= c.samples:
        c.samples, c.rtt = 0, rtt_ns
    elif c.rtt == 0.0 or rtt_ns < c.rtt:
        c.rtt = rtt_ns
    else:
        step = max(1.0, np.floor(np.log10(c.limit)))
        queued = np.ceil(c.limit * (1.0 - c.rtt / rtt_ns))
        limit = c.limit
        if failed:
            limit -= step
        elif inside * 2 < limit:
            return
        elif queued <= step:
            limit += 6.0 * step
        elif queued < 3.0 * step:
            limit += step
        elif queued > 6.0 * step:
            limit -= step
        else:
            return
        c.limit = max(c.low, min(c.high, limit))


@compiled
def _gradient2(c, rtt_ns, inside):  # type: ignore[no-untyped-def]
    if c.samples < _WARM_UP:
        c.samples += 1
        c.total += rtt_ns
        c.rtt = c.total / c.samples
    else:
        factor = 2.0 / (_LONG_WINDOW + 1)
        c.rtt = c.rtt * (1.0 - factor) + rtt_ns * factor
    long_ns = c.rtt
    if long_ns / rtt_ns > 2.0:
        c.rtt *= 0.95
    if inside < c.estimate / 2.0:
        return
    gradient = max(0.5, min(1.0, c.tolerance * long_ns / rtt_ns))
    limit = c.estimate * gradient + _QUEUE
    limit = c.estimate * (1.0 - c.smoothing) + limit * c.smoothing
    c.estimate = max(c.low, min(c.high, limit))
    c.limit = np.floor(c.estimate)


@compiled
def _run_timers(c, slots, now):  # type: ignore[no-untyped-def]
    while min(c.window_at, c.probe_at) <= now:
        if c.window_at <= c.probe_at:
            _end_window(c, slots)
        else:
            if c.deferred == 0.0:
                c.deferred, c.limit, c.epoch, c.at_low = c.limit, c.low, c.probe_at, 0
                _median_us(c, slots)  # forgets the samples
            c.probe_at = np.inf


@compiled
def _end_window(c, slots):  # type: ignore[no-untyped-def]
    if c.deferred > 0.0:
        c.window_at = np.inf  # until the minimum is known
        return
    if c.samples > 0:
        gradient = (c.rtt + c.rtt * (c.tolerance - 1.0)) / _median_us(c, slots)
        limit = c.limit * max(0.5, min(2.0, gradient))
        limit = max(c.low, min(c.high, np.floor(limit + np.sqrt(limit))))
        c.at_low = c.at_low + 1 if c.limit == c.low and limit == c.low else 0
        c.limit = limit
        if c.at_low >= 5:
            c.probe_at = c.window_at
    c.window_at += c.window_s


@compiled
def _sample(c, slots, now, rtt_ns):  # type: ignore[no-untyped-def]
    rtt_us = max(1.0, np.floor(rtt_ns / 1000.0))
    decade, tenth = 0, 0.1
    while rtt_us >= 100.0 * tenth and decade < _DECADES - 1:
        decade, tenth = decade + 1, tenth * 10.0 if decade else 1.0
    digits = min(99.0, np.floor(rtt_us / tenth)) if decade else rtt_us * 10.0
    slots[c.first_slot + 90 * decade + np.int64(digits) - 10] += 1.0
    c.samples += 1
    if c.deferred > 0.0 and c.samples >= _REQUESTS:
        c.rtt = _median_us(c, slots)
        c.limit, c.deferred = c.deferred, 0.0
        c.probe_at, c.window_at = now + c.probe_every_s, now + c.window_s


@compiled
def _median_us(c, slots):  # type: ignore[no-untyped-def]
    """Median of the samples in whole microseconds, at the expected place inside its bin; forget them all."""
    rank, below, median_us = 0.5 * c.samples, 0.0, 0.0
    for i in range(90 * _DECADES):
        count = slots[c.first_slot + i]
        if count > 0.0:
            if below < rank:
                tens, width = 10.0 ** (i // 90), 10.0 ** (i // 90) / 10.0
                median_us = (10 + i % 90) / 10.0 * tens + np.ceil(rank - below) / (count + 1.0) * width
            below += count
            slots[c.first_slot + i] = 0.0
    c.samples = 0
    return np.floor(median_us)
