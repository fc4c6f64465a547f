"""The system as queues, and what is asked of it: Station, Network, Workload, Scenario.

A request enters at the network's `entry`, a station without limit that stands for the callers. A station
limits its arrivals, queues them for a pool of servers, works, calls other stations while it holds its
server, works again, and answers. All values are frozen; `network.set("orders.pool.servers", 8)` gives a
changed copy. Times are seconds, rates per second.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

import numpy as np

from workbench.errors import SettingError

UNLIMITED = math.inf


def _at_least(name: str, value: float, low: float) -> None:
    if not value >= low:
        raise SettingError(f"{value}", where=name, expected=f"at least {low:g}")


@dataclass(frozen=True)
class Pool:
    """Workers, each held for a whole visit, and the places to wait for one (first come, first served)."""

    servers: float = UNLIMITED
    queue: float = UNLIMITED

    def __post_init__(self) -> None:
        _at_least("pool.servers", self.servers, 1)
        _at_least("pool.queue", self.queue, 0)


@dataclass(frozen=True)
class Limit:
    """A token bucket: `rate_rps` tokens a second, at most `burst` kept; without a token the answer is 429."""

    rate_rps: float = UNLIMITED
    burst: float = 1

    def __post_init__(self) -> None:
        _at_least("limit.rate_rps", self.rate_rps, 1e-9)
        _at_least("limit.burst", self.burst, 1)


@dataclass(frozen=True)
class Call:
    """A call to another station: per-try timeout, tries in all, and the backoff between them.

    Before retry n (1, 2, …) the caller sleeps `backoff_s · 2^(n-1) · (1 - jitter · U)`, U uniform in [0, 1).
    A timeout, a 5xx answer or a refusal by a full queue is retried; a 429 is not. An abandoned try goes on
    at the callee.
    """

    to: str
    timeout_s: float = UNLIMITED
    attempts: int = 1
    backoff_s: float = 0.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        _at_least(f"calls.{self.to}.timeout_s", self.timeout_s, 1e-9)
        _at_least(f"calls.{self.to}.attempts", self.attempts, 1)
        _at_least(f"calls.{self.to}.backoff_s", self.backoff_s, 0)
        if not 0 <= self.jitter <= 1:
            raise SettingError(
                f"{self.jitter}", where=f"calls.{self.to}.jitter", expected="a share from 0 to 1"
            )


@dataclass(frozen=True)
class Station:
    """One service: limiter, pool, calls in order, and the deadline that it sets on what it starts.

    `deadline_s` counts from arrival and is inherited by callees as what remains of it when they are called.
    Work whose deadline has passed when a server takes it up is answered 504 without being done, no try
    outlives the deadline, and none begins that could only begin after it; work once begun is finished.
    """

    name: str
    pool: Pool = Pool()
    limit: Limit = Limit()
    calls: tuple[Call, ...] = ()
    deadline_s: float = UNLIMITED

    def __post_init__(self) -> None:
        _at_least(f"{self.name}.deadline_s", self.deadline_s, 1e-9)


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

    def paths(self) -> Iterator[tuple[str, float]]:
        """Every settable path with its value, e.g. ("gateway.calls.orders.timeout_s", 0.4)."""
        for station in self.stations:
            yield from _leaves(station, station.name)

    def get(self, path: str) -> float:
        """Give the value at a path, or raise SettingError."""
        return dict(self.paths())[self._known(path)]

    def set(self, path: str, value: float) -> Network:
        """Give a copy with one value changed, or raise SettingError."""
        self._known(path)
        return self._changed(path, value)

    def _known(self, path: str) -> str:
        known = dict(self.paths())
        if path not in known:
            raise SettingError(f"no network path {path!r}", expected=f"one of {sorted(known)}")
        return path

    def _changed(self, path: str, value: float) -> Network:
        return replace(self, stations=tuple(_put(s, s.name, path, value) for s in self.stations))


def _leaves(value: Any, prefix: str) -> Iterator[tuple[str, float]]:
    for item in fields(value):
        inner = getattr(value, item.name)
        if item.name == "calls":
            for call in inner:
                yield from _leaves(call, f"{prefix}.calls.{call.to}")
        elif is_dataclass(inner):
            yield from _leaves(inner, f"{prefix}.{item.name}")
        elif not isinstance(inner, str):
            yield f"{prefix}.{item.name}", inner


def _put(holder: Any, prefix: str, path: str, value: float) -> Any:
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
    within it. `demand[station]` is the work of a visit; `transit["a.b"]` the quantile table of the time
    that a call from a to b spends outside both, all of it taken to pass before the arrival at b.
    `persistence` is the probability that a retry meets the work of the first try again, the callees'
    included (a slow request that stays slow), instead of fresh work.
    """

    rate_rps: np.ndarray
    bin_s: float
    demand: dict[str, Demand] = field(default_factory=dict)
    transit: dict[str, np.ndarray] = field(default_factory=dict)
    persistence: float = 0.0

    def scaled(self, load: float, *, slower: dict[str, float] | None = None) -> Workload:
        """Give the same at `load` times the arrivals, the demand of named stations times `slower`."""
        demand = dict(self.demand)
        for name, factor in (slower or {}).items():
            if name not in demand:
                raise SettingError(f"no station {name!r}", expected=f"one of {sorted(demand)}")
            old = demand[name]
            demand[name] = Demand(old.before * factor, None if old.after is None else old.after * factor)
        return replace(self, rate_rps=self.rate_rps * load, demand=demand)

    def mean_rps(self) -> float:
        """Mean arrival rate over the bins."""
        return float(self.rate_rps.mean())


@dataclass(frozen=True)
class Scenario:
    """What may change: `load` times the arrivals, and named stations slower by a factor."""

    name: str = "as recorded"
    load: float = 1.0
    slower: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _at_least("scenario.load", self.load, 0)
        for name, factor in self.slower.items():
            _at_least(f"scenario.slower.{name}", factor, 0)

    def apply(self, workload: Workload) -> Workload:
        """Give the workload under this scenario."""
        return workload.scaled(self.load, slower=self.slower)
