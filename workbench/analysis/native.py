"""Native histograms: what their exponential buckets counted in a span of time, and the quantiles they bound.

A capture has them as their readers left them, a series per bucket, latency{native_range="(0.25,0.5]"}, not
cumulative, without the empty ones. A bucket of schema s ends 2^(2^-s) times as high as it begins, so that two
buckets of schema s make one of schema s-1: histograms of different resolution, or whose resolution fell, meet
at the lowest. Source: prometheus/promql/quantile.go, HistogramQuantile; model/histogram/float_histogram.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from workbench.analysis import _metrics
from workbench.analysis._maps import lookup
from workbench.capture import Capture

RANGE = "native_range"
_FINEST, _COARSEST = 8, -4  # the schemas that there are
_NOISE = 1e-6

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
    series = capture.series[capture.series["metric"] == metric].reset_index(drop=True)
    series = series.assign(**{RANGE: lookup(series["labels"], RANGE)}).dropna(subset=[RANGE])
    common = _common(sorted(series[RANGE].unique()))
    frames = [
        _grown(capture, metric, histogram, common, bounds).assign(**_named(histogram, by))
        for histogram in _histograms(series)
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


def edges(text: str) -> tuple[float, float]:
    """Read the edges of a bucket, as "(0.25,0.5]"."""
    low, _, high = text[1:-1].partition(",")
    return float(low), float(high)


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
    custom = _schema(lower, upper) is None
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


def _schema(lower: np.ndarray, upper: np.ndarray) -> int | None:
    """Give the lowest schema of buckets with these edges; None if their bounds are custom.

    A zero bucket may cut into the bucket next to it. Custom bounds are told from exponential ones by their
    edges alone: where all that are filled end at powers of two, they are taken for exponential.
    """
    around_zero = (lower <= 0) & (upper >= 0)
    if (lower[around_zero] != -upper[around_zero]).any():
        return None
    sides = np.sort(np.abs([lower[~around_zero], upper[~around_zero]]), axis=0)
    near, far = sides[:, ~((sides[0] == np.finfo(float).max) & np.isinf(sides[1]))]  # where +Inf is counted
    if not near.all() or np.isinf(far).any():
        return None
    ends, heights = np.log2(far) * 2.0**_FINEST, np.log2(far) - np.log2(near)
    schemas = np.rint(-np.log2(np.maximum(heights, 1e-9)))
    whole = np.abs(heights * 2.0**schemas - 1) < _NOISE
    cut = near < far[whole].min(initial=np.inf)  # nothing lies between it and 0
    if (np.abs(ends - np.rint(ends)) > _NOISE).any() or not (whole | cut).all():
        return None
    known = schemas[whole]
    return (
        int(known.min(initial=_FINEST)) if (known >= _COARSEST).all() and (known <= _FINEST).all() else None
    )


def _common(ranges: Sequence[str]) -> pd.DataFrame:
    """Give lower and upper edges of the common bucket that each of the ranges falls into."""
    own = [edges(text) for text in ranges]
    lower, upper = (np.array([pair[side] for pair in own], float) for side in (0, 1))
    schema = _schema(lower, upper)
    if schema is not None:
        lower, upper = _coarser(lower, upper, schema)
    return pd.DataFrame({"lower": lower, "upper": upper}, index=pd.Index(ranges, dtype=object))


def _coarser(lower: np.ndarray, upper: np.ndarray, schema: int) -> tuple[np.ndarray, np.ndarray]:
    """Widen exponential buckets to those of `schema`, and the zero bucket over all that it overlaps."""
    sign = np.where(lower > 0, 1.0, np.where(upper < 0, -1.0, 0.0))
    far = np.where(sign > 0, upper, -lower)
    with np.errstate(divide="ignore", invalid="ignore"):
        index = np.ceil(np.log2(far) * 2.0**schema - _NOISE)
        high, low = np.exp2(index * 2.0**-schema), np.exp2((index - 1) * 2.0**-schema)
    width = max((far[sign == 0]), default=-1.0)
    while (overlapped := (sign != 0) & (low < width)).any():
        width, sign = max(width, high[overlapped].max()), np.where(overlapped, 0.0, sign)
    return (
        np.where(sign > 0, low, np.where(sign < 0, -high, -width)),
        np.where(sign > 0, high, np.where(sign < 0, -low, width)),
    )


def _histograms(series: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Give the series of each histogram: those that differ in nothing but the range."""
    whose = [tuple(sorted((k, v) for k, v in pairs if k != RANGE)) for pairs in series["labels"]]
    yield from (group for _, group in series.groupby(pd.Index(whose, tupleize_cols=False), sort=True))


def _named(histogram: pd.DataFrame, by: Sequence[str]) -> dict[str, str]:
    first = histogram.iloc[0]
    labels = dict(first["labels"])
    return {name: first[name] if name in ("service", "instance") else labels.get(name, "") for name in by}


def _grown(
    capture: Capture, metric: str, histogram: pd.DataFrame, common: pd.DataFrame, bounds: pd.DatetimeIndex
) -> pd.DataFrame:
    first = histogram.iloc[0]
    clock = _metrics._scrapes(capture, first["service"], first["instance"])
    table = _table(capture, metric, histogram, common)
    at = np.clip(bounds.as_unit("ns").astype("int64").to_numpy(), clock[0], clock[-1])
    times, reached = _cumulative(table.index.to_numpy(), table.to_numpy(), clock)
    grown = np.array([np.diff(np.interp(at, times, column)) for column in reached.T])
    covered = np.diff(at) > 0
    lower, upper = (table.columns.get_level_values(side).to_numpy() for side in ("lower", "upper"))
    return pd.DataFrame(
        {
            "time": np.repeat(bounds[:-1][covered], len(lower)),
            "lower": np.tile(lower, covered.sum()),
            "upper": np.tile(upper, covered.sum()),
            "growth": grown[:, covered].T.ravel(),
        }
    )


def _table(capture: Capture, metric: str, histogram: pd.DataFrame, common: pd.DataFrame) -> pd.DataFrame:
    """Give one histogram as a table of counts: time (ns) down, common buckets across."""
    into = common.loc[histogram[RANGE].astype(object)].assign(series=histogram["series"].to_numpy())
    rows = capture.samples.merge(into, on="series")
    table = rows.assign(at=rows["time"].astype("int64")).pivot_table(
        index="at", columns=["lower", "upper"], values="value", aggfunc="sum", fill_value=0.0
    )
    return table.reindex(np.union1d(table.index, _times(capture, metric, histogram)), fill_value=0.0)


def _times(capture: Capture, metric: str, histogram: pd.DataFrame) -> np.ndarray:
    """Give the times (ns) at which a histogram was seen, empty or not: those of its `_count`."""
    labels = {k: v for k, v in histogram["labels"].iloc[0] if k != RANGE}
    counts = capture.series[capture.series["metric"] == f"{metric}_count"]
    same = counts["series"][[dict(pairs) == labels for pairs in counts["labels"]]]
    return capture.samples["time"][capture.samples["series"].isin(same)].astype("int64").to_numpy()


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
