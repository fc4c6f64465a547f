import argparse

import pytest

from workbench.lab import command
from workbench.lab.plan import Plan


def parsed(*words):
    parser = argparse.ArgumentParser()
    command.add_commands(parser.add_subparsers(required=True))
    return parser.parse_args(["lab", *words])


def test_without_a_lab_status_says_so_and_down_is_content(tmp_path, capsys):
    given = parsed("status", "--run", str(tmp_path))
    assert given.run(given) == 1
    given = parsed("down", "--run", str(tmp_path))
    assert given.run(given) == 0
    assert capsys.readouterr().out == f"no lab is up in {tmp_path}\nnothing runs\n"


def test_a_load_is_sent_as_it_was_written(monkeypatch, capsys):
    class Lab:
        text = "sent"

        def begin_load(self, plan, *, patience_s):
            self.asked = (plan, patience_s)
            return self

        def wait(self):
            return self

    lab = Lab()
    monkeypatch.setattr(command, "find", lambda folder: lab)
    given = parsed("load", "--plan", "60x30,5x45", "--burst", "20:100", "--seed", "7", "--patience", "3")
    assert given.run(given) == 0
    assert lab.asked == (Plan(((60, 30), (5, 45)), ((20, 100),), 7), 3)
    assert capsys.readouterr().out == "sent\n"


def test_every_shipped_recording_lasts_ten_minutes_and_its_settings_exist():
    from workbench.lab.recording import RECORDINGS
    from workbench.lab.shop import parse, read_settings

    assert {"shop-healthy", "shop-incident"} <= set(RECORDINGS)
    for recording in RECORDINGS.values():
        assert Plan(recording.steps).duration_s >= 600
        parse(read_settings(recording.settings))


def test_an_unknown_recording_is_refused(capsys):
    with pytest.raises(SystemExit):
        parsed("record", "nothing")
    assert "shop-incident" in capsys.readouterr().err
