"""`calibrate`: evidence → Twin. Service times, transit and arrivals from spans; policies from settings.

What an instrument saw is not what the twin needs, so: work is a visit's own time without waiting, calls and
backoff; timed-out tries tell nothing of transit (they are right-censored), while the callee's own span
still tells its whole work; arrivals are the callers' new requests, before any retry and with what was
refused. Uncertainty comes from resampling blocks of time (Künsch, The jackknife and the bootstrap for
general stationary observations, Ann. Statist. 1989, §2.1), since neighbouring requests share their luck.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench.analysis.holds import holds
from workbench.analysis.laws import laws
from workbench.analysis.visits import calls, tries, visits
from workbench.analysis.weights import weights
from workbench.capture import Capture
from workbench.errors import CalibrationError, Contradiction
from workbench.knobs import lab as lab_knobs
from workbench.network import Demand, Network, Workload
from workbench.twin.arrivals import rate_over_time
from workbench.twin.draws import quantile_table
from workbench.twin.model import Twin

BLOCK_S = 10.0
REPLICATES = 20
FEWEST = 50  # visits of a station below which its service time is not fitted
_NEAR = 0.05  # difference of ranks
_APART = 0.25  # share by which two counts of the same visits may differ before one must be wrong


def calibrate(*captures: Capture, network: Network | None = None, seed: int = 0) -> Twin:
    """Fit a twin to captures of one system under the same settings.

    `network` None learns who calls whom from the spans and takes pools, limits, timeouts and retries from
    the captures' settings. Raises CalibrationError where the evidence does not determine the model: no
    server spans, too few visits, no arrivals, or captures under different settings.
    """
    if not captures:
        raise CalibrationError("no capture", expected="at least one")
    for capture in captures[1:]:
        changed = captures[0].settings.difference(capture.settings)
        if changed:
            key, (one, other) = next(iter(changed.items()))
            raise CalibrationError(
                f"{len(changed)} settings differ, e.g. {key}: {one} and {other}",
                where=f"{captures[0].name} and {capture.name}",
                expected="captures under the same settings",
            )
    name = captures[0].name
    evidence = _Evidence(captures)
    doubts = [doubt for capture in captures for doubt in _contradictions(capture)]
    if network is None:
        patience = float(captures[0].load.get("patience_s", lab_knobs.PATIENCE_S))
        network = lab_knobs.network_from(captures[0].settings, evidence.calls, patience_s=patience)
    rng = np.random.default_rng(seed)
    resamples = [evidence.resample(rng) for _ in range(REPLICATES)]
    demand, transit = evidence.tables(network, None), evidence.transit(network, None)
    rate, bin_s = evidence.rate()
    persistence = evidence.persistence(REPLICATES)
    workload = Workload(rate, bin_s, demand, transit, float(persistence.mean()))
    replicates = tuple(
        Workload(
            rate * picked.load,
            bin_s,
            evidence.tables(network, picked),
            evidence.transit(network, picked),
            float(again),
        )
        for picked, again in zip(resamples, rng.permutation(persistence), strict=True)
    )
    return Twin(
        name=name,
        network=network,
        workload=workload,
        knobs=tuple(lab_knobs.knobs(network)),
        settings=captures[0].settings,
        replicates=replicates,
        start=captures[0].start,
        duration_s=sum(c.duration_s for c in captures),
        concurrency=evidence.concurrency(),
        notes=(*evidence.notes(persistence), *doubts),
    )


class _Picked:
    """Blocks of time drawn with replacement: how often each, the load they carried, and luck in the means."""

    def __init__(self, weight: np.ndarray, load: float, luck: float) -> None:
        self.weight, self.load, self.luck = weight, load, luck


class _Evidence:
    """Visits, tries and arrivals of the captures, each row with its block of time."""

    def __init__(self, captures: tuple[Capture, ...]) -> None:
        self._captures = captures
        first = captures[0]
        made = calls(first)
        if not len(first.spans) or "server" not in set(first.spans["kind"]):
            raise CalibrationError(
                "no server spans",
                where=first.name or "capture",
                expected="spans of each service, to tell its own work from waiting",
                remedy="record traces, or give network and demands by hand",
            )
        served = set(first.spans.loc[first.spans["kind"] == "server", "service"])
        self.calls = {s: [c for c in made.get(s, []) if c in served] for s in sorted(served)}
        self._clients = sorted(set(made) - served)
        offsets = np.cumsum([0] + [int(np.ceil(c.duration_s / BLOCK_S)) for c in captures])
        self._blocks = int(offsets[-1])
        self._tries = pd.concat(
            [_blocked(tries(c), c, o).assign(weight=1.0) for c, o in zip(captures, offsets, strict=False)],
            ignore_index=True,
        )
        self._visits = pd.concat(
            [
                _whole(
                    _blocked(visits(c), c, o).assign(again=lambda v, c=c: _again(c, v), weight=weights(c)), c
                )
                for c, o in zip(captures, offsets, strict=False)
            ],
            ignore_index=True,
        )
        means = _means_of_all(captures)
        self._means = {s: own for s, own in means.items() if own.calls_s > 0 or not self.calls.get(s)}

    def resample(self, rng: np.random.Generator) -> _Picked:
        drawn = rng.integers(0, self._blocks, self._blocks)
        weight = np.bincount(drawn, minlength=self._blocks)
        total = max(1, self._arrivals().size)
        # The rate is known as well as a Poisson count lets it be, whatever its steps within the window.
        return _Picked(weight, rng.poisson(total) / total, rng.standard_normal())

    def tables(self, network: Network, picked: _Picked | None) -> dict[str, Demand]:
        found = {}
        for station in network.stations:
            if station.name == network.entry:
                continue
            own = self._visits[self._visits["service"] == station.name]
            own = own[own["outcome"].isin(["ok", "failed"])]
            if len(own) < FEWEST:
                raise CalibrationError(
                    f"{len(own)} visits at work",
                    where=station.name,
                    expected=f"at least {FEWEST}, to know how long its work takes",
                    remedy="record a longer window or a larger share of traces",
                )
            # Slow work is tried more often, so that retries that meet it again would count it more often.
            fresh = own[~own["again"]]
            own = fresh if len(fresh) >= FEWEST else own
            good = own[own["outcome"] == "ok"]
            after = None
            if station.calls and len(good) >= FEWEST:
                after = _table(good, good["between_s"] + good["after_s"], picked)
            before = own["before_s"] if station.calls else own["before_s"] + own["after_s"]
            table = Demand(_table(own, before, picked), after)
            found[station.name] = self._of_all(station.name, table, len(own), picked)
        return found

    def _of_all(self, service: str, table: Demand, sampled: int, picked: _Picked | None) -> Demand:
        """Give the demand of sampled visits the mean that the counters of all visits say.

        What remains unknown of that mean is the spread of work over all visits, not over the sampled ones.
        """
        if service not in self._means:
            return table
        known = self._means[service]
        spread = self._visits.loc[self._visits["service"] == service, "before_s"].std()
        luck = (picked.luck if picked else 0.0) * spread / np.sqrt(known.visits)
        factor = (known.own_s + luck) / table.mean_s()
        if abs(factor - 1) > 5 * spread / table.mean_s() / np.sqrt(sampled):
            return table  # no sampling error is so large: the counters speak of something else
        return Demand(table.before * factor, None if table.after is None else table.after * factor)

    def transit(self, network: Network, picked: _Picked | None) -> dict[str, np.ndarray]:
        found = {}
        for station in network.stations:
            callers = self._clients if station.name == network.entry else [station.name]
            for call in station.calls:
                chosen = self._tries["caller"].isin(callers) & (self._tries["callee"] == call.to)
                known = self._tries[chosen & self._tries["transit_s"].notna()]
                if len(known) >= FEWEST:
                    key = f"{station.name}.{call.to}"
                    found[key] = _table(known, known["transit_s"], picked)
        return found

    def _arrivals(self) -> np.ndarray:
        """Start times of new requests, in seconds; windows are joined end to end."""
        found, passed = [], 0.0
        for capture in self._captures:
            spans = capture.spans
            new = spans["parent_id"].isna() & spans["service"].isin(self._clients)
            start = (spans.loc[new, "start"] - capture.start).dt.total_seconds().to_numpy()
            found.append(start + passed)
            passed += capture.duration_s
        return np.sort(np.concatenate(found))

    def rate(self) -> tuple[np.ndarray, float]:
        times = self._arrivals()
        total = sum(c.duration_s for c in self._captures)
        if not times.size:
            raise CalibrationError(
                "no spans of callers outside the services",
                expected="a root span per new request, from the load generator or the edge",
                remedy="record the callers' spans too",
            )
        rate = rate_over_time(times, total)
        return rate, total / rate.size

    def concurrency(self) -> dict[str, float]:
        """The most visits at work at once by service and instance, where a pool says so."""
        found: dict[str, float] = {}
        for capture in self._captures:
            gauges = capture.series[capture.series["metric"] == "worker_pool_busy"]
            most = capture.samples.groupby("series")["value"].max()
            for code, service in zip(gauges["series"], gauges["service"], strict=True):
                found[service] = max(found.get(service, 0.0), float(most.get(code, 0.0)))
        return found

    def persistence(self, points: int) -> np.ndarray:
        """How often a retry meets the same work again: quantiles of what the evidence leaves possible.

        Compares the ranks, among a service's visits, of the own work of the first two tries of a call: under
        fresh work they differ by less than r with probability 2r - r², under the same work always. The prior
        is Jeffreys' for a share, Beta(½, ½); without retries nothing else is known, both extremes are likely.
        """
        share = (np.arange(1000) + 0.5) / 1000
        by_chance = 2 * _NEAR - _NEAR**2
        seen = share + (1 - share) * by_chance
        near, pairs = self._pairs()
        belief = near * np.log(seen) + (pairs - near) * np.log1p(-seen) - 0.5 * np.log(share * (1 - share))
        weight = np.cumsum(np.exp(belief - belief.max()))
        return np.interp((np.arange(points) + 0.5) / points, weight / weight[-1], share)

    def _pairs(self) -> tuple[int, int]:
        """Count first and second tries of one call whose work was alike, and all of which it is known."""
        worked = self._visits[self._visits["outcome"].isin(["ok", "failed"])]
        rank = worked.groupby("service")["before_s"].rank(pct=True).to_numpy()
        by_span = pd.Series(rank, index=worked["span_id"].to_numpy())
        by_span = by_span[~by_span.index.duplicated()]
        tries = self._tries[self._tries["server_span"].isin(by_span.index) & (self._tries["attempt"] < 2)]
        tries = tries.assign(rank=by_span.reindex(tries["server_span"]).to_numpy())
        both = tries.pivot_table(index=["trace_id", "parent_id", "callee"], columns="attempt", values="rank")
        both = both.reindex(columns=[0, 1]).dropna()
        return int(((both[0] - both[1]).abs() < _NEAR).sum()), len(both)

    def notes(self, persistence: np.ndarray) -> list[str]:
        share = float(self._captures[0].load.get("sample_share", 1.0))
        pooled = (self._visits["outcome"].isin(["ok", "failed"]) & ~self._visits["again"]).sum()
        seen = ", ".join(f"{s} {n:.0f}" for s, n in self.concurrency().items())
        notes = [
            f"service times from {pooled:,} visits" + (f", {share:.0%} of all traces" if share < 1 else "")
        ]
        low, high = np.quantile(persistence, [0.05, 0.95])
        again = f"{low:.0%} to {high:.0%}" if high - low > 0.02 else f"{high:.0%}"
        notes.append(f"a retry meets the same work again in {again} of cases, by {self._pairs()[1]} retries")
        if high - low > 0.5:
            notes.append("a minute with a timeout near the P95 would tell whether slow requests stay slow")
        notes.append(
            "service times are taken not to grow with concurrency"
            + (f" (most at once: {seen})" if seen else "")
        )
        notes.append("arrivals are taken to be Poisson at the recorded rate")
        return notes


def _contradictions(capture: Capture) -> list[str]:
    """Name what the operational laws contradict; counts of visits that cannot both be true are refused."""
    broken = laws(capture)
    broken = broken[~broken["holds"].astype(bool)]
    size = broken[["left", "right"]].max(axis=1)
    counts = broken[(broken["law"] == "one count") & (broken["difference_share"] > _APART) & (size > 100)]
    for row in counts.itertuples():
        raise Contradiction(
            f"{row.service}: {row.left_is} are {row.left:.0f}, {row.right_is} {row.right:.0f}",
            where=capture.name or "capture",
            expected="metrics and spans of the same system over the same window",
            remedy="check windows, service names and the share of traces that is kept",
        )
    return [
        f"{row.service}: {row.left_is} is {row.left:.3g} {row.unit}, but {row.right_is} {row.right:.3g}"
        for row in broken[size >= 1].itertuples()
    ]


def _means_of_all(captures: tuple[Capture, ...]) -> dict[str, Any]:
    """Give own work (s) and number of visits by service, from counters; nothing where every span is kept."""
    if all(capture.load.get("sample_share", 1.0) >= 1.0 for capture in captures):
        return {}
    found = pd.concat([holds(capture) for capture in captures]).dropna()
    found[["own_s", "calls_s"]] = found[["own_s", "calls_s"]].mul(found["visits"], axis=0)
    both = found.groupby("service")[["visits", "own_s", "calls_s"]].sum()
    both[["own_s", "calls_s"]] = both[["own_s", "calls_s"]].div(both["visits"], axis=0)
    return {str(row.Index): row for row in both.itertuples()}


def _blocked(rows: pd.DataFrame, capture: Capture, offset: int) -> pd.DataFrame:
    since = (rows["start"] - capture.start).dt.total_seconds()
    last = int(np.ceil(capture.duration_s / BLOCK_S)) - 1
    return rows.assign(block=(since // BLOCK_S).clip(0, last).astype(int) + offset)


def _whole(seen: pd.DataFrame, capture: Capture) -> pd.DataFrame:
    """Leave out visits that outlast the window: calls that began after its end would count as own work."""
    return seen[seen["start"] + pd.to_timedelta(seen["duration_s"], unit="s") <= capture.end]


def _again(capture: Capture, seen: pd.DataFrame) -> np.ndarray:
    """Tell which visits a retry led to, directly or through a visit above."""
    spans, made = capture.spans, tries(capture)
    own, above = spans["trace_id"] + spans["span_id"], spans["trace_id"] + spans["parent_id"]
    retries = made[made["attempt"] > 0]
    reached = new = set(retries["trace_id"] + retries["span_id"])
    while new:
        new = set(own[above.isin(new)]) - reached
        reached = reached | new
    return (seen["trace_id"] + seen["span_id"]).isin(reached).to_numpy()


def _table(rows: pd.DataFrame, values: pd.Series, picked: _Picked | None) -> np.ndarray:
    """Give the quantiles of a value of visits or tries, by weight and how often their block was drawn."""
    weight = rows["weight"].to_numpy()
    drawn = weight if picked is None else weight * picked.weight[rows["block"].to_numpy()]
    return quantile_table(values.to_numpy(), drawn if drawn.any() else weight)
