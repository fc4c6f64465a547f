"""Figures of a search: what is drawn is what its study says."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench.figures.choice import front, matters
from workbench.tuning.objective import SLO

FRONT = pd.DataFrame(
    {
        "orders/workers": [6, 8],
        "cost": [10.0, 12.0],
        "p99_s": [0.4, 0.3],
        "excess": [-0.2, -0.4],
        "confirmed": ["holds", ""],
    }
)
MATTERS = pd.DataFrame(
    {
        "knob": ["orders/workers", "orders/workers", "<b>gateway</b>/queue"],
        "value": [6, 6, 64],
        "instead": [4, 8, 32],
        "scenario": ["as recorded"] * 3,
        "quantity": ["p99_s"] * 3,
        "effect": [2.5, -0.1, 0.0],
        "low": [2.4, -0.2, -0.1],
        "high": [2.6, 0.0, 0.1],
    }
)


def test_the_front_stands_in_the_unit_of_its_axis_with_the_limit_and_the_chosen_row():
    made = front(FRONT, SLO("p99_s", 0.5), tried=FRONT, chosen=1)
    tried, line, chosen = made.data
    assert list(line.x) == [10.0, 12.0]
    assert list(line.y) == [400.0, 300.0]
    assert list(line.marker.symbol) == ["circle", "circle-open"]  # one was confirmed
    assert "(ms)" in made.layout.yaxis.title.text
    assert (list(chosen.x), list(chosen.y)) == ([12.0], [300.0])
    assert [shape.y0 for shape in made.layout.shapes] == [500.0]
    assert "orders/workers 8" in line.customdata[1]
    assert "excess" not in line.customdata[1]
    assert len(tried.x) == 2


def test_a_knob_is_drawn_at_the_value_that_does_most_with_its_interval():
    (bars,) = matters(MATTERS).data
    assert [label.split(":")[0] for label in bars.y] == ["&lt;b&gt;gateway&lt;/b&gt;/queue", "orders/workers"]
    assert list(bars.x) == [0.0, 2500.0]
    assert bars.y[1].endswith("6 → 4")
    assert list(bars.error_x.array) == pytest.approx([100.0, 100.0])
