"""Native histograms: what their exponential buckets counted in a span of time, and the quantiles they bound.

How they stand in a capture is told in `_native`. Source: prometheus/promql/quantile.go, HistogramQuantile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from workbench.analysis._metrics import scrapes
from workbench.analysis._native import RANGE, common, histograms, ranged, schema_of, table
from workbench.capture import Capture

_Within = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def native_growth(
    capture: Capture, metric: str, bounds: pd.DatetimeIndex, *, by: Sequence[str] = ("service",)
) -> pd.DataFrame:
    """Give what the buckets of the native histogram `metric` counted between neighbouring `bounds`.

    Columns: time (the earlier bound), those of `by` (service, instance or labels), lower, upper and growth,
    not cumulative; empty buckets may be left out. Restarts count, for a whole histogram at once.
    """
    columns = ["time", *by, "lower", "upper"]
    bounds = bounds.as_unit("ns")
    series = ranged(capture)
    series = series[series["metric"] == metric]
    shared = common(sorted(series[RANGE].unique()))
    frames = [
        _grown(capture, metric, histogram, shared, bounds).assign(**_named(histogram, by))
        for histogram in histograms(series)
    ]
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return pd.DataFrame({name: [] for name in (*columns, "growth")})
    return pd.concat(frames).groupby(columns, as_index=False, sort=True)["growth"].sum()


def native_quantile(
    q: float,
    lower: np.ndarray,
    upper: np.ndarray,
    counts: np.ndarray,
    *,
    observations: np.ndarray | float | None = None,
) -> np.ndarray:
    """Give the q-quantile of `counts` (…, buckets) between the edges, as Prometheus 3 does.

    Within a bucket it interpolates exponentially, in the zero bucket and between custom bounds evenly. Where
    NaN was observed (`_sum` is NaN), `observations` is `_count`, which exceeds the buckets.
    """
    upward = q < 0.5 or observations is not None
    return _quantile(q, lower, upper, counts, observations, upward=upward, within=_exponential)


def linear_native_quantile(q: float, lower: np.ndarray, upper: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Give the q-quantile as Prometheus 2.40 to 2.48 does, which interpolates evenly within every bucket."""
    return _quantile(q, lower, upper, counts, None, upward=True, within=_linear)


def _quantile(
    q: float,
    lower: np.ndarray,
    upper: np.ndarray,
    counts: np.ndarray,
    observations: np.ndarray | float | None,
    *,
    upward: bool,
    within: _Within,
) -> np.ndarray:
    order = np.lexsort((upper, lower))
    lower, upper = np.asarray(lower, float)[order], np.asarray(upper, float)[order]
    counts = np.asarray(counts, float)[..., order]
    total = counts.sum(axis=-1) if observations is None else np.asarray(observations, float)
    if np.isnan(q) or not 0 <= q <= 1:
        return np.full(counts.shape[:-1], np.nan if np.isnan(q) else np.copysign(np.inf, q))
    if not counts.shape[-1]:
        return np.full(counts.shape[:-1], np.nan)
    if upward:
        at, inside, reached = _reached(counts, q * total)
    else:
        from_top, above, reached = _reached(counts[..., ::-1], (1 - q) * total)
        at = counts.shape[-1] - 1 - from_top
        inside = _taken(counts, at) - above
    custom = schema_of(lower, upper) is None
    low, high = _span(lower, upper, counts, at, custom=custom)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = (_linear if custom else within)(low, high, inside / _taken(counts, at))
    if custom:
        value = np.where(np.isinf(high), low, np.where(np.isinf(low), high, value))
    value = np.where(reached, value, high if observations is None else np.nan)
    return np.where(total > 0, value, np.nan)


def _reached(counts: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the filled bucket in which `rank` is reached, how far into its count, and whether it is at all."""
    below = counts.cumsum(axis=-1)
    filled = counts > 0
    enough = filled & (below >= rank[..., np.newaxis])
    last = counts.shape[-1] - 1 - filled[..., ::-1].argmax(axis=-1)
    reached = np.asarray(enough.any(axis=-1))
    at = np.where(reached, enough.argmax(axis=-1), last)
    return at, rank - (_taken(below, at) - _taken(counts, at)), reached


def _span(
    lower: np.ndarray, upper: np.ndarray, counts: np.ndarray, at: np.ndarray, *, custom: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Give the edges between which to interpolate: the zero bucket ends at 0 where nothing lies beyond it."""
    low, high = lower[at], upper[at]
    if custom:
        return np.where(np.isinf(low) & (high > 0), 0.0, low), high
    negative, positive = (counts[..., side].sum(axis=-1) > 0 for side in (upper < 0, lower > 0))
    zero = (low < 0) & (high > 0)
    low, high = (
        np.where(zero & positive & ~negative, 0.0, low),
        np.where(zero & negative & ~positive, 0.0, high),
    )
    return low, high


def _linear(low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
    return low + (high - low) * share


def _exponential(low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        log_low, log_high = np.log2(np.abs(low)), np.log2(np.abs(high))
        upwards = np.exp2(log_low + (log_high - log_low) * share)
        mirrored = -np.exp2(log_high + (log_low - log_high) * (1 - share))
    around_zero = (low <= 0) & (high >= 0)
    return np.where(around_zero, _linear(low, high, share), np.where(low > 0, upwards, mirrored))


def _named(histogram: pd.DataFrame, by: Sequence[str]) -> dict[str, str]:
    first = histogram.iloc[0]
    labels = dict(first["labels"])
    return {name: first[name] if name in ("service", "instance") else labels.get(name, "") for name in by}


def _grown(
    capture: Capture, metric: str, histogram: pd.DataFrame, shared: pd.DataFrame, bounds: pd.DatetimeIndex
) -> pd.DataFrame:
    first = histogram.iloc[0]
    clock = scrapes(capture, first["service"], first["instance"])
    if len(clock) < 2:
        return pd.DataFrame()
    counts = table(capture, metric, histogram, shared)
    at = np.clip(bounds.as_unit("ns").astype("int64").to_numpy(), clock[0], clock[-1])
    times, reached = _cumulative(counts.index.to_numpy(), counts.to_numpy(), clock)
    grown = np.array([np.diff(np.interp(at, times, column)) for column in reached.T])
    covered = np.diff(at) > 0
    lower, upper = (counts.columns.get_level_values(side).to_numpy() for side in ("lower", "upper"))
    return pd.DataFrame(
        {
            "time": np.repeat(bounds[:-1][covered], len(lower)),
            "lower": np.tile(lower, covered.sum()),
            "upper": np.tile(upper, covered.sum()),
            "growth": grown[:, covered].T.ravel(),
        }
    )


def _cumulative(times: np.ndarray, counts: np.ndarray, clock: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give times and the growth of each bucket up to them; where any bucket fell, all began again at 0."""
    steps = np.diff(counts, axis=0, prepend=counts[:1])
    restarted = (steps < 0).any(axis=1)
    steps[restarted] = counts[restarted]
    late = np.searchsorted(clock, times[0])
    if late > 0:  # scraped before, and not there: it began at 0
        times = np.insert(times, 0, clock[late - 1])
        steps[0] = counts[0]
        steps = np.insert(steps, 0, 0.0, axis=0)
    return times, steps.cumsum(axis=0)


def _taken(counts: np.ndarray, at: np.ndarray) -> np.ndarray:
    return np.take_along_axis(counts, at[..., np.newaxis], axis=-1)[..., 0]
