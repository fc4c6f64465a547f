"""Bad input, as a user meets it: each is one clear error with place, finding, expectation and remedy.

What a Prometheus may answer stands in tests/collectors, damaged files of each format in tests/readers.
"""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

import workbench
from tests.needs import ROOT
from tests.twin import hand
from workbench import tables
from workbench.analysis.laws import contradictions
from workbench.errors import (
    CalibrationError,
    Contradiction,
    Malformed,
    SettingError,
    TargetError,
    Unrecognized,
    WorkbenchError,
)
from workbench.tuning.objective import Objective
from workbench.tuning.search import chosen
from workbench.twin.model import AS_RECORDED

SAMPLES = ROOT / "data" / "samples"
TWIN = hand.twin(duration_s=20)


@pytest.fixture(scope="module")
def capture():
    return workbench.simulate(TWIN, duration_s=20, seed=1)


@pytest.fixture(scope="module")
def made():
    return chosen(TWIN, {"payments/workers": 12}, Objective(scenarios=(AS_RECORDED,)))


def told(error: WorkbenchError, *, where: str) -> None:
    """All four parts of an error are there, and its text holds them."""
    assert where in error.where
    for part in (error.where, error.found, error.expected):
        assert part
        assert part in str(error)
    assert error.remedy
    assert error.remedy[1:] in str(error)


def test_an_empty_file(tmp_path):
    (tmp_path / "empty.json").touch()
    with pytest.raises(Unrecognized, match="an empty file") as error:
        workbench.read(tmp_path / "empty.json")
    told(error.value, where="empty.json")


def test_a_file_of_no_known_format(tmp_path):
    (tmp_path / "letter").write_text("Dear reader, this is no telemetry.")
    with pytest.raises(Unrecognized, match=r"content of no known format, beginning b'Dear reader") as error:
        workbench.read(tmp_path / "letter")
    told(error.value, where="letter")


def test_a_folder_with_nothing_readable(tmp_path):
    (tmp_path / "letter").write_text("Dear reader,")
    with pytest.raises(Unrecognized, match="nothing readable among 1 files") as error:
        workbench.read(tmp_path)
    told(error.value, where=str(tmp_path))


@pytest.mark.parametrize("name", ["prometheus_api", "jaeger_json", "speedscope"])
def test_a_truncated_json(name, tmp_path):
    sample = next(path for path in sorted((SAMPLES / name).iterdir()) if path.suffix == ".json")
    whole = sample.read_bytes()
    (tmp_path / "answer.json").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(Malformed) as error:
        workbench.read(tmp_path / "answer.json")
    assert "answer.json" in error.value.where
    assert error.value.found
    assert [path.name for path in tmp_path.iterdir()] == ["answer.json"]


def test_a_capture_whose_tables_contradict_each_other(capture, tmp_path):
    folder = capture.save(tmp_path / "saved")
    (folder / "series.parquet").unlink()
    with pytest.raises(
        Contradiction, match=r"table samples refers to \d+ codes that table series lacks"
    ) as error:
        workbench.read(folder)
    assert error.value.remedy


def test_spans_and_metrics_that_contradict_each_other_are_told_with_both_numbers(capture):
    half = capture.spans[(capture.spans["service"] != "payments") | (capture.spans.index % 2 == 0)]
    told_of = contradictions(replace(capture, spans=tables.SPANS.check(half.reset_index(drop=True))))
    assert any(text.startswith("payments: visits by metrics is ") and "apart" in text for text in told_of)


@pytest.mark.parametrize(
    ("key", "value"), [("orders/workers", 0), ("orders/workers", 1.5), ("orders/queue", 10_000)]
)
@pytest.mark.parametrize(
    "verb",
    [
        lambda moved: workbench.predict(TWIN, moved),
        lambda moved: workbench.simulate(TWIN, moved),
        lambda moved: chosen(TWIN, moved),
    ],
    ids=["predict", "simulate", "chosen"],
)
def test_a_knob_out_of_bounds(verb, key, value):
    with pytest.raises(SettingError) as error:
        verb({key: value})
    told(error.value, where=key)


def test_a_setting_of_the_capture_that_is_out_of_bounds(capture):
    odd = replace(capture, settings=hand.CALM.with_({"orders/workers": 1000}))
    with pytest.raises(SettingError) as error:
        workbench.calibrate(odd)
    told(error.value, where="orders/workers")


def test_a_target_that_does_not_exist(made, tmp_path):
    with pytest.raises(TargetError, match="no target 'tomcat_xml'") as error:
        workbench.export(made, "tomcat_xml", tmp_path / "out")
    assert error.value.expected
    assert error.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_use_that_is_no_configuration(made, tmp_path):
    (tmp_path / "base").write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(TargetError) as error:
        workbench.export(made, "lab_yaml", tmp_path / "out", base=tmp_path / "base")
    told(error.value, where="base")
    assert [p.name for p in tmp_path.iterdir()] == ["base"]


def test_a_capture_without_what_calibration_needs(capture):
    nothing = replace(capture, spans=tables.SPANS.empty())
    with pytest.raises(CalibrationError) as error:
        workbench.calibrate(nothing)
    told(error.value, where=capture.name)


def test_a_capture_that_cannot_be_saved_leaves_nothing(capture, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(WorkbenchError) as error:
        capture.save(tmp_path / "file")
    assert error.value.remedy
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_errors_survive_being_sent_between_processes():
    error = SettingError("9", where="a/b", expected="less", remedy="choose less")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.remedy) == (
        SettingError,
        "a/b: 9; expected less. Choose less",
        "choose less",
    )
    broken = Malformed("line 3", "torn", expected="whole")
    assert str(pickle.loads(pickle.dumps(broken))) == str(broken) == "line 3: torn; expected whole"
