"""Work, transit and arrivals from metrics alone, by role, block of time by block of time.

A visit holds a worker for its busy seconds per visit (utilisation law), or for its latency without the wait
that Little's law gives; less its calls, that is its own work. Buckets give the spread. What counters cannot
tell apart is left between its extremes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.analysis._metrics import edges, levels
from workbench.analysis._roles import in_roles
from workbench.capture import Capture
from workbench.errors import CalibrationError
from workbench.network import Call, Demand, Network, Station
from workbench.policies import Cpu
from workbench.twin.arrivals import rate_over_time
from workbench.twin.draws import POINTS
from workbench.twin.evidence.blocks import blocks, grown, instances
from workbench.twin.evidence.structure import ENTRY, Learned
from workbench.twin.outcome import QUANTILES
from workbench.twin.theory import mmc_wait

BLOCK_S = 10.0
_FEWEST_BLOCKS = 6
_LITTLE = 0.05  # share of latency below which waiting does not blur the spread of work
_ROUND = 0.03  # calls per visit this near a whole number are that number
_APART = 0.1  # share by which two ways to one number may differ before it is said


class _Means(NamedTuple):
    """What a visit took on average (s); wait_s and cpu_s None where nothing tells."""

    latency_s: float
    wait_s: float | None
    calls_s: float
    rate_rps: float
    cpu_s: float | None


class Counters:
    """What services counted in captures; windows are joined end to end."""

    def __init__(self, captures: Sequence[Capture], *, step_s: float = BLOCK_S) -> None:
        self._captures = captures
        self._total_s = sum(capture.duration_s for capture in captures)
        self._step_s = min(step_s, min(c.duration_s for c in captures) / _FEWEST_BLOCKS)
        self._grown = grown(captures, self._step_s)
        self.blocks = next((a.size for of in self._grown.values() for a in of.values()), 0)
        self._no_pool: set[str] = set()
        if not self._grown["latency_count"]:
            raise CalibrationError(
                "no server spans, and no metric of a service's latency",
                where=captures[0].name or "capture",
                expected="spans of each service, to tell its own work from waiting, or its latency",
                remedy="record traces, or give network and demands by hand",
            )

    def first(self) -> str:
        """Give the service at which requests enter: of those that nobody calls the one most asked."""
        roots = {s for s, _ in self._grown["latency_count"]} - {to for _, to in self._calls_per_visit()}
        if not roots:
            raise self._no_structure()
        return min(roots, key=lambda name: (-float(self._grown["answered"][name, ""].sum()), name))

    def learned(self, patience_s: float) -> Learned:
        """Give the network that counters of calls show; with one service alone, that one."""
        services = {service for service, _ in self._grown["latency_count"]}
        edges_ = self._calls_per_visit()
        if len(services) > 1 and not edges_:
            raise self._no_structure()
        root = self.first()
        others = sorted(services - {to for _, to in edges_} - {root})
        notes = [f"{name}, which nobody calls, is left out" for name in others]
        calls: dict[str, tuple[Call, ...]] = {}
        waiting = [root]
        while waiting:
            caller = waiting.pop()
            own = {to: n for (by, to), n in edges_.items() if by == caller and to != caller}
            calls[caller] = tuple(call for to, n in own.items() for call in _calls(to, n))
            waiting += [to for to in own if to not in calls]
            if len(own) > 1:
                notes.append(f"{caller}: its calls are taken to come one after the other; spans would tell")
        copies = instances(self._captures)
        entry = Station(ENTRY, calls=(Call(root, timeout_s=patience_s),))
        stations = [Station(n, calls=calls[n], instances=copies.get(n, 1)) for n in sorted(calls)]
        return Learned(Network((entry, *stations), ENTRY), tuple(notes))

    def fitted(self, network: Network) -> tuple[Network, list[str]]:
        """Give the network with processors where their limits are known, and with one server where there may
        be any number: at callees that call nobody and of whose pool nothing is known. Say what is not known.
        """
        notes = [f"service times from counters over {self._total_s:.0f} s, without spans"]
        notes.append("arrivals are what the first service answered: callers' retries count as new requests")
        for station in network.stations:
            if station.name == network.entry:
                continue
            means, changed = self._means(network, station.name, None), station
            if not station.calls and means.wait_s is None and np.isinf(station.pool.servers):
                self._no_pool.add(station.name)
                changed = replace(station, pool=replace(station.pool, servers=1))
            cpu, said = _processor(station, means, self._captures)
            changed = replace(changed, cpu=cpu)
            stations = tuple(changed if s is station else s for s in network.stations)
            network = replace(network, stations=stations)
            notes += [*said, *self._unknown(changed, means)]
        return network, notes

    def rate(self, entry: str) -> tuple[np.ndarray, float]:
        """Give the rate of what the entry answered over time, and the length of its bins (s)."""
        rate = rate_over_time(self.times(entry), self._total_s)
        # What lies outside the scrapes, or in a last, shorter block, was not counted.
        return rate * (self._total_s / self._covered_s(entry)), self._total_s / rate.size

    def times(self, entry: str = "") -> np.ndarray:
        """Give times (s) at which requests may have come: as many in each block as were answered in it."""
        entry = entry or self.first()
        rng = np.random.default_rng(self.blocks)
        passed_s, times, first = 0.0, [], 0
        counts = np.rint(self._grown["answered"][entry, ""]).astype(int)
        for capture in self._captures:
            last = first + blocks(capture, self._step_s)
            for b, n in enumerate(counts[first:last]):
                times.append(passed_s + (b + np.sort(rng.random(n))) * self._step_s)
            passed_s, first = passed_s + capture.duration_s, last
        return np.concatenate(times)

    def resample(self, rng: np.random.Generator) -> np.ndarray:
        """Draw blocks with replacement; give how often each."""
        return np.bincount(rng.integers(0, self.blocks, self.blocks), minlength=self.blocks)

    def load(self, entry: str, rng: np.random.Generator) -> float:
        """Draw a load, in units of the one seen, as uncertain as a count of its requests."""
        total = max(1.0, float(self._grown["answered"][entry, ""].sum()))
        return rng.poisson(total) / total

    def numbers(self, weight: np.ndarray | None) -> dict[str, float]:
        """Give latency, throughput and errors of the first service, names as in `twin.outcome`."""
        entry = self.first()
        seen_s = self._covered_s(entry)
        answered = self._sum("answered", entry, "", weight) or 0.0
        failed = self._sum("failed", entry, "", weight) or 0.0
        worked, latency_s = (self._sum(f"latency_{part}", entry, "", weight) for part in ("count", "sum"))
        mean_s = latency_s / worked if worked and latency_s is not None else np.nan
        table = self._shape(entry, weight) * mean_s
        quantiles = {f"p{q * 100:g}_s": float(np.quantile(table, q)) for q in QUANTILES}
        return {
            "mean_s": mean_s,
            **quantiles,
            "throughput_rps": (answered - failed) / seen_s,
            "error_share": failed / answered if answered else np.nan,
            "load_rps": answered / seen_s,
        }

    def demand(
        self, network: Network, weight: np.ndarray | None, *, queueing: float, spread: float
    ) -> tuple[dict[str, Demand], dict[str, np.ndarray]]:
        """Give work by station and transit by call, with the blocks drawn `weight` times.

        `queueing` (0 to 1) is how much of what could be waiting is, `spread` (0 to 1) how much of the spread
        of latency is that of the work where waiting or calls blur it.
        """
        demand: dict[str, Demand] = {}
        transit: dict[str, np.ndarray] = {}
        for station in network.stations:
            for call in station.calls:
                out_s = self._outside_s(station.name, call.to, weight)
                if out_s > 0:
                    transit[f"{station.name}.{call.to}"] = np.full(POINTS, out_s)
        for station in network.stations:
            if station.name == network.entry:
                continue
            means, shape = self._means(network, station.name, weight), self._shape(station.name, weight)
            work_s, wait_s = self._work(station, means, queueing)
            if station.name in self._no_pool:
                outside = shape * max(0.0, means.latency_s - work_s - wait_s)
                for caller in _callers(network, station.name):
                    key = f"{caller}.{station.name}"
                    transit[key] = outside + transit.get(key, 0.0)
            elif station.calls or wait_s > _LITTLE * means.latency_s:
                shape = 1.0 + (shape - 1.0) * spread
            demand[station.name] = Demand(shape * work_s)
        return demand, transit

    def _work(self, station: Station, means: _Means, queueing: float) -> tuple[float, float]:
        """Give a visit's own work and its wait (s)."""
        if station.name in self._no_pool:
            work_s = queueing * _most_work(means)
            return work_s, mmc_wait(1, means.rate_rps, work_s)
        wait_s = means.wait_s
        if wait_s is None:  # work that is always the same waits half as long as exponential work
            wait_s = _wait_in(station, means, (1 + queueing) / 2)
        return max(means.latency_s - wait_s - means.calls_s, 0.0), wait_s

    def _unknown(self, station: Station, means: _Means) -> Iterator[str]:
        name = station.name
        if name in self._no_pool:
            yield (
                f"{name}: its rate and latency fit anything between no queue at all and a single server that "
                f"can do {1 / _most_work(means):.3g}/s; its workers in use, or a minute at twice the load, "
                "would tell"
            )
        elif means.wait_s is None and np.isfinite(station.pool.servers):
            yield f"{name}: its wait is taken from its rate and pool; its workers in use would tell"
        inside_s, seen_s = self._sum("in_flight", name, "", None), self._covered_s(name)
        by_law = means.rate_rps * means.latency_s
        if inside_s is not None and abs(inside_s / seen_s - by_law) > _APART * max(
            inside_s / seen_s, by_law, 1
        ):
            yield (
                f"{name}: mean in flight by metrics is {inside_s / seen_s:.3g}, but rate × mean latency "
                f"{by_law:.3g}: Little's law does not hold"
            )
        if means.calls_s > means.latency_s - (means.wait_s or 0.0):
            yield (
                f"{name}: its calls take {means.calls_s:.3g} s a visit, but it holds a worker for "
                f"{means.latency_s - (means.wait_s or 0.0):.3g} s: either they overlap, or counters differ"
            )
        elif station.calls:
            yield f"{name}: its own work spreads not at all, or as its latency does; spans would tell"

    def _means(self, network: Network, service: str, weight: np.ndarray | None) -> _Means:
        seen = "latency" if (service, "") in self._grown["latency_count"] else "called"
        count = self._sum(f"{seen}_count", service, "", weight)
        total_s = self._sum(f"{seen}_sum", service, "", weight)
        if not count or total_s is None:
            raise CalibrationError(
                "no latency by metrics",
                where=service,
                expected="that of every service of the network",
                remedy="record its metrics or traces, or leave it out of the network",
            )
        busy_s, waited_s = (self._sum(name, service, "", weight) for name in ("busy", "queue"))
        wait_s = None if waited_s is None else waited_s / count
        if busy_s is not None:
            wait_s = max(0.0, (total_s - busy_s) / count)
        calls_s = 0.0
        for callee in dict.fromkeys(call.to for call in network[service].calls):
            called_s = self._sum("calls_sum", service, callee, weight)
            # Where the caller does not count them they take what the callee says, without the way there.
            there_s = self._sum("latency_sum", callee, "", weight) if called_s is None else called_s
            calls_s += (there_s or 0.0) / count
        cpu_s = self._sum("cpu_s", service, "", weight)
        rate_rps = count / self._covered_s(service)
        return _Means(total_s / count, wait_s, calls_s, rate_rps, None if cpu_s is None else cpu_s / count)

    def _shape(self, service: str, weight: np.ndarray | None) -> np.ndarray:
        """Give the quantiles of a service's latency by its mean; exponential ones without buckets."""
        seen = "latency" if (service, "") in self._grown["latency_count"] else "called"
        share = (np.arange(POINTS) + 0.5) / POINTS
        below = {
            float(le): own @ (np.ones(self.blocks) if weight is None else weight)
            for (name, le), own in self._grown[f"{seen}_bucket"].items()
            if name == service
        }
        bounds = np.array(sorted(below))
        counts = np.maximum.accumulate(np.array([below[b] for b in bounds])) if below else np.zeros(0)
        if not counts.size or counts[-1] <= 0:
            table = -np.log1p(-share)
        else:
            # Beyond the last bound nothing is known but the mean.
            upper = np.where(np.isinf(bounds), 2 * bounds[np.isfinite(bounds)].max(initial=1e-3), bounds)
            table = np.interp(share * counts[-1], np.append(0.0, counts), np.append(0.0, upper))
        return table / table.mean()

    def _outside_s(self, caller: str, callee: str, weight: np.ndarray | None) -> float:
        """Give how long a call is on its way on average: beyond the callee's latency."""
        tried, tries_s = (self._sum(f"calls_{part}", caller, callee, weight) for part in ("count", "sum"))
        visits, there_s = (self._sum(f"latency_{part}", callee, "", weight) for part in ("count", "sum"))
        if not tried or not visits or tries_s is None or there_s is None:
            return 0.0
        return max(0.0, tries_s / tried - there_s / visits)

    def _no_structure(self) -> CalibrationError:
        services = {service for service, _ in self._grown["latency_count"]}
        return CalibrationError(
            f"metrics of {len(services)} services, no server spans, and no counter of calls between them",
            where=self._captures[0].name or "capture",
            expected="spans, or counters of calls by target",
            remedy="record traces, or give the network",
        )

    def _calls_per_visit(self) -> dict[tuple[str, str], float]:
        """Give calls per visit by caller and callee: tries without retries."""
        found = {}
        for (caller, callee), tried in self._grown["calls_count"].items():
            visits = self._sum("latency_count", caller, "", None)
            if visits and callee:
                again = self._sum("retries", caller, callee, None) or 0.0
                found[caller, callee] = (float(tried.sum()) - again) / visits
        return found

    def _sum(self, name: str, service: str, other: str, weight: np.ndarray | None) -> float | None:
        own = self._grown[name].get((service, other))
        if own is None:
            return None
        return float(own.sum() if weight is None else own @ weight)

    def _covered_s(self, service: str) -> float:
        """Give how long a service was scraped; of one without metrics of its own, how long any was."""
        covered = self._grown["covered_s"]
        own = covered.get((service, ""))
        return float(own.sum() if own is not None else max(seen.sum() for seen in covered.values()))


def _calls(to: str, per_visit: float) -> Iterator[Call]:
    """Give as many calls, one after the other, as a visit makes on average."""
    whole = round(per_visit)
    if abs(per_visit - whole) > _ROUND * max(per_visit, 1.0):
        whole = int(per_visit)
        yield Call(to, share=per_visit - whole)
    yield from (Call(to) for _ in range(whole))


def _callers(network: Network, callee: str) -> list[str]:
    return [s.name for s in network.stations if any(call.to == callee for call in s.calls)]


def _most_work(means: _Means) -> float:
    """The work of a single server whose queue makes up all the rest of the latency (M/M/1)."""
    return means.latency_s / (1 + means.rate_rps * means.latency_s)


def _wait_in(station: Station, means: _Means, share: float) -> float:
    """Give that share of the wait of M/M/c at which it and the hold make up the latency."""
    if np.isinf(station.pool.servers):
        return 0.0
    servers, rate = int(station.pool.servers), means.rate_rps / station.instances
    low, high = 0.0, min(means.latency_s, servers / rate)
    for _ in range(50):
        hold_s = (low + high) / 2
        if hold_s + share * mmc_wait(servers, rate, hold_s) < means.latency_s:
            low = hold_s
        else:
            high = hold_s
    return means.latency_s - low


def _processor(station: Station, means: _Means, captures: Sequence[Capture]) -> tuple[Cpu, list[str]]:
    """Give the processor where its limit and the CPU time of a visit are known (service demand law)."""
    if means.cpu_s is None:
        return station.cpu, []
    held_s = means.latency_s - (means.wait_s or 0.0) - means.calls_s
    if means.cpu_s > (1 + _APART) * held_s:
        return station.cpu, [
            f"{station.name}: CPU time is {means.cpu_s:.3g} s a visit, its own work {held_s:.3g} s: "
            "other work runs beside the visits"
        ]
    limits = [levels(in_roles(c), "role:cpu_limit", edges(c, c.duration_s)) for c in captures]
    own = pd.concat(limits)
    own = own[own["service"] == station.name]
    if station.cpu != Cpu() or own.empty:
        return station.cpu, []
    cores = float(own.groupby("instance")["level"].mean().mean())
    return Cpu("shared", cores=cores, share=min(1.0, means.cpu_s / held_s)), [
        f"{station.name}: {means.cpu_s:.3g} s of CPU a visit on {cores:g} cores, by the service demand law"
    ]


def metered(
    capture: Capture, resamples: int, *, step_s: float, seed: int
) -> tuple[pd.Series, pd.DataFrame, int]:
    """Give the numbers of `twin.measured.bootstrap` from the metrics of the first service, which it answered.

    Also the resamples of them (rows), and over how many blocks those were drawn.
    """
    counters = Counters([capture], step_s=step_s)
    rng = np.random.default_rng(seed)
    drawn = pd.DataFrame([counters.numbers(counters.resample(rng)) for _ in range(resamples)])
    return pd.Series(counters.numbers(None)), drawn, counters.blocks
