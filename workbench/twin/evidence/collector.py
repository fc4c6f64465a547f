"""Garbage collection: what a visit allocates, how much fits between two collections, what they stop.

From collections with the heap before and after them: what lies between one's end and the next's begin was
allocated. Without those numbers, or dates, pauses stay in the work that they lengthened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.analysis._metrics import labelled
from workbench.capture import Capture
from workbench.policies import Gc

_FEWEST = 10  # collections of a service below which nothing is said of its allocation
_ALL_CONCURRENT = ("Go", "Z", "Shenandoah")  # each cycle is a collection; elsewhere it is beside others
_NEAR_NS = 1_000_000  # by which a pause may lie outside of its collection: logs round


class Collector(NamedTuple):
    """The policy of a service; how long each collection stopped it, and when by instance (ns, rising).

    `rows` has a row per collection: window (index of the capture), since_s (from its start), pause_s.
    """

    policy: Gc
    rows: pd.DataFrame
    stops: Mapping[str, tuple[np.ndarray, np.ndarray]]


def collectors(captures: Sequence[Capture]) -> dict[str, Collector]:
    """Give by service what its collections tell, where it has enough of them with heap sizes and dates."""
    parts: dict[str, list[tuple[str, pd.DataFrame, float, float, int]]] = {}
    for window, capture in enumerate(captures):
        for (service, instance), own in _collections(capture).groupby(["service", "instance"]):
            rows = own.assign(window=window, since_s=(own["start"] - capture.start).dt.total_seconds())
            allocated = np.maximum(
                own["heap_before_bytes"].to_numpy(float)[1:] - own["heap_after_bytes"].to_numpy(float)[:-1],
                0.0,
            )
            visits = _visits(capture, service, instance, own["start"].iloc[0], own["start"].iloc[-1])
            part = (instance, rows, float(allocated.sum()), visits, allocated.size)
            parts.setdefault(service, []).append(part)
    return {service: found for service, own in parts.items() if (found := _collector(captures, own))}


def spared(seen: pd.DataFrame, found: Mapping[str, Collector]) -> pd.DataFrame:
    """Give visits (see `analysis.visits`) without the time that collections took of their work."""
    changed = [seen]
    for service, collector in found.items():
        for instance, stops in collector.stops.items():
            own = seen[(seen["service"] == service) & (seen["instance"] == instance)]
            begin = own["start"].astype("int64").to_numpy(float) + own["wait_s"].to_numpy() * 1e9
            end = own["start"].astype("int64").to_numpy(float) + own["duration_s"].to_numpy() * 1e9
            before, after = own["before_s"].to_numpy(), own["after_s"].to_numpy()
            changed.append(
                own.assign(
                    before_s=np.maximum(before - _stopped(stops, begin, begin + before * 1e9), 0.0),
                    after_s=np.maximum(after - _stopped(stops, end - after * 1e9, end), 0.0),
                )
            )
    both = pd.concat(changed)
    return both[~both.index.duplicated(keep="last")].sort_index()


def spared_on_the_way(
    tries: pd.DataFrame, seen: pd.DataFrame, found: Mapping[str, Collector]
) -> pd.DataFrame:
    """Give tries with the time in which either end stood still out of their transit.

    A callee that stands still takes up late what came; a caller, what was answered.
    """
    if not found:
        return tries
    there = seen[["trace_id", "span_id", "instance", "start", "duration_s"]].rename(
        columns={"span_id": "server_span", "start": "begin"}
    )
    above = seen[["trace_id", "span_id", "instance"]].rename(columns={"span_id": "parent_id"})
    ends = tries[["trace_id", "server_span", "parent_id"]]
    server = ends.merge(there, how="left", on=["trace_id", "server_span"]).set_axis(tries.index)
    caller = ends.merge(above, how="left", on=["trace_id", "parent_id"]).set_axis(tries.index)["instance"]
    sent = tries["start"].astype("int64").to_numpy(float)
    heard = sent + tries["duration_s"].to_numpy() * 1e9
    begin = sent + (server["begin"] - tries["start"]).dt.total_seconds().to_numpy() * 1e9
    end = begin + server["duration_s"].to_numpy() * 1e9
    stopped = np.zeros(len(tries))
    for collector in found.values():
        for instance, stops in collector.stops.items():
            at = (server["instance"] == instance).to_numpy()
            stopped[at] += _stopped(stops, sent[at], begin[at])
            at = (caller == instance).to_numpy() & np.isfinite(end)
            stopped[at] += _stopped(stops, end[at], heard[at])
    return tries.assign(transit_s=(tries["transit_s"] - stopped).clip(lower=0.0))


def _collector(captures: Sequence[Capture], parts: list[tuple]) -> Collector | None:
    rows = pd.concat([part[1] for part in parts], ignore_index=True)
    allocated, visits, gaps = (sum(part[k] for part in parts) for k in (2, 3, 4))
    if len(rows) < _FEWEST or not allocated or not visits:
        return None
    each = allocated / visits
    # The twin collects at the first visit that fills the budget, on average half a visit late.
    live = float(rows["heap_after_bytes"].astype(float).mean())
    policy = Gc(each, max(1.0, allocated / gaps - each / 2), live)
    stops = {}
    for instance in rows["instance"].unique():
        own = rows[rows["instance"] == instance]
        stops[instance] = _stops([captures[w] for w in own["window"].unique()], own)
    return Collector(policy, rows[["window", "since_s", "pause_s"]], stops)


def _collections(capture: Capture) -> pd.DataFrame:
    rows = _dated(capture, capture.collections)
    known = rows["start"].notna() & rows["heap_before_bytes"].notna() & rows["heap_after_bytes"].notna()
    counts = rows["collector"].isin(_ALL_CONCURRENT) | (rows["kind"] != "concurrent")
    chosen = rows[known & counts].sort_values("start")
    return chosen.assign(pause_s=chosen["pause_s"].fillna(0.0))


def _dated(capture: Capture, rows: pd.DataFrame) -> pd.DataFrame:
    """Give rows of a log without dates theirs, where metrics know when the process started."""
    if rows["start"].notna().all():
        return rows
    heads = labelled(capture, "process_start_time_seconds")
    since = heads.merge(capture.samples.groupby("series")["value"].max(), on="series")
    since = since.groupby("service")["value"].agg(["max", "nunique"])  # of several processes none can be told
    known = rows["service"].map(since.loc[since["nunique"] == 1, "max"]).astype(float)
    at = pd.to_datetime((known + rows["uptime_s"]) * 1e9, unit="ns", utc=True).dt.as_unit("ns")
    return rows.assign(start=rows["start"].fillna(at))


def _visits(capture: Capture, service: str, instance: str, first: pd.Timestamp, last: pd.Timestamp) -> float:
    spans = capture.spans
    own = (spans["service"] == service) & (spans["instance"] == instance) & (spans["kind"] == "server")
    count = int((own & (spans["start"] >= first) & (spans["start"] < last)).sum())
    return count / float(capture.load.get("sample_share", 1.0))


def _stops(captures: Sequence[Capture], rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Give begin and end (ns) of the pauses that belong to these collections of one instance."""
    first = rows["start"].astype("int64").to_numpy()
    last = first + (np.maximum(rows["duration_s"].fillna(0.0), rows["pause_s"]) * 1e9).to_numpy("int64")
    who = (rows["service"].iloc[0], rows["instance"].iloc[0])
    pauses = pd.concat([_dated(c, c.pauses) for c in captures])
    pauses = pauses[(pauses["service"] == who[0]) & (pauses["instance"] == who[1]) & pauses["start"].notna()]
    begin = pauses["start"].astype("int64").to_numpy()
    order = np.argsort(begin)
    begin = begin[order]
    end = begin + np.rint(pauses["duration_s"].to_numpy()[order] * 1e9).astype("int64")
    if not begin.size:  # a log of collections alone
        return first, first + np.rint(rows["pause_s"].to_numpy() * 1e9).astype("int64")
    at = np.searchsorted(first, begin + _NEAR_NS, side="right") - 1
    inside = (at >= 0) & (begin <= last[np.maximum(at, 0)] + _NEAR_NS)
    return begin[inside], end[inside]


def _stopped(stops: tuple[np.ndarray, np.ndarray], begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Give how many seconds of [begin, end) (ns) were stopped."""
    first, last = stops
    if not first.size:
        return np.zeros(begin.size)
    moments = np.stack([first, np.maximum(last, first)], axis=1).ravel().astype(float)
    moments = np.maximum.accumulate(moments)
    total = np.concatenate([[0.0], np.cumsum(np.diff(moments) * (np.arange(moments.size - 1) % 2 == 0))])
    return (np.interp(end, moments, total) - np.interp(begin, moments, total)) / 1e9
