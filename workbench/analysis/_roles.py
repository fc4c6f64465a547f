"""Metrics by role: series that fill a role of some preset, named, labelled and scaled as analyses have them.

role:latency_bucket{status="200",le="0.005"}, whoever exported it and whatever it was called there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench import tables
from workbench.analysis._native import with_classic
from workbench.capture import Capture
from workbench.presets import PREFIX, ROLES, UNITS, Candidate, Fill, candidates, ranked

Labels = dict[str, str]


class Filled(NamedTuple):
    """A series that fills a role: its row in `series`, by which candidate, and what it is then called."""

    row: int
    candidate: Candidate
    service: str
    instance: str
    labels: Labels


def in_roles(capture: Capture, by_hand: Sequence[Fill] = ()) -> Capture:
    """Give the metrics of a capture (and no other table), those that fill a role named `role:…`.

    Of several views of one service the nearest counts: its own process before a sidecar, a proxy, the
    platform; fills by hand before all. Series without a role keep their names.
    """
    capture = with_classic(capture)
    return _renamed(capture, fillings(capture, by_hand))


def with_roles(capture: Capture, by_hand: Sequence[Fill] = ()) -> Capture:
    """Give the whole capture with its series named by role."""
    named = in_roles(capture, by_hand)
    return replace(capture, series=named.series, samples=named.samples)


def fillings(capture: Capture, by_hand: Sequence[Fill] = ()) -> list[Filled]:
    """Give the series that fill a role, one view of each service and role, in the order of the table."""
    return chosen(list(possible(capture, by_hand)))


def possible(capture: Capture, by_hand: Sequence[Fill] = ()) -> Iterator[Filled]:
    """Give every series that could fill a role, by its first candidate."""
    series = capture.series
    codes, metrics = pd.factorize(series["metric"].to_numpy(dtype=object))
    own: dict[str, list[Candidate]] = {}
    for name, candidate in ranked(by_hand, -1, 0):
        own.setdefault(name, []).append(candidate)
    found = [(*_named_already(m), *own.get(m, ()), *candidates(m)) for m in metrics]
    rows = np.flatnonzero(np.array([bool(one) for one in found], dtype=bool)[codes]) if found else codes
    known = series.take(rows)
    labels_of = pa.array(
        known["labels"], from_pandas=True
    ).to_pylist()  # iterating the column is ten times slower
    who = zip(rows.tolist(), known["service"], known["instance"], labels_of, strict=True)
    for row, service, instance, labels in who:
        metric, given = metrics[codes[row]], dict(labels)
        for candidate in found[codes[row]]:
            fill = candidate.fill
            if all(
                re.fullmatch(pattern, metric if label == "__name__" else given.get(label, ""))
                for label, pattern in fill.where.items()
            ):
                ours = _labels(fill, given)
                service, instance = ours.pop("service", "") or service, ours.pop("instance", "") or instance
                yield Filled(row, candidate, service, instance, given | ours)
                break


def _named_already(metric: str) -> tuple[Candidate, ...]:
    """Give the candidate of a series that is named by its role: by a recording rule, or by ourselves."""
    name = metric.removeprefix(PREFIX)
    if name == metric:
        return ()
    member = next((m for m in ("_bucket", "_count", "_sum") if name.endswith(m)), "")
    base = name.removesuffix(member) if name not in ROLES else name
    if base not in ROLES:
        return ()
    return (Candidate((-2, 0, 0, 0), Fill(base, (name,)), name),)


def _labels(fill: Fill, given: Mapping[str, str]) -> Labels:
    ours = {"traffic": given.get("traffic", fill.traffic)}
    for label, spellings in fill.labels.items():
        names = (spellings,) if isinstance(spellings, str) else spellings
        value = next((given[name] for name in names if given.get(name)), "")
        match = re.fullmatch(fill.part[label], value) if label in fill.part else None
        value = match[1] if match else value
        ours[label] = fill.values.get(label, {}).get(value, value)
    if "le" in given:
        ours["le"] = _scaled(given["le"], UNITS[fill.unit])
    return ours


def _scaled(bound: str, factor: float) -> str:
    if factor == 1.0:
        return bound
    try:
        return repr(float(f"{float(bound) * factor:.12g}")).replace("inf", "+Inf")
    except ValueError:
        return bound


class _Stand(NamedTuple):
    """What of a series that fills a role decides whether it counts."""

    rank: tuple[int, ...]
    service: str
    base: str
    pool: str
    traffic: str
    instance: str
    role: str


def chosen(filled: list[Filled]) -> list[Filled]:
    """Keep of each service and role the nearest view, of that by traffic one preset, by instance one name."""
    stands = [
        _Stand(
            one.candidate.rank, one.service, one.candidate.fill.base, one.labels.get("pool", ""),
            one.labels["traffic"], one.instance, one.candidate.role,
        )
        for one in filled
    ]  # fmt: skip
    kept = set(stands)
    kept = _nearest(kept, 1, lambda s: s[1:4])
    kept = _nearest(kept, 2, lambda s: s[1:5])
    kept = _nearest(kept, 4, lambda s: s[1:])
    view: dict[str, int] = {}
    for stand in kept:
        if stand.base == "latency":
            view[stand.service] = min(view.get(stand.service, stand.rank[0]), stand.rank[0])
    # A proxy's count beside the service's own histogram would count the same requests twice.
    kept = {
        stand
        for stand in kept
        if stand.base not in ("requests", "errors") or stand.rank[0] <= view.get(stand.service, stand.rank[0])
    }
    return [one for one, stand in zip(filled, stands, strict=True) if stand in kept]


def _nearest(stands: set[_Stand], depth: int, by: Callable[[_Stand], tuple[str, ...]]) -> set[_Stand]:
    """Keep of those alike `by` the ones whose rank is the lowest in its first `depth` places."""
    best: dict[tuple[str, ...], tuple[int, ...]] = {}
    for stand in stands:
        rank = stand.rank[:depth]
        best[by(stand)] = min(best.get(by(stand), rank), rank)
    return {stand for stand in stands if stand.rank[:depth] == best[by(stand)]}


def _renamed(capture: Capture, filled: list[Filled]) -> Capture:
    rows = [one.row for one in filled]
    columns = {name: capture.series[name].to_numpy(dtype=object).copy() for name in capture.series}
    for one in filled:
        columns["metric"][one.row] = PREFIX + one.candidate.role
        columns["service"][one.row], columns["instance"][one.row] = one.service, one.instance
        columns["labels"][one.row] = list(one.labels.items())
    series = tables.SERIES.build({**columns, "series": capture.series["series"]}) if rows else capture.series
    return Capture(
        name=capture.name,
        start=capture.start,
        end=capture.end,
        settings=capture.settings,
        load=capture.load,
        series=series,
        samples=_in_units(capture, filled),
    )


def _in_units(capture: Capture, filled: list[Filled]) -> pd.DataFrame:
    codes = capture.series["series"].to_numpy()
    factors = {
        int(codes[one.row]): UNITS[one.candidate.fill.unit]
        for one in filled
        if UNITS[one.candidate.fill.unit] != 1.0 and not one.candidate.role.endswith(("_bucket", "_count"))
    }
    if not factors:
        return capture.samples
    factor = capture.samples["series"].map(factors).fillna(1.0).to_numpy(dtype="float64")
    return capture.samples.assign(value=capture.samples["value"].to_numpy() * factor)
