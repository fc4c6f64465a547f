"""The naive simulator: the meaning of a network as plain Python, to which the compiled kernel is held.

It is written from the docstrings of `workbench.network` and `workbench.twin.kernel` and shares no code with
the twin. Both do the same arithmetic in the same order, so their logs agree in every bit.

The rules:

1. Time jumps from event to event. At one instant arrivals from outside come first, in order; then the events
   in the order in which they were scheduled.
2. A visit that arrives is counted against the limit (429), then takes a free server, a place in the queue,
   or is refused. With a server it works, makes its calls one after another, works again, and answers.
3. A deadline is set on arrival: the station's own or what the caller had left, whichever is sooner. A visit
   given a server at its deadline or later takes no work: it answers 504 as the next event of that instant.
4. A try is given up at its timeout or the caller's deadline; the callee is not told. The caller hears of a
   try once. A failed try is repeated after the backoff while tries remain and the backoff ends before the
   deadline; 429 is not repeated. A call that has failed fails the visit, as 504 if its deadline is over.
5. A visit that ends hands its server to the first in the queue; only then does its caller hear.
6. Work is drawn by the visit's luck, all else by its key. Every try has luck of its own, but with the
   workload's persistence a retry has that of the first try. Luck derives from the caller's luck, so who
   meets the same work again meets it again at all callees.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from workbench.network import Call, Demand, Network, Station, Workload

NAN, INF = math.nan, math.inf
WORD = 2**64
BEFORE, AFTER, TRANSIT, BACKOFF, PERSIST = 1, 2, 3, 4, 5


@dataclass(eq=False)
class Visit:
    """One request at one station, which is also one try of its caller's call."""

    row: int
    request: int
    caller: Visit | None
    at: Site
    call_row: int
    attempt: int
    sent: float
    key: int
    luck: int
    arrived: float = NAN
    started: float = NAN
    ended: float = NAN
    outcome: str = "running"
    heard: float = NAN
    result: str = "running"
    time_left: float = INF  # on the way: until the caller's deadline
    deadline: float = INF
    calls_begun: int = 0
    tries: int = 0
    awaits: Visit | None = None


@dataclass(eq=False)
class Site:
    """A station while it runs: who works, who waits, and its bucket of tokens."""

    policy: Station
    demand: Demand | None
    first_call_row: int
    tokens: float
    filled_at: float = 0.0
    busy: int = 0
    waiting: deque[Visit] = field(default_factory=deque)


def simulate(network: Network, workload: Workload, arrivals: Iterable[float], seed: int) -> list[Visit]:
    """Every visit of the requests that arrive at these times (s, sorted), in order of creation."""
    return _Simulation(network, workload, seed).run(arrivals)


class _Simulation:
    def __init__(self, network: Network, workload: Workload, seed: int) -> None:
        self.workload, self.seed = workload, seed
        self.entry = network.entry
        self.sites: dict[str, Site] = {}
        calls_so_far = 0
        for policy in network.stations:
            demand = workload.demand.get(policy.name)
            self.sites[policy.name] = Site(policy, demand, calls_so_far, float(policy.limit.burst))
            calls_so_far += len(policy.calls)
        self.visits: list[Visit] = []
        self.agenda: list[tuple[float, int, int, Callable[[], None]]] = []
        self.scheduled = 0
        self.now = 0.0

    def run(self, arrivals: Iterable[float]) -> list[Visit]:
        for request, time in enumerate(arrivals):
            heapq.heappush(self.agenda, (float(time), 0, request, self._entering(request)))
        while self.agenda:
            self.now, _, _, happen = heapq.heappop(self.agenda)
            happen()
        return self.visits

    def at(self, time: float, happen: Callable[[], None]) -> None:
        self.scheduled += 1
        heapq.heappush(self.agenda, (time, 1, self.scheduled, happen))

    def _entering(self, request: int) -> Callable[[], None]:
        key = splitmix(splitmix(self.seed) ^ request)
        return lambda: self.arrive(self.visit(request, None, self.entry, -1, 0, key, key))

    def visit(
        self,
        request: int,
        caller: Visit | None,
        station: str,
        call_row: int,
        attempt: int,
        key: int,
        luck: int,
    ) -> Visit:
        row, at = len(self.visits), self.sites[station]
        self.visits.append(Visit(row, request, caller, at, call_row, attempt, self.now, key, luck))
        return self.visits[-1]

    def arrive(self, visit: Visit) -> None:
        site, pool = visit.at, visit.at.policy.pool
        visit.arrived = self.now
        visit.deadline = self.now + min(visit.time_left, site.policy.deadline_s)
        if not self.take_token(site):
            self.leave(visit, "limited")
        elif site.busy < pool.servers:
            site.busy += 1
            self.start(visit)
        elif len(site.waiting) < pool.queue:
            site.waiting.append(visit)
        else:
            self.leave(visit, "refused")

    def take_token(self, site: Site) -> bool:
        limit = site.policy.limit
        if limit.rate_rps == INF:
            return True
        tokens = site.tokens + (self.now - site.filled_at) * limit.rate_rps
        left = min(float(limit.burst), tokens) - 1.0
        if left < 0 and -left / limit.rate_rps * 1e9 >= 1.0:
            return False  # the missing part of a token is a nanosecond away, or more
        site.tokens, site.filled_at = left, self.now
        return True

    def start(self, visit: Visit) -> None:
        visit.started = self.now
        if self.now >= visit.deadline:
            self.at(self.now, lambda: self.leave(visit, "expired"))
        else:
            before = None if visit.at.demand is None else visit.at.demand.before
            self.at(self.now + draw(before, visit.luck, BEFORE), lambda: self.next_call(visit))

    def next_call(self, visit: Visit) -> None:
        """Go on after the first work or after a call that succeeded."""
        if visit.calls_begun < len(visit.at.policy.calls):
            visit.calls_begun += 1
            visit.tries = 0
            self.begin_try(visit)
        elif visit.at.demand is None or visit.at.demand.after is None:
            self.leave(visit, "ok")
        else:
            rest_s = draw(visit.at.demand.after, visit.luck, AFTER)
            self.at(self.now + rest_s, lambda: self.leave(visit, "ok"))

    def begin_try(self, visit: Visit) -> None:
        if self.now >= visit.deadline:
            self.leave(visit, "expired")
            return
        number = visit.calls_begun - 1
        call = visit.at.policy.calls[number]
        key = below(visit.key, number, visit.tries)
        luck = self.luck(visit, number, visit.tries)
        row = visit.at.first_call_row + number
        this_try = self.visit(visit.request, visit, call.to, row, visit.tries, key, luck)
        this_try.time_left = visit.deadline - self.now
        visit.tries += 1
        visit.awaits = this_try
        transit = self.workload.transit.get(f"{visit.at.policy.name}.{call.to}")
        self.at(self.now + draw(transit, key, TRANSIT), lambda: self.arrive(this_try))
        give_up = min(self.now + call.timeout_s, visit.deadline)
        if give_up < INF:
            self.at(give_up, lambda: self.hear(visit, this_try, call, "timeout"))

    def luck(self, caller: Visit, number: int, attempt: int) -> int:
        first, fresh = below(caller.luck, number, 0), below(caller.luck, number, attempt)
        same_again = attempt > 0 and uniform(fresh, PERSIST) < self.workload.persistence
        return first if same_again else fresh

    def hear(self, caller: Visit, this_try: Visit, call: Call, result: str) -> None:
        if caller.awaits is not this_try:
            return  # given up before, or answered before
        caller.awaits = None
        this_try.heard, this_try.result = self.now, result
        over = self.now >= caller.deadline
        if result == "ok":
            self.next_call(caller)
        elif result == "limited" or caller.tries == call.attempts:
            self.leave(caller, "expired" if over else "failed")
        else:
            jittered = 1.0 - call.jitter * uniform(this_try.key, BACKOFF)
            again = self.now + call.backoff_s * 2.0 ** (caller.tries - 1) * jittered
            if again >= caller.deadline:
                self.leave(caller, "expired")
            else:
                self.at(again, lambda: self.begin_try(caller))

    def leave(self, visit: Visit, outcome: str) -> None:
        visit.ended, visit.outcome = self.now, outcome
        site = visit.at
        if not math.isnan(visit.started):
            if site.waiting:
                self.start(site.waiting.popleft())
            else:
                site.busy -= 1
        if visit.caller is None:
            visit.heard, visit.result = self.now, outcome
        else:
            call = visit.caller.at.policy.calls[visit.call_row - visit.caller.at.first_call_row]
            self.hear(visit.caller, visit, call, outcome)


def splitmix(x: int) -> int:
    """One step of splitmix64, on Python's whole numbers."""
    x = (x + 0x9E3779B97F4A7C15) % WORD
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % WORD
    return x ^ (x >> 31)


def below(key: int, number: int, attempt: int) -> int:
    """Key of a try of call `number` (0, 1, …) from the key of the visit that calls."""
    return splitmix((splitmix(key ^ (number + 1)) + attempt) % WORD)


def uniform(key: int, purpose: int) -> float:
    """The first 53 bits of the mixed key, as a number in [0, 1)."""
    return (splitmix(key ^ splitmix(purpose)) >> 11) / 2.0**53


def draw(table: np.ndarray | None, key: int, purpose: int) -> float:
    """A time (s) from a quantile table; 0 without one."""
    if table is None:
        return 0.0
    place = uniform(key, purpose) * len(table) - 0.5
    low = math.floor(place)
    if place <= 0:
        return float(table[0])
    if low + 1 >= len(table):
        return float(table[-1])
    left, right = float(table[low]), float(table[low + 1])
    return left + (place - low) * (right - left)
