"""Rates and error shares: counters with restarts and late series, and spans where there are none."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.analysis.hand import T0, metrics, of_spans, span
from workbench.analysis.rates import rates
from workbench.capture import Capture

COUNT = "http_server_request_duration_seconds_count"


def labels(code: str, instance: str = "a-0") -> dict[str, str]:
    return {"service": "a", "instance": instance, "status_code": code}


def counted(*series: tuple) -> Capture:
    return Capture(start=T0, end=T0 + pd.Timedelta(seconds=4), **metrics(*series))


def test_a_rate_is_what_the_counter_grew_by_in_a_second() -> None:
    table = rates(counted((COUNT, labels("200"), [10, 12, 14, 20, 26])), step_s=2)
    assert table["rate_rps"].tolist() == pytest.approx([2.0, 6.0])
    assert table["source"].tolist() == ["metrics", "metrics"]


def test_a_counter_that_falls_was_restarted_from_nothing() -> None:
    table = rates(counted((COUNT, labels("200"), [10, 12, 3, 5, 9])), step_s=4)
    assert table["rate_rps"].tolist() == pytest.approx([(2 + 3 + 2 + 4) / 4])


def test_a_series_that_comes_late_began_at_nothing() -> None:
    table = rates(
        counted(
            (COUNT, labels("200"), [0, 10, 20, 30, 40]), (COUNT, labels("503"), [None, None, None, 6, 10])
        ),
        step_s=2,
    )
    assert table["error_share"].tolist() == pytest.approx([0.0, 10 / 30])
    assert table["rate_rps"].tolist() == pytest.approx([10.0, 15.0])


def test_instances_of_a_service_add_up() -> None:
    table = rates(
        counted((COUNT, labels("200"), [0, 1, 2, 3, 4]), (COUNT, labels("429", "a-1"), [0, 3, 6, 9, 12])),
        step_s=4,
    )
    assert table["rate_rps"].tolist() == pytest.approx([4.0])
    assert table[["error_share", "limited_share"]].to_numpy().tolist() == [[0.0, 0.75]]


def test_a_missed_scrape_spreads_its_growth_evenly() -> None:
    table = rates(counted((COUNT, labels("200"), [0, None, 8, 10, 12])), step_s=1)
    assert table["rate_rps"].tolist() == pytest.approx([4.0, 4.0, 2.0, 2.0])


def test_without_metrics_spans_are_counted_and_scaled_by_what_was_sampled() -> None:
    capture = of_spans(
        span("t", "c", None, "client", "client", 0, 10, 200, server__address="a"),
        span("t", "s", "c", "a", "server", 1, 8, 200),
        span("u", "c", None, "client", "client", 500, 10, 503, server__address="a"),
        span("v", "c", None, "client", "client", 1500, 10, server__address="a", error__type="timeout"),
        start=T0,
        end=T0 + pd.Timedelta(seconds=2),
        load={"sample_share": 0.25},
    )
    table = rates(capture, step_s=1).set_index(["service", "time"])
    assert table.loc["client", "rate_rps"].tolist() == [2.0, 1.0]
    assert table.loc["client", "error_share"].tolist() == [0.5, 1.0]
    assert table.loc["a", "rate_rps"].tolist() == [4.0, 0.0]
    assert table.loc["a", "error_share"].isna().tolist() == [False, True]


def test_an_empty_capture_has_no_rates() -> None:
    assert rates(Capture()).empty
