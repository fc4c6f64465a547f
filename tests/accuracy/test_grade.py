import numpy as np
import pandas as pd
import pytest

from tests.accuracy import report
from tests.accuracy.grade import aims, by_cell, error, repeat_error, repeat_spread, summary


def rows(measured, *, cell="go-000", quantity="p95_s", predicted=0.1, low=0.08, high=0.12):
    return pd.DataFrame(
        [
            {"system": "go", "cell": cell, "band": "below 80 %", "scenario": "slow", "run": f"{cell}-{n}"}
            | {"quantity": quantity, "measured": value}
            | {"predicted": predicted, "low": low, "high": high}
            | {"predicted_replayed": value, "low_replayed": value, "high_replayed": value}
            for n, value in enumerate(measured)
        ]
    )


def test_an_error_is_relative_and_of_a_share_the_difference():
    assert error("p99_s", 0.11, 0.1) == pytest.approx(0.1)
    assert error("error_share", 0.02, 0.05) == pytest.approx(-0.03)
    assert error("throughput_rps", 0.0, 0.0) == 0


def test_the_spread_of_repeats_is_the_range_of_90_percent_of_a_normal_law():
    """The standard deviation of 1, 2, 3 is 1; c4 of three values is 0.8862 (any table of control charts)."""
    assert repeat_spread(np.array([1.0, 2.0, 3.0])) == pytest.approx(2 * 1.645 / 0.8862, rel=1e-4)
    rng = np.random.default_rng(1)
    drawn = [repeat_spread(five) for five in rng.normal(0, 1, (4000, 5))]
    assert np.mean(drawn) == pytest.approx(3.29, rel=0.02)


def test_two_runs_say_nothing_of_the_spread():
    assert np.isnan(repeat_spread(np.array([1.0, 2.0])))
    assert np.isnan(repeat_error("p95_s", np.array([1.0, 2.0])))


def test_a_repeat_is_off_from_the_mean_of_the_others():
    """1 against 2.5, 2 against 2 and 3 against 1.5: +150 %, 0 and -50 %; the median is 50 %."""
    assert repeat_error("p95_s", np.array([1.0, 2.0, 3.0])) == pytest.approx(0.5)


def test_a_cell_is_graded_against_the_mean_of_its_runs():
    cell = by_cell(rows([0.09, 0.11, 0.13])).iloc[0]
    assert cell["error"] == pytest.approx(0.1 / 0.11 - 1)
    assert cell["held"] == pytest.approx(2 / 3)
    assert cell["held_replayed"] == 1
    assert cell["error_replayed"] == pytest.approx(0)
    assert cell["width_by_spread"] == pytest.approx(0.04 / (2 * 1.645 * 0.02 / 0.8862), rel=1e-3)


def test_runs_that_all_measured_the_same_give_no_width():
    assert np.isnan(
        by_cell(rows([0.0, 0.0, 0.0], quantity="error_share", low=0, high=0))["width_by_spread"][0]
    )


def test_coverage_counts_runs_and_errors_count_cells():
    all_rows = pd.concat([rows([0.09, 0.11, 0.13]), rows([0.2], cell="go-001")])
    table = summary(by_cell(all_rows), ["system"]).iloc[0]
    assert (table["cells"], table["runs"]) == (2, 4)
    assert table["coverage"] == pytest.approx(2 / 4)
    assert table["median_error"] == pytest.approx((1 / 11 + 1 / 2) / 2)


def test_an_aim_for_the_tails_looks_at_cells_that_are_not_nearly_full():
    cells = by_cell(pd.concat([rows([0.11]), rows([0.2], cell="go-001")]))
    cells.loc[cells["cell"] == "go-001", "band"] = "80 to 95 %"
    table = aims(cells).set_index("quantity")
    assert table.at["p95_s", "cells"] == 1
    assert table.at["p95_s", "error"] == pytest.approx(1 / 11)
    assert table.at["p95_s", "at_most"] == 0.1


def test_the_report_tells_undisturbed_windows_from_all(tmp_path):
    all_rows = pd.concat([rows([0.09, 0.11]), rows([0.0, 0.01], quantity="error_share")])
    machine = pd.DataFrame(
        [
            {"run": f"go-000-{n}", "load": 1.5, "cores": 2, "late_p99_s": late}
            for n, late in enumerate((0.002, 0.05))
        ]
    )
    calm, _, everything = report.write(tmp_path, all_rows, machine, "").partition("## All windows")
    assert "2 windows, 1 of them undisturbed" in calm
    assert "| go | P95 | 1 | 1 |" in calm
    assert "| go | P95 | 1 | 2 |" in everything
    assert "| go | errors | 1 | 2 |" in everything
    assert len(pd.read_csv(tmp_path / "runs.csv")) == 4
    assert len(pd.read_csv(tmp_path / "cells.csv")) == 2
