"""What a real Prometheus and a real VictoriaMetrics say that they have, and what is recorded unasked."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest

from tests.collectors import live
from tests.needs import need_program
from workbench.analysis.catalogue import catalogue, missing
from workbench.collectors.discover import discover
from workbench.collectors.record import record
from workbench.errors import CollectError
from workbench.readers import read

NOW = int(time.time()) // 60 * 60 - 60
WINDOW = {"start": datetime.fromtimestamp(NOW - 120, UTC), "end": datetime.fromtimestamp(NOW + 60, UTC)}
WHO = {"job": "shop", "instance": "shop-0"}
TOLD = [
    {"__name__": "hikaricp_connections_active", "pool": "main", **WHO},
    {"__name__": "hikaricp_connections_max", "pool": "main", **WHO},
    {"__name__": "http_server_requests_seconds_count", "uri": "/a", "status": "200", **WHO},
    {"__name__": "http_server_requests_seconds_count", "uri": "/a", "status": "503", **WHO},
]
UNKNOWN = [{"__name__": f"stock_items_{number}", **WHO} for number in range(500)]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    program = need_program("prometheus", "apt-get install prometheus")
    with live.prometheus(program, tmp_path_factory.mktemp("prometheus")) as url:
        live.write(url, [(labels, [(NOW, 1.0)]) for labels in (*TOLD, *UNKNOWN)])
        yield url


def test_what_a_prometheus_has_becomes_a_catalogue_without_any_sample(tmp_path, prometheus):
    found = read(discover(tmp_path / "found", prometheus, **WINDOW))
    assert len(found.series) == len(TOLD) + len(UNKNOWN)
    table = catalogue(found)
    known = table[table["role"] != ""].set_index("metric")["role"].to_dict()
    assert known == {
        "hikaricp_connections_active": "pool_in_use",
        "hikaricp_connections_max": "pool_size",
        "http_server_requests_seconds_count": "latency",
    }
    assert set(missing(found)["role"]) == {"latency", "pool_waiting", "cpu_s"}


def test_what_presets_recognise_is_asked_for_first(tmp_path, prometheus):
    folder = discover(tmp_path / "found", prometheus, most_series=40, **WINDOW)
    metrics = set(read(folder).series["metric"])
    assert {labels["__name__"] for labels in TOLD} <= metrics
    assert len(metrics) < 100


def test_targets_and_metadata_lie_beside_as_they_were_told(tmp_path, prometheus):
    folder = discover(tmp_path / "found", prometheus, **WINDOW)
    for name in ("targets.json", "metadata.json"):
        assert json.loads((folder / name).read_text(encoding="utf-8"))["status"] == "success"


def test_victoria_metrics_answers_too(tmp_path):
    program = need_program("victoria-metrics", "apt-get install victoria-metrics")
    with live.victoria_metrics(program, tmp_path) as url:
        live.write(url, [(labels, [(NOW, 1.0)]) for labels in TOLD])
        live.flush(url)
        found = read(discover(tmp_path / "found", url, **WINDOW))
    assert sorted(found.series["metric"]) == sorted(labels["__name__"] for labels in TOLD)


def test_of_very_many_metrics_those_are_recorded_that_presets_recognise(tmp_path, prometheus):
    found = read(record(tmp_path / "capture", prometheus=prometheus, step_s=60, **WINDOW))
    assert set(found.series["metric"]) == {labels["__name__"] for labels in TOLD}
    told = json.loads((tmp_path / "capture" / "manifest.json").read_text(encoding="utf-8"))["notes"]
    assert any(note.startswith("500 of 503 metrics, which no preset knows") for note in told)


def test_a_selector_has_all_recorded(tmp_path, prometheus):
    selector = '{__name__=~"stock_items_4.|hikaricp_.*"}'
    found = read(record(tmp_path / "capture", prometheus=prometheus, selector=selector, step_s=60, **WINDOW))
    assert len(set(found.series["metric"])) == 12


def test_nothing_there_is_an_error_and_leaves_nothing(tmp_path, prometheus):
    with pytest.raises(CollectError, match="no series match"):
        discover(tmp_path / "found", prometheus, selector='{job="absent"}', **WINDOW)
    assert list(tmp_path.iterdir()) == []
