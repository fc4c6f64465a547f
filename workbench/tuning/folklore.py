"""Rules of thumb as settings, so that a search can say what each would have done and why not to follow it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from workbench.errors import SettingError
from workbench.network import Network
from workbench.settings import Knob, Settings
from workbench.twin.model import Twin

ASSUMED_CORES = 4

# Gives the network's value that a rule wants at a path, now `now`; None where the rule says nothing.
Rule = Callable[[Network, str, float], float | None]


def folklore(twin: Twin, knobs: Iterable[Knob]) -> dict[str, Settings]:
    """Give the settings that each rule of thumb makes of the knobs, by its name.

    A value out of a knob's bounds is left as it is. A rule that would change nothing, or nothing but what
    another changes, is left out.
    """
    found: dict[Settings, str] = {}
    for name, rule in _RULES.items():
        found.setdefault(_followed(twin, list(knobs), rule), name)
    return {name: settings for settings, name in found.items() if settings != twin.settings}


def _followed(twin: Twin, knobs: list[Knob], rule: Rule) -> Settings:
    moved = {}
    for knob in knobs:
        now = twin.network.get(knob.path)
        wanted = None if isinstance(now, str) else rule(twin.network, knob.path, now)
        if wanted is not None and wanted != now:
            try:
                moved[knob.key] = knob.from_network(wanted)
            except SettingError:
                continue
    return twin.settings.with_(moved)


def _is_pool(network: Network, path: str) -> bool:
    return any(path == f"{station.name}.pool.servers" for station in network.stations)


def _twice(network: Network, path: str, now: float) -> float | None:
    return 2 * now if _is_pool(network, path) and math.isfinite(now) else None


def _once(network: Network, path: str, now: float) -> float | None:
    return 1 if path.endswith(".attempts") else None


def _both(network: Network, path: str, now: float) -> float | None:
    return _twice(network, path, now) or _once(network, path, now)


def _cores(network: Network, path: str, now: float) -> float | None:
    """cores × 2 + spindles (one): of the station, or of the callee whose connections are pooled."""
    if not path.endswith(".pool.servers"):
        return None
    for station in network.stations:
        ends = (f"{station.name}.pool.servers", f".calls.{station.name}.pool.servers")
        if path == ends[0] or path.endswith(ends[1]):
            cores = min(station.cpu.cores, station.cpu.quota_cores)
            return 2 * (math.ceil(cores) if math.isfinite(cores) else ASSUMED_CORES) + 1
    return None


def _envoy(network: Network, path: str, now: float) -> float | None:
    """max_connections and max_pending_requests 1024, three retries, a route's 15 s."""
    if ".calls." not in path:
        return None
    wanted = {".pool.servers": 1024, ".pool.queue": 1024, ".attempts": 4, ".overall_s": 15}
    return next((value for end, value in wanted.items() if path.endswith(end)), None)


def _hystrix(network: Network, path: str, now: float) -> float | None:
    """A timeout of 1 s and ten threads for each callee, no retries."""
    if ".calls." not in path:
        return None
    wanted = {".pool.servers": 10, ".timeout_s": 1, ".attempts": 1}
    return next((value for end, value in wanted.items() if path.endswith(end)), None)


_RULES: dict[str, Rule] = {
    "twice the workers": _twice,
    "no retries": _once,
    "twice the workers, no retries": _both,
    f"cores × 2 + spindles ({ASSUMED_CORES} cores where not known)": _cores,
    "1024 connections, 3 retries, 15 s (Envoy)": _envoy,
    "10 threads, 1 s, no retries (Hystrix)": _hystrix,
}
