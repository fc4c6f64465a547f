"""Classic histograms: what the buckets counted in a span of time, and the quantiles that they bound.

A bucket counts all that was at most its bound `le`: 0.1 → 5, 0.25 → 7, +Inf → 8.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from workbench.analysis._metrics import growth
from workbench.capture import Capture

_NOISE = 1e-12  # relative; Prometheus' tolerance for sums of rates that should be equal


def bucket_growth(
    capture: Capture, metric: str, bounds: pd.DatetimeIndex, *, by: Sequence[str] = ("service",)
) -> pd.DataFrame:
    """Give what the buckets of `metric` (its name with _bucket) counted between neighbouring `bounds`.

    Columns: time (the earlier bound), those of `by` (service, instance or labels), le as a number, and
    growth, cumulative over le. Spellings of one bound, as 2e-1 and .2, are one bucket; restarts count.
    """
    labels = [name for name in by if name not in ("service", "instance")]
    grown = growth(capture, metric, bounds.as_unit("ns"), "le", *labels)
    grown = grown.assign(le=[float(le or "nan") for le in grown["le"]])
    return grown.groupby(["time", *by, "le"], as_index=False, sort=True)["growth"].sum()


def histogram_quantile(q: float, le: Iterable[str | float], counts: np.ndarray) -> np.ndarray:
    """Give the q-quantile of cumulative `counts` (…, buckets) under the bounds `le`, as Prometheus does.

    Within a bucket it interpolates evenly, from 0 in the first unless its bound is negative; beyond the last
    finite bound it gives that bound; without observations or without a +Inf bucket NaN. Counts that fall
    with rising bounds are lifted. Source: prometheus/promql/quantile.go, BucketQuantile.
    """
    uppers, counts = _coalesced(np.array([float(bound) for bound in le]), np.asarray(counts, dtype=float))
    if np.isnan(q) or not 0 <= q <= 1:
        return np.full(counts.shape[:-1], np.nan if np.isnan(q) else np.copysign(np.inf, q))
    if len(uppers) < 2 or uppers[-1] != np.inf:
        return np.full(counts.shape[:-1], np.nan)
    counts = _monotonic(counts)
    rank = q * counts[..., -1]
    reached = counts[..., :-1] >= rank[..., np.newaxis]
    last = len(uppers) - 1
    at = np.where(reached.any(axis=-1), reached.argmax(axis=-1), last)
    low = np.where(at > 0, uppers[at - 1], 0.0)
    under = np.where(at > 0, _taken(counts, at - 1), 0.0)
    inside = np.where(at < last, _taken(counts, at) - under, 1.0)
    width = np.where(at < last, uppers[np.minimum(at, last - 1)] - low, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = low + width * ((rank - under) / inside)
    value = np.where((at == 0) & (uppers[0] <= 0), uppers[0], value)
    return np.where(counts[..., -1] > 0, value, np.nan)


def _coalesced(uppers: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order buckets by bound and add those of the same bound."""
    order = np.argsort(uppers, kind="stable")
    distinct, starts = np.unique(uppers[order], return_index=True)
    return distinct, np.add.reduceat(counts[..., order], starts, axis=-1) if len(distinct) else counts


def _monotonic(counts: np.ndarray) -> np.ndarray:
    """Lift counts that are below, or but for rounding equal to, the one before."""
    lifted = counts.copy()
    for index in range(1, counts.shape[-1]):
        before, here = lifted[..., index - 1], lifted[..., index]
        equal = np.abs(here - before) < _NOISE * (np.abs(here) + np.abs(before))
        lifted[..., index] = np.where(equal | (here < before), before, here)
    return lifted


def _taken(counts: np.ndarray, at: np.ndarray) -> np.ndarray:
    return np.take_along_axis(counts, at[..., np.newaxis], axis=-1)[..., 0]
