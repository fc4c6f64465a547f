"""Work that slows down in company is told from work that does not, by windows at two loads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.twin.evidence import known
from workbench.analysis.visits import visits
from workbench.network import Call, Network, Station
from workbench.policies import Contention, Pool
from workbench.twin.calibrate import calibrate
from workbench.twin.evidence.contention import alone, with_company
from workbench.twin.model import Twin
from workbench.twin.simulate import observe, simulate

SLOWING = Contention(sigma=0.1, kappa=0.01)


def store(policy: Contention) -> Network:
    client = Station("client", calls=(Call("store"),))
    return Network((client, Station("store", pool=Pool(servers=16), contention=policy)), "client")


def at_loads(policy: Contention, *loads: float, share: float = 1.0) -> Twin:
    asked = known.work(1.0, {"store": 0.02})
    made = [
        simulate(known.twin(store(policy), asked.scaled(load)), duration_s=30, seed=int(load))
        for load in loads
    ]
    return calibrate(*(observe(c, like=replace(c, load={"sample_share": share})) for c in made))


def factor(policy: Contention, n: int) -> float:
    return 1 + policy.sigma * (n - 1) + policy.kappa * n * (n - 1)


@pytest.fixture(scope="module")
def slowing() -> Twin:
    return at_loads(SLOWING, 20, 90)


def test_how_much_work_slows_down_comes_back_from_two_loads(slowing):
    """3,300 visits tell a mean to 1.7 %, and a ratio of means to about twice that."""
    found = slowing.network["store"].contention
    for n in (2, 4):
        assert factor(found, n) == pytest.approx(factor(SLOWING, n), rel=0.08)


def test_work_is_then_that_of_a_visit_alone(slowing):
    assert slowing.workload.demand["store"].mean_s() == pytest.approx(0.02, rel=0.05)
    assert any(note.startswith("store: work takes ") for note in slowing.notes)


def test_work_that_does_not_slow_down_is_left_as_it_is():
    found = at_loads(Contention(), 20, 90)
    assert found.network["store"].contention == Contention()
    assert found.workload.demand["store"].mean_s() == pytest.approx(0.02, abs=4 * 0.02 / np.sqrt(3300))
    assert any("do not grow with concurrency, as far as was seen" in note for note in found.notes)


def test_a_quarter_of_the_traces_and_the_busy_workers_tell_it_too():
    """820 visits tell a mean to 3.5 %; company is known as its mean over ten seconds."""
    found = at_loads(SLOWING, 20, 90, share=0.25).network["store"].contention
    for n in (2, 4):
        assert factor(found, n) == pytest.approx(factor(SLOWING, n), rel=0.16)


def test_one_load_cannot_tell_and_the_note_says_what_would():
    found = at_loads(SLOWING, 60)
    assert found.network["store"].contention == Contention()
    assert any("a few minutes at another load would tell" in note for note in found.notes)


def test_company_is_who_holds_a_server_when_work_begins():
    """Three visits by hand: the second begins beside the first, the third when both have gone."""
    capture = simulate(
        known.twin(store(Contention()), known.work(50.0, {"store": 0.02})), duration_s=1, seed=1
    )
    three = visits(capture).iloc[:3].assign(
        at_s=[0.0, 0.1, 0.3], wait_s=0.0, duration_s=[0.2, 0.1, 0.2], before_s=[0.2, 0.1, 0.2],
        between_s=0.0, after_s=0.0, n_tries=0, outcome="ok",
    )  # fmt: skip
    seen = with_company(three)
    assert seen["company"].to_list() == [1, 2, 1]
    assert alone(seen, Contention(sigma=1.0))["before_s"].to_list() == pytest.approx([0.2, 0.05, 0.2])
