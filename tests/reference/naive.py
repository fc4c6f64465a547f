"""The naive simulator: the meaning of a network as plain Python, to which the compiled kernel is held.

It is written from the words of `workbench.network` and `workbench.policies` and shares no code with the
twin. Both do the same arithmetic in the same order, so their logs agree in every bit. The way of a visit is
`arrive`, `start`, `worked`, `begin_try`, `hear`, `leave`; what protects it stands in `mechanisms`, what it
runs on in `processor`.

Time jumps from event to event. At one instant changes of the scenario come first, then arrivals from outside,
then the events in the order in which they were scheduled. Whoever gives back a server, a connection or the
loop hands it to the next first, and goes on then.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.reference.draws import (
    AFTER,
    BACKOFF,
    BALANCE,
    BALANCE2,
    BEFORE,
    CACHE,
    FAIL,
    PAUSE,
    PERSIST,
    SHARE,
    THINK,
    TRANSIT,
    below,
    draw,
    root_key,
    uniform,
)
from tests.reference.mechanisms import (
    Budget,
    Ejections,
    Probed,
    Servers,
    Shedding,
    breaker,
    concurrency,
    limit,
)
from tests.reference.processor import Clock, Unlimited, processor
from workbench.network import Call, Change, Network, Station, Workload

NAN, INF = math.nan, math.inf
BAD = ("timeout", "failed", "refused", "expired", "unconnected")  # what breakers and outliers call failures
NOTHING_DONE = ("refused", "unconnected", "open")  # what may be tried again even if it is not idempotent
Ring = Sequence[tuple[int, int]]  # (position, instance), sorted


@dataclass(eq=False)
class Visit:
    """One request at one station, which is also one try of its caller's call."""

    row: int
    request: int
    caller: Visit | None
    station: Site
    call_row: int
    attempt: int
    sent: float
    key: int
    luck: int
    leg: Leg | None = None
    place: Instance | None = None
    instance: int = -1
    arrived: float = NAN
    started: float = NAN
    ended: float = NAN
    outcome: str = "running"
    heard: float = NAN
    result: str = "running"
    degraded: int = 0
    # as a visit
    state: str = "coming"  # delayed, queued, shed, working, calling, gone, ended
    time_left: float = INF  # on the way: until the caller's deadline
    deadline: float = INF
    inside: int = 0  # how many were inside with it when it was admitted
    cancelled: bool = False
    next_call: int = 0
    legs: list[Leg] = field(default_factory=list)
    # as a try
    open: bool = False
    ticket: int = 0  # of the breaker
    connected: bool = False
    of_user: bool = False


@dataclass(eq=False)
class Leg:
    """One copy of one call of a visit, with all its tries."""

    caller: Visit
    number: int  # of the call at its station
    copy: int
    call: Call
    until: float
    tries: int = 0
    open: list[Visit] = field(default_factory=list)
    retry_coming: bool = False
    settled: bool = False


@dataclass(eq=False)
class Site:
    """A station while it runs, with what is the same for all its instances."""

    policy: Station
    first_call_row: int
    slow: float = 1.0
    failing: float = 0.0
    hanging: bool = False
    instances: list[Instance] = field(default_factory=list)
    wanted: list[tuple[float, int]] = field(
        default_factory=list
    )  # the autoscaler's numbers: (when, how many)


class Instance:
    """One instance: its state, empty at first and after a loss, and what survives a loss."""

    def __init__(self, site: Site, number: int, ready: bool) -> None:
        self.site, self.number, self.ready = site, number, ready
        self.starting = 0  # number of the start that is under way, 0 for none
        self.starts = 0
        self.lost = False
        self.up_since = 0.0
        self.probed = Probed()


class Link:
    """A call as one calling instance makes it."""

    def __init__(self, call: Call, instances: int) -> None:
        self.pool = Servers(call.pool)
        self.breaker = breaker(call.breaker)
        self.budget = Budget(call.budget)
        self.ejections = Ejections(call.outliers, instances)
        self.in_progress = [0] * instances
        self.turn = 0


def run(
    network: Network,
    workload: Workload,
    arrivals: Iterable[float],
    seed: int,
    *,
    changes: Sequence[Change] = (),
    end_s: float = INF,
    hit_shares: Mapping[int, float] | None = None,
    rings: Mapping[int, Ring] | None = None,
) -> list[Visit]:
    """Every visit, in order of creation, of the requests at these times (s, sorted) and those of users.

    `hit_shares` and `rings` are by row of the call, counted through all stations; users send nothing from
    `end_s` on.
    """
    simulation = _Simulation(network, workload, seed, end_s, hit_shares or {}, rings or {})
    return simulation.run([float(time) for time in arrivals], changes)


class _Simulation:
    def __init__(
        self,
        network: Network,
        workload: Workload,
        seed: int,
        end_s: float,
        hit_shares: Mapping[int, float],
        rings: Mapping[int, Ring],
    ) -> None:
        self.workload, self.seed, self.end_s = workload, seed, end_s
        self.hit_shares, self.rings = hit_shares, rings
        self.sites: dict[str, Site] = {}
        calls_so_far = 0
        for policy in network.stations:
            self.sites[policy.name] = Site(policy, calls_so_far)
            calls_so_far += len(policy.calls)
        self.entry = self.sites[network.entry]
        self.visits: list[Visit] = []
        self.agenda: list[tuple[float, int, int, Callable[[], None]]] = []
        self.scheduled = 0
        self.now = 0.0
        for site in self.sites.values():
            for number in range(max(site.policy.instances, int(site.policy.autoscaler.high))):
                site.instances.append(Instance(site, number, number < site.policy.instances))
        for site in self.sites.values():
            for place in site.instances:
                self.empty(place)

    def empty(self, place: Instance) -> None:
        """All as at first."""
        policy = place.site.policy
        place.limit, place.concurrency = limit(policy.limit), concurrency(policy.concurrency)
        place.pool, place.shedding = Servers(policy.pool), Shedding(policy.codel)
        place.clock = Clock(lambda: self.now, self.at)
        place.cpu = processor(policy.cpu, place.clock)
        place.allocated = 0.0
        place.busy_s, place.busy_since = 0.0, self.now
        place.held: list[Visit] = []
        place.links = [Link(call, len(self.sites[call.to].instances)) for call in policy.calls]

    # -- time ----------------------------------------------------------------------------------------------

    def run(self, arrivals: list[float], changes: Sequence[Change]) -> list[Visit]:
        self.requests = len(arrivals)
        self.last_sent = max([0.0, *arrivals[-1:], *([self.end_s] if self.workload.users else [])])
        for order, (time, happen) in enumerate(self.turns(changes)):
            heapq.heappush(self.agenda, (time, 0, order, happen))
        for request, time in enumerate(arrivals):
            heapq.heappush(self.agenda, (time, 1, request, self.entering(request)))
        for _ in range(self.workload.users):
            self.new_request_of_user()
        for site in self.sites.values():
            if site.policy.autoscaler.high > site.policy.instances:
                self.look_later(site)
        while self.agenda:
            self.now, _, _, happen = heapq.heappop(self.agenda)
            happen()
        return self.visits

    def at(self, time: float, happen: Callable[[], None]) -> None:
        """Schedule an event; what is at infinity never happens."""
        if time < INF:
            self.scheduled += 1
            heapq.heappush(self.agenda, (time, 2, self.scheduled, happen))

    def later(self, time: float, who: Visit, happen: Callable[[], None]) -> None:
        """Schedule what a visit does: not if it is gone by then, and not while its instance is paused."""

        def event() -> None:
            if who.state == "gone":
                return
            if who.place is not None and who.place.clock.paused() and not who.place.lost:
                self.later(who.place.clock.paused_until, who, happen)
            else:
                happen()

        self.at(time, event)

    # -- requests ------------------------------------------------------------------------------------------

    def visit(
        self,
        request: int,
        caller: Visit | None,
        station: Site,
        call_row: int,
        attempt: int,
        sent: float,
        key: int,
        luck: int,
    ) -> Visit:
        new = Visit(len(self.visits), request, caller, station, call_row, attempt, sent, key, luck)
        self.visits.append(new)
        return new

    def root(self, request: int, sent: float) -> Visit:
        key = root_key(self.seed, request)
        return self.visit(request, None, self.entry, -1, 0, sent, key, key)

    def entering(self, request: int) -> Callable[[], None]:
        return lambda: self.enter(self.root(request, self.now))

    def new_request_of_user(self) -> None:
        """The user thinks first; a request that would be sent after the end is none."""
        request = self.requests
        self.requests += 1
        think_s = draw(self.workload.think, root_key(self.seed, request), THINK)
        if self.now + think_s < self.end_s:
            visit = self.root(request, self.now + think_s)
            visit.of_user = True
            self.at(visit.sent, lambda: self.enter(visit))

    def enter(self, visit: Visit) -> None:
        """A root visit goes to the instance of its turn, or to the next that is there."""
        places = self.entry.instances
        turn = visit.request % len(places)
        around = [places[(turn + i) % len(places)] for i in range(len(places))]
        there = [place for place in around if place.ready and not place.lost]
        visit.place = (there or around)[0]
        visit.instance = visit.place.number
        if visit.place.clock.paused() and not visit.place.lost:
            self.later(visit.place.clock.paused_until, visit, lambda: self.arrive(visit))
        else:
            self.arrive(visit)

    # -- a visit -------------------------------------------------------------------------------------------

    def arrive(self, visit: Visit) -> None:
        place, site = visit.place, visit.station
        if place.lost:
            visit.state = "ended"
            visit.ended, visit.outcome = self.now, "unconnected"
            self.answer(visit)
            return
        visit.arrived = self.now
        place.held.append(visit)
        if visit.cancelled:
            self.leave(visit, "cancelled")
            return
        if site.hanging:
            visit.state = "hanging"
            return
        visit.deadline = self.now + min(visit.time_left, site.policy.deadline_s)
        if site.failing > 0 and uniform(visit.key, FAIL) < site.failing:
            self.leave(visit, "failed")
            return
        delay_s = place.limit.delay(self.now)
        if delay_s == INF:
            self.leave(visit, "limited")
        elif delay_s > 0:
            visit.state = "delayed"
            self.later(self.now + delay_s, visit, lambda: self.admitted(visit))
        else:
            self.admitted(visit)

    def admitted(self, visit: Visit) -> None:
        place = visit.place
        if visit.cancelled:
            self.leave(visit, "cancelled")
            return
        visit.inside = place.concurrency.enter()
        if not visit.inside:
            self.leave(visit, "refused")
            return
        self.count_busy(place)
        if place.pool.free():
            place.pool.busy += 1
            self.start(visit)
        elif place.pool.place():
            visit.state = "queued"
            place.pool.waiting.append(visit)
            self.later(self.now + place.pool.policy.wait_s, visit, lambda: self.waited_out(visit))
        else:
            self.leave(visit, "refused")

    def waited_out(self, visit: Visit) -> None:
        if visit.state == "queued":
            visit.place.pool.waiting.remove(visit)
            self.leave(visit, "refused")

    def count_busy(self, place: Instance) -> None:
        """Add up the time of busy servers, before their number may change."""
        place.busy_s += place.pool.busy * (self.now - place.busy_since)
        place.busy_since = self.now

    def start(self, visit: Visit) -> None:
        place, gc = visit.place, visit.station.policy.gc
        visit.state, visit.started = "working", self.now
        counted_s = place.clock.paused_s
        if self.now >= visit.deadline:
            Unlimited.begin(place.cpu, 0.0, counted_s, lambda: self.expired(visit))
            return
        place.allocated += gc.bytes_per_visit
        if place.allocated >= gc.budget_bytes:
            place.allocated = 0.0
            pauses = self.workload.pauses.get(visit.station.policy.name)
            if pauses is not None:
                self.pause(place, self.now + draw(pauses, visit.key, PAUSE))
        demand = self.workload.demand.get(visit.station.policy.name)
        drawn_s = draw(None if demand is None else demand.before, visit.luck, BEFORE)
        self.work(visit, drawn_s, counted_s, lambda: self.worked(visit))

    def expired(self, visit: Visit) -> None:
        if visit.state != "gone":
            self.leave(visit, "cancelled" if visit.cancelled else "expired")

    def work(self, visit: Visit, drawn_s: float, counted_s: float, done: Callable[[], None]) -> None:
        """A piece of work: the processor's part, then the rest as waiting, then what comes after it."""
        place, policy = visit.place, visit.station.policy
        n, usl = place.pool.busy, policy.contention
        speed = policy.speeds[place.number] if place.number < len(policy.speeds) else 1.0
        crowded = 1.0 + usl.sigma * (n - 1) + usl.kappa * n * (n - 1)
        work_s = drawn_s * (visit.station.slow * crowded / speed * self.warm(place))
        cpu_s = policy.cpu.share * work_s
        rest_s = work_s - cpu_s
        visit.state = "working"

        def rest() -> None:
            if visit.state == "gone":
                return
            if rest_s > 0:
                self.later(self.now + rest_s, visit, done)
            else:
                done()

        if policy.cpu.kind == "unlimited" and cpu_s == 0 and rest_s > 0:
            rest()
        else:
            place.cpu.begin(cpu_s, counted_s, rest)

    def warm(self, place: Instance) -> float:
        policy = place.site.policy
        if place.up_since == 0 or policy.warm_up_s == 0:
            return 1.0
        return 1.0 + (policy.cold - 1.0) * max(0.0, 1.0 - (self.now - place.up_since) / policy.warm_up_s)

    def worked(self, visit: Visit) -> None:
        """The first work is done, or a stage of calls: go on to the next stage, the last work, the end."""
        demand = self.workload.demand.get(visit.station.policy.name)
        if visit.cancelled:
            self.leave(visit, "cancelled")
        elif visit.next_call < len(visit.station.policy.calls):
            self.next_stage(visit)
        elif demand is not None and demand.after is not None:
            drawn_s = draw(demand.after, visit.luck, AFTER)
            self.work(visit, drawn_s, visit.place.clock.paused_s, lambda: self.finished(visit))
        else:
            self.leave(visit, "ok")

    def finished(self, visit: Visit) -> None:
        self.leave(visit, "cancelled" if visit.cancelled else "ok")

    def leave(self, visit: Visit, outcome: str) -> None:
        place = visit.place
        visit.state, visit.ended, visit.outcome = "ended", self.now, outcome
        place.held.remove(visit)
        if visit.inside:
            place.concurrency.leave(self.now - visit.arrived, visit.inside, outcome != "ok")
        if not math.isnan(visit.started):
            self.hand_on(place)
        self.answer(visit)

    def hand_on(self, place: Instance) -> None:
        """Give a server to the next in the queue, unless that one is shed: then the server looks again."""
        self.count_busy(place)
        visit = place.pool.take_next()
        if visit is None:
            place.shedding.found_empty()
            place.pool.busy -= 1
        elif self.sheds(place, visit):
            visit.state = "shed"
            self.later(self.now, visit, lambda: self.leave(visit, "refused"))
            self.at_instance(self.now, place, lambda: self.hand_on(place))
        else:
            self.start(visit)

    def sheds(self, place: Instance, visit: Visit) -> bool:
        if place.shedding.policy.target_s == INF:
            return False
        return place.shedding.drop(self.now, self.now - visit.arrived, len(place.pool.waiting))

    def at_instance(self, time: float, place: Instance, happen: Callable[[], None]) -> None:
        """Schedule what an instance does: not after a loss, and not while it is paused."""
        clock = place.clock

        def event() -> None:
            if place.clock is not clock:
                return  # the instance has been lost since
            if clock.paused():
                self.at_instance(clock.paused_until, place, happen)
            else:
                happen()

        self.at(time, event)

    def answer(self, visit: Visit) -> None:
        """The caller hears; a user begins to think about the next request."""
        if visit.caller is not None:
            self.hear(visit, visit.outcome)
            return
        visit.heard, visit.result = self.now, visit.outcome
        if visit.of_user:
            self.new_request_of_user()

    # -- its calls -----------------------------------------------------------------------------------------

    def next_stage(self, visit: Visit) -> None:
        """Begin the next call and those together with it; the visit goes on when every leg is settled."""
        calls = visit.station.policy.calls
        first = visit.next_call
        visit.next_call += 1
        while visit.next_call < len(calls) and calls[visit.next_call].together:
            visit.next_call += 1
        visit.legs = [
            Leg(visit, number, copy, calls[number], min(visit.deadline, self.now + calls[number].overall_s))
            for number in range(first, visit.next_call)
            if self.is_made(visit, number)
            for copy in range(calls[number].copies)
        ]
        visit.state = "calling"
        if not visit.legs:
            self.worked(visit)
            return
        for leg in visit.legs:
            if visit.state == "calling":
                self.begin_try(leg)

    def is_made(self, visit: Visit, number: int) -> bool:
        key = below(visit.luck, number, 0)
        if uniform(key, SHARE) >= visit.station.policy.calls[number].share:
            return False
        return uniform(key, CACHE) >= self.hit_shares.get(visit.station.first_call_row + number, 0.0)

    def link(self, leg: Leg) -> Link:
        return leg.caller.place.links[leg.number]

    def begin_try(self, leg: Leg) -> None:
        if self.now >= leg.until:
            self.leg_fails(leg)
            return
        caller, call, link = leg.caller, leg.call, self.link(leg)
        number = leg.number + (leg.copy << 20)
        key, luck = below(caller.key, number, leg.tries), self.luck(caller, number, leg.tries)
        row = caller.station.first_call_row + leg.number
        this = self.visit(caller.request, caller, self.sites[call.to], row, leg.tries, self.now, key, luck)
        this.leg, this.open = leg, True
        leg.tries += 1
        leg.open.append(this)
        link.budget.tries += 1
        ticket = link.breaker.allow(self.now)
        if ticket is None:
            this.ended, this.outcome = self.now, "open"
            self.knows(this, "open")
            return
        this.ticket = ticket
        if link.pool.free():
            self.send(this)
        elif link.pool.place():
            link.pool.waiting.append(this)
            self.later(self.now + call.pool.wait_s, caller, lambda: self.unconnected(this))
        else:
            self.knows(this, "unconnected")
            return
        give_up = min(self.now + call.timeout_s, leg.until)
        self.later(give_up, caller, lambda: self.hear(this, "timeout"))
        if leg.tries < call.attempts:
            self.later(self.now + call.hedge_s, caller, lambda: self.hedge(this))

    def luck(self, caller: Visit, number: int, attempt: int) -> int:
        first, fresh = below(caller.luck, number, 0), below(caller.luck, number, attempt)
        same_again = attempt > 0 and uniform(fresh, PERSIST) < self.workload.persistence
        return first if same_again else fresh

    def send(self, this: Visit) -> None:
        caller, leg, link = this.caller, this.leg, self.link(this.leg)
        link.pool.busy += 1
        this.connected = True
        this.instance = self.choose(this, link)
        this.place = this.station.instances[this.instance]
        link.in_progress[this.instance] += 1
        if leg.call.inherits:
            this.time_left = caller.deadline - self.now - leg.call.reserve_s
        transit = self.workload.transit.get(f"{caller.station.policy.name}.{leg.call.to}")
        self.later(self.now + draw(transit, this.key, TRANSIT), this, lambda: self.arrive(this))

    def unconnected(self, this: Visit) -> None:
        if this.open and not this.connected:
            self.hear(this, "unconnected")

    def hedge(self, this: Visit) -> None:
        leg, budget = this.leg, self.link(this.leg).budget
        if this.open and leg.tries < leg.call.attempts and self.now < leg.until and budget.allows():
            budget.retries += 1
            self.begin_try(leg)

    def hear(self, this: Visit, result: str) -> None:
        """The caller learns how a try ended, unless it has done with that try, or when it can."""
        if not this.open or this.caller.state == "gone":
            return
        clock = this.caller.place.clock
        if clock.paused():
            self.later(clock.paused_until, this.caller, lambda: self.hear(this, result))
        else:
            self.knows(this, result)

    def knows(self, this: Visit, result: str) -> None:
        """The caller goes on from how a try ended; its own breaker and pool tell it without waiting.

        So it is even where rounding lets work end a moment before the pause that has lengthened it.
        """
        caller, leg, call, link = this.caller, this.leg, this.leg.call, self.link(this.leg)
        if result == "ok" and this.degraded:
            caller.degraded = 1
        self.close(this, result)
        if result != "open":
            link.breaker.told(this.ticket, self.now, self.now - this.sent, result in BAD)
        if this.connected:
            link.ejections.told(this.instance, self.now, result in BAD)
        link.budget.told(result)
        if result == "timeout" and call.cancels:
            self.cancel_soon(this)
        if result == "ok":
            self.settle(leg)
        elif leg.open:
            return
        elif self.may_retry(leg, result):
            again = self.now + self.backoff(leg, this)
            if again >= leg.until:
                self.leg_fails(leg)
            else:
                link.budget.retries += 1
                leg.retry_coming = True
                self.later(again, caller, lambda: self.retry(leg))
        else:
            self.leg_fails(leg)

    def may_retry(self, leg: Leg, result: str) -> bool:
        if result == "limited" or not (leg.call.idempotent or result in NOTHING_DONE):
            return False
        return leg.tries < leg.call.attempts and self.link(leg).budget.allows()

    def backoff(self, leg: Leg, this: Visit) -> float:
        call, retry, u = leg.call, leg.tries, uniform(this.key, BACKOFF)
        if call.backoff_law == "envoy":
            return min(call.backoff_s * (2.0**retry - 1.0), call.backoff_cap_s) * u
        return min(call.backoff_s * 2.0 ** (retry - 1), call.backoff_cap_s) * (1.0 - call.jitter * u)

    def retry(self, leg: Leg) -> None:
        if not leg.retry_coming:
            return
        leg.retry_coming = False
        if self.now >= leg.until:
            self.link(leg).budget.retries -= 1
        self.begin_try(leg)

    def close(self, this: Visit, result: str) -> None:
        """The caller has done with a try: what it held is given back."""
        link = self.link(this.leg)
        this.open = False
        this.leg.open.remove(this)
        if this.connected:
            self.release_connection(link)
            link.in_progress[this.instance] -= 1
        elif this in link.pool.waiting:
            link.pool.waiting.remove(this)
        link.budget.tries -= 1
        if this.attempt > 0:
            link.budget.retries -= 1
        if not this.connected and this.outcome == "running":
            this.ended = self.now
            this.outcome = "cancelled" if result == "cancelled" else "unconnected"
        this.heard, this.result = self.now, result

    def release_connection(self, link: Link) -> None:
        link.pool.busy -= 1
        following = link.pool.take_next()
        if following is not None:
            self.send(following)

    def abandon(self, legs: list[Leg]) -> None:
        """Close what is still open of these, in order of creation; nobody is told how it went."""
        for this in sorted([this for leg in legs for this in leg.open], key=lambda this: this.row):
            self.close(this, "cancelled")
            self.link(this.leg).breaker.given_back(this.ticket, self.now)
            if this.leg.call.cancels:
                self.cancel_soon(this)
        for leg in legs:
            if leg.retry_coming:
                leg.retry_coming = False
                self.link(leg).budget.retries -= 1

    def settle(self, leg: Leg) -> None:
        leg.settled = True
        self.abandon([leg])
        if all(other.settled for other in leg.caller.legs):
            self.worked(leg.caller)

    def leg_fails(self, leg: Leg) -> None:
        caller = leg.caller
        if leg.call.fallback:
            caller.degraded = 1
            self.settle(leg)
            return
        self.abandon(caller.legs)
        self.leave(caller, "expired" if self.now >= caller.deadline else "failed")

    def cancel_soon(self, visit: Visit) -> None:
        self.later(self.now, visit, lambda: self.cancel(visit))

    def cancel(self, visit: Visit) -> None:
        if visit.state == "queued":
            visit.place.pool.waiting.remove(visit)
            self.leave(visit, "cancelled")
        elif visit.state == "calling":
            self.abandon(visit.legs)
            self.leave(visit, "cancelled")
        else:
            visit.cancelled = True

    # -- which instance ------------------------------------------------------------------------------------

    def choose(self, this: Visit, link: Link) -> int:
        balance, places = this.leg.call.balance, this.station.instances
        members = [place.number for place in places if place.ready]
        well = [
            number
            for number in members
            if not link.ejections.out(number, self.now)
            and not places[number].probed.known_down(self.now, balance.probe_s, balance.threshold)
        ]
        candidates = well or members
        if balance.kind == "random":
            return candidates[int(uniform(this.key, BALANCE) * len(candidates))]
        if balance.kind == "two choices":
            return self.of_two(this, candidates, link.in_progress)
        if balance.kind == "ring hash":
            return self.on_ring(this, candidates)
        in_turn = sorted(candidates, key=lambda number: (number - link.turn) % len(places))
        if balance.kind == "least active":
            in_turn.sort(key=lambda number: link.in_progress[number])
        link.turn = in_turn[0] + 1
        return in_turn[0]

    def of_two(self, this: Visit, candidates: list[int], in_progress: list[int]) -> int:
        if len(candidates) == 1:
            return candidates[0]
        first = int(uniform(this.key, BALANCE) * len(candidates))
        second = int(uniform(this.key, BALANCE2) * (len(candidates) - 1))
        if second >= first:
            second += 1
        one, other = candidates[first], candidates[second]
        return other if in_progress[other] < in_progress[one] else one

    def on_ring(self, this: Visit, candidates: list[int]) -> int:
        ring, key = self.rings[this.call_row], root_key(self.seed, this.request)
        onward = [point for point in ring if point[0] >= key] + list(ring)
        return next(instance for _, instance in onward if instance in candidates)

    # -- what happens to instances -------------------------------------------------------------------------

    def pause(self, place: Instance, until: float) -> None:
        clock = place.clock
        until = max(clock.paused_until, until)
        clock.paused_s += until - max(clock.paused_until, self.now)
        clock.paused_until = until
        place.cpu.paused()

    def turns(self, changes: Sequence[Change]) -> list[tuple[float, Callable[[], None]]]:
        """Beginnings and ends of the changes; of those at one time the ends come first."""
        real = [change for change in changes if change.kind != "load" and change.start_s < change.end_s]
        ends = [(c.end_s, lambda c=c: self.change(c, begins=False)) for c in real if c.end_s < INF]
        starts = [(c.start_s, lambda c=c: self.change(c, begins=True)) for c in real if c.start_s < INF]
        return sorted(ends + starts, key=lambda turn: turn[0])

    def change(self, change: Change, *, begins: bool) -> None:
        site = self.sites[change.station]
        if change.kind == "slow":
            site.slow = change.amount if begins else 1.0
        elif change.kind == "failing":
            site.failing = change.amount if begins else 0.0
        elif change.kind == "hanging":
            site.hanging = begins
        elif change.kind == "lost":
            for place in site.instances[: int(change.amount)]:
                self.lose(place) if begins else self.recover(place)
        elif change.kind == "paused" and begins:
            for place in site.instances:
                if not place.lost:
                    self.pause(place, self.now + (change.end_s - change.start_s))

    def lose(self, place: Instance) -> None:
        """All that it holds is gone, as visits and as callers; nobody hears."""
        for visit in place.held:
            visit.state = "gone"
        self.empty(place)
        place.lost = True
        place.probed.turned(self.now, True)

    def recover(self, place: Instance) -> None:
        place.lost, place.up_since = False, self.now
        place.probed.turned(self.now, False)

    # -- how many instances --------------------------------------------------------------------------------

    def scale(self, site: Site) -> None:
        policy, scaler = site.policy, site.policy.autoscaler
        running = [place for place in site.instances if place.ready]
        present = [place for place in site.instances if place.ready or place.starting]
        absent = [place for place in site.instances if place not in present]
        for place in site.instances:
            self.count_busy(place)
        busy_s = sum(place.busy_s for place in running)
        for place in site.instances:
            place.busy_s = 0.0
        utilisation = busy_s / (policy.pool.servers * len(running) * scaler.period_s)
        ratio = utilisation / scaler.target
        there = len(present)
        wanted = there if abs(ratio - 1.0) <= scaler.tolerance else math.ceil(there * ratio)
        wanted = min(max(wanted, policy.instances), int(scaler.high))
        site.wanted.append(wanted)
        kept = max(site.wanted[-1 - math.floor(scaler.stabilise_s / scaler.period_s) :])
        if wanted > there:
            for place in absent[: wanted - there]:
                self.start_up(place, scaler.start_s)
        else:
            for place in present[kept:]:
                place.ready, place.starting = False, 0
        self.look_later(site)

    def look_later(self, site: Site) -> None:
        """The autoscaler looks while requests may still come."""
        look = (len(site.wanted) + 1) * site.policy.autoscaler.period_s
        if look <= self.last_sent:
            self.at(look, lambda: self.scale(site))

    def start_up(self, place: Instance, start_s: float) -> None:
        place.starts += 1
        number = place.starting = place.starts

        def ready() -> None:
            if place.starting == number:
                place.ready, place.starting, place.up_since = True, 0, self.now

        self.at(self.now + start_s, ready)
