"""Work, transit and arrivals from spans, each row with its block of time, so that blocks can be drawn anew.

What an instrument saw is not what the twin needs, so: work is a visit's own time without waiting, calls and
backoff; timed-out tries tell nothing of transit, while the callee's own span still tells its whole work;
arrivals are the callers' new requests, before any retry and with what was refused. Of a callee without
spans its callers' tries tell the work, and those that were given up only that it took longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.analysis.holds import holds
from workbench.analysis.pools import pools_over_time
from workbench.analysis.visits import tries, visits
from workbench.analysis.weights import weights
from workbench.capture import Capture
from workbench.errors import CalibrationError
from workbench.network import Demand, Network
from workbench.twin.arrivals import rate_over_time
from workbench.twin.draws import quantile_table
from workbench.twin.evidence.censored import survival_table

BLOCK_S = 10.0
FEWEST = 50  # visits of a station below which its service time is not fitted
ENDS_SOON, ENDS_LATE = 1.0, 10.0  # times the patience: what work may take that was given up
_UNEVEN = 1.5  # dispersion of arrivals from which they are no Poisson process; of 60 s by chance once in 300
_FEWEST_SECONDS = 30
_TOLD = 0.001  # share of tries given up below which nobody minds


class Picked:
    """Blocks of time drawn with replacement: how often each, the load they carried, luck in the means.

    `beyond` is how long work takes that was given up, in units of the longest patience seen.
    """

    def __init__(self, weight: np.ndarray, load: float, luck: float, beyond: float) -> None:
        self.weight, self.load, self.luck, self.beyond = weight, load, luck, beyond


class Spans:
    """Visits, tries and arrivals of captures; windows are joined end to end."""

    def __init__(self, captures: Sequence[Capture]) -> None:
        self.captures = captures
        made, seen, passed_s, self.blocks = [], [], 0.0, 0
        self._first_block = []
        for capture in captures:
            self._first_block.append(self.blocks)
            made.append(_placed(tries(capture), capture, self.blocks, passed_s).assign(weight=1.0))
            seen.append(_weighed(capture, self.blocks, passed_s))
            self.blocks, passed_s = self.blocks + _blocks(capture), passed_s + capture.duration_s
        self.tries = pd.concat(made, ignore_index=True)
        self.visits = pd.concat(seen, ignore_index=True)
        self.serving = set(self.visits["service"])
        self._means = _means_of_all(captures)
        self._beyond: dict[str, float] = {}
        self.requests = 0

    def resample(self, rng: np.random.Generator, nth: int) -> Picked:
        drawn = rng.integers(0, self.blocks, self.blocks)
        weight = np.bincount(drawn, minlength=self.blocks)
        total = max(1, self.requests)
        # The rate is known as well as a Poisson count lets it be, whatever its steps within the window.
        load = rng.poisson(total) / total
        return Picked(weight, load, rng.standard_normal(), (ENDS_SOON, ENDS_LATE)[nth % 2])

    def block_of(self, rows: pd.DataFrame) -> np.ndarray:
        """Give the block of each row, which has the window's number and since_s, its time in it."""
        inside = (rows["since_s"].to_numpy() // BLOCK_S).astype(int)
        return np.clip(np.array(self._first_block)[rows["window"].to_numpy()] + inside, 0, self.blocks - 1)

    def busy(self) -> pd.DataFrame:
        """Give the mean number of busy workers of an instance by service and block, where a pool tells it."""
        found = []
        instances = self.visits.groupby("service")["instance"].nunique()
        for capture, first in zip(self.captures, self._first_block, strict=True):
            pool = pools_over_time(capture, step_s=BLOCK_S)
            pool = pool[(pool["pool"] == "") & pool["busy"].notna()]
            block = ((pool["time"] - capture.start).dt.total_seconds() // BLOCK_S).astype(int) + first
            each = pool["busy"] / pool["service"].map(instances).fillna(1.0)
            found.append(pd.DataFrame({"service": pool["service"], "block": block, "busy": each}))
        return pd.concat(found, ignore_index=True)

    def demand(self, network: Network, picked: Picked | None) -> dict[str, Demand]:
        """Give the work of a visit by station; raise CalibrationError where too few were seen."""
        return {
            station.name: self._work(station.name, bool(station.calls), picked)
            if station.name in self.serving
            else Demand(self._as_callers_saw(station.name, picked))
            for station in network.stations
            if station.name != network.entry
        }

    def transit(self, network: Network, picked: Picked | None) -> dict[str, np.ndarray]:
        found = {}
        for station in network.stations:
            above = (
                ~self.tries["caller"].isin(self.serving)
                if station.name == network.entry
                else self.tries["caller"] == station.name
            )
            for call in station.calls:
                chosen = above & (self.tries["callee"] == call.to)
                known = self.tries[chosen & self.tries["transit_s"].notna()]
                if len(known) >= FEWEST:
                    key = f"{station.name}.{call.to}"
                    found[key] = _table(known, known["transit_s"], picked)
        return found

    def rate(self, entry: str) -> tuple[np.ndarray, float]:
        """Give the rate of new requests over time, and the length of its bins (s)."""
        times, share = self._arrivals(entry)
        total = sum(c.duration_s for c in self.captures)
        self.requests = times.size
        if not times.size:
            raise CalibrationError(
                "no requests that enter from outside",
                expected="a root span per request, of the load generator, the edge or the first service",
                remedy="record the callers' spans too",
            )
        rate = rate_over_time(times, total) / share
        return rate, total / rate.size

    def notes(self, network: Network) -> list[str]:
        """Say what the evidence is, and what was not seen of it."""
        share = float(self.captures[0].load.get("sample_share", 1.0))
        pooled = (self.visits["outcome"].isin(["ok", "failed"]) & ~self.visits["again"]).sum()
        notes = [
            f"service times from {pooled:,} visits" + (f", {share:.0%} of all traces" if share < 1 else "")
        ]
        if not self._outside().any():
            notes.append(
                "arrivals are what reached the first service: callers' retries count as new requests; "
                "spans of the callers would tell them apart"
            )
        uneven = _dispersion(self._arrivals(network[network.entry].calls[0].to)[0])
        if uneven > _UNEVEN:
            notes.append(
                f"arrivals come in bursts: their number in a second varies {uneven:.1f} times as much as "
                "Poisson arrivals would, with which the twin is asked; replay them to keep the bursts"
            )
        for name, left in self._beyond.items():
            notes.append(
                f"{name}: {left:.1%} of its work took longer than its callers waited: taken to last from "
                f"{ENDS_SOON:g} to {ENDS_LATE:g} times that; its own spans, or a minute with a longer "
                "timeout, would tell"
            )
        unseen = [s.name for s in network.stations if s.name not in self.serving and s.name != network.entry]
        if unseen:
            notes.append(
                f"{', '.join(unseen)}: seen by callers only, so that waiting there counts as work; "
                "metrics of its connections would tell"
            )
        return notes

    def _work(self, service: str, calls: bool, picked: Picked | None) -> Demand:
        own = self.visits[self.visits["service"] == service]
        own = own[own["outcome"].isin(["ok", "failed"])]
        if len(own) < FEWEST:
            raise _too_few(len(own), service)
        # Slow work is tried more often, so that retries that meet it again would count it more often.
        fresh = own[~own["again"]]
        own = fresh if len(fresh) >= FEWEST else own
        good = own[own["outcome"] == "ok"]
        after = None
        if calls and len(good) >= FEWEST:
            after = _table(good, good["between_s"] + good["after_s"], picked)
        before = own["before_s"] if calls else own["before_s"] + own["after_s"]
        return self._of_all(service, calls, Demand(_table(own, before, picked), after), len(own), picked)

    def _of_all(
        self, service: str, calls: bool, table: Demand, sampled: int, picked: Picked | None
    ) -> Demand:
        """Give the demand of sampled visits the mean that the counters of all visits say.

        What remains unknown of that mean is the spread of work over all visits, not over the sampled ones.
        """
        known = self._means.get(service)
        if known is None or (calls and not known.calls_s > 0):
            return table
        spread = self.visits.loc[self.visits["service"] == service, "before_s"].std()
        luck = (picked.luck if picked else 0.0) * spread / np.sqrt(known.visits)
        factor = (known.own_s + luck) / table.mean_s()
        if abs(factor - 1) > 5 * spread / table.mean_s() / np.sqrt(sampled):
            return table  # no sampling error is so large: the counters speak of something else
        return Demand(table.before * factor, None if table.after is None else table.after * factor)

    def _as_callers_saw(self, service: str, picked: Picked | None) -> np.ndarray:
        seen = self.tries[self.tries["callee"] == service]
        if len(seen) < FEWEST:
            raise _too_few(len(seen), service)
        ended = (seen["outcome"] != "timeout").to_numpy()
        table, left = survival_table(
            seen["duration_s"].to_numpy(),
            ended,
            _drawn(seen, picked),
            beyond=picked.beyond if picked else np.sqrt(ENDS_SOON * ENDS_LATE),
        )
        if left > _TOLD and picked is None:
            self._beyond[service] = left
        return table

    def _outside(self) -> pd.Series:
        return self.tries["parent_id"].isna() & ~self.tries["caller"].isin(self.serving)

    def _arrivals(self, entry: str) -> tuple[np.ndarray, float]:
        """Give the start times of new requests (s), and which share of them was kept.

        They are the callers', whose own spans are all kept; where those have none, what entered from outside.
        """
        if self._outside().any():
            return np.sort(self.tries.loc[self._outside(), "at_s"].to_numpy()), 1.0
        roots = self.visits[self.visits["outside"] & (self.visits["service"] == entry)]
        return np.sort(roots["at_s"].to_numpy()), float(self.captures[0].load.get("sample_share", 1.0))


def _dispersion(times_s: np.ndarray) -> float:
    """Give the variance of neighbouring counts of a second by their mean: 1 for Poisson arrivals.

    Differences of neighbours leave out what the rate itself does more slowly (von Neumann 1941).
    """
    counts = np.bincount(times_s.astype(int)) if times_s.size else np.zeros(1)
    if counts.size < _FEWEST_SECONDS:
        return 1.0
    return float((np.diff(counts) ** 2).mean() / 2 / max(counts.mean(), 1e-9))


def _too_few(seen: int, service: str) -> CalibrationError:
    return CalibrationError(
        f"{seen} visits at work",
        where=service,
        expected=f"at least {FEWEST}, to know how long its work takes",
        remedy="record a longer window or a larger share of traces",
    )


def _means_of_all(captures: Sequence[Capture]) -> Mapping[str, Any]:
    """Give own work (s) and number of visits by service, from counters; nothing where every span is kept."""
    if all(capture.load.get("sample_share", 1.0) >= 1.0 for capture in captures):
        return {}
    found = pd.concat([holds(capture) for capture in captures]).dropna()
    found[["own_s", "calls_s"]] = found[["own_s", "calls_s"]].mul(found["visits"], axis=0)
    both = found.groupby("service")[["visits", "own_s", "calls_s"]].sum()
    both[["own_s", "calls_s"]] = both[["own_s", "calls_s"]].div(both["visits"], axis=0)
    return {str(row.Index): row for row in both.itertuples()}


def _blocks(capture: Capture) -> int:
    return int(np.ceil(capture.duration_s / BLOCK_S))


def _weighed(capture: Capture, first_block: int, passed_s: float) -> pd.DataFrame:
    seen = _placed(visits(capture), capture, first_block, passed_s)
    known = capture.spans["trace_id"] + capture.spans["span_id"]
    return _whole(
        seen.assign(
            again=_again(capture, seen),
            weight=weights(capture),
            outside=~(seen["trace_id"] + seen["parent_id"]).isin(set(known)),
        ),
        capture,
    )


def _placed(rows: pd.DataFrame, capture: Capture, first_block: int, passed_s: float) -> pd.DataFrame:
    since = (rows["start"] - capture.start).dt.total_seconds()
    block = (since // BLOCK_S).clip(0, _blocks(capture) - 1).astype(int)
    return rows.assign(block=block + first_block, at_s=since + passed_s)


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


def _drawn(rows: pd.DataFrame, picked: Picked | None) -> np.ndarray:
    weight = rows["weight"].to_numpy()
    drawn = weight if picked is None else weight * picked.weight[rows["block"].to_numpy()]
    return drawn if drawn.any() else weight


def _table(rows: pd.DataFrame, values: pd.Series, picked: Picked | None) -> np.ndarray:
    """Give the quantiles of a value of visits or tries, by weight and how often their block was drawn."""
    return quantile_table(values.to_numpy(), _drawn(rows, picked))
