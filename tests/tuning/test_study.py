"""What a search saw: the Pareto set, what matters, the cliff and the regret, each by another route."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.twin import hand
from workbench.network import Scenario
from workbench.settings import find
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.search import search
from workbench.tuning.study import QUICK, cliff
from workbench.twin.model import AS_RECORDED, predict

# Orders hold a worker for 50 ms: two of them can do 40/s and are asked for 40/s.
SHORT = hand.twin(hand.CALM.with_({"orders/workers": 2}), duration_s=20)
GOAL = Objective((SLO("p99_s", 0.5), SLO("error_share", 0.01)), scenarios=(AS_RECORDED,))


@pytest.fixture(scope="module")
def found():
    orders = replace(find(SHORT.knobs, "orders/workers"), high=12)
    return search(SHORT, [orders, "payments/workers"], GOAL, budget=40, seed=1)


def test_the_front_is_what_no_other_setting_tried_beats(found):
    tried = found.study.tried
    pairs = tried[["cost", "excess"]].to_numpy(float)
    beaten = [
        any((other <= one).all() and (other < one).any() for other in pairs) or not np.isfinite(one).all()
        for one in pairs
    ]
    expected = {tuple(pair) for pair, lost in zip(pairs.tolist(), beaten, strict=True) if not lost}
    front = found.study.front
    assert {tuple(pair) for pair in front[["cost", "excess"]].to_numpy().tolist()} == expected
    assert front["cost"].is_monotonic_increasing
    assert front["excess"].is_monotonic_decreasing
    assert (front["excess"] > 0).any()
    assert (front["excess"] <= 0).any()


def test_tried_settings_have_their_numbers_and_whether_they_were_confirmed(found):
    tried = found.study.tried
    assert len(tried) == found.evaluations
    assert {"orders/workers", "payments/workers", "cost", "p99_s", "error_share"} <= set(tried.columns)
    winner = tried[(tried[list(found.changes)] == [to for _, to in found.changes.values()]).all(axis=1)]
    assert "holds" in set(winner["confirmed"])
    first = tried.iloc[0]
    assert first["orders/workers"] == 2
    assert first["confirmed"] == "broken"


def test_taking_the_change_back_is_what_matters_most_and_idle_workers_matter_nothing(found):
    table = found.study.matters.set_index(["knob", "instead"])
    back = table.loc[("orders/workers", 2)]
    assert back["low"] > 0.1
    assert back["low"] <= back["effect"] <= back["high"]
    assert abs(table.loc["payments/workers"]["effect"]).max() < back["effect"] / 10


def test_the_cliff_lies_where_the_load_outgrows_the_workers_and_scanning_finds_it_too():
    """Four workers of 50 ms carry 80/s: twice the load at the very most."""
    settings = SHORT.settings.with_({"orders/workers": 4})
    edge = cliff(SHORT, settings, GOAL, seed=1)
    assert 1.2 < edge.holds_at < edge.breaks_at < 2.0
    assert edge.breaks_at / edge.holds_at == pytest.approx(1.05)
    assert edge.slo in GOAL.slos
    some = replace(SHORT, replicates=SHORT.replicates[:QUICK])
    held = [
        all(
            slo.holds(predict(some, settings, scenario=Scenario("more", load=load), seed=2))
            for slo in GOAL.slos
        )
        for load in (edge.holds_at, edge.breaks_at)
    ]
    assert held == [True, False]
    assert "breaks at" in str(edge)


def test_settings_that_break_at_once_have_no_load_at_which_they_hold():
    edge = cliff(SHORT, SHORT.settings, GOAL, seed=1)
    assert np.isnan(edge.holds_at)
    assert edge.breaks_at == 1
    assert "already" in str(edge)


def test_an_slo_that_no_load_breaks_is_said_to_hold_at_the_most_that_was_tried():
    easy = replace(GOAL, slos=(SLO("p99_s", 1e6),))
    edge = cliff(hand.twin(duration_s=3), hand.CALM, easy, seed=1)
    assert edge.holds_at == pytest.approx(1.05**28)
    assert edge.slo is None


def test_the_regret_is_a_share_of_the_cost_and_the_whole_is_said_shortly(found):
    assert 0 <= found.study.regret < 0.2
    for text in (repr(found), found._repr_html_()):
        assert "near the cliff" in text
        assert "matters: orders/workers" in text
        assert "regret" in text
        assert "twice the workers: costs" in text
    assert len(found.study.basins) >= 1


def test_without_explanations_a_search_gives_what_it_saw_alone():
    bare = search(SHORT, ["orders/workers"], GOAL, budget=10, seed=1, explain=False)
    assert bare.study.cliff is None
    assert bare.study.matters.empty
    assert list(bare.alternatives["alternative"]) == ["as recorded", "recommended"]
