"""The mechanisms of the naive reference, each told as its source tells it: small objects that are asked.

None of them knows of events or visits; the simulation asks, tells them what happened, and when.
"""

from __future__ import annotations

import math
from typing import Any

from workbench.policies import Breaker, Codel, Concurrency, Limit, Outliers, Pool, RetryBudget

INF = math.inf


# -- at a station: arrivals by rate ------------------------------------------------------------------------


def limit(policy: Limit) -> Any:
    """What has `delay(now)`: seconds until the arrival may pass, infinite for one that is refused."""
    if policy.rate_rps == INF:
        return NoLimit()
    kinds = {
        "token bucket": TokenBucket,
        "leaky bucket": LeakyBucket,
        "fixed window": FixedWindow,
        "sliding window": SlidingWindow,
    }
    return kinds[policy.kind](policy)


class NoLimit:
    def delay(self, now: float) -> float:
        return 0.0


class TokenBucket:
    """golang.org/x/time/rate, Allow and Wait: a wait is cut to whole nanoseconds."""

    def __init__(self, policy: Limit) -> None:
        self.rate, self.burst, self.longest_ns = (
            policy.rate_rps,
            float(policy.burst),
            nanoseconds(policy.wait_s),
        )
        self.tokens, self.filled_at = self.burst, 0.0

    def delay(self, now: float) -> float:
        left = min(self.burst, self.tokens + (now - self.filled_at) * self.rate) - 1.0
        wait_ns = math.floor(-left / self.rate * 1e9) if left < 0 else 0
        if wait_ns > self.longest_ns:
            return INF
        self.tokens, self.filled_at = left, now
        return wait_ns / 1e9


class LeakyBucket:
    """nginx limit_req: `excess` is how many are ahead of one that comes now."""

    def __init__(self, policy: Limit) -> None:
        self.rate, self.burst = policy.rate_rps, float(policy.burst)
        self.excess, self.last = -1.0, 0.0

    def delay(self, now: float) -> float:
        excess = max(0.0, self.excess - self.rate * (now - self.last) + 1.0)
        if excess > self.burst + 1e-9:
            return INF
        self.excess, self.last = excess, now
        return nanoseconds(excess / self.rate) / 1e9


class FixedWindow:
    """resilience4j's AtomicRateLimiter: permits of windows to come can be reserved: `left` goes below 0."""

    def __init__(self, policy: Limit) -> None:
        self.window_ns, self.longest_ns = nanoseconds(policy.window_s), nanoseconds(policy.wait_s)
        self.permits = permits(policy)
        self.window, self.left = 0, self.permits

    def delay(self, now: float) -> float:
        now_ns = nanoseconds(now)
        window = now_ns // self.window_ns
        left = min(self.permits, self.left + (window - self.window) * self.permits)
        wait_ns = 0
        if left < 1:
            windows = -((left - 1) // self.permits)  # rounded up
            wait_ns = (window + windows) * self.window_ns - now_ns
        if wait_ns > self.longest_ns:
            return INF
        self.window, self.left = window, left - 1
        return wait_ns / 1e9


class SlidingWindow:
    """A log of those admitted; of any `permits` + 1 in a row the last is a window after the first."""

    def __init__(self, policy: Limit) -> None:
        self.window_ns, self.permits = nanoseconds(policy.window_s), permits(policy)
        self.admitted: list[float] = []

    def delay(self, now: float) -> float:
        first = self.admitted[-self.permits] if len(self.admitted) >= self.permits else -INF
        if nanoseconds(now - first) < self.window_ns:
            return INF
        self.admitted.append(now)
        return 0.0


def permits(policy: Limit) -> int:
    """Whole permits of a window, one at least; 0.29 · 100 are 29 of them."""
    return max(1, math.floor(policy.rate_rps * policy.window_s * (1 + 1e-12)))


def nanoseconds(time_s: float) -> float:
    """A time in whole nanoseconds, in which the libraries reckon."""
    return INF if time_s == INF else round(time_s * 1e9)


# -- at a station: how many inside -------------------------------------------------------------------------


def concurrency(policy: Concurrency) -> Any:
    """What has `enter()`, the number inside with the new one or 0 if refused, and `leave(...)`."""
    kinds = {"none": Fixed, "fixed": Fixed, "aimd": Aimd, "vegas": Vegas, "gradient2": Gradient2}
    return kinds[policy.kind](policy)


class Fixed:
    """As many as the limit; subclasses move it after every visit."""

    def __init__(self, policy: Concurrency) -> None:
        self.policy, self.inside = policy, 0
        self.limit = INF if policy.kind == "none" else float(policy.limit)

    def enter(self) -> int:
        if self.inside >= self.whole_limit():
            return 0
        self.inside += 1
        return self.inside

    def leave(self, rtt_s: float, inside_at_entry: int, failed: bool) -> None:
        self.inside -= 1
        self.sample(float(max(1, nanoseconds(rtt_s))), inside_at_entry, failed)

    def whole_limit(self) -> float:
        return self.limit if self.limit == INF else math.floor(self.limit)

    def sample(self, rtt_ns: float, inside: int, failed: bool) -> None:
        """Nothing moves a fixed limit."""


class Aimd(Fixed):
    """AIMDLimit of Netflix concurrency-limits."""

    def sample(self, rtt_ns: float, inside: int, failed: bool) -> None:
        new = self.whole_limit()
        if failed or rtt_ns > nanoseconds(self.policy.timeout_s):
            new = math.floor(new * self.policy.backoff)
        elif inside * 2 >= new:
            new += 1
        self.limit = min(self.policy.high, max(self.policy.low, new))


class Vegas(Fixed):
    """VegasLimit of Netflix concurrency-limits; its random probe jitter of 0.5 to 1 is ¾ here."""

    def __init__(self, policy: Concurrency) -> None:
        super().__init__(policy)
        self.shortest_ns, self.samples = 0.0, 0

    def sample(self, rtt_ns: float, inside: int, failed: bool) -> None:
        self.samples += 1
        if 0.75 * 30 * self.limit <= self.samples:
            self.samples, self.shortest_ns = 0, rtt_ns
        elif self.shortest_ns == 0 or rtt_ns < self.shortest_ns:
            self.shortest_ns = rtt_ns
        else:
            queued = math.ceil(self.limit * (1 - self.shortest_ns / rtt_ns))
            new = self.moved(queued, inside, failed)
            if new is not None:
                self.limit = max(self.policy.low, min(self.policy.high, new))

    def moved(self, queued: int, inside: int, failed: bool) -> float | None:
        """The new limit; None leaves it as it is, even one above the highest, with which it may begin."""
        step = max(1, math.floor(math.log10(math.floor(self.limit))))
        if failed:
            return self.limit - step
        if inside * 2 < self.limit:
            return None
        if queued <= step:
            return self.limit + 6 * step
        if queued < 3 * step:
            return self.limit + step
        return self.limit - step if queued > 6 * step else None


class Gradient2(Fixed):
    """Gradient2Limit of Netflix concurrency-limits."""

    WINDOW, WARM_UP, QUEUE = 600, 10, 4

    def __init__(self, policy: Concurrency) -> None:
        super().__init__(policy)
        self.long_ns, self.samples, self.sum_ns = 0.0, 0, 0.0

    def sample(self, rtt_ns: float, inside: int, failed: bool) -> None:
        long_ns = self.averaged(rtt_ns)
        if long_ns / rtt_ns > 2:
            self.long_ns *= 0.95
        if inside < self.limit / 2:
            return
        gradient = max(0.5, min(1.0, self.policy.tolerance * long_ns / rtt_ns))
        smoothing = self.policy.smoothing
        new = self.limit * (1 - smoothing) + (self.limit * gradient + self.QUEUE) * smoothing
        self.limit = max(self.policy.low, min(self.policy.high, new))

    def averaged(self, rtt_ns: float) -> float:
        if self.samples < self.WARM_UP:
            self.samples += 1
            self.sum_ns += rtt_ns
            self.long_ns = self.sum_ns / self.samples
        else:
            factor = 2.0 / (self.WINDOW + 1)
            self.long_ns = self.long_ns * (1 - factor) + rtt_ns * factor
        return self.long_ns


# -- servers and connections -------------------------------------------------------------------------------


class Servers:
    """A pool: who holds a server is counted, who waits for one stands in line."""

    def __init__(self, policy: Pool) -> None:
        self.policy, self.busy = policy, 0
        self.waiting: list[Any] = []

    def free(self) -> bool:
        return self.busy < self.policy.servers

    def place(self) -> bool:
        return len(self.waiting) < self.policy.queue

    def take_next(self) -> Any:
        """Who is next, or None."""
        if not self.waiting:
            return None
        return self.waiting.pop(0 if self.policy.order == "fifo" else -1)


class Shedding:
    """CoDel (RFC 8289, section 5), with a visit as a packet of the largest size.

    A dequeue of the RFC drops until it has one to give; here every one is asked about by itself, and `then`
    keeps what the RFC's code would do with the next: "give" it whatever it is, or perhaps "drop more".
    """

    def __init__(self, policy: Codel) -> None:
        self.policy = policy
        self.above_from = INF  # when waits will have been too long for an interval; infinite: they are not
        self.dropping, self.drop_next, self.count, self.last_count = False, 0.0, 0, 0
        self.then = "begin"

    def drop(self, now: float, sojourn_s: float, still_queued: int) -> bool:
        too_long = self.too_long(now, sojourn_s, still_queued)
        then, self.then = self.then, "begin"
        interval_s = self.policy.interval_s
        if then == "give":
            return False
        if self.dropping:
            if not too_long:
                self.dropping = False
                return False
            if then == "drop more":
                self.drop_next += interval_s / math.sqrt(self.count)
            if now < self.drop_next:
                return False
            self.count += 1
            self.then = "drop more"
            return True
        if not too_long:
            return False
        self.dropping = True
        recent = self.count - self.last_count
        self.count = recent if recent > 1 and now - self.drop_next < 16 * interval_s else 1
        self.drop_next = now + interval_s / math.sqrt(self.count)
        self.last_count = self.count
        self.then = "give"
        return True

    def found_empty(self) -> None:
        """The server has looked for a next one, and there was none."""
        self.above_from = INF
        if self.then == "drop more":
            self.dropping = False
        self.then = "begin"

    def too_long(self, now: float, sojourn_s: float, still_queued: int) -> bool:
        if sojourn_s < self.policy.target_s or still_queued <= 1:
            self.above_from = INF
        elif self.above_from == INF:
            self.above_from = now + self.policy.interval_s
        else:
            return now >= self.above_from
        return False


# -- on a call: breakers -----------------------------------------------------------------------------------


def breaker(policy: Breaker) -> Any:
    """What has `allow(now)` giving a ticket or None, `told(ticket, ...)` and `given_back(ticket)`."""
    kinds = {
        "none": NoBreaker,
        "consecutive": Consecutive,
        "count window": Windowed,
        "time window": Windowed,
    }
    return kinds[policy.kind](policy)


class NoBreaker:
    def __init__(self, policy: Breaker) -> None:
        pass

    def allow(self, now: float) -> int | None:
        return 0

    def told(self, ticket: int, now: float, duration_s: float, failed: bool) -> None:
        pass

    def given_back(self, ticket: int, now: float) -> None:
        pass


class Consecutive:
    """sony/gobreaker with ReadyToTrip at `failures` in a row, MaxRequests `trials`, Interval `window_s`."""

    def __init__(self, policy: Breaker) -> None:
        self.policy, self.generation = policy, 0
        self.enter("closed", 0.0)

    def enter(self, state: str, now: float) -> None:
        """Begin a generation: counts are zero, and it ends by itself after a while unless half open."""
        self.state, self.generation = state, self.generation + 1
        self.requests = self.successes = self.failures = 0
        lasts_s = {"closed": self.policy.window_s, "open": self.policy.open_s, "half open": INF}
        self.expiry = now + lasts_s[state]

    def look(self, now: float) -> None:
        if self.expiry < now:
            self.enter("closed" if self.state == "closed" else "half open", now)

    def allow(self, now: float) -> int | None:
        self.look(now)
        if self.state == "open" or (self.state == "half open" and self.requests >= self.policy.trials):
            return None
        self.requests += 1
        return self.generation

    def told(self, ticket: int, now: float, duration_s: float, failed: bool) -> None:
        self.look(now)
        if ticket != self.generation:
            return
        if failed:
            self.failures, self.successes = self.failures + 1, 0
            if self.state == "half open" or self.failures >= self.policy.failures:
                self.enter("open", now)
        else:
            self.failures, self.successes = 0, self.successes + 1
            if self.state == "half open" and self.successes >= self.policy.trials:
                self.enter("closed", now)

    def given_back(self, ticket: int, now: float) -> None:
        self.look(now)
        if ticket == self.generation:
            self.requests -= 1


class Windowed:
    """resilience4j's CircuitBreaker over the last calls or the last seconds."""

    def __init__(self, policy: Breaker) -> None:
        self.policy, self.generation = policy, 0
        self.enter("closed", 0.0)

    def enter(self, state: str, now: float) -> None:
        self.state, self.generation, self.since = state, self.generation + 1, now
        self.answers: list[tuple[int, bool, bool]] = []  # in which second, failed, slow
        self.trials_left = self.policy.trials

    def allow(self, now: float) -> int | None:
        if self.state == "open":
            if now <= self.since + self.policy.open_s:
                return None
            self.enter("half open", now)
        if self.state == "half open":
            if self.trials_left < 1:
                return None
            self.trials_left -= 1
        return self.generation

    def told(self, ticket: int, now: float, duration_s: float, failed: bool) -> None:
        """Count an answer in whatever state it comes; the library knows no generations."""
        if self.state == "open":
            return
        second = math.floor(now)
        self.answers.append((second, failed, duration_s > self.policy.slow_s))
        enough = self.policy.minimum
        if self.policy.kind == "count window":
            enough = min(enough, self.policy.window)
        if self.state == "half open":
            enough = min(enough, self.policy.trials)
        elif self.policy.kind == "count window":
            self.answers = self.answers[-math.floor(self.policy.window) :]
        else:
            first = second - math.floor(self.policy.window_s) + 1
            self.answers = [answer for answer in self.answers if answer[0] >= first]
        total = len(self.answers)
        if total < enough:
            return
        failures = sum(failed for _, failed, _ in self.answers)
        slow = sum(slow for _, _, slow in self.answers)
        if failures / total >= self.policy.failure_share or slow / total >= self.policy.slow_share:
            self.enter("open", now)
        elif self.state == "half open":
            self.enter("closed", now)

    def given_back(self, ticket: int, now: float) -> None:
        if self.state == "half open":
            self.trials_left += 1


# -- on a call: retry budgets and outliers -----------------------------------------------------------------


class Budget:
    """Envoy's retry_budget ("active") or gRPC's retryThrottling ("tokens")."""

    def __init__(self, policy: RetryBudget) -> None:
        self.policy, self.tokens = policy, float(policy.tokens)
        self.tries = self.retries = 0  # in progress; a retry counts from when it is allowed

    def allows(self) -> bool:
        if self.policy.kind == "active":
            most = max(math.floor(self.policy.share * self.tries), math.floor(self.policy.floor))
            return self.retries < most
        return self.policy.kind == "none" or self.tokens > self.policy.tokens / 2

    def told(self, result: str) -> None:
        if result == "ok":
            self.tokens = min(self.policy.tokens, self.tokens + self.policy.share)
        elif result not in ("limited", "open"):
            self.tokens = max(0.0, self.tokens - 1.0)


class Ejections:
    """Envoy's outlier detection by consecutive 5xx, as one calling instance sees the callee's instances."""

    def __init__(self, policy: Outliers, instances: int) -> None:
        self.policy = policy
        self.in_a_row = [0] * instances
        self.ejected = [0] * instances  # how often
        self.until = [-INF] * instances

    def out(self, instance: int, now: float) -> bool:
        return now < self.until[instance]

    def told(self, instance: int, now: float, failed: bool) -> None:
        if not failed:
            self.in_a_row[instance] = 0
        elif not self.out(instance, now):
            self.in_a_row[instance] += 1
            if self.in_a_row[instance] >= self.policy.failures:
                self.in_a_row[instance] = 0
                out = sum(now < until for until in self.until)
                if out == 0 or (out + 1) / len(self.until) <= self.policy.share:
                    self.ejected[instance] += 1
                    self.until[instance] = now + self.ejected[instance] * self.policy.ejection_s


class Probed:
    """When an instance went down and up, and what probes know of it."""

    def __init__(self) -> None:
        self.turns: list[tuple[float, bool]] = []  # (when, down?)

    def turned(self, now: float, down: bool) -> None:
        if down != (self.turns[-1][1] if self.turns else False):
            self.turns.append((now, down))

    def known_down(self, now: float, probe_s: float, threshold: float) -> bool:
        """As the last change that lasted until it was noticed; one that ends in that instant did not."""
        known = False
        for place, (when, down) in enumerate(self.turns):
            end = self.turns[place + 1][0] if place + 1 < len(self.turns) else INF
            noticed = INF if probe_s == INF else probe_s * (math.floor(when / probe_s) + threshold)
            if noticed <= now and noticed < end:
                known = down
        return known
