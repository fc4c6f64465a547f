"""Traces: the slowest, their waterfall, and where the time of requests went."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.hand import of_spans, span
from tests.analysis.test_visits import retried
from workbench.analysis.traces import breakdown, slowest, waterfall
from workbench.capture import Capture
from workbench.errors import TableError


def test_a_waterfall_has_parents_before_children_and_children_by_start() -> None:
    table = waterfall(retried(), "t")
    assert table["span_id"].tolist() == ["root", "o", "c1", "p1", "c2", "p2", "c3"]
    assert table["depth"].tolist() == [0, 1, 2, 3, 2, 3, 2]
    assert table["start_s"].tolist() == pytest.approx([0, 0.005, 0.035, 0.036, 0.090, 0.091, 0.128])
    assert table["wait_s"].tolist() == pytest.approx([0, 0.020, 0, 0, 0, 0, 0])
    assert table["outcome"].tolist() == ["ok", "ok", "timeout", "ok", "ok", "ok", "ok"]


def test_an_unknown_trace_is_said_to_be_so() -> None:
    with pytest.raises(TableError, match="no trace 'x'"):
        waterfall(retried(), "x")


def test_the_slowest_traces_come_first_and_lone_spans_last() -> None:
    capture = of_spans(
        span("t", "1", None, "a", "server", 0, 10),
        span("t", "2", "1", "b", "client", 1, 5, status="error"),
        span("u", "1", None, "a", "server", 0, 30),
        span("u", "2", "1", "b", "client", 1, 5),
        span("v", "1", None, "a", "server", 0, 90),
    )
    table = slowest(capture)
    assert table["trace_id"].tolist() == ["u", "t", "v"]
    assert table["errors"].tolist() == [0, 1, 0]
    assert table["services"].tolist() == [2, 2, 1]


def test_time_is_wait_self_or_elsewhere_and_abandoned_work_does_not_count() -> None:
    table = breakdown(retried())
    got = table[table["scope"] == "all"].set_index(["service", "part"])["mean_s"].to_dict()
    # payments works 36..106, but its try ended at 85; elsewhere: 1 before it, 5 backoff, 2 transit, 12 stock
    assert got == pytest.approx(
        {
            ("orders", "self"): 0.023,
            ("orders", "wait"): 0.020,
            ("payments", "self"): 0.049 + 0.028,
            ("payments", "wait"): 0.0,
            ("", "elsewhere"): 0.020,
        }
    )
    assert table["entry"].unique().tolist() == ["orders"]


def test_shares_add_up_and_the_slowest_are_those_at_or_beyond_the_quantile() -> None:
    rows = [
        span(f"t{i}", "s", None, "a", "server", 0, 100 + i, 200, worker_pool__wait_s=0.0 if i < 99 else 0.15)
        for i in range(100)
    ]
    table = breakdown(of_spans(*rows))
    assert np.allclose(table.groupby("scope")["share"].sum(), 1)
    slow = table[table["scope"] == "slowest"].set_index("part")
    # the 99th of 100 sorted values is 198 ms: 198 and 199 are in
    assert slow.at["wait", "requests"] == 2
    assert slow.at["wait", "mean_s"] == pytest.approx(0.075)
    assert slow.at["wait", "from_s"] == pytest.approx(0.198)


def test_without_server_spans_there_is_nothing_to_break_down() -> None:
    assert breakdown(Capture()).empty
    assert slowest(Capture()).empty
