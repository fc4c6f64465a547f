"""An objective read from YAML is the one that would be written in Python."""

from __future__ import annotations

import pytest

from workbench.errors import SettingError
from workbench.network import Change, Scenario
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.objective_file import read_objective

WHOLE = """\
slos: {p99_s: 0.4, error_share: 0.01}
scenarios:
  - {name: as recorded}
  - {load: 1.25}
  - {name: slow payments, slower: {payments: 2}}
  - name: a dead one
    changes: [{kind: failing, start_s: 5, end_s: 9, station: payments, amount: 0.5}]
cost: {orders.pool.servers: 3}
bounds: {orders/workers: [2, 32]}
steps: {orders/workers: 2}
leave: [payments/*]
given_back: 0
change_price: 2
"""


def test_what_the_file_says_is_the_objective(tmp_path):
    (tmp_path / "objective.yaml").write_text(WHOLE)
    assert read_objective(tmp_path / "objective.yaml") == Objective(
        slos=(SLO("p99_s", 0.4), SLO("error_share", 0.01)),
        scenarios=(
            Scenario("as recorded"),
            Scenario("1.25 × the load", load=1.25),
            Scenario("slow payments", slower={"payments": 2.0}),
            Scenario("a dead one", changes=(Change("failing", 5, 9, "payments", 0.5),)),
        ),
        cost={"orders.pool.servers": 3.0},
        bounds={"orders/workers": (2.0, 32.0)},
        steps={"orders/workers": 2.0},
        leave=("payments/*",),
        given_back=0.0,
        change_price=2.0,
    )


def test_what_it_leaves_out_is_as_without_a_file(tmp_path):
    (tmp_path / "o.yaml").write_text("slos: {p99_s: 1}\n")
    assert read_objective(tmp_path / "o.yaml") == Objective((SLO("p99_s", 1.0),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("slos: [p99_s", "not YAML"),
        ("", r"None; expected keys slos, scenarios"),
        ("slo: {p99_s: 1}", r"'slo'; expected keys slos, scenarios"),
        ("slos: {p98_s: 1}", r"quantity 'p98_s'"),
        ("slos: {p99_s: fast}", r"slos.p99_s: 'fast'; expected a number"),
        ("scenarios: []", r"scenarios: \[\]; expected a list"),
        ("leave: payments", r"leave: 'payments'; expected a list"),
        ("scenarios: [{lod: 2}]", r"scenarios\[0\]: 'lod'; expected keys name, load"),
        ("scenarios: [{load: -1}]", r"scenario.load"),
        ("scenarios: [{changes: [{kind: slow}]}]", r"changes\[0\].*expected kind, start_s"),
    ],
)
def test_a_mistake_is_told_where_it_stands(text, message, tmp_path):
    (tmp_path / "o.yaml").write_text(text)
    with pytest.raises(SettingError, match=message):
        read_objective(tmp_path / "o.yaml")


def test_a_file_that_is_not_there_is_an_error_in_words(tmp_path):
    with pytest.raises(SettingError, match="cannot be read: No such file"):
        read_objective(tmp_path / "none.yaml")
