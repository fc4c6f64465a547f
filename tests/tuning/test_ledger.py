"""The ledger: what was frozen stays, what came is graded, and the record is the sum of the grades."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.twin import hand
from workbench.cli import main
from workbench.errors import Contradiction, Malformed, SettingError
from workbench.tuning import _frozen_twin
from workbench.tuning.ledger import Ledger
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.recommendation import SHOWN
from workbench.tuning.search import chosen
from workbench.tuning.verify import BETTER
from workbench.twin.measured import replayed
from workbench.twin.model import AS_RECORDED, predict
from workbench.twin.simulate import simulate

NARROW = hand.twin(hand.CALM.with_({"orders/workers": 2}), duration_s=40)
WIDE = {"orders/workers": 6}
GOAL = Objective((SLO("p99_s", 0.5),), scenarios=(AS_RECORDED,))
NOON, ONE = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 20, 13, tzinfo=UTC)


@pytest.fixture(scope="module")
def promised():
    return chosen(NARROW, WIDE, GOAL)


@pytest.fixture(scope="module")
def windows():
    return simulate(NARROW, duration_s=40, seed=71), simulate(NARROW, WIDE, duration_s=40, seed=72)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_frozen_twin_predicts_what_it_predicted(promised, ledger):
    one = ledger.freeze(promised, NARROW, at=NOON)
    assert predict(ledger.twin(one), WIDE, seed=4).table.equals(predict(NARROW, WIDE, seed=4).table)
    assert ledger.prediction(one).after.table.equals(promised.after.table)


def test_a_twin_goes_through_text_unchanged():
    again = _frozen_twin.thaw(_frozen_twin.freeze(NARROW))
    assert again.network == NARROW.network
    assert again.knobs == NARROW.knobs
    assert again.settings == NARROW.settings
    assert again.start == NARROW.start
    for one, other in zip(NARROW.replicates, again.replicates, strict=True):
        assert np.array_equal(one.rate_rps, other.rate_rps)
        assert list(one.demand) == list(other.demand)
        for name, demand in one.demand.items():
            assert np.array_equal(demand.before, other.demand[name].before)
            assert (demand.after is None) == (other.demand[name].after is None)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"format": "x"}', '{"format": "workbench twin 1", "twin": {"type": "Popen"}}',
             '{"format": "workbench twin 1", "twin": {"type": "Pool"}}'],
)  # fmt: skip
def test_what_is_no_twin_is_malformed(text):
    with pytest.raises(Malformed):
        _frozen_twin.thaw(text, where="x")


def test_freezing_again_changes_nothing_and_nothing_is_left_half_written(promised, ledger):
    one = ledger.freeze(promised, NARROW, at=NOON)
    before = contents(ledger.folder)
    assert sorted(before) == [f"{one}.prediction.json", f"{one}.twin.json.gz"]
    assert ledger.freeze(promised.to_json(), NARROW, at=ONE) == one
    assert contents(ledger.folder) == before
    assert list(ledger.entries()["at"]) == [NOON.isoformat()]


def test_a_twin_that_the_recommendation_does_not_set_out_from_is_refused(promised, ledger):
    with pytest.raises(SettingError, match="orders/workers is 6 in the twin; expected 2"):
        ledger.freeze(promised, hand.twin(hand.CALM.with_(WIDE)), at=NOON)
    assert not ledger.folder.exists()


def test_a_write_that_fails_leaves_no_prediction(promised, ledger, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workbench.tuning._beside.os.replace", full)
    with pytest.raises(SettingError, match=r"cannot be written: No space left on device"):
        ledger.freeze(promised, NARROW, at=NOON)
    assert list(ledger.folder.iterdir()) == []


def test_a_change_is_graded_raw_first_and_then_by_the_frozen_twin(promised, windows, ledger):
    one = ledger.freeze(promised, NARROW, at=NOON)
    grade = ledger.grade(one, *windows, at=ONE)
    assert grade.verdict.judgement == BETTER
    assert list(grade.table.index) == list(SHOWN)
    expected = predict(NARROW, WIDE, duration_s=40, times_s=replayed(windows[1])).table
    for q in SHOWN:
        row = grade.table.loc[q]
        assert (row["again"], row["again_low"], row["again_high"]) == tuple(
            expected.loc[q, ["value", "low", "high"]]
        )
        assert row["predicted"] == promised.after[q]
        assert row["measured"] == grade.verdict.table.at[q, "after"]
    lines = grade.text().splitlines()
    raw, again = (
        next(n for n, line in enumerate(lines) if word in line) for word in ("P99", "as it was frozen")
    )
    assert raw < again
    assert lines[-1].startswith("verdict: better")


def test_grades_stand_beside_each_other_and_nothing_before_changes(promised, windows, ledger):
    one = ledger.freeze(promised, NARROW, at=NOON)
    ledger.grade(one, *windows, at=ONE)
    before = contents(ledger.folder)
    ledger.grade(one, *windows, at=ONE)
    after = contents(ledger.folder)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {f"{one}.2.grade.json"}
    entries = ledger.entries()
    assert (entries["grades"][0], entries["judgement"][0]) == (2, BETTER)
    assert entries["changes"][0] == "orders/workers 2 → 6"
    assert entries["system"][0] == "gateway, orders, payments"


def edited(ledger, name, **numbers):
    """Write down a grade whose P99 has these numbers."""
    path = next(ledger.folder.glob("*.1.grade.json"))
    record = json.loads(path.read_text())
    record["quantities"] = {"p99_s": record["quantities"]["p99_s"] | numbers}
    (ledger.folder / f"{record['id']}.{name}.grade.json").write_text(json.dumps(record))


def test_the_record_is_coverage_and_bias_by_hand(promised, windows, ledger):
    one = ledger.freeze(promised, NARROW, at=NOON, system="shop")
    ledger.grade(one, *windows, at=ONE)
    edited(
        ledger, 2, predicted=1.0, low=0.9, high=1.1, measured=1.0, again=2.0, again_low=1.5, again_high=3.0
    )
    edited(
        ledger, 3, predicted=1.5, low=1.4, high=1.6, measured=1.0, again=1.0, again_low=0.5, again_high=3.0
    )
    edited(
        ledger, 1, predicted=1.2, low=0.9, high=1.6, measured=1.0, again=1.0, again_low=0.5, again_high=3.0
    )
    record = ledger.record()
    assert list(record.index) == [("shop", "p99_s")]
    row = record.loc[("shop", "p99_s")]
    assert row["grades"] == 3
    assert row["coverage"] == pytest.approx(2 / 3)  # 1.0 is inside 0.9 to 1.1 and to 1.6, not 1.4 to 1.6
    assert row["bias"] == pytest.approx((0.0 + 0.5 + 0.2) / 3)
    assert row["again_coverage"] == pytest.approx(2 / 3)
    assert row["again_bias"] == pytest.approx((1.0 + 0.0 + 0.0) / 3)
    assert row[BETTER] == 3


def test_two_groups_of_one_traffic_are_graded_with_their_shares(promised, ledger):
    """70 % and 30 % of 40/s: throughput is that of the whole, told from 28/s and 12/s."""
    one = ledger.freeze(promised, NARROW, at=NOON)
    a = simulate(hand.twin(NARROW.settings, hand.workload([28.0])), duration_s=40, seed=3)
    b = simulate(hand.twin(NARROW.settings, hand.workload([12.0])), WIDE, duration_s=40, seed=4)
    grade = ledger.grade(one, a, b, at=ONE, shares=(0.7, 0.3))
    assert grade.verdict.table.at["throughput_rps", "before"] == pytest.approx(40, rel=0.15)
    assert grade.table.at["throughput_rps", "measured"] == pytest.approx(40, rel=0.15)
    assert grade.table.at["throughput_rps", "again"] == pytest.approx(
        grade.table.at["throughput_rps", "measured"], rel=0.02
    )


def test_an_empty_ledger_is_empty(ledger):
    assert len(ledger.entries()) == 0
    assert len(ledger.record()) == 0
    with pytest.raises(SettingError, match=r"no prediction 'x'.*Freeze it first"):
        ledger.prediction("x")


def test_a_damaged_entry_is_told_by_name(promised, ledger):
    one = ledger.freeze(promised, NARROW, at=NOON)
    (ledger.folder / f"{one}.prediction.json").write_text("{")
    with pytest.raises(Malformed, match=f"{one}.prediction.json: not of a ledger"):
        ledger.entries()
    (ledger.folder / f"{one}.twin.json.gz").write_bytes(b"\x1f\x8b broken")
    with pytest.raises(Malformed, match=f"{one}.twin.json.gz: cannot be read"):
        ledger.twin(one)


def test_a_recommendation_that_is_none_is_malformed(ledger):
    with pytest.raises(Malformed):
        ledger.freeze("{}", NARROW, at=NOON)


def test_a_grade_of_other_settings_is_refused_and_not_written(promised, windows, ledger):
    one = ledger.freeze(promised, NARROW, at=NOON)
    wrong = replace(windows[1], settings=windows[1].settings.with_({"orders/workers": 5}))
    with pytest.raises(Contradiction, match="orders/workers was 5"):
        ledger.grade(one, windows[0], wrong, at=ONE)
    assert len(list(ledger.folder.glob("*.grade.json"))) == 0


def said(capsys):
    answer = capsys.readouterr()
    return answer.out, answer.err


def test_the_shell_freezes_grades_and_shows_the_record(promised, windows, tmp_path, capsys):
    for name, window in zip(("before", "after"), windows, strict=True):
        window.save(tmp_path / name)
    (tmp_path / "recommendation.json").write_text(promised.to_json())
    folder, file = str(tmp_path / "ledger"), str(tmp_path / "recommendation.json")
    captures = [str(tmp_path / "before"), str(tmp_path / "after")]

    assert main(["verify", file, *captures, "--ledger", folder]) == 2  # nothing was frozen
    assert "Freeze it first" in said(capsys)[1]
    assert main(["ledger", folder, "--freeze", file]) == 2
    assert "no capture" in said(capsys)[1]

    assert main(["ledger", folder, "--freeze", file, "--capture", captures[0]]) == 0
    out, err = said(capsys)
    assert f"frozen as {Ledger.id_of(promised.to_json())}" in err
    assert "orders/workers 2 → 6" in out
    assert "no grades" in out

    assert main(["verify", file, *captures, "--ledger", folder]) == 0
    out, _ = said(capsys)
    assert out.index("P99") < out.index("the twin as it was frozen")
    assert out.splitlines()[-1].startswith("verdict: better")

    assert main(["ledger", folder, "--json"]) == 0
    found = json.loads(said(capsys)[0])
    assert found["entries"][0]["judgement"] == BETTER
    assert {row["quantity"] for row in found["record"]} == set(SHOWN)
    assert all(row["grades"] == 1 for row in found["record"])
    assert main(["ledger", folder]) == 0
    assert "coverage" in said(capsys)[0]


def test_tuning_freezes_what_it_recommends(windows, tmp_path, capsys):
    windows[0].save(tmp_path / "before")
    arguments = ["--slo", "p99_s=0.6", "--knob", "orders/workers", "--budget", "10"]
    folder = tmp_path / "ledger"
    assert main(["tune", str(tmp_path / "before"), *arguments, "--ledger", str(folder)]) == 0
    entries = Ledger(folder).entries()
    assert len(entries) == 1
    assert f"frozen as {entries['id'][0]}" in said(capsys)[0]
