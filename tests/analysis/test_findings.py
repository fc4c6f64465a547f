"""Findings: sentences that carry the numbers of their evidence, and silence where there is nothing."""

from __future__ import annotations

import pandas as pd

from tests.analysis.hand import T0, metrics, of_spans, pauses, span
from workbench.analysis.findings import findings
from workbench.capture import Capture
from workbench.settings import Settings

WHO = {"service": "orders", "instance": "orders-0"}
END = T0 + pd.Timedelta(seconds=10)


def texts(capture: Capture) -> list[str]:
    return [finding.text for finding in findings(capture)]


def request(trace: str, *, wait_ms: float) -> list[dict]:
    """One request: gateway takes 20 ms of its own and calls orders, which waits and works 80 ms."""
    return [
        span(trace, "g", None, "gateway", "server", 0, 100 + wait_ms, 200),
        span(trace, "c", "g", "gateway", "client", 10, 80 + wait_ms, 200, server__address="orders"),
        span(trace, "o", "c", "orders", "server", 10, 80 + wait_ms, 200, worker_pool__wait_s=wait_ms / 1e3),
    ]


def test_a_full_pool_and_what_it_costs_stand_in_one_sentence() -> None:
    rows = [s for i in range(10) for s in request(f"t{i}", wait_ms=300)]
    pool = metrics(
        ("worker_pool_size", WHO, [4, 4, 4]),
        ("worker_pool_busy_seconds_total", WHO, [0, 3.6, 7.2]),
        ("worker_pool_saturated_seconds_total", WHO, [0, 0.7, 1.42]),
    )
    (finding,) = findings(of_spans(*rows, start=T0, end=T0 + pd.Timedelta(seconds=2), **pool))
    # 1.42 of 2 s full; 300 of 400 ms waited
    assert finding.text == (
        "orders: all 4 workers busy 71 % of the time; 75 % of the gateway's P99 is waiting for them"
    )
    assert finding.severity == "high"
    assert finding.evidence["saturated_share"].iloc[0] == 0.71


def test_a_wait_shows_without_metrics_too() -> None:
    rows = [s for i in range(10) for s in request(f"t{i}", wait_ms=300)]
    assert texts(of_spans(*rows)) == ["orders: 75 % of the gateway's P99 is waiting for its workers"]


def test_a_quiet_system_gives_no_finding() -> None:
    rows = [s for i in range(10) for s in request(f"t{i}", wait_ms=1)]
    assert findings(of_spans(*rows)) == []
    assert findings(Capture()) == []


def retried(trace: str, outcome: dict) -> list[dict]:
    """A request of which the first try at orders fails and the second, 5 ms later, succeeds."""
    return [
        span(trace, "g", None, "gateway", "server", 0, 200, 200),
        span(trace, "c1", "g", "gateway", "client", 5, 50, server__address="orders",
             http__request__resend_count=0, **outcome),
        span(trace, "o1", "c1", "orders", "server", 5, 90, 200),
        span(trace, "c2", "g", "gateway", "client", 60, 130, 200, server__address="orders",
             http__request__resend_count=1),
        span(trace, "o2", "c2", "orders", "server", 61, 120, 200),
    ]  # fmt: skip


def test_retries_and_the_work_of_abandoned_tries_are_found() -> None:
    rows = retried("t", {"error__type": "timeout", "status": "error"}) + request("u", wait_ms=0)
    settings = Settings({"orders/deadline_s": 0, "gateway/deadline_s": 0})
    found = texts(of_spans(*rows, settings=settings))
    # 3 tries for 2 calls; 90 of 90 + 120 + 80 ms of work
    assert found == [
        "gateway → orders: 1.50 tries per call; retries add 50 % to the load of orders",
        "orders: 31 % of its work was for tries that had been given up; no deadline is set anywhere",
    ]


def test_with_a_deadline_nobody_says_that_there_is_none() -> None:
    rows = retried("t", {"error__type": "timeout", "status": "error"})
    found = texts(of_spans(*rows, settings=Settings({"gateway/deadline_s": 1.5})))
    assert any("given up" in text for text in found)
    assert not any("no deadline" in text for text in found)


def test_visits_turned_away_are_counted_by_reason() -> None:
    rows = [span(f"t{i}", "s", None, "a", "server", i, 5, 200) for i in range(90)]
    rows += [span(f"q{i}", "s", None, "a", "server", i, 5, 503) for i in range(6)]
    rows += [span(f"l{i}", "s", None, "a", "server", i, 5, 429) for i in range(3)]
    rows += [span("d", "s", None, "a", "server", 0, 5, 504)]
    assert texts(of_spans(*rows)) == [
        "a: 6 % of visits turned away because its queue was full",
        "a: 3 % of visits turned away by its rate limiter",
        "a: 1 % of visits turned away because their deadline passed while they waited",
    ]


def test_counters_of_refusals_go_before_spans() -> None:
    counters = metrics(
        ("http_server_request_duration_seconds_count", {**WHO, "status_code": "200"}, [0, 75]),
        ("http_server_request_duration_seconds_count", {**WHO, "status_code": "503"}, [0, 25]),
        ("http_server_refused_total", {**WHO, "reason": "queue"}, [0, 25]),
        ("http_server_refused_total", {**WHO, "reason": "limit"}, [0, 0]),
    )
    capture = Capture(start=T0, end=T0 + pd.Timedelta(seconds=1), **counters)
    assert texts(capture) == ["orders: 25 % of visits turned away because its queue was full"]


def test_pauses_are_found_when_frequent_or_longer_than_a_visit() -> None:
    rows = [span(f"t{i}", "s", None, "b", "server", 100 * i, 50, 200) for i in range(10)]
    stops = pauses(("a", 1, 120, "gen2"), ("a", 2, 80, "gen2"), ("b", 1, 60, "gen2"), ("c", 1, 60, "gen2"))
    found = texts(of_spans(*rows, start=T0, end=END, pauses=stops))
    assert found == [
        "a: stopped by garbage collection 2 % of the time, at most 120 ms at once",
        "b: stopped by garbage collection 0.6 % of the time, at most 60 ms at once",
    ]


def test_a_timeout_far_above_the_tail_or_below_the_median_is_found() -> None:
    rows = [s for i in range(10) for s in request(f"t{i}", wait_ms=0)]
    key = "gateway/calls.orders.timeout_s"
    assert texts(of_spans(*rows, settings=Settings({key: 2.0}))) == [
        "gateway → orders: the timeout of 2 s is 25 times the P99 of its tries (80 ms): "
        "a try that hangs holds its worker for that long"
    ]
    assert texts(of_spans(*rows, settings=Settings({key: 0.3}))) == []
    assert texts(of_spans(*rows, settings=Settings({key: 0}))) == []
    short = [s for i in range(3) for s in retried(f"t{i}", {"error__type": "timeout"})]
    found = texts(of_spans(*short, settings=Settings({key: 0.05})))
    # the tries would have taken 90 ms and 130 ms: half of the six timed out
    assert [text for text in found if "timeout of" in text] == [
        "gateway → orders: the timeout of 50 ms is below the median of its tries (90 ms): "
        "50 % of them time out"
    ]


def test_the_weightiest_comes_first() -> None:
    rows = retried("t", {"error__type": "timeout"}) + [
        s for i in range(9) for s in request(f"u{i}", wait_ms=300)
    ]
    found = findings(of_spans(*rows))
    weights = [finding.weight for finding in found]
    assert len(found) == 3
    assert weights == sorted(weights, reverse=True)
