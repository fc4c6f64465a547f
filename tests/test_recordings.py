"""The recordings that come with the project, and how well the twin foretells what it never saw."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace

import numpy as np
import pytest

import workbench
from tests.needs import ROOT
from workbench import tables
from workbench.analysis.steps import steps as cut
from workbench.capture import Capture
from workbench.twin.measured import callers, measured

CAPTURES = ROOT / "data" / "captures"
NAMES = ("shop-incident", "shop-healthy")


@pytest.fixture(scope="module")
def captures() -> dict[str, Capture]:
    return {name: workbench.read(CAPTURES / name) for name in NAMES}


def steps(capture: Capture) -> list[Capture]:
    """The parts of a recording, one for each rate of its load."""
    return [part for _, part in cut(capture)]


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_ten_minutes_of_a_real_prometheus(name: str, captures: dict[str, Capture]) -> None:
    manifest = json.loads((CAPTURES / name / "manifest.json").read_text())
    capture = captures[name]
    assert capture.duration_s >= 600
    assert manifest["versions"]["prometheus"]
    assert manifest["how"]
    assert capture.settings
    for table in ("spans", "samples", "pauses", "stacks"):
        assert len(getattr(capture, table)), table
    assert all(not source.skipped for source in capture.sources)


def test_the_recordings_stay_small() -> None:
    assert sum(f.stat().st_size for f in CAPTURES.rglob("*") if f.is_file()) < 15e6


def test_recordings_name_no_path_or_host_of_the_machine() -> None:
    path = re.compile(rb"/(?:home|root|work|tmp|Users|usr|opt)/|127\.0\.0\.1|localhost|\.pyenv")
    for file in CAPTURES.rglob("*"):
        if file.is_file() and file.suffix not in (".md", ".py", ".java"):  # those say how it was recorded
            content = file.read_bytes()
            content = gzip.decompress(content) if file.suffix == ".gz" else content
            found = path.search(content)
            assert found is None, (file.name, found)


def test_in_the_incident_p99_is_many_times_the_service_time(captures: dict[str, Capture]) -> None:
    twin = workbench.calibrate(steps(captures["shop-incident"])[0])
    work_s = sum(demand.mean_s() for demand in twin.workload.demand.values())
    assert callers(steps(captures["shop-incident"])[2])["latency_s"].quantile(0.99) > 10 * work_s


@pytest.mark.parametrize("name", NAMES)
def test_the_twin_reproduces_the_window_it_was_fitted_on(name: str, captures: dict[str, Capture]) -> None:
    fitted = steps(captures[name])[0]
    table = workbench.reproduction(workbench.calibrate(fitted), fitted)
    assert (table.loc[["p50_s", "p95_s"], "error"].abs() < 0.1).all(), table
    assert table.loc[["p50_s", "p95_s", "p99_s", "error_share"], "agrees"].all(), table


def test_the_twin_foretells_a_busier_window_and_resampling_does_not(captures: dict[str, Capture]) -> None:
    fitted, held = steps(captures["shop-incident"])[:2]
    here = measured(held)
    assert here.at["load_rps", "value"] > 1.2 * measured(fitted).at["load_rps", "value"]
    table = workbench.reproduction(workbench.calibrate(fitted), held)
    assert table.loc[["p50_s", "p95_s", "p99_s", "error_share"], "agrees"].all(), table
    assert (table.loc[["p50_s", "p95_s"], "error"].abs() < 0.12).all(), table
    again = np.quantile(callers(fitted)["latency_s"], [0.5, 0.95])
    assert (again < here.loc[["p50_s", "p95_s"], "low"].to_numpy()).all()


def test_counters_alone_foretell_the_busier_window(captures: dict[str, Capture]) -> None:
    """Fitted without a span: what spread and order the counters leave open makes the intervals wider."""
    fitted, held = steps(captures["shop-incident"])[:2]
    twin = workbench.calibrate(replace(fitted, spans=tables.SPANS.empty()))
    table = workbench.reproduction(twin, held)
    assert table.loc[["p50_s", "p95_s", "p99_s", "error_share"], "agrees"].all(), table
    assert (table.loc[["p50_s", "p95_s"], "error"].abs() < 0.15).all(), table
    work = {name: demand.mean_s() for name, demand in workbench.calibrate(fitted).workload.demand.items()}
    for name, mean_s in work.items():
        assert twin.workload.demand[name].mean_s() == pytest.approx(mean_s, rel=0.03), name


def test_the_incident_is_found_in_words(captures: dict[str, Capture]) -> None:
    said = [finding.text for finding in workbench.findings(captures["shop-incident"])]
    assert any(text.startswith("orders: all 4 workers busy") for text in said), said


def test_a_twin_of_a_small_heap_foretells_the_tail_at_three_times_the_size() -> None:
    """Fitted at 96 MiB alone; the young generation of 288 MiB is 96 MiB."""
    small, large = (workbench.read(CAPTURES / name) for name in ("jvm-96m", "jvm-288m"))
    twin = workbench.calibrate(small, system="jvm")
    table, seen = workbench.predict(twin, {"catalogue/Xmn": 96}).table, measured(large)
    assert table.at["p99_s", "low"] <= seen.at["p99_s", "high"]
    assert seen.at["p99_s", "low"] <= table.at["p99_s", "high"]
    rarer = len(small.collections) / len(large.collections)
    budgets = twin.at({"catalogue/Xmn": 96})["catalogue"].gc.budget_bytes
    assert budgets / twin.network["catalogue"].gc.budget_bytes == pytest.approx(rarer, rel=0.25)
