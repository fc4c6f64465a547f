"""Verdicts on simulated captures whose truth is known."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tests.twin import hand
from workbench import tables
from workbench.errors import Contradiction
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.recommendation import SHOWN, thaw
from workbench.tuning.search import chosen
from workbench.tuning.verify import BETTER, SAME, WORSE, verify
from workbench.twin.model import AS_RECORDED
from workbench.twin.simulate import simulate

SHORT = hand.twin(hand.CALM.with_({"orders/workers": 2}), duration_s=40)
WIDE = {"orders/workers": 6}
GOAL = Objective((SLO("p99_s", 0.5),), scenarios=(AS_RECORDED,))


@pytest.fixture(scope="module")
def promised():
    return chosen(SHORT, WIDE, GOAL)


@pytest.fixture(scope="module")
def before():
    return simulate(SHORT, duration_s=40, seed=71)


@pytest.fixture(scope="module")
def after():
    return simulate(SHORT, WIDE, duration_s=40, seed=72)


@pytest.fixture(scope="module")
def verdict(promised, before, after):
    return verify(promised, before, after)


def test_three_times_the_workers_of_a_full_pool_are_better_as_predicted(verdict):
    assert verdict.judgement == BETTER
    assert set(verdict.table.loc[["p50_s", "p95_s", "p99_s"], "judgement"]) == {BETTER}
    assert verdict.table["held"].all()
    assert verdict.broken == ()
    assert list(verdict.table.index) == list(SHOWN)


def test_the_last_line_is_the_verdict(verdict):
    lines = verdict.text().splitlines()
    assert lines[0] == f"measured at: {verdict.measured_at}"
    assert lines[-1].startswith("verdict: better; P99 ")
    assert "every SLO holds" in lines[-1]
    assert lines[-1].endswith("prediction held for 5 of 5 quantities")
    assert repr(verdict) == f"Verdict({lines[-1].removeprefix('verdict: ')})"
    assert "better" in verdict._repr_html_()


def test_measured_values_are_those_of_the_captures(verdict, before, after):
    for side, capture in (("before", before), ("after", after)):
        roots = capture.spans[capture.spans["parent_id"].isna()]["duration_s"]
        expected = np.quantile(roots, 0.95, method="inverted_cdf")
        row = verdict.table.loc["p95_s"]
        assert row[side] == expected
        assert row[f"{side}_low"] <= row[side] <= row[f"{side}_high"]


def test_the_way_back_is_worse_and_breaks_the_slo(before, after):
    wide = hand.twin(hand.CALM.with_(WIDE), duration_s=40)
    back = chosen(wide, {"orders/workers": 2}, GOAL)
    verdict = verify(back, after, before)
    assert verdict.judgement == WORSE
    assert verdict.broken == GOAL.slos
    assert "SLO broken: P99 ≤ 500 ms" in verdict.text().splitlines()[-1]


def test_a_record_read_from_disk_judges_the_same(promised, verdict, before, after):
    assert verify(thaw(promised.to_json()), before, after).table.equals(verdict.table)


def test_a_promise_that_is_not_kept_is_said_to_be_missed(promised, before, after):
    rosy = promised.after.table.copy()
    rosy.loc["p99_s", ["value", "low", "high"]] = [0.010, 0.009, 0.011]
    verdict = verify(replace(promised, after=replace(promised.after, table=rosy)), before, after)
    assert not verdict.table.at["p99_s", "held"]
    assert "better, missed" in next(
        line for line in verdict.text().splitlines() if "P99" in line or "p99" in line
    )
    assert "held for 4 of 5" in verdict.text()


def test_a_capture_under_other_settings_is_a_contradiction(promised, before, after):
    with pytest.raises(
        Contradiction, match=r"the capture before.*orders/workers was 6; expected 2|capture before"
    ):
        verify(promised, after, after)
    with pytest.raises(
        Contradiction, match=r"the capture after, .*: orders/workers was 2; expected 6.*Record again"
    ):
        verify(promised, before, before)


def test_a_capture_without_callers_is_a_contradiction(promised, before, after):
    with pytest.raises(Contradiction, match="no root spans of requests"):
        verify(promised, before, replace(after, spans=tables.SPANS.empty()))


def test_another_load_than_predicted_is_noted(promised, before, after):
    more = simulate(hand.twin(hand.CALM.with_(WIDE), hand.workload([60.0])), duration_s=40, seed=73)
    assert any("the load was" in note for note in verify(promised, before, more).notes)
    assert verify(promised, before, after).notes == ()


def test_an_slo_of_one_service_is_said_to_be_unjudged(promised, before, after):
    """Callers meet the whole answer; how long a request waited inside is not among what they measure."""
    inner = replace(promised, slos=(SLO("wait/orders", 0.0001),))
    verdict = verify(inner, before, after)
    assert verdict.broken == ()
    assert any("is not judged" in note for note in verdict.notes)


def test_the_same_seed_gives_the_same_verdict(promised, verdict, before, after):
    assert verify(promised, before, after).table.equals(verdict.table)


def test_two_windows_of_the_same_settings_are_seldom_told_apart():
    """Each quantity in one pair of twenty at most: of 10 pairs more than 2 in one case of 80 (binomial).

    `test_blocks` counts over more pairs, near saturation and with retries.
    """
    calm = hand.twin(duration_s=30)
    same = chosen(calm, {}, GOAL)
    windows = [simulate(calm, duration_s=30, seed=seed) for seed in range(900, 911)]
    pairs = itertools.pairwise(windows)
    verdicts = [verify(same, one, other, seed=i) for i, (one, other) in enumerate(pairs)]
    for quantity in SHOWN:
        assert sum(v.table.at[quantity, "judgement"] != SAME for v in verdicts) <= 2, quantity
    assert sum(v.judgement == SAME for v in verdicts) >= 8


def test_each_end_of_an_interval_has_its_unit_where_they_differ(verdict):
    """1.9 s is written in milliseconds and 2.1 s in seconds: 1900–2.10 s would be a lie."""
    table = verdict.table.astype({"before_low": float})
    table.loc["p99_s", ["before", "before_low", "before_high"]] = (2.0, 1.9, 2.1)
    table.loc["p50_s", ["before", "before_low", "before_high"]] = (0.2, 0.1, 0.3)
    table.loc["throughput_rps", ["before", "before_low", "before_high"]] = (30.0, 29.0, 31.0)
    lines = {line.split()[0]: line for line in replace(verdict, table=table).text().splitlines() if line}
    assert "2.00 s (1900 ms–2.10 s)" in lines["P99"]
    assert "200 ms (100–300 ms)" in lines["P50"]
    assert "30.0/s (29.0–31.0/s)" in lines["throughput"]
