"""The loop closes on the live lab: measured, tuned, put in force without a restart, measured again."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import workbench
from tests.needs import need_program
from workbench.cli import main
from workbench.lab.shop import flat, parse
from workbench.lab.tune import tune
from workbench.tuning.objective import SLO


def test_the_loop_closes_live(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need_program("prometheus", "apt-get install prometheus")
    folder = tmp_path / "loop"
    status = main(["lab", "tune", "--to", str(folder), "--window", "40"])
    out = capsys.readouterr().out
    last = out.strip().splitlines()[-1]
    assert last.startswith("verdict: better")
    assert "every SLO holds" in last
    assert status == 0
    # Nine of ten intervals hold, so that one or two of five may miss; most must not.
    held = re.search(r"prediction held for (\d) of 5 quantities", last)
    assert held is not None
    assert int(held[1]) >= 3
    # The file that was exported is what the lab ran with.
    ran = json.loads((folder / "after" / "manifest.json").read_text())["settings"]
    assert ran == flat(parse((folder / "tuned" / "lab.yaml").read_text()))
    before = json.loads((folder / "before" / "manifest.json").read_text())["settings"]
    assert before == flat(parse((folder / "tuned" / "lab.yaml.rollback").read_text()))
    assert before["orders/workers"] < ran["orders/workers"]


def test_a_folder_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["lab", "tune", "--to", str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_where_nothing_should_change_the_loop_says_so_and_ends(tmp_path: Path) -> None:
    """The healthy shop holds easy SLOs with room for what 15 s cannot tell, and no change pays."""
    easy = (SLO("p99_s", 3.0), SLO("error_share", 0.2))
    closed = tune(tmp_path / "loop", settings="healthy", rate_rps=20, window_s=15, slos=easy, budget=60)
    assert closed.recommendation.advice == "leave as is"
    assert closed.files == ()
    assert closed.text().startswith("verdict: leave as is; P99 ")
    assert [path.name for path in (tmp_path / "loop").iterdir()] == ["before"]


def test_any_window_of_a_lab_that_is_up_can_be_recorded(tmp_path: Path) -> None:
    run, to = str(tmp_path / "run"), tmp_path / "capture"
    shell("lab", "up", "--run", run, "--idle-limit", "60")
    try:
        # An idle service is never running when py-spy looks, so the load goes on meanwhile.
        with command("lab", "load", "--run", run, "--plan", "10x60"):
            shell("record", "--lab", run, "--last", "4", "--profile", "4", "--to", str(to))
    finally:
        shell("lab", "down", "--run", run)
    capture = workbench.read(to)
    assert capture.settings["orders/workers"] == 16
    assert {"gateway", "orders", "payments"} <= set(capture.services)
    assert all(len(getattr(capture, name)) for name in ("spans", "samples", "stacks"))


def shell(*arguments: str) -> None:
    with command(*arguments) as process:
        assert process.wait(timeout=60) == 0


def command(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "workbench.cli", *arguments])
