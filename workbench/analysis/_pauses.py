"""Stops of the world by instance: how often, how long, and what share of the time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.capture import Capture

COLUMNS = ["service", "instance", "collector", "pauses", "pause_s", "pause_share", "p50_s", "p99_s", "max_s"]


def pause_summary(capture: Capture) -> pd.DataFrame:
    """Give one row per service, instance and collector: count, sum, share of time, P50, P99 and longest.

    The time is the capture's window where pauses are dated; where a log has only uptime, the time from its
    first pause to the end of its last one.
    """
    rows = []
    for who, group in capture.pauses.groupby(["service", "instance", "collector"], sort=True):
        length = group["duration_s"].to_numpy()
        p50, p99 = np.quantile(length, [0.5, 0.99], method="inverted_cdf")
        rows.append(
            (
                *who,
                len(group),
                length.sum(),
                length.sum() / _observed_s(capture, group),
                p50,
                p99,
                length.max(),
            )
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _observed_s(capture: Capture, group: pd.DataFrame) -> float:
    if group["start"].notna().any() and capture.duration_s > 0:
        return capture.duration_s
    ends = group["uptime_s"] + group["duration_s"]
    observed = float(ends.max() - group["uptime_s"].min())
    return observed if observed > 0 else np.nan
