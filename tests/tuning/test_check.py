"""`check` on files whose effect is known: workers from 2 to 6 end an overload, from 6 to 2 make one."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from tests.tuning.test_pipeline import hold_to_shape
from tests.twin import hand
from workbench.cli import main
from workbench.errors import SettingError, TargetError
from workbench.network import Scenario
from workbench.tuning.check import check, read_settings
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.pipeline import BROKEN, HELD, NOTED, UNKNOWN, exit_status
from workbench.twin.model import AS_RECORDED, predict
from workbench.twin.simulate import simulate

TWIN = hand.twin(hand.CALM, duration_s=20)
GOAL = Objective((SLO("p99_s", 0.6), SLO("error_share", 0.05)), scenarios=(AS_RECORDED,))
FILE = """\
services:
  gateway: {workers: 32}
  orders:
    workers: 8  # of each instance
    calls: {payments: {timeout_s: 1.0}}
  payments: {workers: 8}
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "settings.yaml").write_text(FILE)
    return tmp_path / "settings.yaml"


def changed(file, old, new):
    file.write_text(FILE.replace(old, new))
    return file


def test_settings_as_recorded_hold_what_they_hold(file):
    assert [one.answer for one in check(TWIN, file, GOAL)] == [HELD, HELD]
    assert read_settings(TWIN, file).settings == {}


def test_a_change_that_overloads_is_broken_with_its_line_and_by_how_much(file):
    """One worker with 50 ms of its own and of waiting for payments takes 20/s; 40/s come."""
    results = check(TWIN, changed(file, "workers: 8  #", "workers: 1  #"), GOAL)
    assert exit_status(results) == 1
    errors = next(one for one in results if one.name.startswith("errors"))
    assert errors.answer == BROKEN
    assert (errors.file, errors.line) == (
        str(file),
        1 + FILE.splitlines().index("    workers: 8  # of each instance"),
    )
    assert "orders/workers 8 workers → 1 workers" in errors.why
    value, limit = errors.numbers["value"], errors.numbers["limit"]
    assert value > 0.3
    assert f"{(value - limit) * 100:.0f} % above the limit" in errors.why


def test_every_scenario_is_asked(file):
    heavy = replace(GOAL, scenarios=(AS_RECORDED, Scenario("ten times", load=10)))
    results = check(TWIN, file, heavy)
    assert [(one.group, one.answer) for one in results[:2]] == [("as recorded", HELD)] * 2
    assert {one.answer for one in results[2:]} == {BROKEN}
    assert {one.group for one in results[2:]} == {"ten times"}


def test_a_limit_inside_the_interval_cannot_be_told(file):
    low, high = predict(TWIN, {}, seed=1).interval("p99_s")
    one = check(TWIN, file, replace(GOAL, slos=(SLO("p99_s", (low + high) / 2),)))[0]
    assert one.answer == UNKNOWN
    assert "the interval holds the limit" in one.why


def test_what_holds_outside_the_evidence_cannot_be_told(file):
    """The recording saw one at work in orders at once; here are two on average."""
    narrow = replace(TWIN, concurrency={"orders": 1.0})
    one = check(narrow, file, GOAL)[0]
    assert one.answer == UNKNOWN
    assert "outside the evidence: orders: 2 at work at once on average" in one.why


def test_a_misspelt_knob_cannot_be_told(file):
    results = check(TWIN, changed(file, "workers: 8  #", "wokers: 8  #"), GOAL)
    doubt = next(one for one in results if one.answer == UNKNOWN)
    assert (doubt.name, doubt.why) == ("orders/wokers", "no such knob; is workers meant?")


def test_another_systems_words_reach_the_same_twin(tmp_path):
    """Two tries of 10 ms, where payments takes 30 ms on average: 72 of 100 fail, and half of them twice."""
    mesh = tmp_path / "mesh.yaml"
    mesh.write_text(
        "kind: VirtualService\napiVersion: networking.istio.io/v1\nspec:\n  hosts: [payments]\n  http:\n"
        "    - route: [{destination: {host: payments}}]\n      retries: {attempts: 1, perTryTimeout: 10ms}\n"
        "---\nkind: DestinationRule\napiVersion: networking.istio.io/v1\nspec:\n  host: payments\n"
        "  trafficPolicy: {connectionPool: {http: {idleTimeout: 5s}}}\n"
    )
    assert dict(read_settings(TWIN, mesh, target="istio").settings) == {
        "orders/calls.payments.attempts": 2,
        "orders/calls.payments.timeout_s": 0.01,
    }
    results = check(TWIN, mesh, GOAL, target="istio")
    errors = next(one for one in results if one.name.startswith("errors"))
    assert (errors.answer, errors.line) == (BROKEN, 7)
    noted = next(one for one in results if one.answer == NOTED)
    assert "idleTimeout: taken to be as in the recording" in noted.why


def test_a_knob_that_moves_nothing_and_was_another_cannot_be_told(tmp_path):
    name = "payments/DestinationRule.trafficPolicy.connectionPool.http.idleTimeout"
    recorded = replace(TWIN, settings=TWIN.settings.with_({name: 30}))
    mesh = tmp_path / "mesh.yaml"
    mesh.write_text(
        "kind: DestinationRule\napiVersion: networking.istio.io/v1\nspec:\n  host: payments\n"
        "  trafficPolicy: {connectionPool: {http: {idleTimeout: 5s}}}\n"
    )
    one = next(one for one in check(recorded, mesh, GOAL, target="istio") if one.answer == UNKNOWN)
    assert (one.name, one.why.split(",")[0]) == (name, "was 30 in the recording")


def test_what_cannot_be_read_or_is_out_of_bounds_is_an_error(file, tmp_path):
    with pytest.raises(TargetError, match="cannot be read"):
        check(TWIN, tmp_path / "none.yaml", GOAL)
    with pytest.raises(SettingError, match="orders/workers: 0"):
        check(TWIN, changed(file, "workers: 8  #", "workers: 0  #"), GOAL)


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    place = tmp_path_factory.mktemp("check") / "capture"
    simulate(TWIN, duration_s=20, seed=1).save(place)
    return place


@pytest.mark.parametrize(
    ("old", "new", "status"), [("workers: 32", "workers: 32", 0), ("workers: 8  #", "workers: 1  #", 1)]
)
def test_the_shell_exits_by_the_answer(old, new, status, capture, file, capsys):
    changed(file, old, new)
    (file.parent / "objective.yaml").write_text("slos: {p99_s: 0.6}\nscenarios: [{name: as recorded}]\n")
    goal = ["--objective", str(file.parent / "objective.yaml")]
    junit = file.parent / "out.xml"
    arguments = ["check", str(file), "--capture", str(capture), *goal, "--junit", str(junit), "--github"]
    assert main(arguments) == status
    out = capsys.readouterr().out
    assert out.count("::error file=") == status
    suite = ET.parse(junit).getroot()[0]
    hold_to_shape(suite)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", str(status), "0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no capture"),
        (["--capture", "nowhere"], "no such file or folder"),
        (["--capture", "CAPTURE", "--target", "isto"], "no target 'isto'"),
        (["--capture", "CAPTURE", "--objective", "none.yaml"], "none.yaml: cannot be read"),
    ],
)
def test_the_shell_says_what_is_missing_exits_2_and_still_writes_the_report(
    arguments, message, capture, file, capsys
):
    junit = file.parent / "out.xml"
    arguments = [str(capture) if text == "CAPTURE" else text for text in arguments]
    assert main(["check", str(file), *arguments, "--json", "--junit", str(junit)]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["status"] == 2
    assert message in found["results"][0]["why"]
    assert ET.parse(junit).getroot().find(".//error").get("type") == UNKNOWN


def test_the_shell_tells_what_does_not_fit_together(file, tmp_path, capsys):
    file.write_text(FILE.replace("{workers: 32}", "{workers: 32, calls: {orders: {timeout_s: 0.5}}}"))
    system = tmp_path / "system.yaml"
    system.write_text(
        "services: {gateway: {calls: [orders]}, orders: {calls: [payments]}, payments: {}}\n"
        "files: {settings.yaml: lab_yaml}\n"
    )
    assert main(["consistency", "--system", str(system)]) == 1
    out = capsys.readouterr().out
    assert out.startswith(
        "error: orders may wait 1 s for payments (1 × 1 s), but orders has 500 ms [deadlines]"
    )
    assert f"{file}:5: orders/calls.payments.timeout_s = 1 s" in out
    assert main(["consistency", "--system", str(system), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["status"] == 1
    file.write_text(file.read_text().replace("{timeout_s: 1.0}", "{timeout_s: 0.4}"))
    assert main(["consistency", "--system", str(system)]) == 0
    assert capsys.readouterr().out == "all settings fit together\n"
    (tmp_path / "bare.yaml").write_text("services: {gateway: {}}\n")
    assert main(["consistency", "--system", str(tmp_path / "bare.yaml")]) == 2
    assert "no files" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["consistency", str(file)])
    assert "--system" in capsys.readouterr().err


def test_the_shell_learns_from_a_recording_who_calls_whom(capture, file, capsys):
    assert main(["consistency", str(file), "--capture", str(capture)]) == 0
    file.write_text(FILE.replace("{workers: 32}", "{workers: 32, calls: {orders: {timeout_s: 0.5}}}"))
    assert main(["consistency", str(file), "--capture", str(capture), "--github"]) == 1
    assert (
        capsys.readouterr().out.splitlines()[-1].startswith(f"::error file={file},line=5,title=deadlines::")
    )
