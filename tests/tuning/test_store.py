"""A search that was stopped goes on from its file to the answer that it would have had."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tests.twin import hand
from workbench.errors import Malformed, SettingError
from workbench.tuning import _landscape
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.search import search

TWIN = hand.twin(hand.CALM.with_({"orders/workers": 2}), duration_s=20)
GOAL = Objective((SLO("p99_s", 0.3),))
KNOBS = ["orders/workers", "payments/workers", "gateway/workers"]


def searched(**named):
    return search(TWIN, KNOBS, GOAL, budget=24, seed=2, explain=False, **named)


def test_a_stopped_search_goes_on_where_it_was_to_the_same_answer(tmp_path, monkeypatch):
    whole = searched()
    file = tmp_path / "study.json"
    stopped = searched(study_file=file, progress=lambda state: state.evaluations < 6)
    assert stopped.evaluations == 6
    tried = len(json.loads(file.read_text())["tried"])
    assert 6 <= tried < whole.evaluations
    looks, look = [], _landscape.glance
    monkeypatch.setattr(_landscape, "glance", lambda *a, **k: looks.append(k["requests"]) or look(*a, **k))
    resumed = searched(study_file=file)
    assert looks.count(2_000) == whole.evaluations - tried  # each begins with a short run
    assert resumed.to_json() == whole.to_json()
    pd.testing.assert_frame_equal(resumed.study.tried, whole.study.tried)
    assert [path.name for path in tmp_path.iterdir()] == ["study.json"]


def test_a_file_of_another_search_is_refused(tmp_path):
    file = tmp_path / "study.json"
    searched(study_file=file, progress=lambda state: False)
    with pytest.raises(SettingError, match="evaluations of another search"):
        search(TWIN, KNOBS, GOAL, budget=24, seed=3, study_file=file)
    with pytest.raises(SettingError, match="evaluations of another search"):
        search(TWIN, KNOBS[:2], GOAL, budget=24, seed=2, study_file=file)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "other"}', '{"format": "workbench study 1"}'])
def test_a_file_that_is_no_study_is_refused_and_left_as_it_is(tmp_path, text):
    file = tmp_path / "study.json"
    file.write_text(text)
    with pytest.raises(Malformed, match="not a study"):
        searched(study_file=file)
    assert file.read_text() == text
