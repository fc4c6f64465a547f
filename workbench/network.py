"""The system as queues, and what is asked of it: Station, Network, Workload, Scenario.

A request enters at the network's `entry`, a station without limit that stands for the callers. An instance
of a station limits its arrivals, queues them for a pool of servers, works, calls other stations while it
holds its server, works again, and answers. What may be set at a station or on a call is in `policies`. All
values are frozen; `network.set("orders.pool.servers", 8)` gives a changed copy. Times are seconds, rates per
second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, ClassVar

import numpy as np

from workbench.errors import SettingError
from workbench.policies import (
    UNLIMITED,
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
    a_share,
    at_least,
    one_of,
)

Leaf = float | str  # what stands at a path: a number (true and false are 1 and 0), or a policy's word


@dataclass(frozen=True)
class Call:
    """A call to another station: who makes it, how long it waits, how often it tries, and what protects it.

    The visit makes it with probability `share`, in `copies` at once (all must succeed), after the calls
    before it, or beside the one before it if `together`. A try has `timeout_s`, connecting included; all
    tries and pauses have `overall_s`. Before retry n (1, 2, …) it sleeps `backoff_s · 2^(n-1)`, at most
    `backoff_cap_s`, times `1 - jitter · U`, U uniform in [0, 1); by the law "envoy" it sleeps
    `backoff_s · (2^n - 1)`, at most `backoff_cap_s`, times U.

    A timeout, a 5xx answer, a refusal and a failure to connect are retried, a 429 is not; a call that is not
    `idempotent` is retried only where nothing can have been done (refused, unconnected, breaker open).
    After `hedge_s` without an answer another try is sent beside the first, while `attempts` last; the first
    good answer counts. What remains of the caller's deadline less `reserve_s` travels along, if `inherits`.
    An abandoned try goes on at the callee, unless the caller `cancels`: then it leaves queues and stops
    waiting for callees at once, and stops working when the piece of work at hand is done. With `fallback` a
    call that failed for good counts as answered, degraded.
    """

    to: str
    timeout_s: float = UNLIMITED
    attempts: int = 1
    backoff_s: float = 0.0
    jitter: float = 0.0
    backoff_cap_s: float = UNLIMITED
    backoff_law: str = "doubling"
    overall_s: float = UNLIMITED
    hedge_s: float = UNLIMITED
    idempotent: bool = True
    inherits: bool = True
    reserve_s: float = 0.0
    cancels: bool = False
    share: float = 1.0
    copies: int = 1
    together: bool = False
    fallback: bool = False
    pool: Pool = Pool()
    breaker: Breaker = Breaker()
    budget: RetryBudget = RetryBudget()
    balance: Balance = Balance()
    outliers: Outliers = Outliers()
    cache: Cache = Cache()

    def __post_init__(self) -> None:
        for name, low in _CALL_LOWS.items():
            at_least(f"calls.{self.to}.{name}", getattr(self, name), low)
        a_share(f"calls.{self.to}.jitter", self.jitter)
        a_share(f"calls.{self.to}.share", self.share)
        one_of(f"calls.{self.to}.backoff_law", self.backoff_law, ("doubling", "envoy"))


_CALL_LOWS = {"timeout_s": 1e-9, "overall_s": 1e-9, "hedge_s": 1e-9, "attempts": 1, "copies": 1}
_CALL_LOWS |= {"backoff_s": 0, "backoff_cap_s": 0, "reserve_s": 0}


@dataclass(frozen=True)
class Station:
    """One service: what each of its instances admits, runs on and calls, and the deadline that it sets.

    `deadline_s` counts from arrival and is inherited by callees as what remains of it when they are called.
    Work whose deadline has passed when a server takes it up is answered 504 without being done, no try
    outlives the deadline, and none begins that could only begin after it; work once begun is finished.

    `speeds` are the instances' speeds, 1 where it is too short; an instance that has come up works slower by
    the factor `cold`, falling in a straight line to 1 over `warm_up_s`.
    """

    name: str
    pool: Pool = Pool()
    limit: Limit = Limit()
    calls: tuple[Call, ...] = ()
    deadline_s: float = UNLIMITED
    instances: int = 1
    speeds: tuple[float, ...] = ()
    warm_up_s: float = 0.0
    cold: float = 1.0
    concurrency: Concurrency = Concurrency()
    codel: Codel = Codel()
    cpu: Cpu = Cpu()
    contention: Contention = Contention()
    gc: Gc = Gc()
    autoscaler: Autoscaler = Autoscaler()

    def __post_init__(self) -> None:
        at_least(f"{self.name}.deadline_s", self.deadline_s, 1e-9)
        at_least(f"{self.name}.instances", self.instances, 1)
        at_least(f"{self.name}.warm_up_s", self.warm_up_s, 0)
        at_least(f"{self.name}.cold", self.cold, 1)
        for speed in self.speeds:
            at_least(f"{self.name}.speeds", speed, 1e-6)


@dataclass(frozen=True)
class Network:
    """Stations by name, and the one at which requests enter."""

    stations: tuple[Station, ...]
    entry: str

    def __post_init__(self) -> None:
        names = [s.name for s in self.stations]
        if len(set(names)) != len(names):
            raise SettingError(f"stations {names}", expected="each name once")
        for station in self.stations:
            for call in station.calls:
                if call.to not in names:
                    raise SettingError(
                        f"a call to {call.to!r}", where=station.name, expected=f"one of {names}"
                    )
        if self.entry not in names:
            raise SettingError(f"entry {self.entry!r}", expected=f"one of {names}")
        _refuse_cycles(self)

    def __getitem__(self, name: str) -> Station:
        for station in self.stations:
            if station.name == name:
                return station
        raise SettingError(f"no station {name!r}", expected=f"one of {[s.name for s in self.stations]}")

    def paths(self) -> Iterator[tuple[str, Leaf]]:
        """Every settable path with its value, e.g. ("gateway.calls.orders.timeout_s", 0.4)."""
        for station in self.stations:
            yield from _leaves(station, station.name)

    def get(self, path: str) -> Leaf:
        """Give the value at a path, or raise SettingError."""
        return dict(self.paths())[self._known(path)]

    def set(self, path: str, value: Leaf) -> Network:
        """Give a copy with one value changed, or raise SettingError."""
        self._known(path)
        return self._changed(path, value)

    def _known(self, path: str) -> str:
        known = dict(self.paths())
        if path not in known:
            raise SettingError(f"no network path {path!r}", expected=f"one of {sorted(known)}")
        return path

    def _changed(self, path: str, value: Leaf) -> Network:
        return replace(self, stations=tuple(_put(s, s.name, path, value) for s in self.stations))


def _leaves(value: Any, prefix: str) -> Iterator[tuple[str, Leaf]]:
    for item in fields(value):
        inner = getattr(value, item.name)
        if item.name == "calls":
            for call in inner:
                yield from _leaves(call, f"{prefix}.calls.{call.to}")
        elif is_dataclass(inner):
            yield from _leaves(inner, f"{prefix}.{item.name}")
        elif item.name not in ("name", "to", "speeds"):
            yield f"{prefix}.{item.name}", inner


def _put(holder: Any, prefix: str, path: str, value: Leaf) -> Any:
    """Compare whole paths, since names of stations may hold dots."""
    if not path.startswith(f"{prefix}."):
        return holder
    changed: dict[str, Any] = {}
    for item in fields(holder):
        inner, here = getattr(holder, item.name), f"{prefix}.{item.name}"
        if item.name == "calls":
            changed["calls"] = tuple(_put(call, f"{here}.{call.to}", path, value) for call in inner)
        elif is_dataclass(inner):
            changed[item.name] = _put(inner, here, path, value)
        elif here == path:
            changed[item.name] = value
    return replace(holder, **changed)


def _refuse_cycles(network: Network) -> None:
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise SettingError(
                f"calls in a circle: {' → '.join((*above, name))}", expected="calls that only go down"
            )
        if name not in done:
            for call in network[name].calls:
                visit(call.to, (*above, name))
            done.add(name)

    for station in network.stations:
        visit(station.name, ())


@dataclass(frozen=True)
class Demand:
    """What a visit asks of a station: work before the calls and after them, as quantile tables in seconds.

    A table holds the quantiles of the work time at n equally spaced probabilities (k + ½)/n; the twin draws
    by linear interpolation between them, which follows measured times better than a fitted law.
    """

    before: np.ndarray
    after: np.ndarray | None = None

    def mean_s(self) -> float:
        """Mean work of one visit in seconds."""
        return float(self.before.mean() + (0.0 if self.after is None else self.after.mean()))


@dataclass(frozen=True)
class Workload:
    """What is asked: arrivals of new requests at the entry, and the demand of a visit by station.

    `rate_rps[i]` holds from `i · bin_s` until the next bin and the last for ever after; arrivals are Poisson
    within it. Beside them `users` closed callers send their next request a while after the last was answered;
    `think` is the quantile table of that while. `demand[station]` is the work of a visit; `pauses[station]`
    the quantile table of its collector's pauses; `transit["a.b"]` that of the time that a call from a to b
    spends outside both, all of it taken to pass before the arrival at b. `persistence` is the probability
    that a retry meets the work of the first try again, the callees' included (a slow request that stays
    slow), instead of fresh work.
    """

    rate_rps: np.ndarray
    bin_s: float
    demand: dict[str, Demand] = field(default_factory=dict)
    transit: dict[str, np.ndarray] = field(default_factory=dict)
    persistence: float = 0.0
    users: int = 0
    think: np.ndarray | None = None
    pauses: dict[str, np.ndarray] = field(default_factory=dict)

    def scaled(self, load: float, *, slower: dict[str, float] | None = None) -> Workload:
        """Give the same at `load` times the arrivals, the demand of named stations times `slower`."""
        demand = dict(self.demand)
        for name, factor in (slower or {}).items():
            if name not in demand:
                raise SettingError(f"no station {name!r}", expected=f"one of {sorted(demand)}")
            old = demand[name]
            demand[name] = Demand(old.before * factor, None if old.after is None else old.after * factor)
        return replace(self, rate_rps=self.rate_rps * load, demand=demand)

    def steady(self) -> Workload:
        """Give the same at its mean rate, held constant."""
        return replace(self, rate_rps=np.array([self.mean_rps()]))

    def mean_rps(self) -> float:
        """Mean arrival rate over the bins."""
        return float(self.rate_rps.mean())


@dataclass(frozen=True)
class Change:
    """Something that is so from `start_s` to `end_s` of the window, at one station ("" for the load).

    - load: arrivals times `amount`.
    - slow: work of the station times `amount`.
    - failing: that share of its visits is answered 500 on arrival.
    - hanging: what arrives is never answered.
    - lost: the first `amount` instances are gone with all they had, nobody is told, and who connects is
      refused; they come back empty.
    - paused: every instance stands still.
    """

    KINDS: ClassVar = ("load", "slow", "failing", "hanging", "lost", "paused")
    kind: str
    start_s: float
    end_s: float
    station: str = ""
    amount: float = 1.0

    def __post_init__(self) -> None:
        one_of("change.kind", self.kind, self.KINDS)
        at_least("change.end_s", self.end_s, self.start_s)
        at_least("change.amount", self.amount, 0)
        if (self.kind == "load") != (not self.station):
            raise SettingError(
                f"{self.kind!r} at {self.station!r}",
                where="change",
                expected="a station, and none for the load",
            )


@dataclass(frozen=True)
class Scenario:
    """What may happen: `load` times the arrivals, stations slower by a factor, and changes over time."""

    name: str = "as recorded"
    load: float = 1.0
    slower: dict[str, float] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        at_least("scenario.load", self.load, 0)
        for name, factor in self.slower.items():
            at_least(f"scenario.slower.{name}", factor, 0)

    def apply(self, workload: Workload) -> Workload:
        """Give the workload with the scenario's load and slowness; its changes are the simulation's."""
        return workload.scaled(self.load, slower=self.slower)
