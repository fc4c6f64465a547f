"""What spans say of arrivals."""

from __future__ import annotations

import numpy as np

from tests.twin import hand
from workbench.twin.calibrate import calibrate
from workbench.twin.evidence.spans import Spans
from workbench.twin.simulate import simulate


def bursts(times: np.ndarray) -> list[str]:
    capture = simulate(hand.twin(), duration_s=40, seed=3, times_s=times)
    return [note for note in Spans([capture]).notes(hand.twin().network) if "bursts" in note]


def test_arrivals_in_bursts_are_named_and_poisson_ones_that_change_their_rate_are_not():
    """Five at once make counts of a second vary five times as much as single ones do."""
    rng = np.random.default_rng(4)
    single = np.sort(rng.uniform(-5, 40, 40 * 45))
    ramp = 40 * np.sqrt(np.sort(rng.uniform(0, 1, 2000)))
    at_once = np.sort(np.repeat(rng.uniform(-5, 40, 8 * 45), 5) + rng.uniform(0, 1e-3, 5 * 8 * 45))
    assert bursts(single) == []
    assert bursts(ramp) == []
    (note,) = bursts(at_once)
    assert "replay them" in note


def test_the_rate_follows_the_steps_of_the_load():
    stepped = hand.twin(asked=hand.workload([20.0, 60.0], bin_s=20.0))
    rate = calibrate(simulate(stepped, duration_s=40, seed=5)).workload.rate_rps
    assert abs(rate[0] - 20) < 4
    assert abs(rate[-1] - 60) < 7
