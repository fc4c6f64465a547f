"""Pauses and promotion: shares of the observed time, dated or not."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.analysis.hand import T0, pauses
from workbench.analysis.pauses import pause_summary, pause_times, promotion
from workbench.capture import Capture
from workbench.tables import COLLECTIONS, PAUSES


def test_a_pause_share_is_the_sum_of_pauses_over_the_window() -> None:
    table = pauses(("a", 1, 100, "gen2"), ("a", 2, 300, "gen2"), ("b", 3, 50, "gen0"))
    capture = Capture(start=T0, end=T0 + pd.Timedelta(seconds=10), pauses=table)
    a, b = pause_summary(capture).itertuples()
    assert (a.service, a.pauses, a.max_s, a.p50_s) == ("a", 2, 0.3, 0.1)
    assert a.pause_share == pytest.approx(0.04)
    assert b.pause_share == pytest.approx(0.005)
    assert pause_times(capture)["at_s"].tolist() == [1, 2, 3]


def test_a_log_without_dates_is_observed_from_its_first_pause_to_its_last() -> None:
    table = PAUSES.build(
        {"uptime_s": [10.0, 19.5], "duration_s": [1.0, 0.5], "kind": ["x", "x"], "collector": ["G1", "G1"]}
    )
    capture = Capture(pauses=table)
    assert pause_summary(capture)["pause_share"].tolist() == pytest.approx([1.5 / 10])
    assert pause_times(capture)["at_s"].tolist() == [10.0, 19.5]


def test_promotion_is_what_the_log_says_or_what_the_old_generation_grew_by() -> None:
    table = COLLECTIONS.build(
        {
            "uptime_s": [0.0, 5.0, 10.0, 11.0],
            "kind": ["young"] * 3 + ["full"],
            "collector": ["G1"] * 4,
            "promoted_bytes": [100, None, None, None],
            "old_before_bytes": [None, 1000, 1300, 5000],
            "old_after_bytes": [None, 1300, 1400, 1000],
        }
    )
    row = promotion(Capture(collections=table)).iloc[0]
    assert (row["collections"], row["promoted_bytes"]) == (3, 100 + 300 + 100)
    assert row["bytes_per_s"] == pytest.approx(50)
    assert row["bytes_per_collection"] == pytest.approx(500 / 3)


def test_without_pauses_the_tables_are_empty() -> None:
    for table in (pause_summary(Capture()), pause_times(Capture()), promotion(Capture())):
        assert table.empty
