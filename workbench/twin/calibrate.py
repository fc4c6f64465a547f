"""`calibrate`: evidence → Twin. Work and arrivals from what was recorded, policies from settings.

What the evidence cannot tell is said in the twin's notes, with the cheapest measurement that would, and its
replicates hold both extremes. Uncertainty comes from resampling blocks of time (Künsch, The jackknife and
the bootstrap for general stationary observations, Ann. Statist. 1989, §2.1), since neighbouring requests
share their luck.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.analysis._metrics import labelled
from workbench.analysis._roles import in_roles
from workbench.analysis.laws import laws
from workbench.capture import Capture
from workbench.errors import CalibrationError, Contradiction
from workbench.knobs import systems
from workbench.network import Network, Station, Workload
from workbench.policies import UNLIMITED
from workbench.twin.draws import quantile_table
from workbench.twin.evidence.clocks import aligned
from workbench.twin.evidence.collector import Collector, collectors, spared, spared_on_the_way
from workbench.twin.evidence.contention import (
    alone,
    contention,
    several_loads,
    with_company,
    with_mean_company,
)
from workbench.twin.evidence.counters import Counters
from workbench.twin.evidence.persistence import alike, persistence, said
from workbench.twin.evidence.spans import Picked, Spans
from workbench.twin.evidence.structure import Learned, knobs_of, learned, with_pools, with_settings
from workbench.twin.evidence.transient import settled
from workbench.twin.model import Twin

REPLICATES = 20
_APART = 0.25  # share by which two counts of the same visits may differ before one must be wrong


def calibrate(
    *captures: Capture, network: Network | None = None, system: str | Sequence[str] = "lab", seed: int = 0
) -> Twin:
    """Fit a twin to captures of one system under the same settings, at one load or several.

    `network` None learns it: from spans who calls whom, in which order or at once; without spans from
    counters of calls; pools, limits, timeouts and retries from the captures' settings, as the knobs of
    `system` (a module of `knobs`, or several) understand them, else from what metrics and spans show.
    Raises CalibrationError where the evidence does not determine the model: nothing of any service, too few
    visits, no arrivals, or captures under different settings; Contradiction where it cannot all be true.
    """
    _check_settings(captures)
    given = captures
    clean = [_cleaned(capture) for capture in captures]
    captures, notes = tuple(c for c, _ in clean), [note for _, own in clean for note in own]
    doubts = [doubt for capture in captures for doubt in _contradictions(capture)]
    fitted = (_from_spans if _has_spans(captures) else _from_counters)(captures, network, system, seed)
    network, workload = fitted.network, fitted.workload
    return Twin(
        name=given[0].name,
        network=network,
        workload=workload,
        knobs=tuple(knobs_of(system, network)),
        settings=given[0].settings,
        replicates=fitted.replicates,
        start=captures[0].start,
        duration_s=sum(c.duration_s for c in captures),
        concurrency=_concurrency(captures),
        notes=(*fitted.notes, *notes, "arrivals are taken to be Poisson at the recorded rate", *doubts),
    )


class _Fitted(NamedTuple):
    network: Network
    workload: Workload
    replicates: tuple[Workload, ...]
    notes: tuple[str, ...]


def _from_spans(
    captures: Sequence[Capture], network: Network | None, system: str | Sequence[str], seed: int
) -> _Fitted:
    rng = np.random.default_rng(seed)
    evidence = Spans(captures)
    notes: list[str] = []
    if network is None:
        patience_s = _patience_s(captures[0], system)
        found = learned(evidence.visits, evidence.tries, patience_s=patience_s)
        network, own = _as_set(found, captures, system)
        notes += own
    rate, bin_s = evidence.rate(network[network.entry].calls[0].to)
    pauses = collectors(captures)
    evidence.tries = spared_on_the_way(evidence.tries, evidence.visits, pauses)
    evidence.visits = spared(evidence.visits, pauses)
    network, own = _slowing(network, evidence, rate, rng)
    notes += own
    network = _collecting(network, pauses)
    near, retries = alike(evidence.visits, evidence.tries)
    luck = persistence(near, retries, REPLICATES)

    def workload(picked: Picked | None, persists: float) -> Workload:
        return Workload(
            rate * (picked.load if picked else 1.0),
            bin_s,
            evidence.demand(network, picked),
            evidence.transit(network, picked),
            persists,
            pauses={name: _pause_table(evidence, own, picked) for name, own in pauses.items()},
        )

    picks = [evidence.resample(rng, nth) for nth in range(REPLICATES)]
    return _Fitted(
        network,
        workload(None, float(luck.mean())),
        tuple(workload(p, float(again)) for p, again in zip(picks, rng.permutation(luck), strict=True)),
        (*evidence.notes(network), *said(luck, retries), *notes, *_collected(network, pauses)),
    )


def _from_counters(
    captures: Sequence[Capture], network: Network | None, system: str | Sequence[str], seed: int
) -> _Fitted:
    rng = np.random.default_rng(seed)
    evidence = Counters(captures)
    notes: list[str] = []
    if network is None:
        network, notes = _as_set(evidence.learned(_patience_s(captures[0], system)), captures, system)
    network, told = evidence.fitted(network)
    entry = network[network.entry].calls[0].to
    rate, bin_s = evidence.rate(entry)
    luck = persistence(0, 0, REPLICATES)
    # Of what nothing tells, as of persistence: Jeffreys' prior, which holds that it is near an extreme.
    extremes = np.sin(np.pi / 2 * (np.arange(REPLICATES) + 0.5) / REPLICATES) ** 2

    def workload(
        weight: np.ndarray | None, load: float, queueing: float, spread: float, persists: float
    ) -> Workload:
        demand, transit = evidence.demand(network, weight, queueing=queueing, spread=spread)
        return Workload(rate * load, bin_s, demand, transit, persists)

    replicates = [
        workload(evidence.resample(rng), evidence.load(entry, rng), *unknown)
        for unknown in zip(
            *(rng.permutation(quantiles) for quantiles in (extremes, extremes, luck)), strict=True
        )
    ]
    return _Fitted(
        network,
        workload(None, 1.0, 0.5, 0.5, float(luck.mean())),
        tuple(replicates),
        (*told, *said(luck, 0), *notes),
    )


def _check_settings(captures: Sequence[Capture]) -> None:
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


def _has_spans(captures: Sequence[Capture]) -> bool:
    return all("server" in set(capture.spans["kind"]) for capture in captures)


def _cleaned(capture: Capture) -> tuple[Capture, list[str]]:
    """Give the capture on one clock and without its warm-up, and what was done."""
    capture, offsets = aligned(capture)
    notes = [
        f"{row.service} {row.instance}: its clock is {row.offset_s * 1e3:+.1f} ms off, "
        f"± {row.error_s * 1e3:.1f} ms; its spans are moved"
        for row in offsets.itertuples()
    ]
    capture, cut_s = settled(capture)
    if cut_s:
        notes.append(f"the first {cut_s:.0f} s are left out: work took longer than it did later")
    return capture, notes


def _as_set(
    found: Learned, captures: Sequence[Capture], system: str | Sequence[str]
) -> tuple[Network, list[str]]:
    """Give the learned network at the settings, with pools by metrics where those are silent."""
    network = with_settings(found.network, knobs_of(system, found.network), captures[0].settings)
    sized = with_pools(network, captures)
    return sized.network, [*found.notes, *sized.notes]


def _patience_s(capture: Capture, system: str | Sequence[str]) -> float:
    """Give how long the callers wait: as their load says, or as those that the system brings along do."""
    names = [system] if isinstance(system, str) else system
    brought = [getattr(systems()[name], "PATIENCE_S", UNLIMITED) for name in names if name in systems()]
    return float(capture.load.get("patience_s", min(brought, default=UNLIMITED)))


def _slowing(
    network: Network, evidence: Spans, rate: np.ndarray, rng: np.random.Generator
) -> tuple[Network, list[str]]:
    """Give the network with work that grows in company, where loads differ and every visit was seen."""
    seen = ", ".join(f"{s} {n:.0f}" for s, n in _concurrency(evidence.captures).items())
    most = f" (most at once: {seen})" if seen else ""
    if not several_loads(rate):
        told = "; a few minutes at another load would tell"
        return network, [f"service times are taken not to grow with concurrency{most}{told}"]
    notes = []
    sampled = any(float(capture.load.get("sample_share", 1.0)) < 1.0 for capture in evidence.captures)
    if sampled:
        evidence.visits = with_mean_company(evidence.visits, evidence.busy())
    else:
        evidence.visits = with_company(evidence.visits)
    for station in network.stations:
        own = evidence.visits["service"] == station.name
        worked = evidence.visits[
            own & evidence.visits["outcome"].isin(["ok", "failed"]) & ~evidence.visits["again"]
        ]
        found = contention(worked, calls=bool(station.calls), rng=rng) if len(worked) else None
        if found:
            evidence.visits = pd.concat([evidence.visits[~own], alone(evidence.visits[own], found.policy)])
            network = _with(network, replace(station, contention=found.policy))
            notes.append(
                f"{station.name}: work takes {found.low:.0%} to {found.high:.0%} longer with "
                f"{found.company:.1f} at work than alone"
            )
    evidence.visits = evidence.visits.sort_index()
    return network, notes or [f"service times do not grow with concurrency, as far as was seen{most}"]


def _collecting(network: Network, pauses: dict[str, Collector]) -> Network:
    for station in network.stations:
        if station.name in pauses:
            network = _with(network, replace(station, gc=pauses[station.name].policy))
    return network


def _collected(network: Network, pauses: dict[str, Collector]) -> Iterator[str]:
    for name, own in pauses.items():
        visits = own.policy.budget_bytes / own.policy.bytes_per_visit
        yield (
            f"{name}: {own.policy.bytes_per_visit / 1024:.0f} KiB allocated by a visit, a collection after "
            f"{visits:.0f} of them, pauses of {own.rows['pause_s'].mean() * 1e3:.1f} ms on average; "
            "they are taken to be as long at another heap size"
        )


def _pause_table(evidence: Spans, own: Collector, picked: Picked | None) -> np.ndarray:
    weight = np.ones(len(own.rows)) if picked is None else picked.weight[evidence.block_of(own.rows)]
    return quantile_table(own.rows["pause_s"].to_numpy(), weight if weight.any() else None)


def _with(network: Network, station: Station) -> Network:
    return replace(
        network, stations=tuple(station if s.name == station.name else s for s in network.stations)
    )


def _concurrency(captures: Sequence[Capture]) -> dict[str, float]:
    """Give the most visits at work at once by service and instance, where a pool says so."""
    found: dict[str, float] = {}
    for capture in captures:
        named = in_roles(capture)
        most = named.samples.groupby("series")["value"].max()
        for gauge in labelled(named, "role:pool_in_use", "pool").itertuples():
            if gauge.pool == "":
                service = str(gauge.service)
                found[service] = max(found.get(service, 0.0), float(most.get(gauge.series, 0.0)))
    return found


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
