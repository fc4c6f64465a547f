"""The parts of the panel: what each shows or gives, without a page."""

from __future__ import annotations

import pytest

from tests.panels import shop
from workbench.errors import SettingError
from workbench.network import Scenario
from workbench.panels._files import fitting
from workbench.panels._front import step
from workbench.panels._kept import side_by_side
from workbench.panels._page import in_words
from workbench.panels._scenarios import scenarios, slowed
from workbench.tuning.objective import SLO, Objective
from workbench.twin.model import predict


@pytest.fixture(scope="module")
def twin():
    return shop.twin()


def test_scenarios_are_those_of_the_objective_then_loads_and_hiccups_of_each_service(twin):
    names = list(scenarios(twin, Objective()))
    assert names[:2] == ["as recorded", "a quarter more load"]
    assert "1.5 × the load" in names
    assert {f"{name} paused for 2 s" for name in ("gateway", "orders", "payments")} <= set(names)


def test_a_slow_scenario_makes_the_work_slower_and_leaves_the_load(twin):
    slow = slowed(twin, Scenario("s", load=2.0, slower={"payments": 3.0}))
    assert slow.workload.mean_rps() == twin.workload.mean_rps()
    before, after = (t.workload.demand["payments"].mean_s() for t in (twin, slow))
    assert after == pytest.approx(3 * before)


def test_a_row_of_a_front_is_settings_that_name_only_what_moves(twin):
    row = {"orders/workers": 6, "payments/workers": 6, "gateway/workers": 16.0, "cost": 3.0, "p99_s": 0.1}
    assert twin.settings.difference(step(twin, row)) == {
        "gateway/workers": (32, 16),
        "orders/workers": (4, 6),
    }


def test_kept_settings_stand_side_by_side_with_units_intervals_and_words(twin):
    wide = twin.settings.with_({"orders/workers": 8})
    page = side_by_side(
        {"A": wide, "B": twin.settings.with_({"orders/workers": 9})},
        {"A": predict(twin, wide, seed=1), "now": predict(twin, {}, seed=1)},
        twin.settings, twin.knobs, (SLO("p99_s", 0.5),),
    )  # fmt: skip
    for text in ("4 workers", "8 workers", "9 workers", "✓ holds", "✗ broken", " ms to ", "…"):
        assert text in page


def test_formats_fit_if_they_have_a_word_for_what_moves_or_take_any_knob(twin):
    names = fitting(twin)
    assert {"lab_yaml", "dotenv", "plain_json", "istio"} <= set(names)


def test_an_error_of_ours_is_said_in_words():
    def fails() -> str:
        raise SettingError("<none>", expected="some")

    assert "Error: &lt;none&gt;" in in_words(fails)
