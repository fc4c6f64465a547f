"""Worker pools from metrics: exact integrals where a pool exports them as counters, else means of gauges."""

from __future__ import annotations

import pandas as pd

from workbench.analysis._metrics import edges, growth, levels, present, whole
from workbench.capture import Capture

SIZE = ("worker_pool_size", "hikaricp_connections_max")
BUSY = ("worker_pool_busy", "hikaricp_connections_active")
QUEUE = ("worker_pool_queue_length", "hikaricp_connections_pending")
LIMIT = ("worker_pool_queue_limit",)
BUSY_S = ("worker_pool_busy_seconds_total",)
SATURATED_S = ("worker_pool_saturated_seconds_total",)
QUEUE_S = ("worker_pool_queue_seconds_total",)

COLUMNS = ["service", "size", "busy", "utilisation", "saturated_share", "queue", "queue_limit"]


def pools(capture: Capture) -> pd.DataFrame:
    """Give each service's pool over the whole window, its instances together.

    size, busy, queue and queue_limit are means over time, summed over instances; utilisation is busy / size;
    saturated_share is the share of time in which all workers were busy, the mean over instances.
    """
    return _pools(capture, whole(capture)).drop(columns="time")


def pools_over_time(capture: Capture, *, step_s: float = 5.0) -> pd.DataFrame:
    """Give the same in bins of `step_s`, with `time`, the start of the bin."""
    return _pools(capture, edges(capture, step_s))


def _pools(capture: Capture, bounds: pd.DatetimeIndex) -> pd.DataFrame:
    who = ["time", "service", "instance"]
    table = _level(capture, SIZE, bounds).rename("size").to_frame()
    if table.empty:
        return pd.DataFrame({name: [] for name in ("time", *COLUMNS)})
    limit = _level(capture, LIMIT, bounds)
    busy = _mean(capture, BUSY_S, BUSY, bounds)
    queue = _mean(capture, QUEUE_S, QUEUE, bounds)
    saturated = _per_second(capture, SATURATED_S, bounds)
    if saturated.empty:
        saturated = _full_share(capture, bounds)
    table = table.join([busy.rename("busy"), queue.rename("queue"), limit.rename("queue_limit")])
    table = table.join(saturated.rename("saturated_share")).reset_index()
    by = table.groupby(who[:2], as_index=False).agg(
        size=("size", "sum"),
        busy=("busy", lambda v: v.sum(min_count=1)),
        saturated_share=("saturated_share", "mean"),
        queue=("queue", lambda v: v.sum(min_count=1)),
        queue_limit=("queue_limit", lambda v: v.sum(min_count=1)),
    )
    by["utilisation"] = by["busy"] / by["size"]
    return by[["time", *COLUMNS]].sort_values(["service", "time"], ignore_index=True)


def _level(capture: Capture, names: tuple[str, ...], bounds: pd.DatetimeIndex) -> pd.Series:
    found = levels(capture, present(capture, names), bounds)
    return found.set_index(["time", "service", "instance"])["level"].astype(float)


def _per_second(capture: Capture, names: tuple[str, ...], bounds: pd.DatetimeIndex) -> pd.Series:
    found = growth(capture, present(capture, names), bounds)
    found = found.set_index(["time", "service", "instance"])
    return (found["growth"] / found["covered_s"]).astype(float)


def _mean(
    capture: Capture, counter: tuple[str, ...], gauge: tuple[str, ...], bounds: pd.DatetimeIndex
) -> pd.Series:
    exact = _per_second(capture, counter, bounds)
    return exact if len(exact) else _level(capture, gauge, bounds)


def _full_share(capture: Capture, bounds: pd.DatetimeIndex) -> pd.Series:
    """Give the share of scrapes that found every worker busy."""
    busy, size = present(capture, BUSY), present(capture, SIZE)
    chosen = capture.series[capture.series["metric"].isin([busy, size])]
    at = capture.samples.merge(chosen[["series", "metric", "service", "instance"]], on="series")
    wide = at.pivot_table(index=["time", "service", "instance"], columns="metric", values="value")
    wide = wide.reindex(columns=[busy, size]).dropna().reset_index()
    bins = bounds.searchsorted(wide["time"], side="right") - 1
    inside = (bins >= 0) & (bins < len(bounds) - 1)
    wide, bins = wide[inside], bins[inside]
    full = (wide[busy] >= wide[size]).astype(float)
    return full.groupby([bounds[bins].rename("time"), wide["service"], wide["instance"]]).mean()
