"""How many visits each sampled visit stands for: spans post-stratified by histograms of all requests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.analysis._metrics import growth, whole
from workbench.analysis._roles import in_roles
from workbench.analysis._spans import visits
from workbench.capture import Capture


def weights(capture: Capture) -> np.ndarray:
    """Give the weight of each row of `analysis.visits.visits`, with mean 1 within each service.

    A visit's stratum is its service, its status code and the bucket of its duration; its weight is the
    stratum's count by the histogram over its count by spans (Holt & Smith, Post stratification, J. R. Stat.
    Soc. A 1979). A stratum without a sampled visit goes to the nearest below it that has one. 1 where every
    span is kept or no histogram is there.
    """
    seen = visits(capture)
    result = np.ones(len(seen))
    if float(capture.load.get("sample_share", 1.0)) >= 1.0:
        return result
    grown = growth(in_roles(capture), "role:latency_bucket", whole(capture), "le", "status")
    grown["le"] = grown["le"].replace("+Inf", "inf").astype(float)
    code = seen["status_code"].astype("Int64").astype("string").fillna("")
    for (service, answered), counts in grown.groupby(["service", "status"]):
        rows = np.flatnonzero((seen["service"] == service) & (code == answered))
        below = counts.groupby("le")["growth"].sum().sort_index()
        stratum = np.searchsorted(below.index.to_numpy(), seen["duration_s"].to_numpy()[rows])
        here = np.bincount(stratum, minlength=len(below)).astype(float)
        there = _moved_down(np.diff(below.to_numpy(), prepend=0.0).clip(min=0), here)
        if rows.size and there.sum() > 0:
            result[rows] = there[stratum] / here[stratum]
    return result / pd.Series(result).groupby(seen["service"].to_numpy()).transform("mean").to_numpy()


def _moved_down(counts: np.ndarray, sampled: np.ndarray) -> np.ndarray:
    """Add counts of strata without a sampled visit to the nearest stratum below (else above) that has one."""
    filled = np.flatnonzero(sampled)
    moved = np.zeros(len(counts))
    if filled.size:
        nearest = filled[np.clip(np.searchsorted(filled, np.arange(len(counts)), side="right") - 1, 0, None)]
        np.add.at(moved, nearest, counts)
    return moved
