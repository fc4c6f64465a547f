"""Work, transit and arrivals from metrics alone, by role, block of time by block of time.

A visit holds a worker for its busy seconds per visit (utilisation law), or for its latency without the wait
that Little's law gives; less its calls, that is its own work. Buckets give the spread. What counters cannot
tell is left between its extremes: `extreme` is 0 at one end, 1 at the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd

from workbench.analysis._metrics import edges, growth, levels, served
from workbench.analysis._roles import in_roles
from workbench.analysis.pools import pools_over_time
from workbench.capture import Capture
from workbench.errors import CalibrationError
from workbench.network import Call, Demand, Network, Station
from workbench.policies import UNLIMITED, Cpu
from workbench.twin.arrivals import rate_over_time
from workbench.twin.draws import POINTS
from workbench.twin.evidence.structure import ENTRY, Learned
from workbench.twin.theory import mmc_wait

BLOCK_S = 10.0
_FEWEST_BLOCKS = 6
_TURNED_AWAY = ("429", "503", "504")
_LITTLE = 0.05  # share of latency below which waiting does not blur the spread of work
_ROUND = 0.03  # calls per visit this near a whole number are that number
_APART = 0.25  # share by which two ways to one number may differ before it is said


class Counters:
    """What services counted in captures; windows are joined end to end. `notes` grow with what is asked."""

    def __init__(self, captures: Sequence[Capture]) -> None:
        self._captures = captures
        self._named = [in_roles(capture) for capture in captures]
        self._total_s = sum(capture.duration_s for capture in captures)
        self._step_s = min(BLOCK_S, min(c.duration_s for c in captures) / _FEWEST_BLOCKS)
        self._edges = [edges(capture, self._step_s) for capture in captures]
        self._first = np.cumsum([0] + [len(e) - 1 for e in self._edges])
        self._blocks = int(self._first[-1])
        self.notes: list[str] = [f"service times from counters over {self._total_s:.0f} s, without spans"]
        self._no_pool: set[str] = set()
        if not self._blocks or self._latency.empty:
            raise CalibrationError(
                "no server spans, and no metric of a service's latency",
                where=captures[0].name or "capture",
                expected="spans of each service, to tell its own work from waiting, or its latency by metrics",
                remedy="record traces, or give network and demands by hand",
            )

    def learned(self, patience_s: float) -> Learned:
        """Give the network that counters of calls show; with one service alone, that one."""
        services = sorted(self._latency.index.get_level_values("service").unique())
        tried = self._per_visit()
        below = {str(target) for _, target in tried.index}
        roots = [name for name in services if name not in below]
        if len(services) > 1 and not len(tried) or not roots:
            raise CalibrationError(
                f"metrics of {len(services)} services, and no counter of calls from one to another",
                where=self._captures[0].name or "capture",
                expected="spans, or counters of calls by target",
                remedy="record traces, or give the network",
            )
        asked = self._answered.groupby("service").sum().reindex(roots).sort_values(ascending=False)
        notes = [f"{name}, which nobody calls, is left out" for name in asked.index[1:]]
        calls: dict[str, tuple[Call, ...]] = {}
        waiting = [str(asked.index[0])]
        while waiting:
            caller = waiting.pop()
            own = tried[caller] if caller in tried.index.get_level_values(0) else tried.iloc[:0]
            calls[caller] = tuple(call for to, n in own.items() if to != caller for call in _calls(str(to), n))
            waiting += [call.to for call in calls[caller] if call.to not in calls]
            if len(own) > 1:
                notes.append(f"{caller}: its calls are taken to be one after the other; spans would tell")
        entry = Station(ENTRY, calls=(Call(str(asked.index[0]), timeout_s=patience_s),))
        copies = self._instances()
        stations = [Station(n, calls=calls[n], instances=copies.get(n, 1)) for n in sorted(calls)]
        return Learned(Network((entry, *stations), ENTRY), tuple(notes))

    def fitted(self, network: Network) -> Network:
        """Give the network with processors where their limits are known; a leaf of which no pool is known gets
        one server, whose work may be anything between none and all of its latency (see `demand`).
        """
        for station in network.stations:
            if station.name == network.entry:
                continue
            means, changed = self._means(network, station.name, None), station
            if not station.calls and means.wait_s is None and np.isinf(station.pool.servers):
                self._no_pool.add(station.name)
                changed = replace(station, pool=replace(station.pool, servers=1))
                worst = means.latency_s / (1 + means.rate_rps * means.latency_s)
                self.notes.append(
                    f"{station.name}: its rate and latency fit anything between no queue at all and a single "
                    f"server that can do {1 / worst:.3g}/s; how many it works on at once, its workers in use "
                    "or its CPU time would tell, or a minute at twice the load"
                )
            changed = replace(changed, cpu=self._processor(changed, means))
            network = replace(
                network, stations=tuple(changed if s is station else s for s in network.stations)
            )
        return network

    def rate(self, network: Network) -> tuple[np.ndarray, float]:
        """Give the rate of what the entry answered over time, and the length of its bins (s)."""
        entry = network[network.entry].calls[0].to
        counts = self._by_block(self._answered, entry)
        if counts is None:
            raise CalibrationError("no count of requests", where=entry, expected="its rate by metrics")
        passed_s = np.cumsum([0.0] + [capture.duration_s for capture in self._captures])
        times = []
        for b, n in enumerate(np.rint(counts).astype(int)):
            window = int(np.searchsorted(self._first, b, side="right")) - 1
            since_s = passed_s[window] + (b - self._first[window]) * self._step_s
            times.append(since_s + (np.arange(n) + 0.5) / max(n, 1) * self._step_s)
        rate = rate_over_time(np.concatenate(times), self._total_s)
        self.notes.append(
            "arrivals are what the first service answered: callers' retries count as new requests"
        )
        # The last, shorter bins and what lies outside the scrapes were not counted.
        return rate * (self._total_s / self._covered_s(entry)), self._total_s / rate.size

    def resample(self, rng: np.random.Generator) -> np.ndarray:
        """Draw blocks with replacement; give how often each."""
        return np.bincount(rng.integers(0, self._blocks, self._blocks), minlength=self._blocks)

    def load(self, rng: np.random.Generator, network: Network) -> float:
        """Draw a load as uncertain as the count of requests, times the one seen."""
        counts = self._by_block(self._answered, network[network.entry].calls[0].to)
        total = max(1.0, float(counts.sum())) if counts is not None else 1.0
        return rng.poisson(total) / total

    def demand(
        self, network: Network, weight: np.ndarray | None, extreme: float, spread: float
    ) -> tuple[dict[str, Demand], dict[str, np.ndarray]]:
        """Give work by station and transit by call.

        `extreme` is how much of what cannot be told apart is queueing, `spread` how much of the spread of
        latency is that of work, where waiting or calls blur it.
        """
        demand, transit = {}, {}
        for station in network.stations:
            if station.name == network.entry:
                continue
            means = self._means(network, station.name, weight)
            shape = self._shape(station.name, weight)
            work_s, wait_s = self._work(station, means, extreme)
            if station.name in self._no_pool:
                outside = shape * max(0.0, means.latency_s - work_s - wait_s)
                for caller, call in _callers(network, station.name):
                    transit[f"{caller}.{call.to}"] = outside
            blurred = station.calls or wait_s > _LITTLE * means.latency_s
            own = 1.0 + (shape - 1.0) * spread if blurred and station.name not in self._no_pool else shape
            demand[station.name] = Demand(own * work_s)
        for station in network.stations:
            for call in station.calls:
                out_s = self._outside_s(network, station.name, call.to, weight)
                transit.setdefault(f"{station.name}.{call.to}", np.full(POINTS, out_s))
        return demand, transit

    def _work(self, station: Station, means: _Means, extreme: float) -> tuple[float, float]:
        """Give a visit's own work and its wait, in seconds."""
        if station.name in self._no_pool:
            work_s = extreme * means.latency_s / (1 + means.rate_rps * means.latency_s)
            return work_s, mmc_wait(1, means.rate_rps, work_s)
        wait_s = means.wait_s
        if wait_s is None:  # of exponential work, or of work always the same, which waits half as long
            wait_s = (0.5 + extreme / 2) * _wait_in(station, means)
        return max(means.latency_s - wait_s - means.calls_s, 0.0), wait_s

    def _means(self, network: Network, service: str, weight: np.ndarray | None) -> _Means:
        """Give what a visit took on average, in the blocks drawn."""
        count, total_s = self._sum("latency_count", service, weight), self._sum("latency_sum", service, weight)
        if not count:
            raise CalibrationError(
                "no latency by metrics", where=service, expected="the latency of every service of the network",
                remedy="record its metrics or traces, or leave it out of the network",
            )  # fmt: skip
        latency_s, busy_s = total_s / count, self._sum("busy", service, weight)
        waited_s = self._sum("queue", service, weight)
        wait_s = None
        if busy_s is not None:
            wait_s = max(0.0, latency_s - busy_s / count)
        elif waited_s is not None:
            wait_s = waited_s / count
        calls_s = 0.0
        for call in dict.fromkeys(call.to for call in network[service].calls):
            called_s = self._sum("calls_sum", service, weight, call)
            # Where the caller does not count them, they take what the callee says, without the way there.
            beyond_s = self._sum("latency_sum", call, weight) if called_s is None else called_s
            calls_s += (beyond_s or 0.0) / count
        cpu_s = self._sum("cpu_s", service, weight)
        return _Means(latency_s, wait_s, calls_s, count / self._covered_s(service), cpu_s and cpu_s / count)
