"""A visit's parts add up; tries are told apart from calls; outcomes follow what the spans say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.analysis.hand import of_spans, span
from workbench.analysis.visits import calls, tries, visits
from workbench.capture import Capture

PARTS = ["wait_s", "before_s", "between_s", "after_s", "calls_s"]


def retried() -> Capture:
    """One request: orders waits 20 ms, works 10, calls payments (50 ms, timeout), backs off 5 ms, calls again
    (30 ms, ok), works 8 ms, calls stock (12 ms), works 5 ms. payments works on for 70 ms after 50."""
    return of_spans(
        span("t", "root", None, "client", "client", 0, 150, 200, server__address="orders"),
        span("t", "o", "root", "orders", "server", 5, 140, 200, worker_pool__wait_s=0.02),
        span("t", "c1", "o", "orders", "client", 35, 50, server__address="payments",
             http__request__resend_count=0, error__type="timeout", status="error"),
        span("t", "p1", "c1", "payments", "server", 36, 70, 200),
        span("t", "c2", "o", "orders", "client", 90, 30, 200, server__address="payments",
             http__request__resend_count=1),
        span("t", "p2", "c2", "payments", "server", 91, 28, 200),
        span("t", "c3", "o", "orders", "client", 128, 12, 200, server__address="stock"),
    )  # fmt: skip


def test_the_parts_of_a_visit_are_what_its_spans_say_and_add_up() -> None:
    orders = visits(retried()).set_index("span_id").loc["o"]
    assert orders[PARTS].tolist() == pytest.approx([0.020, 0.010, 0.008, 0.005, 0.097])
    assert orders[PARTS].sum() == pytest.approx(orders["duration_s"])
    assert (orders["outcome"], orders["status_code"], orders["n_tries"]) == ("ok", 200, 3)


def test_a_visit_without_calls_is_all_own_work_before() -> None:
    payments = visits(retried()).set_index("span_id").loc["p2"]
    assert payments[PARTS].tolist() == pytest.approx([0, 0.028, 0, 0, 0])


def test_a_try_knows_its_callee_attempt_backoff_and_answer() -> None:
    table = tries(retried()).set_index("span_id")
    assert table["callee"].to_dict() == {"root": "orders", "c1": "payments", "c2": "payments", "c3": "stock"}
    assert table["attempt"].to_dict() == {"root": 0, "c1": 0, "c2": 1, "c3": 0}
    assert table["outcome"].to_dict() == {"root": "ok", "c1": "timeout", "c2": "ok", "c3": "ok"}
    assert table.loc["c2", "backoff_s"] == pytest.approx(0.005)
    assert table["backoff_s"].isna().sum() == 3
    assert table.loc["root", "transit_s"] == pytest.approx(0.010)
    assert table.loc["c2", "transit_s"] == pytest.approx(0.002)
    assert np.isnan(table.loc["c1", "transit_s"])
    assert table.loc["c1", "server_duration_s"] == pytest.approx(0.070)
    assert table["server_span"].dropna().to_dict() == {"root": "o", "c1": "p1", "c2": "p2"}


def test_callees_stand_in_the_order_of_the_calls() -> None:
    assert calls(retried()) == {"client": ["orders"], "orders": ["payments", "stock"]}


def test_without_a_resend_count_only_what_follows_a_failure_is_a_retry() -> None:
    capture = of_spans(
        span("t", "s", None, "a", "server", 0, 100),
        span("t", "c1", "s", "a", "client", 10, 10, 500, peer__service="b"),
        span("t", "c2", "s", "a", "client", 25, 10, 200, peer__service="b"),
        span("t", "c3", "s", "a", "client", 40, 10, 200, peer__service="b"),
    )
    table = tries(capture)
    assert table["attempt"].tolist() == [0, 1, 0]
    assert table["backoff_s"].tolist() == pytest.approx([np.nan, 0.005, np.nan], nan_ok=True)
    visit = visits(capture).iloc[0]
    assert visit[PARTS].tolist() == pytest.approx([0, 0.010, 0.005, 0.050, 0.035])


def test_calls_in_parallel_are_counted_once() -> None:
    capture = of_spans(
        span("t", "s", None, "a", "server", 0, 100),
        span("t", "c1", "s", "a", "client", 10, 40, 200, peer__service="b"),
        span("t", "c2", "s", "a", "client", 20, 50, 200, peer__service="c"),
    )
    assert visits(capture).iloc[0][PARTS].tolist() == pytest.approx([0, 0.010, 0, 0.030, 0.060])


def test_internal_spans_are_looked_through_and_one_may_be_the_wait() -> None:
    capture = of_spans(
        span("t", "s", None, "a", "server", 0, 100),
        span("t", "q", "s", "a", "internal", 1, 30, name="queue wait"),
        span("t", "i", "s", "a", "internal", 40, 50, name="handler"),
        span("t", "c", "i", "a", "client", 50, 20, 200, peer__service="b"),
    )
    visit = visits(capture).iloc[0]
    assert visit[PARTS].tolist() == pytest.approx([0.030, 0.020, 0, 0.030, 0.020])


def test_children_that_stick_out_are_clipped() -> None:
    capture = of_spans(
        span("t", "s", None, "a", "server", 0, 10),
        span("t", "c", "s", "a", "client", -0.002, 10.005, 200, peer__service="b"),
    )
    assert visits(capture).iloc[0][PARTS].tolist() == pytest.approx([0, 0, 0, 0, 0.010])


def test_a_server_span_straight_below_another_is_a_call() -> None:
    capture = of_spans(
        span("t", "s", None, "a", "server", 0, 10),
        span("t", "b", "s", "b", "server", 4, 3),
    )
    visit = visits(capture).set_index("span_id").loc["s"]
    assert visit[PARTS].tolist() == pytest.approx([0, 0.004, 0, 0.003, 0.003])
    assert calls(capture) == {"a": ["b"]}
    assert tries(capture).empty


@pytest.mark.parametrize(
    ("code", "status", "called", "outcome"),
    [
        (200, "unset", False, "ok"),
        (404, "unset", False, "ok"),
        (429, "unset", False, "limited"),
        (502, "error", True, "failed"),
        (503, "error", False, "refused"),
        (503, "error", True, "failed"),
        (504, "error", False, "expired"),
        (504, "error", True, "failed"),
        (None, "error", False, "failed"),
        (None, "ok", False, "ok"),
    ],
)
def test_outcome_of_a_visit(code: int | None, status: str, called: bool, outcome: str) -> None:
    below = [span("t", "c", "s", "a", "client", 1, 1, 500, peer__service="b")] if called else []
    visit = visits(of_spans(span("t", "s", None, "a", "server", 0, 10, code, status=status), *below)).iloc[0]
    assert visit["outcome"] == outcome
    assert (visit["status_code"] is pd.NA) == (code is None)


@pytest.mark.parametrize(
    ("attributes", "outcome"),
    [
        ({"error__type": "timeout"}, "timeout"),
        ({"error__type": "asyncio.TimeoutError"}, "timeout"),
        ({"error__type": "503"}, "refused"),
        ({"error__type": "504"}, "expired"),
        ({"error__type": "ConnectionError", "status": "error"}, "failed"),
        ({"code": 429}, "limited"),
        ({"code": 502, "error__type": "502"}, "failed"),
        ({}, "ok"),
    ],
)
def test_outcome_of_a_try(attributes: dict, outcome: str) -> None:
    attributes = {**attributes, "peer__service": "b"}
    assert tries(of_spans(span("t", "c", None, "a", "client", 0, 10, **attributes)))["outcome"].tolist() == [
        outcome
    ]


def test_an_address_is_named_by_the_service_that_answers_there() -> None:
    capture = of_spans(
        span("t", "c1", None, "a", "client", 0, 10, 200, server__address="127.0.0.1", server__port=81),
        span("t", "s1", "c1", "b", "server", 1, 8, 200),
        span("u", "c2", None, "a", "client", 0, 10, 200, server__address="127.0.0.1", server__port=81),
        span("v", "c3", None, "a", "client", 0, 10, 200, server__address="127.0.0.1", server__port=82),
    )
    assert tries(capture)["callee"].tolist() == ["b", "b", "127.0.0.1"]


def test_equal_span_ids_of_different_traces_do_not_mix() -> None:
    capture = of_spans(
        span("t", "1", None, "a", "server", 0, 10),
        span("t", "2", "1", "a", "client", 2, 6, 200, peer__service="b"),
        span("u", "1", None, "a", "server", 0, 10),
    )
    assert visits(capture)["n_tries"].tolist() == [1, 0]


def test_a_circle_of_parents_ends() -> None:
    capture = of_spans(
        span("t", "1", "2", "a", "internal", 0, 10),
        span("t", "2", "1", "a", "internal", 0, 10),
        span("t", "3", "2", "a", "client", 0, 10, 200, peer__service="b"),
    )
    assert len(tries(capture)) == 1


def test_a_capture_without_spans_gives_empty_tables_of_the_same_columns() -> None:
    assert list(visits(Capture()).columns) == list(visits(retried()).columns)
    assert visits(Capture()).dtypes.equals(visits(retried()).dtypes)
    assert tries(Capture()).dtypes.equals(tries(retried()).dtypes)
    assert calls(Capture()) == {}
