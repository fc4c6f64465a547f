"""Lists of series, as /api/v1/series answers them: labels and no values."""

from __future__ import annotations

import json

import pytest

from tests.needs import ROOT
from workbench.errors import Malformed
from workbench.readers import Stream, prometheus_series, read

SELF = ROOT / "data" / "samples" / "prometheus_series" / "self.json"


def test_every_series_of_the_answer_is_there_with_its_labels():
    told = json.loads(SELF.read_text(encoding="utf-8"))["data"]
    found = read(SELF)
    assert [
        dict(labels) | {"__name__": name} for name, labels in found.series[["metric", "labels"]].to_numpy()
    ] == told
    assert set(found.series["service"]) == {"prometheus"}
    assert found.samples.empty


def test_series_told_twice_are_one():
    answer = {"status": "success", "data": [{"__name__": "up", "job": "a"}, {"job": "a", "__name__": "up"}]}
    parts = prometheus_series.read(
        Stream("one", json.dumps(answer).encode()), Stream("two", json.dumps(answer).encode())
    )
    assert len(parts.frames["series"]) == 1


@pytest.mark.parametrize("data", ['["up"]', '[{"__name__": 1}]', "{}", "5"])
def test_what_is_no_list_of_labels_is_refused_with_its_place(data):
    with pytest.raises(Malformed, match=r"one|data\[0\]"):
        prometheus_series.read(Stream("one", f'{{"status":"success","data":{data}}}'.encode()))
