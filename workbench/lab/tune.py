"""The loop closed on this machine: load, record, calibrate, search, export, reload, load again, verify."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.capture import Capture
from workbench.errors import LabError
from workbench.lab.lifecycle import Lab, up
from workbench.lab.plan import Plan
from workbench.lab.recording import capture
from workbench.lab.supervisor import SETTINGS
from workbench.readers import read
from workbench.tuning.export import export
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.recommendation import CHANGE, Recommendation
from workbench.tuning.search import search
from workbench.tuning.verify import Verdict, verify
from workbench.twin.calibrate import calibrate
from workbench.twin.model import Twin

SLOS = (SLO("p99_s", 0.4), SLO("error_share", 0.01))
WINDOW_S = 60.0
RATE_RPS = 32.0
_SETTLE_S = 2.5  # the last scrape and the last batch of spans
_WARM_S = 5.0


@dataclass(frozen=True)
class Closed:
    """One turn of the loop: what was measured, fitted, recommended, written and found."""

    before: Capture
    twin: Twin
    recommendation: Recommendation
    files: list[Path]
    after: Capture
    verdict: Verdict


def tune(
    folder: str | Path,
    *,
    settings: str | Path = "incident",
    rate_rps: float = RATE_RPS,
    window_s: float = WINDOW_S,
    slos: tuple[SLO, ...] = SLOS,
    budget: int = 150,
    seed: int = 1,
    say: Callable[[str], None] = lambda text: None,
) -> Closed:
    """Start a lab with `settings`, tune it under `slos` at a steady load, and judge the outcome.

    Works in `folder`, which must not exist or be empty: captures before/ and after/, tuned/ with the exported
    settings. `say` is told each step. The lab is ended in any case.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise LabError("it is not empty", where=str(folder), remedy="choose another folder, or remove it")
    Plan(((window_s, rate_rps),))  # nonsense is refused before anything runs
    began = time.monotonic()

    def tell(text: str) -> None:
        say(f"[{time.monotonic() - began:4.0f} s] {text}")

    tell(f"starting the lab, settings: {settings}")
    with up(folder / "run", settings) as lab:
        tell(f"loading it with {rate_rps:g} requests/s for {window_s:g} s")
        before = window(lab, folder / "before", rate_rps=rate_rps, window_s=window_s, seed=seed)
        tell("calibrating the twin")
        twin = calibrate(before, seed=seed)
        tell(f"searching settings for {' and '.join(map(str, slos))}")
        # A window of the same length at the same load will be measured, so that is what is asked for.
        recommendation = search(twin, objective=Objective(slos), budget=budget, seed=seed)
        tell(recommendation.text())
        if recommendation.advice != CHANGE:
            raise LabError(
                f"the advice is {recommendation.advice!r}: there is nothing to put in force",
                where=str(folder),
                remedy="ease the SLOs or start with other settings",
            )
        files = export(recommendation, "lab_yaml", folder / "tuned", base=lab.folder / SETTINGS)
        tell(f"putting {files[0].name} in force without a restart")
        lab.apply(files[0])
        tell(f"loading it again with {rate_rps:g} requests/s for {window_s:g} s")
        after = window(lab, folder / "after", rate_rps=rate_rps, window_s=window_s, seed=seed + 1)
    shutil.rmtree(folder / "run", ignore_errors=True)
    verdict = verify(recommendation, before, after, seed=seed)
    tell("done")
    return Closed(before, twin, recommendation, files, after, verdict)


def window(
    lab: Lab, folder: str | Path, *, rate_rps: float = RATE_RPS, window_s: float = WINDOW_S, seed: int = 1
) -> Capture:
    """Load a lab steadily for `window_s`, after a short warm-up; record that in `folder`, and read it."""
    folder = Path(folder)
    lab.load([(_WARM_S, rate_rps)], seed=seed + 1_000_000)
    plan = Plan(((window_s, rate_rps),), seed=seed)
    summary = lab.begin_load(plan).wait()
    time.sleep(_SETTLE_S)
    return read(capture(lab, folder, summary, plan, name=folder.name, how="workbench lab tune"))
