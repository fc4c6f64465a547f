"""How often and how long the world stops for garbage collection, and how fast objects grow old."""

from __future__ import annotations

import pandas as pd

from workbench.analysis._pauses import pause_summary
from workbench.capture import Capture

__all__ = ["pause_summary", "pause_times", "promotion"]


def pause_times(capture: Capture) -> pd.DataFrame:
    """Give every pause in order: service, instance, kind, at_s, duration_s.

    at_s counts from the start of the window where pauses are dated, else it is the uptime.
    """
    table = capture.pauses
    dated = (table["start"] - capture.start).dt.total_seconds() if len(table) else table["uptime_s"]
    out = table[["service", "instance", "kind", "duration_s"]].assign(at_s=dated.fillna(table["uptime_s"]))
    columns = ["service", "instance", "kind", "at_s", "duration_s"]
    return out[columns].sort_values(["service", "instance", "at_s"], ignore_index=True)


def promotion(capture: Capture) -> pd.DataFrame:
    """Give what moved from the young to the old generation, by service and instance.

    Columns: collections (that tell), promoted_bytes, bytes_per_collection, bytes_per_s (NaN for one
    collection). Where a log has no promoted size, it is what the old generation grew by in a collection
    that did not shrink it.
    """
    table = capture.collections
    grown = (table["old_after_bytes"] - table["old_before_bytes"]).astype("Float64")
    moved = table["promoted_bytes"].astype("Float64").fillna(grown.where(grown >= 0))
    at = table["uptime_s"].fillna((table["start"] - capture.start).dt.total_seconds())
    told = table.assign(moved=moved.astype("float64"), at=at)[moved.notna()]
    by = told.groupby(["service", "instance"], as_index=False).agg(
        collections=("moved", "size"),
        promoted_bytes=("moved", "sum"),
        first=("at", "min"),
        last=("at", "max"),
    )
    elapsed = (by["last"] - by["first"]).where(by["last"] > by["first"])
    return by.assign(
        bytes_per_collection=by["promoted_bytes"] / by["collections"],
        bytes_per_s=by["promoted_bytes"] / elapsed,
    ).drop(columns=["first", "last"])
