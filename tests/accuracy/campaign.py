"""One campaign in a folder: calibrate, draw, foretell, run, grade; what is in the folder already is kept.

captures/      the recordings: calibration-SYSTEM, and one of every run
design-SYSTEM.json   the cells
foretold/      a prediction per run, written before it begins
graded/        that beside what was measured
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from pathlib import Path
from typing import Any

import pandas as pd

from tests.accuracy import design, systems
from tests.accuracy.design import CALIBRATION_RPS, CALIBRATION_S, WINDOW_S, Cell
from tests.accuracy.foretell import busiest, foretold
from tests.accuracy.grade import QUANTITIES
from workbench.capture import Capture
from workbench.lab.lifecycle import Lab
from workbench.readers import read
from workbench.twin.calibrate import calibrate
from workbench.twin.measured import measured
from workbench.twin.model import Prediction, Twin


def calibrated(folder: Path, system: str, lab: Lab) -> Twin:
    """Give the twin of the one window that it is calibrated on, recorded if need be."""
    place = folder / "captures" / f"calibration-{system}"
    if place.exists():
        return calibrate(read(place))
    cell = Cell(system, "calibration", "", {}, CALIBRATION_RPS, {})
    plan = systems.plan_of(CALIBRATION_RPS, CALIBRATION_S, seed=7)
    return calibrate(systems.window(lab, place, cell, plan)[0])


def designed(folder: Path, system: str, twin: Twin, *, cells: int, repeated: int, repeats: int) -> list[Cell]:
    """Give the cells of the campaign, drawn if there are none yet."""
    path = folder / f"design-{system}.json"
    if not path.exists():
        drawn = design.draw(system, cells, repeated, repeats, lambda cell: busiest(foretold(twin, cell)))
        path.write_text(json.dumps([design.plain(cell) for cell in drawn], indent=1), encoding="utf-8")
    return [design.from_plain(cell) for cell in json.loads(path.read_text(encoding="utf-8"))]


def graded(folder: Path, run: str) -> Path:
    """Give the file of what a run came to."""
    return folder / "graded" / f"{run}.json"


def carry_out(folder: Path, lab: Lab, twin: Twin, cell: Cell, repeat: int) -> dict[str, Any]:
    """Foretell a run, let it happen, and write both down."""
    run = f"{cell.name}-{repeat}"
    plan = systems.plan_of(cell.rate_rps, WINDOW_S, seed=zlib.crc32(run.encode()))
    before = {"": foretold(twin, cell), "_replayed": foretold(twin, cell, plan)}
    _write(folder / "foretold" / f"{run}.json", {k: _numbers(p) for k, p in before.items()})
    place = folder / "captures" / run
    shutil.rmtree(place, ignore_errors=True)  # of a run that was not graded any more
    capture, summary = systems.window(lab, place, cell, plan)
    found = {
        "rows": _rows(cell, repeat, before, capture),
        "machine": {
            "run": run,
            "load": os.getloadavg()[0],
            "cores": os.cpu_count(),
            "late_p99_s": summary.lateness_s["p99"],
        },
    }
    _write(graded(folder, run), found)
    return found


def results(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give the rows of all graded runs, and how the machine was while they ran."""
    all_of_them = [
        json.loads(p.read_text(encoding="utf-8")) for p in sorted((folder / "graded").glob("*.json"))
    ]
    rows = pd.DataFrame([row for one in all_of_them for row in one["rows"]])
    rows["run"] = rows["cell"] + "-" + rows["repeat"].astype(str)
    return rows, pd.DataFrame([one["machine"] for one in all_of_them])


def _rows(cell: Cell, repeat: int, before: dict[str, Prediction], capture: Capture) -> list[dict[str, Any]]:
    here = measured(capture)["value"]
    rows = []
    for quantity in QUANTITIES:
        row = {"system": cell.system, "cell": cell.name, "band": cell.band, "scenario": cell.scenario}
        row |= {"repeat": repeat, "quantity": quantity, "measured": float(here[quantity])}
        for suffix, prediction in before.items():
            low, high = prediction.interval(quantity)
            row |= {f"predicted{suffix}": prediction[quantity], f"low{suffix}": low, f"high{suffix}": high}
        rows.append(row)
    return rows


def _numbers(prediction: Prediction) -> dict[str, list[float]]:
    return {q: [prediction[q], *prediction.interval(q)] for q in QUANTITIES}


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    beside = path.with_name(f".{path.name}")
    beside.write_text(json.dumps(content, indent=1), encoding="utf-8")
    beside.replace(path)
