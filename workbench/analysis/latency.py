"""How long requests take: quantiles over time, distributions, and quantiles with their uncertainty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.analysis._maps import numbers
from workbench.analysis._metrics import edges, growth
from workbench.analysis._roles import in_roles
from workbench.analysis._spans import requests
from workbench.capture import Capture

PROBABILITIES = (0.5, 0.95, 0.99)
_RESAMPLES = 400
_TURNED_AWAY, _TURNED_AWAY_CODES = ("limited", "refused", "expired"), ("429", "503", "504")
_COLUMNS = ["time", "service", "q", "value_s", "n", "source"]


def latency(
    capture: Capture, *, step_s: float = 5.0, probabilities: Sequence[float] = PROBABILITIES
) -> pd.DataFrame:
    """Give latency quantiles by service in bins of `step_s` (`time` is the start of the bin).

    From spans, exact (`source` "spans"), where a service has them; else interpolated within the buckets of
    its histogram ("buckets"). Load generators count by their root client spans. Requests that were turned
    away (429, 503, 504) do not count unless work was done for them: an early no is no fast answer. Bins
    without requests are left out; `n` is how many a quantile rests on.
    """
    bounds = edges(capture, step_s)
    exact = _from_spans(capture, bounds, probabilities)
    rough = _from_buckets(capture, bounds, probabilities)
    rough = rough[~rough["service"].isin(exact["service"])]
    both = pd.concat([f for f in (exact, rough) if len(f)] or [exact], ignore_index=True)
    return both.sort_values(["service", "q", "time"], ignore_index=True)[_COLUMNS]


def latencies(capture: Capture, service: str) -> pd.DataFrame:
    """Give the single latencies of a service from its spans: start, duration_s, outcome."""
    seen = requests(capture)
    chosen = seen[seen["service"] == service]
    return chosen[["start", "duration_s", "outcome"]].sort_values("start", ignore_index=True)


def quantiles(
    times: pd.Series | pd.DatetimeIndex | np.ndarray | Sequence[float],
    values: pd.Series | np.ndarray | Sequence[float],
    probabilities: Sequence[float] = PROBABILITIES,
    *,
    block_s: float = 10.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Give quantiles with 95 % intervals: columns q, value, low, high.

    `times` are datetimes or seconds. The value is the smallest one that a share of at least q does not
    exceed. The interval is a percentile bootstrap over blocks of `block_s`, because neighbouring requests
    share their queue and are not independent (Künsch 1989); with fewer than two blocks it is missing.
    """
    seconds, values = _seconds(pd.Series(times)), np.asarray(values, dtype=float)
    kept = ~np.isnan(values)
    seconds, values = seconds[kept], values[kept]
    out = pd.DataFrame(
        {"q": np.asarray(probabilities, float), "value": np.nan, "low": np.nan, "high": np.nan}
    )
    if not len(values):
        return out
    order = np.argsort(values, kind="stable")
    values = values[order]
    codes, blocks = pd.factorize(((seconds - seconds.min()) // block_s)[order])
    q = out["q"].to_numpy()
    out["value"] = _weighted(values, np.ones(len(values), dtype="int64"), q)
    if len(blocks) >= 2:
        rng = np.random.default_rng(seed)
        drawn = np.full((_RESAMPLES, len(q)), np.nan)
        for row in range(_RESAMPLES):
            weights = np.bincount(rng.integers(len(blocks), size=len(blocks)), minlength=len(blocks))
            drawn[row] = _weighted(values, weights[codes], q)
        out["low"], out["high"] = np.quantile(drawn, [0.025, 0.975], axis=0)
    return out


def ecdf(values: pd.Series | np.ndarray | Sequence[float], *, points: int = 400) -> pd.DataFrame:
    """Give the distribution function: value, share of values at or below it, at up to `points` values.

    Points are spaced evenly in the log of the share beyond, so that the tail is drawn as finely as the body.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    ordered = ordered[~np.isnan(ordered)]
    n = len(ordered)
    if not n:
        return pd.DataFrame({"value": [], "share": []})
    body = np.linspace(1, n, points // 2)
    tail = n - np.geomspace(1, n, points - points // 2) + 1
    rank = np.unique(np.rint(np.concatenate([body, tail])).astype(int).clip(1, n))
    return pd.DataFrame({"value": ordered[rank - 1], "share": rank / n})


def log_histogram(values: pd.Series | np.ndarray | Sequence[float], *, per_decade: int = 10) -> pd.DataFrame:
    """Give counts in bins that widen by the same factor: low, high, count, share. Values must exceed 0."""
    chosen = np.asarray(values, dtype=float)
    chosen = chosen[chosen > 0]
    if not len(chosen):
        return pd.DataFrame({"low": [], "high": [], "count": [], "share": []})
    first = int(np.floor(np.log10(chosen.min()) * per_decade + 1e-9))
    last = int(np.floor(np.log10(chosen.max()) * per_decade + 1e-9)) + 1
    bounds = 10.0 ** (np.arange(first, last + 1) / per_decade)
    bins = np.searchsorted(bounds * (1 - 1e-12), chosen, side="right") - 1
    count = np.bincount(bins, minlength=len(bounds) - 1)
    return pd.DataFrame(
        {"low": bounds[:-1], "high": bounds[1:], "count": count, "share": count / len(chosen)}
    )


def _seconds(times: pd.Series) -> np.ndarray:
    if times.dtype.kind == "M":
        return times.dt.as_unit("ns").astype("int64").to_numpy() / 1e9
    return times.to_numpy(float)


def _weighted(ordered: np.ndarray, weights: np.ndarray, q: np.ndarray) -> np.ndarray:
    reached = np.cumsum(weights)
    wanted = np.maximum(np.ceil(q * reached[-1] - 1e-9), 1)
    return ordered[np.searchsorted(reached, wanted, side="left")]


def _from_spans(capture: Capture, bounds: pd.DatetimeIndex, probabilities: Sequence[float]) -> pd.DataFrame:
    seen = requests(capture)
    seen = seen[~seen["outcome"].isin(_TURNED_AWAY)]
    bins = np.searchsorted(bounds.astype("int64"), seen["start"].astype("int64"), side="right") - 1
    seen = seen.assign(bin=bins)[(bins >= 0) & (bins < len(bounds) - 1)]
    rows = []
    for (service, number), group in seen.groupby(["service", "bin"]):
        values = np.quantile(group["duration_s"], probabilities, method="inverted_cdf")
        rows += [
            (bounds[number], service, q, value, float(len(group)), "spans")
            for q, value in zip(probabilities, values, strict=True)
        ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _from_buckets(capture: Capture, bounds: pd.DatetimeIndex, probabilities: Sequence[float]) -> pd.DataFrame:
    grown = growth(in_roles(capture), "role:latency_bucket", bounds, "le", "status", "traffic")
    grown = grown[~grown["status"].isin(_TURNED_AWAY_CODES)]
    grown = grown.assign(le=numbers(grown["le"].replace("+Inf", "inf")))
    rows = []
    for (time, service), group in grown.groupby(["time", "service"]):
        below = _in_common(group).groupby("le")["growth"].sum()
        if len(below) < 2 or not below.iloc[-1] > 0:
            continue
        uppers, counts = below.index.to_numpy(float), np.maximum.accumulate(below.to_numpy())
        rows += [
            (time, service, q, _in_buckets(uppers, counts, q), counts[-1], "buckets") for q in probabilities
        ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _in_common(group: pd.DataFrame) -> pd.DataFrame:
    """Keep the bounds that all histograms of a group have: a sum over fewer of them would be no count."""
    histograms = group.groupby("le")[["instance", "traffic"]].apply(lambda own: len(own.drop_duplicates()))
    return group[group["le"].isin(histograms.index[histograms == histograms.max()])]


def _in_buckets(uppers: np.ndarray, counts: np.ndarray, q: float) -> float:
    """Interpolate within the bucket, as Prometheus' histogram_quantile; beyond the last bound, that bound."""
    rank = q * counts[-1]
    at = int(np.searchsorted(counts, rank, side="left"))
    if np.isinf(uppers[at]):
        return float(uppers[-2])
    low, under = (uppers[at - 1], counts[at - 1]) if at else (0.0, 0.0)
    inside = counts[at] - under
    return float(low + (uppers[at] - low) * ((rank - under) / inside if inside else 1.0))
