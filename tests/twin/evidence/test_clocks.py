"""A clock that was set wrong on purpose is found, within the room that the fastest calls leave."""

from __future__ import annotations

import pytest

from tests.twin import hand
from tests.twin.evidence.known import moved
from workbench.capture import Capture
from workbench.twin.calibrate import calibrate
from workbench.twin.evidence.clocks import aligned
from workbench.twin.simulate import simulate


@pytest.fixture(scope="module")
def right() -> Capture:
    return simulate(hand.twin(), duration_s=20, seed=12)


def test_clocks_that_may_be_right_are_left_alone(right):
    same, offsets = aligned(right)
    assert same is right
    assert offsets.empty


@pytest.mark.parametrize("ahead_s", [0.037, -2.5])
def test_an_offset_is_found_within_its_error(right, ahead_s):
    """The fastest call to payments is 0.3 ms on its way, so that the bounds lie that far apart."""
    again, offsets = aligned(moved(right, "payments", ahead_s))
    row = offsets.set_index("service").loc["payments"]
    assert len(offsets) == 1
    assert row["error_s"] == pytest.approx(0.15e-3, rel=0.1)
    assert row["offset_s"] == pytest.approx(ahead_s, abs=row["error_s"] * 1.1)
    late = (again.spans["start"] - right.spans["start"]).dt.total_seconds().abs()
    assert late.max() < 0.4e-3


def test_an_offset_in_the_middle_moves_what_lies_below(right):
    """Payments' clock agrees with the client's; only the calls from orders tell so."""
    _, offsets = aligned(moved(right, "orders", 0.2))
    assert list(offsets["service"]) == ["orders"]


def test_the_twin_says_whose_clock_was_off(right):
    notes = calibrate(moved(right, "payments", 0.037)).notes
    assert any(note.startswith("payments payments-0: its clock is +37.") for note in notes), notes
