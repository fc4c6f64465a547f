"""CPU, memory and garbage collection of each service from metrics: what it uses of what it may."""

from __future__ import annotations

import pandas as pd

from workbench.analysis._metrics import growth, levels, whole
from workbench.analysis._roles import in_roles
from workbench.capture import Capture

COLUMNS = [
    "service",
    "cpu_cores",
    "cpu_limit",
    "throttled_share",
    "gc_pause_share",
    "memory_bytes",
    "memory_limit_bytes",
    "replicas",
]


def resources(capture: Capture) -> pd.DataFrame:
    """Give a row per service, over the whole window; what nothing tells is missing.

    cpu_cores, cpu_limit and memory are sums over instances; throttled_share is the share of the periods of
    the CPU quota in which it ran out; gc_pause_share the share of time stopped, the mean over instances.
    """
    named, bounds = in_roles(capture), whole(capture)
    cpu = _grown(named, "cpu_s", bounds)
    throttled, periods = (_grown(named, role, bounds) for role in ("throttled_periods", "cpu_periods"))
    columns = {
        "cpu_cores": _sum(cpu["growth"] / cpu["covered_s"]),
        "cpu_limit": _stood(named, "cpu_limit", bounds),
        "throttled_share": _sum(throttled["growth"]) / _sum(periods["growth"]).replace(0.0, float("nan")),
        "gc_pause_share": _collected(named, bounds),
        "memory_bytes": _stood(named, "memory_bytes", bounds),
        "memory_limit_bytes": _stood(named, "memory_limit_bytes", bounds),
        "replicas": _stood(named, "replicas", bounds),
    }
    table = pd.DataFrame({name: values.astype(float) for name, values in columns.items()})
    return table.dropna(how="all").rename_axis("service").reset_index()[COLUMNS]


def _grown(named: Capture, role: str, bounds: pd.DatetimeIndex) -> pd.DataFrame:
    return growth(named, f"role:{role}", bounds).set_index("service")


def _collected(named: Capture, bounds: pd.DatetimeIndex) -> pd.Series:
    stopped = _grown(named, "gc_pause_sum", bounds)
    return (stopped["growth"] / stopped["covered_s"]).groupby("service").mean()


def _stood(named: Capture, role: str, bounds: pd.DatetimeIndex) -> pd.Series:
    return _sum(levels(named, f"role:{role}", bounds).set_index("service")["level"])


def _sum(values: pd.Series) -> pd.Series:
    return values.groupby("service").sum()
