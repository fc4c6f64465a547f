"""Figures of triggers: what is drawn is what the tables say."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench.figures.recovery import recovery, withstood

TIMELINE = pd.DataFrame(
    {
        "time_s": [1.0, 2.0, 3.0],
        "load_rps": [10.0, 10.0, 10.0],
        "served": [1.0, 0.4, 0.9],
        "low": [1.0, 0.2, 0.8],
        "high": [1.0, 0.6, 1.0],
        "untroubled": [1.0, 1.0, 1.0],
    }
)
MAP = pd.DataFrame(
    {
        "amount": [2.0, 2.0, 10.0, 10.0],
        "duration_s": [1.0, 30.0, 1.0, 30.0],
        "returned": [1.0, 1.0, 0.25, 0.0],
        "after_s": [0.0, 3.0, 8.0, float("nan")],
    }
)


def test_the_trigger_stands_where_it_was_and_the_range_around_the_line():
    made = recovery(TIMELINE, begins_s=1.0, ends_s=2.0)
    (band, calm, line), (box,) = made.data, made.layout.shapes
    assert (box.x0, box.x1) == (1.0, 2.0)
    assert list(band.y) == [1.0, 0.6, 1.0, 0.8, 0.2, 1.0]
    assert list(line.y) == [1.0, 0.4, 0.9]
    assert list(calm.y) == [1.0, 1.0, 1.0]


def test_cells_say_how_the_trigger_ended_in_words():
    made = withstood(MAP, amount="slower by", marked=(30.0, 10.0), title="?")
    (cells,) = made.data
    assert [list(row) for row in cells.text] == [["at once", "back in 3 s"], ["25% back", "stays down"]]
    assert (list(cells.x), list(cells.y)) == (["1", "30"], ["2", "10"])


def test_the_mark_stands_on_its_cell_by_place_since_numbers_mean_places_on_an_axis_of_words():
    (mark,) = withstood(MAP, amount="slower by", marked=(30.0, 10.0), title="?").layout.annotations
    assert (mark.x, mark.y) == (1, 1)


def test_a_mark_that_is_not_on_the_map_is_refused():
    with pytest.raises(ValueError, match="not in list"):
        withstood(MAP, amount="slower by", marked=(5.0, 10.0), title="?")
