"""Metrics as numbers: what counters grew by, what gauges stood at, on a grid of time, by service and labels.

Growth is taken between neighbouring samples, a fall is a restart from 0 (as in Prometheus), and a series that
appears when its instance has been scraped before began at 0 (unlike in Prometheus, which loses its first
value). Between samples a counter is taken to grow evenly; nothing is extrapolated. A metric is named as it
was scraped, or by role (`role:requests`) in what `_roles.in_roles` gives.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.analysis._maps import lookup
from workbench.capture import Capture


def edges(capture: Capture, step_s: float) -> pd.DatetimeIndex:
    """Give the bounds of bins of `step_s` from the start of the window; the last, shorter bin is left out."""
    if pd.isna(capture.start):
        return pd.DatetimeIndex([], dtype="datetime64[ns, UTC]")
    bins = max(1, int(capture.duration_s / step_s + 1e-9))
    return pd.date_range(capture.start, periods=bins + 1, freq=pd.Timedelta(seconds=step_s), unit="ns")


def labelled(capture: Capture, metric: str, *labels: str | tuple[str, ...]) -> pd.DataFrame:
    """Give the series of a metric: series, service, instance and the labels asked for ("" where absent).

    A label given as a tuple is looked up by its spellings and named by the first.
    """
    chosen = capture.series[capture.series["metric"] == metric].reset_index(drop=True)
    out = chosen[["series", "service", "instance"]].copy()
    for label in labels:
        spellings = (label,) if isinstance(label, str) else label
        out[spellings[0]] = lookup(chosen["labels"], *spellings).fillna("")
    return out


def growth(
    capture: Capture, metric: str, bounds: pd.DatetimeIndex, *labels: str | tuple[str, ...]
) -> pd.DataFrame:
    """Give what a counter grew by: one row per bin, service, instance and label values.

    Columns: time (start of the bin), service, instance, labels, growth, covered_s (seconds of the bin that
    lie between the first and last scrape of that instance). Bins not covered are left out.
    """
    heads = labelled(capture, metric, *labels)
    keys = [name for name in heads.columns if name != "series"]
    frames = []
    for (service, instance), siblings in heads.groupby(["service", "instance"], sort=True):
        samples = _samples(capture, siblings["series"])
        clock = scrapes(capture, service, instance)
        if len(clock) < 2 or samples.empty:
            continue
        at = np.clip(bounds.astype("int64").to_numpy(), clock[0], clock[-1])
        covered = np.diff(at) / 1e9
        for code, group in samples.groupby("series", sort=True):
            grown = np.diff(np.interp(at, *_cumulative(group, clock)))
            head = siblings[siblings["series"] == code].iloc[0]
            frame = pd.DataFrame({"time": bounds[:-1], **{key: head[key] for key in keys}})
            frames.append(frame.assign(growth=grown, covered_s=covered)[covered > 0])
    if not frames:
        return pd.DataFrame({name: [] for name in ("time", *keys, "growth", "covered_s")})
    # Series that differ in other labels are summed; all of one instance share their coverage.
    by = pd.concat(frames, ignore_index=True).groupby(["time", *keys], as_index=False)
    return by.agg(growth=("growth", "sum"), covered_s=("covered_s", "max"))


def levels(
    capture: Capture, metric: str, bounds: pd.DatetimeIndex, *labels: str | tuple[str, ...]
) -> pd.DataFrame:
    """Give what a gauge stood at on average: time (start of the bin), service, instance, labels, level.

    Series that differ in other labels are summed.
    """
    heads = labelled(capture, metric, *labels)
    keys = [name for name in heads.columns if name != "series"]
    samples = _samples(capture, heads["series"]).merge(heads, on="series")
    bins = np.searchsorted(bounds.astype("int64"), samples["time"].astype("int64"), side="right") - 1
    inside = (bins >= 0) & (bins < len(bounds) - 1)
    samples, bins = samples[inside], bins[inside]
    samples = samples.assign(time=bounds[bins])
    each = samples.groupby(["time", *keys, "series"], as_index=False, sort=True)["value"].mean()
    return (
        each.groupby(["time", *keys], as_index=False, sort=True)["value"]
        .sum()
        .rename(columns={"value": "level"})
    )


def served(named: Capture, bounds: pd.DatetimeIndex, *labels: str) -> pd.DataFrame:
    """Give what the requests answered grew by, of a capture in roles; as `growth`, and by traffic too.

    By a counter of requests where a service has one of that traffic, else by the count of its latencies.
    """
    counted = growth(named, "role:requests", bounds, "traffic", *labels)
    timed = growth(named, "role:latency_count", bounds, "traffic", *labels)
    known = pd.MultiIndex.from_frame(counted[["service", "traffic"]])
    timed = timed[~pd.MultiIndex.from_frame(timed[["service", "traffic"]]).isin(known)]
    return (
        pd.concat([counted, timed], ignore_index=True)
        if len(counted) and len(timed)
        else (counted if len(counted) else timed)
    )


def whole(capture: Capture) -> pd.DatetimeIndex:
    """Give the bounds of one bin that is the whole window; samples at its very end are inside."""
    if pd.isna(capture.start):
        return pd.DatetimeIndex([], dtype="datetime64[ns, UTC]")
    return pd.DatetimeIndex([capture.start, capture.end + pd.Timedelta(1, "ns")]).as_unit("ns")


def _samples(capture: Capture, codes: pd.Series) -> pd.DataFrame:
    samples = capture.samples[capture.samples["series"].isin(codes)]
    return samples[samples["value"].notna()].sort_values(["series", "time"])


def scrapes(capture: Capture, service: str, instance: str) -> np.ndarray:
    """Give the times (ns) at which anything of an instance was scraped, rising."""
    series = capture.series
    codes = series["series"][(series["service"] == service) & (series["instance"] == instance)]
    return np.unique(capture.samples["time"][capture.samples["series"].isin(codes)].astype("int64"))


def _cumulative(group: pd.DataFrame, clock: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give times (ns) and the growth up to each, of one counter."""
    times, values = group["time"].astype("int64").to_numpy(), group["value"].to_numpy()
    step = np.diff(values, prepend=values[0])
    step = np.where(step < 0, values, step)
    late = np.searchsorted(clock, times[0])
    if late > 0:
        times, step = np.insert(times, 0, clock[late - 1]), np.insert(step, 0, 0.0)
        step[1] = values[0]
    return times, np.cumsum(step)
