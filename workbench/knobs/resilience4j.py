"""resilience4j as Spring Boot configures it; an instance is called as the service that is called.

    orders/resilience4j.circuitbreaker.instances.payments.failureRateThreshold
    orders/resilience4j.ratelimiter.instances.orders.limitForPeriod

What stands round a call is, from the outside, Retry, CircuitBreaker, RateLimiter, TimeLimiter, Bulkhead
(the aspect order of its documentation), so a TimeLimiter is the patience of one try, and a Bulkhead the
connections of the call. The rate limiter is the service's own. A pause before a retry doubles, as with
enableExponentialBackoff and a multiplier of 2; its random part is another than the network's.
slidingWindowSize counts calls or seconds by slidingWindowType, and limitForPeriod by limitRefreshPeriod,
so these two move nothing themselves. A breaker or limiter of another kind in the network, or none, has
knobs that move nothing.

Evidence: the breaker's shares, window and minimum by resilience4j_circuitbreaker_failure_rate,
_slow_call_rate and calls by kind; its open time by resilience4j_circuitbreaker_state and how soon failures
end; slowCallDurationThreshold by the callee's latency; retries by resilience4j_retry_calls; TimeLimiter by
resilience4j_timelimiter_calls and the callee's quantiles; limitForPeriod and timeoutDuration by
resilience4j_ratelimiter_waiting_threads and 429 answers; Bulkhead by
resilience4j_bulkhead_available_concurrent_calls.
"""

from __future__ import annotations

import re

from workbench.network import Call, Network, Station
from workbench.settings import Knob

SYSTEM = "resilience4j in Spring Boot"

_SWITCH = ("false", "true")


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's limiter, and of what guards each of its calls."""
    return [
        knob
        for station in network.stations
        if station.name != network.entry
        for knob in (
            *_limiter(station),
            *(knob for call in station.calls for knob in _guards(station.name, call)),
        )
    ]


def _guards(service: str, call: Call) -> list[Knob]:
    at = f"{service}.calls.{call.to}"
    kind = call.breaker.kind
    breaks = kind in ("count window", "time window")
    window = {"count window": "window", "time window": "window_s"}.get(kind, "")

    def knob(
        module: str,
        name: str,
        unit: str,
        low: float,
        high: float,
        meaning: str,
        path: str = "",
        *,
        scale: float = 1.0,
        whole: bool = True,
        off: float | None = None,
    ) -> Knob:
        name = f"resilience4j.{module}.instances.{_instance(call.to)}.{name}"
        scale = 0.001 if unit == "ms" else scale
        return Knob(
            service, name, unit, low, high, meaning, path and f"{at}.{path}",
            scale=scale, whole=whole, log=unit == "ms" and low > 0, off=off,
        )  # fmt: skip

    def breaker(name: str, unit: str, low: float, high: float, meaning: str, path: str = "", **more) -> Knob:
        moved = f"breaker.{path}" if breaks and path else ""
        return knob("circuitbreaker", name, unit, low, high, meaning, moved, **more)

    def word(module: str, name: str, choices: tuple[str, ...], meaning: str) -> Knob:
        name = f"resilience4j.{module}.instances.{_instance(call.to)}.{name}"
        return Knob(service, name, "", 0, 0, meaning, choices=choices)

    return [
        word(
            "circuitbreaker", "slidingWindowType", ("COUNT_BASED", "TIME_BASED"), "what the window counts"
        ),
        breaker("slidingWindowSize", "calls or s", 1, 100_000, "calls or seconds looked back on", window),
        breaker("minimumNumberOfCalls", "calls", 1, 100_000, "calls before it judges", "minimum"),
        breaker(
            "failureRateThreshold", "%", 1, 100, "share of failures that opens it", "failure_share",
            scale=0.01, whole=False,
        ),
        breaker(
            "slowCallRateThreshold", "%", 1, 100, "share of slow calls that opens it", "slow_share",
            scale=0.01, whole=False,
        ),
        breaker("slowCallDurationThreshold", "ms", 1, 600_000, "time above which a call is slow", "slow_s"),
        breaker("waitDurationInOpenState", "ms", 1, 3_600_000, "time that it stays open", "open_s"),
        breaker(
            "permittedNumberOfCallsInHalfOpenState", "calls", 1, 10_000, "trial calls after that", "trials"
        ),
        breaker("maxWaitDurationInHalfOpenState", "ms", 0, 3_600_000, "time to wait for them"),
        knob("retry", "maxAttempts", "tries", 1, 10, "tries in all", "attempts"),
        knob("retry", "waitDuration", "ms", 0, 60_000, "pause before the first retry", "backoff_s"),
        word("retry", "enableExponentialBackoff", _SWITCH, "let the pause grow"),
        knob("retry", "exponentialBackoffMultiplier", "×", 1, 10, "factor from pause to pause", whole=False),
        knob(
            "retry", "exponentialMaxWaitDuration", "ms", 1, 600_000, "longest pause", "backoff_cap_s"
        ),
        word("retry", "enableRandomizedWait", _SWITCH, "let part of the pause be random"),
        knob("retry", "randomizedWaitFactor", "share", 0, 0.99, "random part of a pause", whole=False),
        knob("timelimiter", "timeoutDuration", "ms", 1, 600_000, "patience of one try", "timeout_s"),
        word("timelimiter", "cancelRunningFuture", _SWITCH, "interrupt what ran out of time"),
        knob("bulkhead", "maxConcurrentCalls", "calls", 1, 100_000, "calls at once", "pool.servers"),
        knob(
            "bulkhead", "maxWaitDuration", "ms", 0, 600_000, "wait for a place among them", "pool.wait_s"
        ),
    ]  # fmt: skip


def _limiter(station: Station) -> list[Knob]:
    fixed = station.limit.kind == "fixed window"

    def knob(name: str, unit: str, low: float, high: float, meaning: str, path: str, scale: float) -> Knob:
        name = f"resilience4j.ratelimiter.instances.{_instance(station.name)}.{name}"
        path = f"{station.name}.limit.{path}" if fixed and path else ""
        return Knob(station.name, name, unit, low, high, meaning, path, scale=scale, whole=True)

    return [
        knob(
            "limitForPeriod", "requests", 1, 10_000_000, "requests admitted in a period", "rate_rps",
            1 / station.limit.window_s,
        ),
        knob("limitRefreshPeriod", "ms", 1, 3_600_000, "the period", "", 0.001),
        knob("timeoutDuration", "ms", 0, 600_000, "wait for the next period, or refuse", "wait_s", 0.001),
    ]  # fmt: skip


def _instance(service: str) -> str:
    """Give a name that is one part of a property's."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", service)
