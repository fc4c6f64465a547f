"""The two real systems, and one window of load on one of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.accuracy.design import GO, LAB, PATIENCE_S, WARM_S, Cell, document
from workbench.capture import Capture
from workbench.errors import LabError
from workbench.lab.lifecycle import OURS, Lab, Loading, Summary, up
from workbench.lab.plan import Plan
from workbench.lab.recording import record_window
from workbench.lab.supervisor import ask
from workbench.network import Change
from workbench.readers import read

SHOP = Path(__file__).parents[1] / "shop"
_SETTLE_S = 1.6  # the last scrape and the last batch of spans
_DRAIN_S = 60.0


def build(program: Path) -> bool:
    """Build the Go shop; False where there is no Go, or its modules cannot be had."""
    compiler = shutil.which("go")
    if compiler is None:
        return False
    command = [compiler, "build", "-o", os.fspath(program.absolute()), "."]
    return subprocess.run(command, cwd=SHOP, capture_output=True, timeout=600).returncode == 0


@contextmanager
def running(system: str, folder: Path, program: Path) -> Iterator[Lab]:
    """Run one of the systems until the end of the block."""
    settings = folder.with_name(f"{system}.yaml")
    settings.write_text(document({}), encoding="utf-8")
    command = OURS if system == LAB else (os.fspath(program.absolute()),)
    with up(folder, settings, program=command) as lab:
        yield lab


def plan_of(rate_rps: float, length_s: float, seed: int) -> Plan:
    """Give the load of a window: its warm-up first, which is not measured."""
    return Plan(((WARM_S, rate_rps), (length_s, rate_rps)), seed=seed)


def window(lab: Lab, folder: Path, cell: Cell, plan: Plan) -> tuple[Capture, Summary]:
    """Put a cell in force, load it by the plan, record the window behind its warm-up, and read that."""
    _apply(lab, cell)
    visits = _visits(lab)
    loading = lab.begin_load(plan, patience_s=PATIENCE_S)
    try:
        if cell.system == GO:
            _bring_about(lab, loading, plan, visits, cell.faults)
        summary = loading.wait()
    except BaseException:
        loading.stop()
        raise
    time.sleep(_SETTLE_S)
    record_window(
        lab,
        folder,
        name=folder.name,
        start=datetime.fromtimestamp(summary.start + WARM_S, UTC),
        end=datetime.fromtimestamp(summary.end, UTC),
        load={**plan.described(), "patience_s": PATIENCE_S},
        how="make accuracy",
    )
    return read(folder), summary


def _apply(lab: Lab, cell: Cell) -> None:
    """Wait until all is quiet, then put the cell's settings and breakers in force."""
    end = time.monotonic() + _DRAIN_S
    while _busy(lab) and time.monotonic() < end:
        time.sleep(0.2)
    # Before the settings, so that whoever runs those has these too; new breakers are closed.
    (lab.folder / "breakers.yaml").write_text(json.dumps(cell.breakers), encoding="utf-8")
    slower = {f.station: f.amount for f in cell.faults} if cell.system == LAB else {}
    chosen = lab.folder / "chosen.yaml"
    chosen.write_text(document(cell.settings, slower), encoding="utf-8")
    lab.apply(chosen)


def _busy(lab: Lab) -> float:
    """Visits in the pools of all services."""
    found = 0.0
    for url in lab.endpoints.values():
        with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(("worker_pool_busy ", "worker_pool_queue_length ")):
                    found += float(line.split()[1])
    return found


def _visits(lab: Lab) -> int:
    return int((ask(f"{lab.endpoints[lab.shop.entry]}/settings") or {})["visits"])


def _bring_about(lab: Lab, loading: Loading, plan: Plan, visits: int, faults: tuple[Change, ...]) -> None:
    """Begin and end each fault at its second of the window, counted from the first request that arrives."""
    if not faults:
        return
    while _visits(lab) == visits and loading.running:
        time.sleep(0.01)
    start = time.monotonic() - plan.arrivals()[0] + WARM_S
    edges = [(f.start_s, f.station, {f.kind: f.amount if f.kind != "hanging" else True}) for f in faults]
    edges += [(f.end_s, f.station, {}) for f in faults]
    try:
        for at_s, station, fault in sorted(edges, key=lambda edge: edge[0]):
            time.sleep(max(0.0, start + at_s - time.monotonic()))
            _post(f"{lab.endpoints[station]}/fault", fault)
    finally:
        for fault in faults:
            _post(f"{lab.endpoints[fault.station]}/fault", {})


def _post(url: str, body: object) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=5) as answer:
        if answer.status != 204:
            raise LabError(f"status {answer.status}", where=url, expected="204")
