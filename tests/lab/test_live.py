"""The real lab, for some seconds: what it writes agrees with itself, and nothing stays behind."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.needs import need_program
from workbench.errors import LabError
from workbench.lab import lifecycle
from workbench.lab.lifecycle import find, is_up, up
from workbench.lab.plan import Plan
from workbench.lab.recording import capture
from workbench.lab.shop import read_settings

QUICK = read_settings("healthy").replace("mean_s: 0.070", "mean_s: 0.020")

# payments takes half a second, for which orders does not wait
SLOW = QUICK.replace("mean_s: 0.020, cv: 0.7", "mean_s: 0.5, cv: 0.1").replace(
    "timeout_s: 0.6", "timeout_s: 0.15"
)


def spans_of(folder, instance):
    for line in (folder / "spans" / f"{instance}.jsonl").read_text().splitlines():
        for of_resource in json.loads(line)["resourceSpans"]:
            for of_scope in of_resource["scopeSpans"]:
                yield from of_scope["spans"]


def attribute(span, key):
    return next((next(iter(a["value"].values())) for a in span["attributes"] if a["key"] == key), None)


def metrics_of(url):
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        lines = [x for x in answer.read().decode().splitlines() if not x.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def children(pid):
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *children(int(child))]
    return found


def alive(pids):
    running = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        running += [] if state == "Z" else [pid]
    return running


def await_end(pids, within_s=10):
    end = time.monotonic() + within_s
    while alive(pids) and time.monotonic() < end:
        time.sleep(0.05)
    return alive(pids)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One run against a real Prometheus: a load, a change of settings, a load, a recording, the end."""
    program = need_program("prometheus", "apt-get install prometheus")
    place = tmp_path_factory.mktemp("lab")
    (place / "quick.yaml").write_text(QUICK)
    narrow = QUICK.replace("workers: 16", "workers: 1", 1).replace("queue: 32", "queue: 0", 1)
    (place / "narrow.yaml").write_text(narrow)
    plan = Plan(((5, 20),), seed=5)
    with up(place / "run", place / "quick.yaml", prometheus=program) as lab:
        seen = {"lab": lab, "pids": [*children(os.getpid())], "place": place}
        seen["first"] = lab.begin_load(plan).wait()
        time.sleep(2.5)  # two scrapes and a batch of spans
        seen["metrics"] = {name: metrics_of(url) for name, url in lab.endpoints.items()}
        seen["spans"] = {n: list(spans_of(lab.folder, f"{n}-0")) for n in ["client", *lab.endpoints]}
        seen["capture"] = capture(lab, place / "capture", seen["first"], plan, how="a test")
        (place / "slow.yaml").write_text(SLOW)
        lab.apply(place / "slow.yaml")
        seen["slow"] = lab.load([(2, 5)])
        time.sleep(1.5)
        seen["after_slow"] = metrics_of(lab.endpoints["payments"])
        lab.apply(place / "narrow.yaml")
        seen["second"] = lab.load([(3, 60)])
        (lab.folder / "settings.yaml").write_text("services: 7\n")
        time.sleep(0.6)
        seen["after_invalid"] = {name: metrics_of(url) for name, url in lab.endpoints.items()}
        with pytest.raises(LabError, match="a lab is up there"):
            up(place / "run")
    return seen


def test_every_request_of_a_healthy_shop_is_answered(run):
    first = run["first"]
    assert first.ok == first.sent == len(Plan(((5, 20),), seed=5).arrivals())
    assert first.errors == {}


def test_spans_and_counters_tell_of_the_same_visits(run):
    for name, metrics in run["metrics"].items():
        counted = sum(
            v for k, v in metrics.items() if k.startswith("http_server_request_duration_seconds_count")
        )
        served = [span for span in run["spans"][name] if span["kind"] == 2]
        assert len(served) == counted == run["first"].sent
        measured = sum(
            v for k, v in metrics.items() if k.startswith("http_server_request_duration_seconds_sum")
        )
        lasted = sum(int(s["endTimeUnixNano"]) - int(s["startTimeUnixNano"]) for s in served) / 1e9
        assert lasted == pytest.approx(measured, rel=1e-6)


def test_the_pools_integral_is_the_sum_of_what_was_held(run):
    for name, metrics in run["metrics"].items():
        served = [span for span in run["spans"][name] if span["kind"] == 2]
        lasted = sum(int(s["endTimeUnixNano"]) - int(s["startTimeUnixNano"]) for s in served) / 1e9
        waited = sum(float(attribute(s, "worker_pool.wait_s")) for s in served)
        # what a visit does outside its worker's time is a fraction of a millisecond, more on a busy machine
        outside = (lasted - waited - metrics["worker_pool_busy_seconds_total"]) / len(served)
        assert 0 < outside < 0.005
        assert metrics["worker_pool_queue_seconds_total"] == pytest.approx(waited, abs=0.02)


def test_a_trace_runs_from_the_intended_time_through_all_services(run):
    by_id = {span["spanId"]: span for spans in run["spans"].values() for span in spans}
    assert len(by_id) == sum(map(len, run["spans"].values()))
    for span in run["spans"]["payments"]:
        path = [span]
        while "parentSpanId" in path[-1]:
            path.append(by_id[path[-1]["parentSpanId"]])
        assert [s["kind"] for s in path] == [2, 3, 2, 3, 2, 3]
        starts = [int(s["startTimeUnixNano"]) for s in path]
        assert starts == sorted(starts, reverse=True)
        assert len({s["traceId"] for s in path}) == 1


def test_an_abandoned_try_goes_on_at_the_callee(run):
    assert run["slow"].errors == {"502": run["slow"].sent}
    before, after = run["metrics"]["payments"], run["after_slow"]
    done = {key: value - before.get(key, 0) for key, value in after.items()}
    visit = 'http_server_request_duration_seconds_%s{method="GET",route="/payments",status_code="200"}'
    assert done[visit % "count"] == run["slow"].sent * 2 * 2  # two tries of gateway, two of orders in each
    assert done[visit % "sum"] / done[visit % "count"] == pytest.approx(0.5, rel=0.1)
    assert done["worker_pool_busy_seconds_total"] == pytest.approx(done[visit % "sum"], rel=0.02)


def test_new_settings_hold_without_a_restart(run):
    assert run["second"].errors.keys() == {"502"}  # orders: one worker, no place to wait, two tries
    metrics = run["after_invalid"]["orders"]
    assert metrics["worker_pool_size"] == 1
    assert metrics["worker_pool_queue_limit"] == 0
    assert metrics['http_server_refused_total{reason="queue"}'] > 50


def test_invalid_settings_are_refused_and_the_old_ones_stay(run):
    assert run["after_invalid"]["gateway"]["worker_pool_size"] == 32
    log = (run["place"] / "run" / "logs" / "orders.log").read_text()
    assert "settings refused, the old ones stay in force: settings.yaml, services: 7" in log


def test_nothing_runs_after_the_end(run):
    assert len(run["pids"]) >= 5  # the supervisor, three services, a Prometheus
    assert alive(run["pids"]) == []
    assert not is_up(run["place"] / "run")
    with pytest.raises(LabError, match="no lab is up"):
        find(run["place"] / "run")


def test_the_capture_holds_the_window_and_names_no_machine(run):
    import gzip

    folder = run["capture"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["settings"]["orders/workers"] == 16
    assert manifest["load"] == {
        "plan": [[5, 20]],
        "bursts": [],
        "law": "poisson",
        "seed": 5,
        "patience_s": 10,
        "sample_share": 1.0,
    }
    start, end = (datetime.fromisoformat(manifest[key]) for key in ("start", "end"))
    assert (end - start).total_seconds() == pytest.approx(5)
    assert datetime.fromtimestamp(run["first"].start, UTC) == start
    paths = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert paths == sorted([f["path"] for f in manifest["files"]] + ["manifest.json", "settings.yaml"])
    for path in paths:
        raw = (folder / path).read_bytes()
        text = (gzip.decompress(raw) if path.endswith(".gz") else raw).decode()
        for word in ("127.0.0.1", "localhost", str(Path.home()), sys.prefix, os.sep + "tmp"):
            assert word not in text, path
    busy = json.loads(gzip.decompress((folder / "metrics/worker_pool_busy_seconds.json.gz").read_bytes()))
    labels = sorted(tuple(sorted(one["metric"].items())) for one in busy["data"]["result"])
    assert [dict(one)["instance"] for one in labels] == ["gateway-0", "orders-0", "payments-0"]
    client = gzip.decompress((folder / "spans/client-0.jsonl.gz").read_bytes())
    assert client.count(b'"spanId"') == run["first"].sent


CPU = QUICK.replace("{kind: wait, mean_s: 0.020", "{kind: cpu, processes: 2, mean_s: 0.020")


def start_elsewhere(place):
    """Have another process bring a lab up and wait; gives it and all that it started."""
    (place / "cpu.yaml").write_text(CPU)
    code = "import sys, time; from workbench.lab.lifecycle import up\n"
    code += "up(sys.argv[1], sys.argv[2], prometheus=sys.argv[3]); print('up', flush=True); time.sleep(60)"
    program = lifecycle.find_prometheus() or ""
    command = [sys.executable, "-c", code, str(place / "run"), str(place / "cpu.yaml"), program]
    owner = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert owner.stdout.readline() == b"up\n"
    owner.stdout.close()
    started = children(owner.pid)
    assert len(started) >= 6  # the supervisor, three services, two processes for CPU work
    return owner, started


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("victim", ["owner", "supervisor"])
def test_nothing_runs_after_the_owner_or_the_supervisor_was_killed(tmp_path, victim):
    owner, started = start_elsewhere(tmp_path)
    try:
        os.kill(owner.pid if victim == "owner" else started[0], signal.SIGKILL)
        assert await_end(started) == []
        assert not is_up(tmp_path / "run")
    finally:
        owner.kill()
        owner.wait()


def test_an_idle_lab_ends_by_itself_and_scrapes_without_a_prometheus(tmp_path):
    lab = up(tmp_path / "run", detached=True, idle_limit_s=1.5, prometheus="")
    try:
        assert lab.prometheus is None
        end = time.monotonic() + 10
        while is_up(lab.folder) and time.monotonic() < end:
            time.sleep(0.1)
        assert not is_up(lab.folder)
    finally:
        lab.down()
    scrapes = (lab.folder / "prometheus" / "scrapes.jsonl").read_text().splitlines()
    counted = Counter(json.loads(line)["labels"]["instance"] for line in scrapes)
    assert set(counted) == {"gateway-0", "orders-0", "payments-0"}


def test_a_lab_that_cannot_start_says_why_and_leaves_nothing(tmp_path):
    with pytest.raises(LabError, match="it did not start: prometheus: "):
        up(tmp_path / "run", prometheus="/bin/false")
    assert not is_up(tmp_path / "run")


def test_a_lab_that_nobody_owns_needs_an_idle_limit(tmp_path):
    with pytest.raises(LabError, match="no idle limit"):
        up(tmp_path / "run", detached=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends the children of a killed supervisor")
def test_a_supervisor_that_hangs_is_killed_with_all_it_started(tmp_path, monkeypatch):
    monkeypatch.setattr(lifecycle, "_STOP_S", 1)
    lab = up(tmp_path / "run", prometheus="")
    started = children(os.getpid())
    os.kill(int((lab.folder / "supervisor.lock").read_text()), signal.SIGSTOP)
    lab.down()
    assert await_end(started) == []


def test_a_folder_of_other_things_is_not_taken(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(LabError, match="it exists and is not the folder of a lab"):
        up(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
