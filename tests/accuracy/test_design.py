import json

import numpy as np
import pytest

from tests.accuracy import design
from tests.accuracy.design import BANDS, GO, LAB, Cell
from workbench.lab.shop import flat, parse


def offered(cell: Cell) -> float:
    """A stand-in for the twin: the busiest of two pools as if all work were done once."""
    orders, payments = cell.settings["orders/workers"], cell.settings["payments/workers"]
    return cell.rate_rps * max(0.1 / float(orders), 0.07 / float(payments))


@pytest.mark.parametrize("system", [LAB, GO])
def test_the_same_seed_draws_the_same_cells_half_of_them_below_80_percent(system):
    cells = design.draw(system, 20, 6, 5, offered)
    assert cells == design.draw(system, 20, 6, 5, offered)
    counts = [sum(cell.band == band for cell in cells) for band in BANDS]
    assert counts == [10, 6, 4]
    for cell in cells:
        low, high = BANDS[cell.band]
        assert low <= offered(cell) < high


def test_the_repeated_cells_are_of_all_bands_in_turn():
    cells = design.draw(GO, 20, 6, 5, offered)
    assert [cell.repeats for cell in cells] == [5] * 6 + [1] * 14
    assert [cell.band for cell in cells[:6]] == [*BANDS, *BANDS]


def test_every_run_comes_once_in_an_order_that_is_not_the_cells():
    cells = design.draw(GO, 10, 2, 3, offered)
    runs = design.in_random_order(cells)
    assert len(runs) == 14
    assert {(cell.name, n) for cell, n in runs} == {(cell.name, n) for c in cells for cell, n in c.runs()}
    assert [cell.name for cell, _ in runs] != sorted(cell.name for cell, _ in runs)


@pytest.mark.parametrize("system", [LAB, GO])
def test_the_lab_reads_the_settings_of_every_cell(system):
    for cell in design.draw(system, 20, 0, 1, offered):
        read = flat(parse(design.document(cell.settings)))
        assert {key: read[key] for key in cell.settings} == cell.settings


def test_a_slow_service_works_longer_in_the_file():
    services = parse(design.document({}, {"orders": 2.0})).services
    assert services["orders"].work.mean_s == 0.06
    assert services["payments"].work.mean_s == 0.07


def test_the_lab_is_never_asked_for_what_it_cannot_do():
    cells = design.draw(LAB, 40, 0, 1, offered)
    assert {fault.kind for cell in cells for fault in cell.faults} == {"slow"}
    assert not any(cell.breakers for cell in cells)


def test_a_cell_comes_back_from_json_as_it_was():
    for cell in design.draw(GO, 20, 0, 1, offered):
        assert design.from_plain(json.loads(json.dumps(design.plain(cell)))) == cell


def test_the_go_shop_is_slow_failing_hanging_limited_and_broken():
    cells = design.draw(GO, 60, 0, 1, offered)
    found = {cell.scenario for cell in cells}
    assert found == {"slow", "failing", "hanging", "limited", "breaker", "settings and load"}
    assert all(0 <= f.start_s < f.end_s <= design.WINDOW_S for cell in cells for f in cell.faults)
    assert np.isfinite([cell.rate_rps for cell in cells]).all()
