"""Operational laws hold on sound evidence, and name both numbers where it is not."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.analysis.hand import T0, metrics, of_spans, span
from workbench.analysis.laws import contradictions, laws
from workbench.capture import Capture

A, B = {"service": "a", "instance": "a-0"}, {"service": "b", "instance": "b-0"}


def evidence(*, queue_s: float = 2.0, busy_s: float = 3.0, count: float = 10, **load: Any) -> Capture:
    """Ten visits to b, called by a, in 10 s: each waits 200 ms and holds a worker for 300 ms."""
    rows = []
    for i in range(10):
        rows += [
            span(f"t{i}", "s", None, "a", "server", 1000 * i + 100, 600, 200),
            span(f"t{i}", "c", "s", "a", "client", 1000 * i + 110, 550, 200, server__address="b"),
            span(f"t{i}", "v", "c", "b", "server", 1000 * i + 120, 500, 200, worker_pool__wait_s=0.2),
        ]
    spread = [x / 10 for x in range(11)]
    return of_spans(
        *rows,
        start=T0,
        end=T0 + pd.Timedelta(seconds=10),
        load=load,
        **metrics(
            ("worker_pool_size", B, [2] * 11),
            ("worker_pool_queue_seconds_total", B, [queue_s * x for x in spread]),
            ("worker_pool_busy_seconds_total", B, [busy_s * x for x in spread]),
            ("worker_pool_saturated_seconds_total", B, [0] * 11),
            ("http_server_request_duration_seconds_count", B, [count * x for x in spread]),
            ("http_client_request_duration_seconds_count", {**A, "server": "b"}, [10 * x for x in spread]),
        ),
    )


def test_on_sound_evidence_every_law_holds_with_equal_sides() -> None:
    table = laws(evidence()).set_index(["law", "service"])
    assert table["holds"].all()
    assert table.loc[("Little's law", "b"), ["left", "right"]].tolist() == pytest.approx([0.2, 0.2])
    assert table.loc[("utilisation law", "b"), ["left", "right"]].tolist() == pytest.approx([0.3, 0.3])
    assert table.loc[("flow balance", "b"), ["left", "right"]].tolist() == pytest.approx([10, 10])
    assert table.loc[("one count", "b"), ["left", "right"]].tolist() == pytest.approx([10, 10])
    assert contradictions(evidence()) == []


@pytest.mark.parametrize(
    ("change", "law", "difference"),
    [
        ({"queue_s": 4.0}, "Little's law", 0.5),
        ({"busy_s": 2.0}, "utilisation law", 1 / 3),
    ],
)
def test_what_disagrees_is_named_with_both_numbers(change: dict, law: str, difference: float) -> None:
    broken = laws(evidence(**change))
    broken = broken[~broken["holds"]]
    assert broken["law"].tolist() == [law]
    assert broken["difference_share"].tolist() == pytest.approx([difference])
    (sentence,) = contradictions(evidence(**change))
    assert law in sentence
    assert f"{broken['left'].iloc[0]:.4g}" in sentence
    assert f"{broken['right'].iloc[0]:.4g}" in sentence


def test_lost_visits_break_flow_balance_and_the_count() -> None:
    broken = laws(evidence(count=20))
    assert sorted(broken[~broken["holds"]]["law"]) == ["flow balance", "one count"]


def test_spans_count_as_many_as_their_sampling_share_says() -> None:
    table = laws(evidence(count=20, sample_share=0.5)).set_index(["law", "service"])
    assert table.loc[("one count", "b"), ["left", "right"]].tolist() == pytest.approx([20, 20])


def test_few_sampled_spans_are_given_their_sampling_error() -> None:
    # ten spans kept of about 20: a standard error of √(0.5 · 10) / 10 = 22 %, so 14 is not refuted
    table = laws(evidence(count=14, sample_share=0.5)).set_index(["law", "service"])
    assert table.at[("one count", "b"), "holds"]


def test_without_metrics_there_is_nothing_to_compare() -> None:
    assert laws(Capture()).empty
    assert contradictions(Capture()) == []
