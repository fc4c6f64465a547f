"""Buckets of native histograms: where they are in a capture, and what edges they share.

A capture has them as their readers left them, a series per bucket, latency{native_range="(0.25,0.5]"}, not
cumulative, without the empty ones. A bucket of schema s ends 2^(2^-s) times as high as it begins, so that two
buckets of schema s make one of schema s-1: histograms of different resolution, or whose resolution fell, meet
at the lowest. Source: prometheus/model/histogram, float_histogram.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from workbench import tables
from workbench.analysis._maps import lookup
from workbench.capture import Capture

RANGE = "native_range"
_FINEST, _COARSEST = 8, -4  # the schemas that there are
_NOISE = 1e-6
_NUMBER = r"([-+]?(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|Inf))"
_EDGES = re.compile(rf"[\[(]{_NUMBER},{_NUMBER}[\])]")


def ranged(capture: Capture) -> pd.DataFrame:
    """Give the series that are buckets of native histograms, with their range."""
    ranges = lookup(capture.series["labels"], RANGE)
    known = capture.series.reset_index(drop=True).assign(**{RANGE: ranges}).dropna(subset=[RANGE])
    return known[np.array([_EDGES.fullmatch(text) is not None for text in known[RANGE]], dtype=bool)]


def with_classic(capture: Capture) -> Capture:
    """Give the capture with classic buckets, cumulative, beside each native histogram that has none.

    Quantiles interpolated evenly within them exceed Prometheus' own by (2^-s ln 2)²/8 at most, a thousandth
    at the usual schema 3.
    """
    native = ranged(capture)
    native = native[~(native["metric"] + "_bucket").isin(capture.series["metric"].unique())]
    if native.empty:
        return capture
    heads, blocks = [], []
    code = int(capture.series["series"].max()) + 1
    for metric, series in native.groupby("metric", sort=True):
        shared = common(sorted(series[RANGE].unique()))
        for histogram in histograms(series):
            counts = table(capture, str(metric), histogram, shared)
            first = histogram.iloc[0]
            for bound, column in _below(counts).items():
                labels = [(k, v) for k, v in first["labels"] if k != RANGE]
                le = repr(bound).replace("inf", "+Inf")
                heads.append(
                    (code, f"{metric}_bucket", first["service"], first["instance"], [*labels, ("le", le)])
                )
                blocks.append(pd.DataFrame({"series": code, "time": counts.index, "value": column}))
                code += 1
    columns = dict(
        zip(("series", "metric", "service", "instance", "labels"), zip(*heads, strict=True), strict=True)
    )
    more = tables.SERIES.build({name: list(values) for name, values in columns.items()})
    samples = tables.SAMPLES.build(pd.concat(blocks, ignore_index=True).to_dict("series"))
    return replace(
        capture,
        series=tables.SERIES.concat([capture.series, more]),
        samples=tables.SAMPLES.concat([capture.samples, samples]),
    )


def edges(text: str) -> tuple[float, float]:
    """Read the edges of a bucket, as "(0.25,0.5]"."""
    low, high = _EDGES.fullmatch(text).groups()  # type: ignore[union-attr]
    return float(low), float(high)


def common(ranges: Sequence[str]) -> pd.DataFrame:
    """Give lower and upper edges of the common bucket that each of the ranges falls into."""
    own = [edges(text) for text in ranges]
    lower, upper = (np.array([pair[side] for pair in own], float) for side in (0, 1))
    coarsest = schema_of(lower, upper)
    if coarsest is not None:
        lower, upper = _coarser(lower, upper, coarsest)
    return pd.DataFrame({"lower": lower, "upper": upper}, index=pd.Index(ranges, dtype=object))


def histograms(series: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Give the series of each histogram: those that differ in nothing but the range."""
    whose = [tuple(sorted((k, v) for k, v in pairs if k != RANGE)) for pairs in series["labels"]]
    yield from (group for _, group in series.groupby(pd.Index(whose, tupleize_cols=False), sort=True))


def table(capture: Capture, metric: str, histogram: pd.DataFrame, common: pd.DataFrame) -> pd.DataFrame:
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


def _below(counts: pd.DataFrame) -> dict[float, np.ndarray]:
    """Give what was counted up to each edge of a bucket, and in all."""
    lower, upper = (counts.columns.get_level_values(side).to_numpy() for side in ("lower", "upper"))
    bounds = np.unique([*lower[(lower > 0) | (upper <= 0)], *upper, np.inf])
    return {float(bound): counts.to_numpy()[:, upper <= bound].sum(axis=1) for bound in bounds}


def schema_of(lower: np.ndarray, upper: np.ndarray) -> int | None:
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
