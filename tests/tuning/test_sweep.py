"""A sweep gives what each simulation gives, in order, on any number of threads and on any executor."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from tests.twin import hand
from workbench.network import Scenario
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.search import search
from workbench.tuning.sweep import sweep
from workbench.twin.model import AS_RECORDED, glance

TWIN = hand.twin(duration_s=20)
MANY = [{"orders/workers": n} for n in (1, 2, 4)]
BOTH = (AS_RECORDED, Scenario("twice", load=2.0))


def test_each_row_is_what_one_simulation_gives():
    table = sweep(TWIN, MANY, scenarios=BOTH, requests=500, seed=3)
    assert table["orders/workers"].tolist() == [1, 1, 2, 2, 4, 4]
    assert table["scenario"].tolist() == ["as recorded", "twice"] * 3
    alone = glance(TWIN, MANY[1], scenario=BOTH[1], requests=500, seed=3).numbers
    assert {name: table.at[3, name] for name in alone} == pytest.approx(alone, rel=0, abs=0)


@pytest.mark.parametrize("threads", [1, 3])
def test_any_executor_gives_the_same_sweep_and_the_same_recommendation(threads):
    goal = Objective((SLO("p99_s", 0.3),), scenarios=BOTH)
    knobs = ["orders/workers", "payments/workers"]
    ours = search(TWIN, knobs, goal, budget=12, seed=4, explain=False)
    with ThreadPoolExecutor(threads) as executor:
        table = sweep(TWIN, MANY, requests=500, executor=executor)
        theirs = search(TWIN, knobs, goal, budget=12, seed=4, explain=False, executor=executor)
    pd.testing.assert_frame_equal(table, sweep(TWIN, MANY, requests=500))
    assert theirs.to_json() == ours.to_json()
    pd.testing.assert_frame_equal(theirs.study.tried, ours.study.tried)
