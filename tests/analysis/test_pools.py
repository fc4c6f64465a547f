"""Pools: integrals of counters where a pool exports them, means of gauges where it does not."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.analysis.hand import T0, metrics
from workbench.analysis.pools import pools, pools_over_time
from workbench.capture import Capture

WHO = {"service": "a", "instance": "a-0"}
GAUGES = [
    ("worker_pool_size", WHO, [4, 4, 4, 4, 4]),
    ("worker_pool_busy", WHO, [0, 4, 4, 2, 0]),
    ("worker_pool_queue_length", WHO, [0, 6, 2, 0, 0]),
    ("worker_pool_queue_limit", WHO, [8, 8, 8, 8, 8]),
]
COUNTERS = [
    ("worker_pool_busy_seconds_total", WHO, [0, 3, 7, 8, 8]),
    ("worker_pool_saturated_seconds_total", WHO, [0, 0.5, 1.5, 1.5, 1.5]),
    ("worker_pool_queue_seconds_total", WHO, [0, 2, 7, 7, 7]),
]


def capture(*series: tuple) -> Capture:
    return Capture(start=T0, end=T0 + pd.Timedelta(seconds=4), **metrics(*series))


def test_counters_give_exact_means_over_the_window() -> None:
    row = pools(capture(*GAUGES, *COUNTERS)).iloc[0]
    assert row[["size", "busy", "utilisation", "saturated_share", "queue", "queue_limit"]].tolist() == (
        pytest.approx([4, 8 / 4, 0.5, 1.5 / 4, 7 / 4, 8])
    )


def test_gauges_alone_give_means_of_the_scrapes() -> None:
    row = pools(capture(*GAUGES)).iloc[0]
    assert row[["busy", "saturated_share", "queue"]].tolist() == pytest.approx([10 / 5, 2 / 5, 8 / 5])


def test_over_time_each_bin_has_its_own_means() -> None:
    table = pools_over_time(capture(*GAUGES, *COUNTERS), step_s=2)
    assert table["utilisation"].tolist() == pytest.approx([7 / 2 / 4, 1 / 2 / 4])
    assert table["saturated_share"].tolist() == pytest.approx([0.75, 0.0])
    assert table["time"].tolist() == [T0, T0 + pd.Timedelta(seconds=2)]


def test_instances_add_up_and_their_saturated_shares_are_averaged() -> None:
    other = {"service": "a", "instance": "a-1"}
    second = [
        ("worker_pool_size", other, [2] * 5),
        ("worker_pool_busy_seconds_total", other, [0, 2, 4, 6, 8]),
        ("worker_pool_saturated_seconds_total", other, [0, 1, 2, 3, 4]),
    ]
    row = pools(capture(*GAUGES, *COUNTERS, *second)).iloc[0]
    assert (row["size"], row["busy"], row["queue"]) == pytest.approx((6, 4, 7 / 4))
    assert row["saturated_share"] == pytest.approx((1.5 / 4 + 1) / 2)


def test_connection_pools_of_hikari_are_pools_too() -> None:
    row = pools(
        capture(
            ("hikaricp_connections_max", WHO, [10] * 5),
            ("hikaricp_connections_active", WHO, [10, 10, 5, 5, 0]),
            ("hikaricp_connections_pending", WHO, [3, 2, 0, 0, 0]),
        )
    ).iloc[0]
    assert row[["utilisation", "saturated_share", "queue"]].tolist() == pytest.approx([0.6, 0.4, 1.0])


def test_without_pools_the_table_is_empty() -> None:
    assert pools(Capture()).empty
    assert pools_over_time(Capture()).empty
