"""The kernel's log → numbers: latency, throughput, errors, utilisation, waiting; no Capture is built."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.network import Network, Station
from workbench.twin import world

QUANTILES = (0.5, 0.95, 0.99)
MEASURED_AT = "client, from the intended send time to the answer or to giving up, all requests"


@dataclass(frozen=True)
class Outcome:
    """What one run gives: latencies (s) of all requests of the window, and numbers by name."""

    latency_s: np.ndarray
    numbers: dict[str, float]


def outcome(log: np.ndarray, network: Network, *, start_s: float, end_s: float) -> Outcome:
    """Measure a log on requests that arrived in [start_s, end_s).

    Names: mean_s, p50_s, p95_s, p99_s (latency, all requests, failed ones included), throughput_rps (good
    answers a second), error_share, load_rps, degraded_share (where a call has a fallback); by station:
    utilisation/NAME (share, where servers are limited), wait/NAME (mean wait for a server of those that got
    one, s), queue/NAME (mean number waiting), tries/NAME (visits per request).
    """
    entered = (log["parent"] < 0) & (log["sent"] >= start_s) & (log["sent"] < end_s)
    sent, heard = log["sent"][entered], log["heard"][entered]
    over_s = np.nanmax(log["heard"], initial=end_s)  # who was never answered has waited at least until then
    latency = np.where(np.isnan(heard), over_s, heard) - sent
    good = log["result"][entered] == world.OK
    span_s = end_s - start_s
    numbers = {"mean_s": float(latency.mean()) if latency.size else np.nan}
    values = np.quantile(latency, QUANTILES) if latency.size else np.full(len(QUANTILES), np.nan)
    numbers |= {f"p{q * 100:g}_s": float(v) for q, v in zip(QUANTILES, values, strict=True)}
    numbers["throughput_rps"] = float(good.sum() / span_s)
    numbers["error_share"] = float(1 - good.mean()) if good.size else np.nan
    numbers["load_rps"] = good.size / span_s
    if any(call.fallback for station in network.stations for call in station.calls):
        numbers["degraded_share"] = float(log["degraded"][entered].mean()) if good.size else np.nan
    columns = {name: np.ascontiguousarray(log[name]) for name in _OF_A_STATION}  # whole rows are long
    for s, station in enumerate(network.stations):
        if station.name != network.entry:
            own = columns["station"] == s
            visits = {name: column[own] for name, column in columns.items()}
            numbers |= _at_station(station, visits, good.size, start_s, end_s)
    return Outcome(latency, numbers)


_OF_A_STATION = ("station", "instance", "arrived", "started", "ended")


def _at_station(
    station: Station, visits: dict[str, np.ndarray], requests: int, start_s: float, end_s: float
) -> dict[str, float]:
    started, arrived, ended = visits["started"], visits["arrived"], visits["ended"]
    got, span_s, name = np.isfinite(started), end_s - start_s, station.name
    numbers = {}
    if np.isfinite(station.pool.servers):
        instances = max(station.instances, int(visits["instance"].max(initial=0)) + 1)
        held_s = _overlap(started[got], ended[got], start_s, end_s)
        numbers[f"utilisation/{name}"] = held_s / (station.pool.servers * instances * span_s)
    came = (arrived >= start_s) & (arrived < end_s)
    waited = (started - arrived)[got & came]
    numbers[f"wait/{name}"] = float(waited.mean()) if waited.size else 0.0
    left_queue = np.where(got, started, ended)
    numbers[f"queue/{name}"] = _overlap(arrived, left_queue, start_s, end_s) / span_s
    numbers[f"tries/{name}"] = float(came.sum() / requests) if requests else np.nan
    return numbers


def unit(name: str) -> str:
    """Give the unit of a number of `outcome` by its name."""
    kind = name.split("/")[0]
    units = {"utilisation": "share", "queue": "requests", "tries": "per request", "wait": "s"}
    suffixes = {"_s": "s", "_rps": "1/s", "_share": "share"}
    return units.get(kind) or next(u for suffix, u in suffixes.items() if kind.endswith(suffix))


def shown(quantity: str, value: float) -> str:
    """Give a number with its unit as people read it: 412 ms, 0.8 %, 39.8/s."""
    if np.isnan(value):
        return "–"
    kind = unit(quantity)
    if kind == "s":
        digits = 1 if value < 0.01 else 0
        return f"{value:.2f} s" if value >= 2 else f"{value * 1e3:.{digits}f} ms"
    if kind == "share":
        return f"{value * 100:.2f} %" if value < 0.1 else f"{value * 100:.0f} %"
    return f"{value:.1f}/s" if kind == "1/s" else f"{value:.2f}"


def label(quantity: str) -> str:
    """Give a quantity's name as people say it: P99, errors, orders busy."""
    kind, _, station = quantity.partition("/")
    if station:
        return f"{station} {_OF_STATIONS[kind]}"
    return _PLAIN.get(kind) or kind.removesuffix("_s").upper()


_PLAIN = {"mean_s": "mean", "throughput_rps": "throughput", "error_share": "errors", "load_rps": "load"}
_PLAIN |= {"degraded_share": "degraded"}
_OF_STATIONS = {"utilisation": "busy", "wait": "wait", "queue": "queue", "tries": "tries"}


def _overlap(start: np.ndarray, end: np.ndarray, low: float, high: float) -> float:
    """Sum of the parts of [start, end] that lie in [low, high]; rows that never ended (NaN) count nothing."""
    return float(np.nansum(np.clip(np.minimum(end, high) - np.maximum(start, low), 0, None)))
