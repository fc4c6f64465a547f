"""The Go shop takes the place of the lab's services: requests pass, and our readers read what it leaves."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import workbench
from tests.accuracy.systems import build
from tests.needs import absent, need_program
from workbench.analysis.visits import calls, tries, visits
from workbench.lab.lifecycle import Lab, up
from workbench.lab.plan import Plan
from workbench.lab.recording import capture
from workbench.lab.shop import read_settings

SERVICES = ("gateway", "orders", "payments")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    need_program("go", "Install Go 1.25 or later")
    folder = tmp_path_factory.mktemp("shop")
    if not build(folder / "shop"):
        absent("the Go shop cannot be built, or its modules cannot be downloaded")
    settings = folder / "settings.yaml"
    settings.write_text(read_settings("healthy").replace("mean_s: 0.070", "mean_s: 0.020"))
    with up(folder / "run", settings, program=[os.fspath(folder / "shop")]) as running:
        yield running
    assert not any(Path(f"/proc/{pid}").exists() for pid in running.pids.values())


def get(url: str, body: object = None) -> bytes:
    content = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, content), timeout=10) as answer:
        return answer.read()


def test_a_load_leaves_spans_metrics_and_collections_that_we_read(lab: Lab, tmp_path: Path):
    for url in lab.endpoints.values():
        get(f"{url}/debug/pprof/heap?gc=1")  # collects at once
    plan = Plan(((3.0, 20.0),))
    summary = lab.begin_load(plan).wait()
    assert summary.ok == summary.sent > 30
    time.sleep(1.5)  # the last scrape and the last batch of spans
    seen = workbench.read(capture(lab, tmp_path / "capture", summary, plan))
    assert not [source for source in seen.sources if source.skipped and source.format == "not recognised"]
    assert {k: v for k, v in calls(seen).items() if k != "client"} == {
        "gateway": ["orders"], "orders": ["payments"],
    }  # fmt: skip
    worked = visits(seen).groupby("service")
    assert worked.size()["gateway"] == summary.sent
    assert worked.size()["payments"] >= summary.sent - 5  # the window ends with the last request under way
    assert worked["before_s"].mean()["orders"] == pytest.approx(0.03, rel=0.3)
    assert worked["before_s"].mean()["payments"] == pytest.approx(0.02, rel=0.3)
    assert set(tries(seen)["outcome"]) == {"ok"}
    assert set(seen.pauses["service"]) == set(SERVICES)
    metrics = {"worker_pool_busy", "http_server_request_duration_seconds_bucket", "go_goroutines"}
    assert metrics <= set(seen.series["metric"])


def test_its_profile_is_one_that_we_read(lab: Lab, tmp_path: Path):
    file = tmp_path / "profile.pb.gz"
    file.write_bytes(get(f"{lab.endpoints['orders']}/debug/pprof/heap"))
    assert len(workbench.read(file).stacks)


def test_a_fault_is_brought_about_and_ended(lab: Lab):
    outcomes = []
    for fault in ({"failing": 1.0}, {}):
        get(f"{lab.endpoints['payments']}/fault", fault)
        summary = lab.load([(1.0, 15.0)])
        outcomes.append((summary.ok, set(summary.errors)))
    assert outcomes[0] == (0, {"502"})
    assert outcomes[1][0] > 0
    assert outcomes[1][1] == set()


def test_a_breaker_of_gobreaker_opens_and_spares_the_callee(lab: Lab):
    (lab.folder / "breakers.yaml").write_text(
        '{"orders": {"payments": {"failures": 3, "open_s": 60, "trials": 1}}}'
    )
    time.sleep(0.5)  # the services look at their files five times a second
    get(f"{lab.endpoints['payments']}/fault", {"failing": 1.0})
    before = json.loads(get(f"{lab.endpoints['payments']}/settings"))["visits"]
    summary = lab.load([(1.0, 30.0)])
    reached = json.loads(get(f"{lab.endpoints['payments']}/settings"))["visits"] - before
    get(f"{lab.endpoints['payments']}/fault", {})
    assert summary.ok == 0
    assert 3 <= reached < summary.sent / 2
