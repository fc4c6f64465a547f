"""Pools of workers and connections from metrics.

By exact integrals where a pool exports them as counters, else by means of gauges.
"""

from __future__ import annotations

import pandas as pd

from workbench.analysis._metrics import edges, growth, labelled, levels, whole
from workbench.analysis._roles import in_roles
from workbench.capture import Capture

COLUMNS = ["service", "pool", "size", "busy", "utilisation", "saturated_share", "queue", "queue_limit"]
_WHO = ["time", "service", "instance", "pool"]


def pools(capture: Capture) -> pd.DataFrame:
    """Give each service's pools over the whole window, its instances together.

    pool is "" for the workers of the service itself, else the name of a pool of connections. size, busy,
    queue and queue_limit are means over time, summed over instances; utilisation is busy / size;
    saturated_share is the share of time in which none was free, the mean over instances. What nothing tells
    is missing.
    """
    return _pools(in_roles(capture), whole(capture)).drop(columns="time")


def own_pools(capture: Capture) -> pd.DataFrame:
    """Give the workers of each service itself, without its pools of connections."""
    found = pools(capture)
    return found[found["pool"] == ""]


def pools_over_time(capture: Capture, *, step_s: float = 5.0) -> pd.DataFrame:
    """Give the pools in bins of `step_s`, with `time`, the start of the bin."""
    return _pools(in_roles(capture), edges(capture, step_s))


def _pools(named: Capture, bounds: pd.DatetimeIndex) -> pd.DataFrame:
    size, limit = _level(named, "pool_size", bounds), _level(named, "pool_limit", bounds)
    columns = {
        "size": size[size > 0],  # 0 is how several exporters write "no limit"
        "queue_limit": limit,
        "busy": _first(_per_second(named, "pool_in_use_s", bounds), _level(named, "pool_in_use", bounds)),
        "queue": _first(
            _per_second(named, "pool_waiting_s", bounds),
            _level(named, "pool_waiting", bounds),
            _per_second(named, "pool_wait_sum", bounds),  # Little's law: rate × mean wait
        ),
        "saturated_share": _first(
            _per_second(named, "pool_full_s", bounds),
            _level(named, "pool_full", bounds).clip(upper=1.0),
            _full_share(named, bounds),
        ),
    }
    table = pd.DataFrame({name: values.astype(float) for name, values in columns.items()})
    if table.empty:
        return pd.DataFrame({name: [] for name in ("time", *COLUMNS)})
    table = table[table["busy"].notna() | table["size"].notna()].rename_axis(_WHO).reset_index()
    by = table.groupby(["time", "service", "pool"], as_index=False).agg(
        size=("size", lambda v: v.sum(min_count=1)),
        busy=("busy", lambda v: v.sum(min_count=1)),
        saturated_share=("saturated_share", "mean"),
        queue=("queue", lambda v: v.sum(min_count=1)),
        queue_limit=("queue_limit", lambda v: v.sum(min_count=1)),
    )
    by["utilisation"] = by["busy"] / by["size"]
    return by[["time", *COLUMNS]].sort_values(["service", "pool", "time"], ignore_index=True)


def _level(named: Capture, role: str, bounds: pd.DatetimeIndex) -> pd.Series:
    return levels(named, f"role:{role}", bounds, "pool").set_index(_WHO)["level"].astype(float)


def _per_second(named: Capture, role: str, bounds: pd.DatetimeIndex) -> pd.Series:
    found = growth(named, f"role:{role}", bounds, "pool").set_index(_WHO)
    return (found["growth"] / found["covered_s"]).astype(float)


def _first(*ways: pd.Series) -> pd.Series:
    """Give each row by the first way that has its pool at all: bins of one pool are told one way."""
    found = ways[0]
    for way in ways[1:]:
        known = found.index.droplevel("time").unique()
        found = pd.concat([found, way[~way.index.droplevel("time").isin(known)]])
    return found


def _full_share(named: Capture, bounds: pd.DatetimeIndex) -> pd.Series:
    """Give the share of scrapes that found every worker busy."""
    sides = []
    for role in ("pool_in_use", "pool_size"):
        heads = labelled(named, f"role:{role}", "pool")
        at = named.samples.merge(heads, on="series")
        sides.append(at.groupby(_WHO)["value"].sum().rename(role))
    wide = pd.concat(sides, axis=1).dropna().reset_index()
    wide = wide[wide["pool_size"] > 0]
    bins = bounds.searchsorted(wide["time"], side="right") - 1
    inside = (bins >= 0) & (bins < len(bounds) - 1)
    wide, bins = wide[inside], bins[inside]
    full = (wide["pool_in_use"] >= wide["pool_size"]).astype(float)
    return full.groupby([bounds[bins].rename("time"), wide["service"], wide["instance"], wide["pool"]]).mean()
