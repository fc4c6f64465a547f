"""Counters, histograms and gauges as a Prometheus would have scraped them, from visits known exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workbench import tables

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


def scrape(
    visits: pd.DataFrame,
    servers: Mapping[str, float],
    *,
    times: pd.DatetimeIndex,
    buckets_s: Sequence[float] = BUCKETS_S,
) -> dict[str, pd.DataFrame]:
    """Give the tables `series` and `samples` for visits (see `analysis.visits`) at the scrape times.

    `servers` is the pool size by service. Metrics: http_server_request_duration_seconds by status code, and
    worker_pool_{size,busy,queue_length}, worker_pool_{busy,saturated,queue}_seconds_total.
    """
    at_s = (times - times[0]).total_seconds().to_numpy()
    labels: list[dict[str, str]] = []
    metrics: list[str] = []
    values: list[np.ndarray] = []

    def add(metric: str, value: np.ndarray, **more: str) -> None:
        metrics.append(metric)
        labels.append({"service": str(service), "instance": f"{service}-0", **more})
        values.append(value)

    for service, own in visits.groupby("service", sort=True):
        start = (own["start"] - times[0]).dt.total_seconds().to_numpy()
        end, taken = start + own["duration_s"].to_numpy(), start + own["wait_s"].to_numpy()
        worked = ~own["outcome"].isin(["refused", "limited"]).to_numpy()
        for code, same in own.groupby(own["status_code"].astype("Int64")).indices.items():
            _histogram(add, str(code), end[same], own["duration_s"].to_numpy()[same], at_s, buckets_s)
        busy = _Level(taken[worked], end[worked])
        waiting = _Level(start[worked], taken[worked])
        size = servers.get(str(service), np.inf)
        add("worker_pool_size", np.full(at_s.size, size))
        add("worker_pool_busy", busy.at(at_s))
        add("worker_pool_queue_length", waiting.at(at_s))
        add("worker_pool_busy_seconds_total", busy.integral(at_s))
        add("worker_pool_queue_seconds_total", waiting.integral(at_s))
        add("worker_pool_saturated_seconds_total", busy.integral(at_s, at_least=size))
    if not metrics:
        return {}
    codes = np.arange(len(metrics))
    series = tables.SERIES.build(
        {
            "series": codes,
            "metric": metrics,
            "service": [row["service"] for row in labels],
            "instance": [row["instance"] for row in labels],
            "labels": labels,
        }
    )
    samples = tables.SAMPLES.build(
        {
            "series": np.repeat(codes, len(times)),
            "time": np.tile(times.as_unit("ns").asi8, len(metrics)),
            "value": np.concatenate(values),
        }
    )
    return {"series": series, "samples": samples}


def _histogram(add, code, end, duration, at_s, buckets_s) -> None:  # type: ignore[no-untyped-def]
    name = "http_server_request_duration_seconds"
    order = np.argsort(end)
    end, duration = end[order], duration[order]
    done = np.searchsorted(end, at_s, side="right")
    for bound in [*buckets_s, np.inf]:
        below = np.concatenate([[0.0], np.cumsum(duration <= bound)])
        add(f"{name}_bucket", below[done], status_code=code, le="+Inf" if np.isinf(bound) else f"{bound:g}")
    add(f"{name}_count", done.astype(float), status_code=code)
    add(f"{name}_sum", np.concatenate([[0.0], np.cumsum(duration)])[done], status_code=code)


class _Level:
    """How many intervals [begin, end) cover a moment, and integrals of that over time."""

    def __init__(self, begin: np.ndarray, end: np.ndarray) -> None:
        moments = np.concatenate([begin, end])
        steps = np.concatenate([np.ones(begin.size), -np.ones(end.size)])
        order = np.argsort(moments, kind="stable")
        self._moments, self._level = moments[order], np.cumsum(steps[order])

    def at(self, times: np.ndarray) -> np.ndarray:
        found = np.searchsorted(self._moments, times, side="right")
        return np.concatenate([[0.0], self._level])[found]

    def integral(self, times: np.ndarray, *, at_least: float | None = None) -> np.ndarray:
        """Integral until each time of the level, or of "the level is at least so much"."""
        if not self._moments.size:
            return np.zeros(times.size)
        level = self._level if at_least is None else (self._level >= at_least).astype(float)
        area = np.concatenate([[0.0], np.cumsum(level[:-1] * np.diff(self._moments))])
        found = np.searchsorted(self._moments, times, side="right") - 1
        inside = np.clip(found, 0, None)
        return np.where(found < 0, 0.0, area[inside] + level[inside] * (times - self._moments[inside]))
