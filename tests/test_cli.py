"""Every verb from a shell, end to end, on a small saved capture; exit 0: done, 1: no, 2: an error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import ROOT
from tests.twin import hand
from workbench.cli import main
from workbench.twin.simulate import simulate

SHORT = hand.twin(hand.CALM.with_({"orders/workers": 2}), duration_s=20)
WIDE = {"orders/workers": 6}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Captures from before and after a change of workers."""
    place = tmp_path_factory.mktemp("cli")
    simulate(SHORT, duration_s=20, seed=1).save(place / "before")
    simulate(SHORT, WIDE, duration_s=20, seed=2).save(place / "after")
    return place


@pytest.fixture(scope="module")
def exported(folder):
    arguments = [
        "--slo",
        "p99_s=0.6",
        "--slo",
        "error_share=0.02",
        "--knob",
        "orders/workers",
        "--budget",
        "15",
    ]
    status = main(["tune", str(folder / "before"), *arguments, "--to", str(folder / "out")])
    assert status == 0
    return folder / "out"


def said(capsys):
    answer = capsys.readouterr()
    return answer.out, answer.err


def test_read_says_what_was_found_by_table(folder, capsys):
    assert main(["read", str(folder / "before")]) == 0
    out, err = said(capsys)
    assert err == ""
    assert "services: client, gateway, orders, payments" in out
    assert any(line.startswith("spans ") and line.endswith("one span") for line in out.splitlines())


def test_read_as_json_is_json_alone(folder, capsys):
    assert main(["read", "--json", str(folder / "before")]) == 0
    out, err = said(capsys)
    found = json.loads(out)
    assert err == ""
    assert found["tables"]["spans"] > 1000
    assert found["settings"]["orders/workers"] == 2
    assert found["services"] == ["client", "gateway", "orders", "payments"]
    assert found["start"].startswith("2026-11-20T10:00:00")


def test_read_names_what_was_skipped_and_saves(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "stacks").write_text("main;work 3\nmain;rest 4\n")
    (tmp_path / "in" / "README").write_text("Dear reader,")
    assert main(["read", str(tmp_path / "in"), "--save", str(tmp_path / "saved")]) == 0
    out, _ = said(capsys)
    assert "README: not recognised: nothing" in out
    assert "skipped 1: content of no known format" in out
    assert main(["read", "--json", str(tmp_path / "saved")]) == 0
    assert json.loads(said(capsys)[0])["tables"]["stacks"] == 2


def test_calibrate_shows_how_well_the_capture_is_reproduced(folder, capsys):
    assert main(["calibrate", str(folder / "before")]) == 0
    out, _ = said(capsys)
    assert out.startswith("Twin('simulated by hand'")
    assert "note: service times from" in out
    assert all(name in out for name in ("measured", "predicted", "agrees", "P99"))


def test_knobs_lists_value_bounds_and_meaning(folder, capsys):
    assert main(["knobs", str(folder / "before")]) == 0
    lines = said(capsys)[0].splitlines()
    line = next(line for line in lines if line.startswith("orders/workers "))
    assert line.split()[1] == "2"
    assert "a whole number from 1 to 256 workers" in line
    assert len(lines) == len(SHORT.knobs)


def test_predict_gives_intervals_and_names_the_point_of_measurement(folder, capsys):
    arguments = ["--set", "orders/workers=6", "--set", "orders/deadline_s=2", "--load", "0.5"]
    assert main(["predict", str(folder / "before"), *arguments]) == 0
    out, _ = said(capsys)
    assert out.startswith("measured at: client, from the intended send time")
    load = next(line.split() for line in out.splitlines() if line.startswith("load_rps"))
    assert float(load[2]) < 20 < float(load[3])  # value, low, high: half of 40/s


def test_tune_writes_the_files_and_says_which(exported, folder):
    names = sorted(path.name for path in exported.iterdir())
    assert "recommendation.json" in names
    assert any(name.endswith(".rollback") for name in names)
    assert json.loads((exported / "recommendation.json").read_text())["settings"]["orders/workers"] > 2


def test_tune_without_a_folder_writes_nothing_and_tells_progress_on_stderr(
    folder, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    arguments = ["--slo", "p99_s=0.6", "--knob", "orders/workers", "--budget", "6"]
    status = main(["tune", str(folder / "before"), *arguments])
    out, err = said(capsys)
    assert status in (0, 1)
    assert out.startswith("advice: ")
    assert "6/6 evaluations" in err or "evaluations, best so far" in err
    assert "evaluations" not in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "isto"], "no target 'isto'"),
        (["--base", "nowhere.yaml"], "nowhere.yaml: cannot be read: No such file"),
    ],
)
def test_tune_refuses_what_it_could_not_export_before_it_searches(arguments, message, tmp_path, capsys):
    """The capture is not even looked for."""
    assert main(["tune", str(tmp_path / "none"), *arguments, "--to", str(tmp_path / "out")]) == 2
    assert message in said(capsys)[1]


def test_tune_exits_1_on_no_advice_and_writes_nothing(folder, capsys, tmp_path):
    arguments = [
        "--slo",
        "p99_s=0.0001",
        "--knob",
        "orders/workers",
        "--budget",
        "3",
        "--to",
        str(tmp_path / "out"),
    ]
    assert main(["tune", str(folder / "before"), *arguments]) == 1
    assert said(capsys)[0].startswith("advice: no advice")
    assert list(tmp_path.iterdir()) == []


def test_verify_ends_with_the_verdict_and_exits_by_it(exported, folder, tmp_path, capsys):
    record = json.loads((exported / "recommendation.json").read_text())
    record["settings"]["orders/workers"] = 6  # what the capture after ran with
    (tmp_path / "recommendation.json").write_text(json.dumps(record))
    captures = [str(folder / "before"), str(folder / "after")]
    assert main(["verify", str(tmp_path / "recommendation.json"), *captures]) == 0
    assert said(capsys)[0].splitlines()[-1].startswith("verdict: better")
    record["settings"]["orders/workers"], record["current"]["orders/workers"] = 2, 6
    (tmp_path / "recommendation.json").write_text(json.dumps(record))
    assert main(["verify", str(tmp_path / "recommendation.json"), *captures[::-1]]) == 1
    assert said(capsys)[0].splitlines()[-1].startswith("verdict: worse")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["read", "{}/nowhere"], "nowhere: no such file or folder"),
        (["calibrate", "{}/nowhere"], "no such file or folder"),
        (["predict", "{}/before", "--set", "orders/wrkers=3"], "no knob 'orders/wrkers'; expected one of"),
        (["predict", "{}/before", "--set", "orders/workers=0"], "orders/workers: 0 workers; expected"),
        (["predict", "{}/before", "--set", "orders/workers"], "--set: 'orders/workers'; expected"),
        (["predict", "{}/before", "--load", "-1"], "scenario.load: -1"),
        (["tune", "{}/before", "--knob", "workers"], "no knob 'workers'"),
        (["tune", "{}/before", "--knob", "orders/workers", "--budget", "2", "--slo", "p99_s=9",
          "--to", "{}/x", "--target", "isto"], "no target 'isto'; expected one of ['istio']"),
        (["verify", "{}/nowhere.json", "{}/before", "{}/after"], "nowhere.json: cannot be read"),
        (["verify", "{}/before/manifest.json", "{}/before", "{}/after"], "workbench recommendation 1"),
        (["read", "{}/before", "--save", "{}"], "it exists and is not a saved capture"),
        (["read", "{}/before", "--save", "{}/before/manifest.json/x"], "manifest.json"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_on_stderr_and_exit_2(arguments, message, folder, capsys):
    assert main([argument.format(folder) for argument in arguments]) == 2
    out, err = said(capsys)
    last = err.splitlines()[-1]
    assert last.startswith("workbench: ")
    assert message in last
    assert "Traceback" not in err
    assert "{" not in out
    assert not (folder / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tune", "x", "--slo", "p98_s=1"], "such as p99_s=0.4"),
        (["tune", "x", "--slo", "p99_s"], "such as p99_s=0.4"),
        (
            ["record", "--prometheus", "u", "--start", "now", "--end", "now", "--to", "x"],
            "is not an ISO 8601 time",
        ),
        (
            ["record", "--prometheus", "u", "--start", "2026-11-20", "--end", "x", "--to", "x"],
            "has no time zone",
        ),
        (["dance"], "invalid choice"),
        ([], "VERB"),
    ],
)
def test_a_wrong_argument_is_told_with_the_right_form(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_recording_a_prometheus_that_is_not_there_is_an_error_and_leaves_nothing(tmp_path, capsys):
    window = ["--start", "2026-11-20T10:00:00Z", "--end", "2026-11-20T10:01:00Z"]
    status = main(["record", "--prometheus", "http://127.0.0.1:9", *window, "--to", str(tmp_path / "out")])
    assert status == 2
    assert "127.0.0.1:9" in said(capsys)[1]
    assert list(tmp_path.iterdir()) == []


def test_it_runs_as_a_module_and_knows_its_version():
    done = subprocess.run(
        [sys.executable, "-m", "workbench.cli", "--version"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    assert done.stdout.startswith("workbench 0.")


def test_a_token_that_cannot_be_read_is_an_error_and_nothing_is_asked(tmp_path, capsys):
    arguments = ["--prometheus", "http://127.0.0.1:1", "--last", "60", "--to", str(tmp_path / "capture")]
    assert main(["record", *arguments, "--token-file", str(tmp_path / "absent")]) == 2
    assert "absent: cannot be read: No such file or directory" in capsys.readouterr().err
    assert not (tmp_path / "capture").exists()


def test_an_empty_path_is_not_this_folder(capsys: pytest.CaptureFixture[str]) -> None:
    """As `workbench read "$UNSET"` gives it."""
    with pytest.raises(SystemExit) as stopped:
        main(["read", ""])
    assert stopped.value.code == 2
    assert "an empty path" in capsys.readouterr().err


def test_a_ledger_that_is_none_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", str(tmp_path / "missing")]) == 2
    assert "no ledger" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("named", "said"),
    [("hikari/nosuch={}", "no service 'nosuch'"), ("hikari/orders={}", "no setting of this format")],
)
def test_consistency_refuses_a_file_that_it_would_not_have_judged(
    named: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = ROOT / "data" / "captures" / "shop-incident"
    assert main(["consistency", "--capture", str(capture), named.format(capture / "settings.yaml")]) == 2
    assert said in capsys.readouterr().err


def test_a_system_is_chosen_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    capture = str(ROOT / "data" / "captures" / "jvm-96m")
    assert main(["predict", capture, "--system", "jvm", "--set", "catalogue/Xmn=96"]) == 0
    assert "p99_s" in capsys.readouterr().out
    assert main(["predict", capture, "--system", "nothing"]) == 2
    assert "no system 'nothing'" in capsys.readouterr().err
