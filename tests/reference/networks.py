"""Random networks, workloads and changes for hypothesis: small, and full of what can meet at one instant.

Half of them live on a grid: every time is a multiple of a quarter second and nearly every work time one of
two values, so that arrivals, ends, timeouts, deadlines and retries fall on the same instants again and again.
Each case has some of the MECHANISMS, often one alone, sometimes all of them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from workbench.network import UNLIMITED, Call, Change, Demand, Network, Station, Workload
from workbench.policies import (
    Autoscaler,
    Balance,
    Breaker,
    Cache,
    Codel,
    Concurrency,
    Contention,
    Cpu,
    Gc,
    Limit,
    Outliers,
    Pool,
    RetryBudget,
)

QUARTERS = [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0]
VISITS = 2500  # about the most that one case may make
MECHANISMS = (
    "limit",
    "concurrency",
    "codel",
    "cpu",
    "contention",
    "gc",
    "autoscaler",
    "instances",
    "connections",
    "breaker",
    "budget",
    "balance",
    "outliers",
    "cache",
    "stages",
    "copies",
    "hedge",
    "overall",
    "cancels",
    "deadline",
    "fallback",
    "pool order and wait",
    "users",
    "changes",
)


class Case(NamedTuple):
    """What a run is given; arrivals in seconds, users send until `end_s`."""

    network: Network
    workload: Workload
    arrivals: np.ndarray
    seed: int
    changes: tuple[Change, ...]
    end_s: float


class Maker(NamedTuple):
    """How one case is drawn: which mechanisms it has, and from which times."""

    draw: st.DrawFn
    on: frozenset[str]
    span: st.SearchStrategy[float]

    def either(self, *values: float | str | bool) -> float | str | bool:
        return self.draw(st.sampled_from(values))

    def time(self) -> float:
        return self.draw(self.span)

    def rarely(self, mechanism: str, *, times: int = 2) -> bool:
        """Whether to have it here, given that the case has it at all."""
        return mechanism in self.on and self.draw(st.integers(0, times)) > 0


@st.composite
def cases(draw: st.DrawFn, mechanisms: frozenset[str] | None = None) -> Case:
    """Draw one to five stations that call only later ones, and some requests, users and changes."""
    if mechanisms is None:
        alone = st.sampled_from(MECHANISMS).map(lambda name: frozenset([name, "instances"]))
        some = st.frozensets(st.sampled_from(MECHANISMS), min_size=2, max_size=7)
        mechanisms = draw(st.one_of(alone, some, some, st.just(frozenset(MECHANISMS))))
    on_grid = draw(st.booleans())
    span = st.sampled_from(QUARTERS) if on_grid else st.floats(0.01, 4.0)
    make = Maker(draw, mechanisms, span)
    names = [f"s{i}" for i in range(draw(st.sampled_from([1, 2, 2, 3, 3, 4, 5])))]
    stations = tuple(_station(make, name, names[i + 1 :]) for i, name in enumerate(names))
    network = Network(stations, entry=names[0])
    workload = _workload(make, network, on_grid)
    room = max(8, VISITS // _most_visits(network))
    n = min(draw(st.integers(20, 120)), room)
    seed = draw(st.integers(0, 2**63 - 1))
    arrivals = _arrivals(draw, n, on_grid, seed)
    end_s = UNLIMITED
    if workload.users:
        end_s = min(8.0, 0.2 * room / workload.users)
        arrivals = arrivals[: draw(st.integers(0, n))]
    last = max(4.0, float(arrivals[-1]) if arrivals.size else 0.0)
    changes = tuple(_change(make, names, last) for _ in range(3)) if "changes" in mechanisms else ()
    return Case(network, workload, arrivals, seed, changes, end_s)


def _station(make: Maker, name: str, later: list[str]) -> Station:
    either, time, rarely = make.either, make.time, make.rarely
    servers = either(3, 8, UNLIMITED) if name == "s0" else either(1, 1, 2, 3, UNLIMITED)
    pool = Pool(servers, either(0, 1, 4, 50, UNLIMITED))
    if rarely("pool order and wait"):
        pool = Pool(servers, pool.queue, either(0.0, time(), UNLIMITED), either("fifo", "lifo"))
    instances = either(1, 2, 3) if rarely("instances", times=3) else 1
    more = {}
    if rarely("limit"):
        more["limit"] = _limit(make)
    if rarely("concurrency"):
        more["concurrency"] = _concurrency(make)
    if rarely("codel"):
        more["codel"] = Codel(either(0.1, 0.25, 0.5), either(0.1, 0.5, 1.0))
    if rarely("cpu"):
        more["cpu"] = _cpu(make)
    if rarely("contention"):
        more["contention"] = Contention(either(0.0, 0.5, 1.0), either(0.0, 0.25))
    if rarely("gc"):
        more["gc"] = Gc(either(1.0, 0.7), either(1.0, 3.0, 10.0))
    if rarely("autoscaler"):
        more["autoscaler"] = Autoscaler(
            high=instances + either(0, 1, 2),
            target=either(0.25, 0.5, 0.8),
            period_s=either(0.5, 1.0, 0.7),
            start_s=either(0.0, 0.5, 1.2),
            stabilise_s=either(0.0, 1.0, 3.0),
            tolerance=either(0.0, 0.1, 0.5),
        )
    if "instances" in make.on:
        more["speeds"] = either((), (1.0, 2.0), (0.7, 1.0, 0.5))
        more["warm_up_s"], more["cold"] = either(0.0, 2.0), either(1.0, 3.0)
    deadline_s = time() if rarely("deadline") else UNLIMITED
    fewest = min(len(later), either(0, 1, 1, 1, 2))
    calls = tuple(_call(make, later) for _ in range(either(fewest, fewest, min(3, 2 * fewest))))
    return Station(name, pool, calls=calls, deadline_s=deadline_s, instances=instances, **more)


def _call(make: Maker, later: list[str]) -> Call:
    either, time, rarely = make.either, make.time, make.rarely
    more = {}
    if rarely("stages"):
        more["together"], more["share"] = either(False, True, True), either(1.0, 0.5)
    if rarely("copies"):
        more["copies"] = either(1, 2, 3)
    if rarely("hedge"):
        more["hedge_s"] = either(0.25, 0.1, time())
    if rarely("overall"):
        more["overall_s"] = time()
    if rarely("cancels"):
        more["cancels"] = True
    if rarely("deadline"):
        more["inherits"], more["reserve_s"] = either(False, True, True), either(0.0, 0.25, 0.1)
    if rarely("fallback"):
        more["fallback"] = True
    if rarely("connections"):
        more["pool"] = Pool(
            either(1, 2, 4),
            either(0, 1, 10, UNLIMITED),
            either(0.0, time(), UNLIMITED),
            either("fifo", "lifo"),
        )
    if rarely("breaker"):
        more["breaker"] = _breaker(make)
    if rarely("budget"):
        more["budget"] = RetryBudget(
            either("active", "tokens"), either(0.2, 0.5, 0.1), either(0, 1, 3), either(1, 4, 10)
        )
    if rarely("balance"):
        kind = make.draw(st.sampled_from(Balance.KINDS))
        more["balance"] = Balance(kind, either(1, 5, 20), either(UNLIMITED, 0.5, 0.3), either(1, 2, 3))
    if rarely("outliers"):
        more["outliers"] = Outliers(either(1, 2, 5), either(0.5, 1.0, 3.0), either(0.0, 0.5, 1.0))
    if rarely("cache"):
        more["cache"] = Cache(either(0, 100, 1000), either(1000, 2000), either(0.0, 0.8))
    return Call(
        make.draw(st.sampled_from(later)),
        timeout_s=make.draw(st.one_of(st.just(UNLIMITED), make.span, make.span)),
        attempts=either(1, 2, 3, 3),
        backoff_s=either(0.0, 0.25, 0.1),
        jitter=either(0.0, 0.5, 1.0),
        backoff_cap_s=either(UNLIMITED, 0.3),
        backoff_law=either("doubling", "doubling", "envoy"),
        idempotent=either(True, True, False),
        **more,
    )


def _limit(make: Maker) -> Limit:
    kind = make.draw(st.sampled_from(Limit.KINDS))
    return Limit(
        make.either(1.0, 2.0, 4.0, 7.3),
        make.either(1, 2, 5, 20),
        kind,
        make.either(0.5, 1.0, 0.7),
        make.either(0.0, 0.25, 1.0, UNLIMITED),
    )


def _concurrency(make: Maker) -> Concurrency:
    kind = make.draw(st.sampled_from(["fixed", "aimd", "vegas", "gradient2"]))
    return Concurrency(
        kind,
        make.either(1, 2, 5, 20),
        low=make.either(1, 2),
        high=make.either(5, 1000),
        timeout_s=make.either(0.5, 1.0, 5.0),
        backoff=make.either(0.5, 0.9),
        tolerance=make.either(1.0, 1.5),
    )


def _cpu(make: Maker) -> Cpu:
    either = make.either
    if either(True, True, False):
        quota = either(UNLIMITED, 0.5, 1.0, 0.3)
        return Cpu("shared", either(1.0, 2.0, 1.5), quota, either(0.1, 0.25, 1.0), either(1.0, 0.5, 0.0, 0.3))
    return Cpu(either("unlimited", "loop", "loop"), share=either(1.0, 0.5, 0.0, 0.3))


def _breaker(make: Maker) -> Breaker:
    either = make.either
    kind = either("consecutive", "count window", "time window")
    window_s = either(1.0, 2.0, 3.0) if kind == "time window" else either(UNLIMITED, 1.0, 0.5)
    return Breaker(
        kind,
        failures=either(1, 2, 4),
        failure_share=either(0.25, 0.5, 1.0),
        slow_s=either(UNLIMITED, 0.25, 0.5),
        slow_share=either(0.5, 1.0),
        window=either(1, 3, 8),
        window_s=window_s,
        minimum=either(1, 2, 5),
        open_s=either(0.25, 0.5, 1.3),
        trials=either(1, 2, 4),
    )


def _change(make: Maker, names: list[str], last_s: float) -> Change:
    kind = make.either("slow", "failing", "hanging", "lost", "lost", "paused")
    start_s = math.floor(4 * last_s * make.draw(st.floats(0, 1))) / 4
    amount = {"slow": make.either(2.0, 0.5), "failing": make.either(0.5, 1.0), "lost": make.either(1, 2)}
    station = make.draw(st.sampled_from(names))
    return Change(kind, start_s, start_s + make.either(*QUARTERS), station, amount.get(kind, 1.0))


def _workload(make: Maker, network: Network, on_grid: bool) -> Workload:
    draw = make.draw
    points = draw(st.sampled_from([1, 2, 3, 16, 64]))
    table = _tables(points, on_grid)
    names = [station.name for station in network.stations]
    demand = {name: Demand(draw(table), draw(st.one_of(st.none(), table))) for name in names}
    demand = {name: work for name, work in demand.items() if work.before is not None}
    pairs = {f"{s.name}.{call.to}" for s in network.stations for call in s.calls}
    tables = {pair: draw(table) for pair in sorted(pairs)}
    transit = {pair: values for pair, values in tables.items() if values is not None}
    pauses = {name: np.full(points, make.either(0.25, 0.5, 1.1)) for name in names if make.rarely("gc")}
    users = make.either(1, 2, 5) if "users" in make.on else 0
    think = np.full(points, make.either(0.25, 0.5, 1.0)) if users else None
    persistence = draw(st.sampled_from([0.0, 0.5, 1.0]))
    return Workload(
        np.array([1.0]), 1.0, demand, transit, persistence, users=users, think=think, pauses=pauses
    )


def _tables(points: int, on_grid: bool) -> st.SearchStrategy[np.ndarray | None]:
    def constant(value: float) -> np.ndarray:
        return np.full(points, value)

    def step(value: float) -> np.ndarray:
        return np.where(np.arange(points) < points // 2, 0.25, value)

    def exponential(mean: float) -> np.ndarray:
        return -mean * np.log1p(-(np.arange(points) + 0.5) / points)

    same = st.sampled_from([0.0, 0.25, 0.25, 0.5, 1.0]).map(constant)
    other = st.sampled_from([0.5, 1.0, 2.0]).map(step) if on_grid else st.floats(0.05, 1.0).map(exponential)
    return st.one_of(st.none(), same, same, other, other)


def _most_visits(network: Network) -> int:
    most: dict[str, int] = {}
    for station in reversed(network.stations):
        below = sum(call.attempts * call.copies * most[call.to] for call in station.calls)
        most[station.name] = 1 + below
    return most[network.entry]


def _arrivals(draw: st.DrawFn, n: int, on_grid: bool, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rate = draw(st.sampled_from([2.0, 8.0, 20.0]))
    times = np.cumsum(rng.exponential(1 / rate, n))
    if on_grid:
        times = np.floor(times * 4) / 4
    burst = draw(st.integers(1, 10))
    if draw(st.booleans()):
        times = np.repeat(times[::burst], burst)[:n]
    return times
