"""A recording is cut where its load changes."""

from __future__ import annotations

import pytest

import workbench
from tests.needs import ROOT
from tests.twin import hand
from workbench.analysis.steps import steps
from workbench.errors import SettingError
from workbench.twin.simulate import simulate


def test_the_parts_begin_a_while_after_each_change_and_end_with_the_next():
    """The plan of shop-incident is 240 s at 22/s, 240 s at 29/s, 150 s at 40/s."""
    capture = workbench.read(ROOT / "data" / "captures" / "shop-incident")
    parts = steps(capture, settle_s=20)
    assert [rate for rate, _ in parts] == [22.0, 29.0, 40.0]
    begins = [(part.start - capture.start).total_seconds() for _, part in parts]
    assert begins == [20.0, 260.0, 500.0]
    assert [part.duration_s for _, part in parts] == [220.0, 220.0, 130.0]


def test_a_recording_without_a_plan_says_so():
    with pytest.raises(SettingError, match="no plan of the load"):
        steps(simulate(hand.twin(duration_s=5), duration_s=5))
