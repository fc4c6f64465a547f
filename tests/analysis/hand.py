"""Captures made by hand: spans from one line each, and metrics from lists of values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from workbench.capture import Capture
from workbench.tables import PAUSES, SAMPLES, SERIES, SPANS

T0 = pd.Timestamp("2026-11-20T10:00:00Z")


def span(
    trace: str,
    span_id: str,
    parent: str | None,
    service: str,
    kind: str,
    start_ms: float,
    ms: float,
    code: int | None = None,
    *,
    name: str = "GET /",
    status: str = "unset",
    **attributes: Any,
) -> dict[str, Any]:
    """Make one span; `start_ms` counts from T0; attribute names are written with __ for a dot."""
    pairs = {key.replace("__", "."): str(value) for key, value in attributes.items()}
    if code is not None:
        pairs["http.response.status_code"] = str(code)
    return {
        "trace_id": trace,
        "span_id": span_id,
        "parent_id": parent,
        "service": service,
        "kind": kind,
        "name": name,
        "start": T0.value + round(start_ms * 1e6),
        "duration_s": ms / 1e3,
        "status": status,
        "attributes": pairs,
    }


def of_spans(*rows: dict[str, Any], **more: Any) -> Capture:
    """Make a capture of spans."""
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    return Capture(spans=SPANS.build(columns), **more)


def metrics(
    *series: tuple[str, dict[str, str], Sequence[float | None]], step_s: float = 1.0
) -> dict[str, pd.DataFrame]:
    """Make the tables of metrics: (metric, labels, values every `step_s` from T0; None for no sample)."""
    labels = [dict(pairs) for _, pairs, _ in series]
    head = SERIES.build(
        {
            "series": list(range(len(series))),
            "metric": [metric for metric, _, _ in series],
            "service": [pairs.pop("service", "") for pairs in labels],
            "instance": [pairs.pop("instance", "") for pairs in labels],
            "labels": labels,
        }
    )
    rows = [
        (code, T0.value + round(at * step_s * 1e9), float(value))
        for code, (_, _, values) in enumerate(series)
        for at, value in enumerate(values)
        if value is not None
    ]
    codes, times, values = zip(*rows, strict=True)
    return {
        "series": head,
        "samples": SAMPLES.build({"series": codes, "time": list(times), "value": values}),
    }


def pauses(*rows: tuple[str, float, float, str]) -> pd.DataFrame:
    """Make the table of pauses: (service, start in s from T0, duration in ms, kind)."""
    service, start, ms, kind = zip(*rows, strict=True)
    return PAUSES.build(
        {
            "service": service,
            "start": [T0.value + round(s * 1e9) for s in start],
            "duration_s": [m / 1e3 for m in ms],
            "kind": kind,
            "collector": ["CPython"] * len(rows),
        }
    )
