"""A recommendation is written down before the change and read again as it was."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.twin import hand
from workbench.errors import WorkbenchError
from workbench.network import Scenario
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.recommendation import SHOWN, thaw
from workbench.tuning.search import chosen
from workbench.twin.model import AS_RECORDED

TWIN = replace(hand.twin(duration_s=20), name="<b>noon</b>", notes=("an assumption",))
GOAL = Objective(
    (SLO("p99_s", 0.4), SLO("throughput_rps", 30)), scenarios=(Scenario("half", load=0.5), AS_RECORDED)
)
CHANGES = {"orders/workers": 12, "gateway/calls.orders.timeout_s": 0, "payments/deadline_s": 1.5}


@pytest.fixture(scope="module")
def made():
    return chosen(TWIN, CHANGES, GOAL, seed=5)


def test_changes_are_from_and_to(made):
    assert made.changes == {
        "gateway/calls.orders.timeout_s": (2.0, 0),
        "orders/workers": (8, 12),
        "payments/deadline_s": (0, 1.5),
    }


def test_the_written_record_thaws_to_the_same_numbers(made):
    again = thaw(made.to_json())
    assert again.current == made.current
    assert again.settings == made.settings
    assert again.slos == made.slos
    for one, other in ((again.before, made.before), (again.after, made.after)):
        assert one.table.equals(other.table)
        assert one.settings == other.settings
        assert (one.scenario.name, one.duration_s, one.measured_at) == ("half", 20, other.measured_at)
        assert one.interval("p99_s") == other.interval("p99_s")


def test_the_record_is_valid_json_with_evidence_and_without_nan(made):
    nothing = made.after.table.copy()
    nothing.loc["wait/orders", ["value", "low", "high"]] = float("nan")
    text = replace(made, after=replace(made.after, table=nothing)).to_json()
    record = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert record["evidence"]["capture"] == TWIN.name
    assert record["evidence"]["assumptions"] == ["an assumption"]
    assert record["after"]["quantities"]["wait/orders"] == [None, None, None, "s"]
    assert thaw(text).after.table.loc["wait/orders", ["value", "low", "high"]].isna().all()


@pytest.mark.parametrize(
    "damage",
    [
        lambda r: None,
        lambda r: [],
        lambda r: "text",
        lambda r: r | {"format": "something else"},
        lambda r: {k: v for k, v in r.items() if k != "slos"},
        lambda r: r | {"slos": [{"quantity": "p98_s", "limit": 1}]},
        lambda r: r | {"settings": [1]},
        lambda r: r | {"settings": {"workers": 1}},
        lambda r: r | {"after": r["after"] | {"quantities": []}},
        lambda r: r | {"after": r["after"] | {"quantities": {"p99_s": [1]}}},
        lambda r: r | {"after": r["after"] | {"quantities": {"p99_s": [1, 1, 1, "s"]}}},
        lambda r: r | {"before": None},
    ],
)
def test_a_damaged_record_is_an_error_in_words(made, damage):
    with pytest.raises(WorkbenchError):
        thaw(json.dumps(damage(json.loads(made.to_json()))))


def test_what_is_no_json_names_its_place_and_the_remedy():
    with pytest.raises(
        WorkbenchError, match=r"out/recommendation.json: not a recommendation.*Export it again"
    ):
        thaw('{"format": ', where="out/recommendation.json")


def test_every_change_says_where_it_comes_from(made):
    why = made.why()
    assert set(why) == set(CHANGES)
    assert why["orders/workers"].startswith("was 8 workers; workbench, from capture <b>noon</b> (2026-11-20")
    assert why["payments/deadline_s"].startswith("was no limit; ")
    assert "P99" in why["orders/workers"]
    assert "\n" not in why["orders/workers"]


def test_the_effect_is_before_and_after_with_intervals(made):
    table = made.effect()
    assert list(table.index) == list(SHOWN)
    assert table.at["p95_s", "before"] == made.before["p95_s"]
    assert table.at["p95_s", "after_high"] == made.after.interval("p95_s")[1]


def test_it_reads_in_words_and_escapes_what_it_was_given(made):
    text = made.text()
    assert text.splitlines()[0] == "advice: chosen by hand"
    assert "  orders/workers: 8 workers → 12 workers" in text
    assert "  gateway/calls.orders.timeout_s: 2 s → no limit" in text
    assert text in repr(made)
    html = replace(made, current=made.current.with_({"orders/workers": 8}))._repr_html_()
    assert "12 workers" in html
    assert "<b>noon" not in html


def test_what_leaves_the_evidence_is_said_in_words_and_in_html(made):
    warned = replace(made, after=replace(made.after, outside=("<i>orders</i>: 99 % busy",)))
    assert "  note: <i>orders</i>: 99 % busy" in warned.text()
    assert "<li>&lt;i&gt;orders&lt;/i&gt;: 99 % busy</li>" in warned._repr_html_()
    assert "<ul>" not in replace(made, after=replace(made.after, outside=()))._repr_html_()


def test_where_nothing_changes_there_is_no_table_of_changes(made):
    assert "<th>setting</th>" in made._repr_html_()
    assert "<th>setting</th>" not in replace(made, settings=made.current)._repr_html_()
