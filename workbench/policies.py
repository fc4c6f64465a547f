"""The policies that people set at a station or on a call: small frozen values, each checked when it is made.

What a policy does stands here in words; the file of the same name in `twin/mechanisms/` does it. The defaults
mean "without". Times are seconds, rates per second, shares 0 to 1. A `kind` is one of the words in KINDS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from workbench.errors import SettingError

UNLIMITED = math.inf


def at_least(name: str, value: float, low: float) -> None:
    """Raise SettingError for a value below `low`, or no number."""
    if not value >= low:
        raise SettingError(f"{value}", where=name, expected=f"at least {low:g}")


def a_share(name: str, value: float) -> None:
    """Raise SettingError for a value outside 0 to 1."""
    if not 0 <= value <= 1:
        raise SettingError(f"{value}", where=name, expected="a share from 0 to 1")


def one_of(name: str, value: str, kinds: tuple[str, ...]) -> None:
    """Raise SettingError for an unknown word."""
    if value not in kinds:
        raise SettingError(f"{value!r}", where=name, expected=f"one of {', '.join(kinds)}")


@dataclass(frozen=True)
class Pool:
    """Servers, each held for a whole visit, and the places to wait for one.

    At a station they are workers, of each instance; on a call they are connections, of each calling instance,
    held from before the try is sent until the caller has its result. A visit that finds no place, or has
    waited `wait_s`, is refused (503); a try that gets no connection so is "unconnected". `order` says who is
    next: the first to come, which is fair, or the last.
    """

    KINDS: ClassVar = ("fifo", "lifo")
    servers: float = UNLIMITED
    queue: float = UNLIMITED
    wait_s: float = UNLIMITED
    order: str = "fifo"

    def __post_init__(self) -> None:
        at_least("pool.servers", self.servers, 1)
        at_least("pool.queue", self.queue, 0)
        at_least("pool.wait_s", self.wait_s, 0)
        one_of("pool.order", self.order, self.KINDS)


@dataclass(frozen=True)
class Limit:
    """Arrivals admitted by rate, at each instance for itself; the others are answered 429.

    - token bucket: `rate_rps` tokens a second, at most `burst` kept, full at first (golang.org/x/time/rate).
    - leaky bucket: admitted arrivals pass 1/rate_rps apart, each delayed for its turn; one that finds more
      than `burst` of them ahead is refused (nginx limit_req with burst, without nodelay).
    - fixed window: `rate_rps · window_s` permits at the start of every window, counted from time 0; what is
      not used is lost (resilience4j RateLimiter, limitRefreshPeriod = window_s).
    - sliding window: at most `rate_rps · window_s` admitted in any `window_s` that has just passed (a log).

    An arrival waits up to `wait_s` for a permit that will be there by then, in order of arrival (token bucket
    and fixed window; reservations, as in rate.Limiter.Wait and resilience4j's timeoutDuration).
    """

    KINDS: ClassVar = ("token bucket", "leaky bucket", "fixed window", "sliding window")
    rate_rps: float = UNLIMITED
    burst: float = 1
    kind: str = "token bucket"
    window_s: float = 1.0
    wait_s: float = 0.0

    def __post_init__(self) -> None:
        at_least("limit.rate_rps", self.rate_rps, 1e-9)
        at_least("limit.burst", self.burst, 0 if self.kind == "leaky bucket" else 1)
        at_least("limit.window_s", self.window_s, 1e-9)
        at_least("limit.wait_s", self.wait_s, 0)
        one_of("limit.kind", self.kind, self.KINDS)


@dataclass(frozen=True)
class Concurrency:
    """Visits that may be inside an instance at once, waiting and worked on; others are refused (503).

    - fixed: `limit`.
    - aimd, vegas, gradient2: Netflix concurrency-limits, from `limit` on between `low` and `high`, moved
      after every visit by its round-trip time and by whether it failed.
    - envoy gradient: Envoy's gradient controller, recalculated every `window_s` against a minimum round-trip
      time measured anew every `probe_every_s`.

    `timeout_s` is aimd's time above which a visit counts as dropped, `backoff` its factor after a drop;
    `smoothing` and `tolerance` are gradient2's smoothing and rttTolerance (Envoy's buffer is tolerance - 1).
    """

    KINDS: ClassVar = ("none", "fixed", "aimd", "vegas", "gradient2", "envoy gradient")
    kind: str = "none"
    limit: float = 20
    low: float = 1
    high: float = 1000
    timeout_s: float = 5.0
    backoff: float = 0.9
    smoothing: float = 0.2
    tolerance: float = 1.5
    window_s: float = 0.1
    probe_every_s: float = 60.0

    def __post_init__(self) -> None:
        one_of("concurrency.kind", self.kind, self.KINDS)
        at_least("concurrency.limit", self.limit, 1)
        at_least("concurrency.low", self.low, 1)
        at_least("concurrency.high", self.high, self.low)
        at_least("concurrency.window_s", self.window_s, 1e-9)
        at_least("concurrency.tolerance", self.tolerance, 1)
        a_share("concurrency.backoff", self.backoff)
        a_share("concurrency.smoothing", self.smoothing)


@dataclass(frozen=True)
class Codel:
    """Shedding at the head of the queue when waits have stayed above `target_s` for `interval_s` (RFC 8289).

    A visit dropped so is refused (503). An infinite target sheds nothing.
    """

    target_s: float = UNLIMITED
    interval_s: float = 0.1

    def __post_init__(self) -> None:
        at_least("codel.target_s", self.target_s, 1e-9)
        at_least("codel.interval_s", self.interval_s, 1e-9)


@dataclass(frozen=True)
class Cpu:
    """What the processor's part of the work (`share` of it, done before the rest) runs on, in each instance.

    - unlimited: the work takes its time, whatever else runs.
    - shared: `cores` shared evenly by all that run (processor sharing), each on one core at most.
      `quota_cores` is a CFS quota: in each `period_s`, counted from time 0, `quota_cores · period_s` seconds
      of processor may be used; then nothing runs until the next period.
    - loop: one event loop; pieces of work run one after the other, in the order in which they became ready,
      each to its end (asyncio, Node).
    """

    KINDS: ClassVar = ("unlimited", "shared", "loop")
    kind: str = "unlimited"
    cores: float = UNLIMITED
    quota_cores: float = UNLIMITED
    period_s: float = 0.1
    share: float = 1.0

    def __post_init__(self) -> None:
        one_of("cpu.kind", self.kind, self.KINDS)
        at_least("cpu.cores", self.cores, 1e-3)
        at_least("cpu.quota_cores", self.quota_cores, 1e-3)
        at_least("cpu.period_s", self.period_s, 1e-6)
        a_share("cpu.share", self.share)


@dataclass(frozen=True)
class Contention:
    """Work that takes longer the more visits are at work (n) at an instance when a piece of it begins.

    By the factor 1 + sigma·(n - 1) + kappa·n·(n - 1) (N. Gunther, Universal Scalability Law, 2007).
    """

    sigma: float = 0.0
    kappa: float = 0.0

    def __post_init__(self) -> None:
        at_least("contention.sigma", self.sigma, 0)
        at_least("contention.kappa", self.kappa, 0)


@dataclass(frozen=True)
class Gc:
    """Pauses that stop an instance whenever its visits have allocated `budget_bytes` since the last.

    Each visit allocates `bytes_per_visit` when its work begins. How long a pause takes is drawn from the
    workload's table of pauses of the station. An infinite budget collects never. `live_bytes` is what a
    collection leaves: nothing moves with it, but budgets are set as shares of it (GOGC).
    """

    bytes_per_visit: float = 0.0
    budget_bytes: float = UNLIMITED
    live_bytes: float = 0.0

    def __post_init__(self) -> None:
        at_least("gc.bytes_per_visit", self.bytes_per_visit, 0)
        at_least("gc.budget_bytes", self.budget_bytes, 1)
        at_least("gc.live_bytes", self.live_bytes, 0)


@dataclass(frozen=True)
class Autoscaler:
    """Instances by utilisation, from the station's `instances` up to `high` (a HorizontalPodAutoscaler).

    Every `period_s` the mean share of busy workers over that period is compared with `target`: if their
    ratio is further than `tolerance` from 1, the wanted number is ceil(instances · ratio). New ones take
    part `start_s` later; fewer are kept only if no wanted number of the last `stabilise_s` was larger.
    Retired ones finish what they have. Off while `high` is not above `instances`.
    """

    high: float = 0
    target: float = 0.8
    period_s: float = 15.0
    start_s: float = 30.0
    stabilise_s: float = 300.0
    tolerance: float = 0.1

    def __post_init__(self) -> None:
        at_least("autoscaler.high", self.high, 0)
        at_least("autoscaler.target", self.target, 1e-3)
        at_least("autoscaler.period_s", self.period_s, 1e-3)
        at_least("autoscaler.start_s", self.start_s, 0)
        at_least("autoscaler.stabilise_s", self.stabilise_s, 0)
        at_least("autoscaler.tolerance", self.tolerance, 0)


@dataclass(frozen=True)
class Breaker:
    """A circuit breaker on a call, one in each calling instance; while it is open, tries fail at once.

    - consecutive: opens at `failures` failures in a row (sony/gobreaker; its "more than n" is n + 1). With a
      finite `window_s` the counts are cleared every `window_s` (gobreaker's Interval).
    - count window, time window: opens when, over the last `window` calls or `window_s` seconds (whole ones)
      and at least `minimum` calls, the share of failures reaches `failure_share` or that of calls slower than
      `slow_s` reaches `slow_share` (resilience4j).

    Timeouts and 5xx answers are failures, a 429 is none. After `open_s` the breaker lets `trials` tries
    through: "consecutive" closes after `trials` successes in a row and opens at the first failure, the others
    judge by the same shares once `minimum` of them have answered, or all if they are fewer.
    """

    KINDS: ClassVar = ("none", "consecutive", "count window", "time window")
    kind: str = "none"
    failures: float = 5
    failure_share: float = 0.5
    slow_s: float = UNLIMITED
    slow_share: float = 1.0
    window: float = 100
    window_s: float = UNLIMITED
    minimum: float = 100
    open_s: float = 60.0
    trials: float = 10

    def __post_init__(self) -> None:
        one_of("breaker.kind", self.kind, self.KINDS)
        at_least("breaker.failures", self.failures, 1)
        at_least("breaker.window", self.window, 1)
        at_least("breaker.minimum", self.minimum, 1)
        at_least("breaker.open_s", self.open_s, 1e-9)
        at_least("breaker.trials", self.trials, 1)
        at_least("breaker.slow_s", self.slow_s, 1e-9)
        a_share("breaker.failure_share", self.failure_share)
        a_share("breaker.slow_share", self.slow_share)
        if self.kind == "time window" and not 1 <= self.window_s < math.inf:
            raise SettingError(f"{self.window_s}", where="breaker.window_s", expected="at least one second")


@dataclass(frozen=True)
class RetryBudget:
    """What bounds the retries of one call, in each calling instance; a retry that it refuses is not made.

    - active: at most `share` of the tries in progress may be retries, but always `floor` (Envoy's
      retry_budget: 20 %, 3).
    - tokens: `tokens` at most and at first; a failed try takes one, a success gives `share` back, and retries
      are made only while more than half are left (gRPC's retryThrottling).
    """

    KINDS: ClassVar = ("none", "active", "tokens")
    kind: str = "none"
    share: float = 0.2
    floor: float = 3
    tokens: float = 10

    def __post_init__(self) -> None:
        one_of("budget.kind", self.kind, self.KINDS)
        at_least("budget.share", self.share, 0)
        at_least("budget.floor", self.floor, 0)
        at_least("budget.tokens", self.tokens, 1)


@dataclass(frozen=True)
class Balance:
    """Which instance of the callee a try goes to, chosen by each calling instance for itself.

    round robin; random; two choices (of two drawn at random the one with fewer tries of this caller in
    progress); least active (fewest in progress of all, the first in turn among equals); ring hash (by the
    request's key on a ring of `points` points an instance, so that a key stays where it was when others
    leave). Instances known to be down or ejected are passed over unless all are.

    Probes notice an instance that is down (or up again) at the `threshold`th probe after the change; they
    come every `probe_s`, counted from time 0 (infinite: never noticed).
    """

    KINDS: ClassVar = ("round robin", "random", "two choices", "least active", "ring hash")
    kind: str = "round robin"
    points: float = 100
    probe_s: float = UNLIMITED
    threshold: float = 3

    def __post_init__(self) -> None:
        one_of("balance.kind", self.kind, self.KINDS)
        at_least("balance.points", self.points, 1)
        at_least("balance.probe_s", self.probe_s, 1e-3)
        at_least("balance.threshold", self.threshold, 1)


@dataclass(frozen=True)
class Outliers:
    """Instances of the callee ejected by a calling instance after `failures` failed tries in a row.

    Ejection number n lasts n · `ejection_s`; at most `share` of the instances, but one in any case, are out
    at once (Envoy's outlier detection, consecutive_5xx). An infinite `failures` ejects none.
    """

    failures: float = UNLIMITED
    ejection_s: float = 30.0
    share: float = 0.1

    def __post_init__(self) -> None:
        at_least("outliers.failures", self.failures, 1)
        at_least("outliers.ejection_s", self.ejection_s, 1e-3)
        a_share("outliers.share", self.share)


@dataclass(frozen=True)
class Cache:
    """A cache in front of a callee that answers a share of the calls by itself, at once.

    Holds `size` of `keys` keys, asked for with Zipf's exponent `skew`, each for `ttl_s` at most; the share of
    hits is that of Che's approximation for LRU. Size 0 is no cache.
    """

    size: float = 0
    keys: float = 1_000_000
    skew: float = 0.8
    ttl_s: float = UNLIMITED

    def __post_init__(self) -> None:
        at_least("cache.size", self.size, 0)
        at_least("cache.keys", self.keys, 1)
        at_least("cache.skew", self.skew, 0)
        at_least("cache.ttl_s", self.ttl_s, 1e-9)
