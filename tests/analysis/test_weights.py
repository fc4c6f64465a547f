"""Sampled visits stand for all visits: post-stratified by buckets, and own work from counters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench import tables
from workbench.analysis.holds import holds
from workbench.analysis.weights import weights
from workbench.capture import Capture

START = pd.Timestamp("2026-01-01", tz="UTC")
BUCKET = "http_server_request_duration_seconds_bucket"


def sampled(durations_s: list[float], *, share: float = 0.5) -> Capture:
    """Server spans of one service, and a histogram that counted 60 visits below 0.1 s and 40 up to 0.2 s."""
    n = len(durations_s)
    spans = tables.SPANS.build(
        {
            "trace_id": [f"{i:032x}" for i in range(n)],
            "span_id": [f"{i:016x}" for i in range(n)],
            "service": ["orders"] * n,
            "name": ["GET /orders"] * n,
            "kind": ["server"] * n,
            "start": [START + pd.Timedelta(1 + i, "s") for i in range(n)],
            "duration_s": durations_s,
            "status": ["ok"] * n,
            "attributes": [{"http.response.status_code": "200"}] * n,
        }
    )
    counts = {"0.1": 60.0, "0.2": 100.0, "0.5": 100.0, "+Inf": 100.0}
    return Capture(
        start=START,
        end=START + pd.Timedelta("60s"),
        load={"sample_share": share},
        spans=spans,
        **counters({BUCKET: [({"status_code": "200", "le": le}, count) for le, count in counts.items()]}),
    )


def counters(grown: dict[str, list[tuple[dict[str, str], float]]]) -> dict[str, pd.DataFrame]:
    """Counters of service orders that grow from 0 to a value within the window."""
    rows = [(metric, labels, value) for metric, many in grown.items() for labels, value in many]
    codes = np.arange(len(rows))
    return {
        "series": tables.SERIES.build(
            {
                "series": codes,
                "metric": [metric for metric, _, _ in rows],
                "service": ["orders"] * len(rows),
                "instance": ["orders-0"] * len(rows),
                "labels": [labels for _, labels, _ in rows],
            }
        ),
        "samples": tables.SAMPLES.build(
            {
                "series": np.repeat(codes, 2),
                "time": [START, START + pd.Timedelta("60s")] * len(rows),
                "value": [v for _, _, value in rows for v in (0.0, value)],
            }
        ),
    }


def test_a_stratum_weighs_what_the_histogram_counted_in_it() -> None:
    # 8 of 10 sampled visits are short where 60 of 100 were: they weigh 60/8, the long ones 40/2; mean 10.
    found = weights(sampled([0.05] * 8 + [0.15] * 2))
    assert found.tolist() == pytest.approx([7.5 / 10] * 8 + [20 / 10] * 2)


def test_a_stratum_without_a_sampled_visit_goes_to_the_one_below() -> None:
    # No sampled visit between 0.1 and 0.2 s: its 40 go to the 60 below; the visit at 0.3 s counts nothing.
    found = weights(sampled([0.05] * 4 + [0.3]))
    assert found.tolist() == pytest.approx([1.25] * 4 + [0.0])


def test_whole_traces_and_traces_without_histograms_weigh_one() -> None:
    whole = sampled([0.05] * 8 + [0.15] * 2, share=1.0)
    bare = replace(sampled([0.05, 0.15]), series=tables.SERIES.empty(), samples=tables.SAMPLES.empty())
    assert weights(whole).tolist() == [1.0] * 10
    assert weights(bare).tolist() == [1.0] * 2


def test_own_work_is_the_hold_without_the_calls() -> None:
    # 100 visits, 3 refused: 97 held a worker for 9.7 s in all, 6.79 s of it in calls: 0.1 s, 0.07 s, 0.03 s.
    grown = {
        "worker_pool_busy_seconds_total": [({}, 9.7)],
        "http_server_request_duration_seconds_count": [
            ({"status_code": "200"}, 97.0),
            ({"status_code": "503"}, 3.0),
        ],
        "http_server_refused_total": [({"reason": "queue"}, 3.0)],
        "http_client_request_duration_seconds_sum": [({"server": "payments"}, 6.79)],
        "http_client_request_duration_seconds_count": [({"server": "payments"}, 97.0)],
    }
    found = holds(Capture(start=START, end=START + pd.Timedelta("60s"), **counters(grown))).iloc[0]
    assert found[["visits", "hold_s", "calls_s", "own_s"]].tolist() == pytest.approx([97, 0.1, 0.07, 0.03])


def test_with_many_retries_own_work_is_not_told_from_backoff() -> None:
    grown = {
        "worker_pool_busy_seconds_total": [({}, 10.0)],
        "http_server_request_duration_seconds_count": [({"status_code": "200"}, 100.0)],
        "http_client_request_duration_seconds_sum": [({"server": "payments"}, 7.0)],
        "http_client_request_duration_seconds_count": [({"server": "payments"}, 110.0)],
        "http_client_retries_total": [({"server": "payments"}, 10.0)],
    }
    found = holds(Capture(start=START, end=START + pd.Timedelta("60s"), **counters(grown))).iloc[0]
    assert np.isnan(found["own_s"])
