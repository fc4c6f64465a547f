"""Warm-up: how long work took longer than it does later, and the capture without it.

The cut is MSER-5's (K. P. White, An effective truncation heuristic for bias reduction in simulation output,
Simulation 1997: batches of 5, the cut that leaves the smallest standard error of the mean).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.analysis.visits import visits
from workbench.capture import Capture

_BATCH = 5
_LONGEST = 0.25  # of the window; what takes longer is no beginning
_SURE = 5.0  # standard errors by which what is cut must be slower than what stays


def settled(capture: Capture) -> tuple[Capture, float]:
    """Give the capture from when its services' own work no longer shrinks, and how many seconds were cut.

    Own work is looked at, not latency, which rises and falls with the load. Nothing is cut unless the
    beginning is slower beyond doubt.
    """
    seen = visits(capture)
    seen = seen[seen["outcome"].isin(["ok", "failed"])].sort_values("start")
    own = seen["before_s"] + seen["between_s"] + seen["after_s"]
    own = own / own.groupby(seen["service"]).transform("mean").replace(0.0, np.nan)
    at = (seen["start"] - capture.start).dt.total_seconds()[own.notna()].to_numpy()
    cut = _cut(own.dropna().to_numpy())
    if not cut:
        return capture, 0.0
    cut_s = float(at[cut])
    return capture.between(capture.start + pd.Timedelta(cut_s, "s"), capture.end), cut_s


def _cut(values: np.ndarray) -> int:
    """Give how many values to leave out from the start."""
    means = values[: values.size // _BATCH * _BATCH].reshape(-1, _BATCH).mean(axis=1)
    n = means.size
    if n < 20:
        return 0
    left = np.arange(n, 0, -1)
    total, square = np.cumsum(means[::-1])[::-1], np.cumsum(means[::-1] ** 2)[::-1]
    error = (square - total**2 / left) / left**2
    longest = int(n * _LONGEST)
    best = int(error[:longest].argmin())
    if best < 2 or best == longest - 1:
        return 0
    first, rest = means[:best], means[best:]
    doubt = np.sqrt(first.var(ddof=1) / first.size + rest.var(ddof=1) / rest.size)
    return best * _BATCH if first.mean() - rest.mean() > _SURE * doubt else 0
