"""Warm-up is cut where it is, and nothing where there is none."""

from __future__ import annotations

import pytest

from tests.twin import hand
from workbench.network import Change, Scenario
from workbench.twin.calibrate import calibrate
from workbench.twin.evidence.transient import settled
from workbench.twin.simulate import simulate

COLD_S = 6.0
COLD = Scenario("cold", changes=(Change("slow", 0.0, COLD_S, "payments", 3.0),))


def test_a_cold_start_is_cut_and_no_more():
    capture = simulate(hand.twin(), scenario=COLD, duration_s=60, seed=3)
    rest, cut_s = settled(capture)
    assert COLD_S - 1 < cut_s < COLD_S + 3
    assert rest.duration_s == pytest.approx(60 - cut_s)
    found = calibrate(capture)
    assert found.workload.demand["payments"].mean_s() == pytest.approx(0.03, abs=4 * 0.03 / 2100**0.5)
    assert any(note.startswith("the first ") for note in found.notes)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_cut_from_work_that_does_not_change(seed):
    capture = simulate(hand.twin(asked=hand.workload([20.0, 50.0], bin_s=10.0)), duration_s=20, seed=seed)
    assert settled(capture) == (capture, 0.0)
