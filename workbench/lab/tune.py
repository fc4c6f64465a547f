"""The loop closed on this machine: load, record, calibrate, search, export, reload, load again, verify."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from workbench.twin.outcome import shown

SLOS = (SLO("p99_s", 0.4), SLO("error_share", 0.01))
WINDOW_S = 60.0
RATE_RPS = 48.0  # beyond what the incident's orders can take, so that it fails for certain
_SETTLE_S = 2.5  # the last scrape and the last batch of spans
_WARM_S = 5.0


@dataclass(frozen=True)
class Closed:
    """One turn of the loop: what was measured, fitted, recommended, written and found.

    Where the advice is not to change anything, `files` is empty and there is no `after` and no `verdict`.
    """

    before: Capture
    twin: Twin
    recommendation: Recommendation
    files: tuple[Path, ...] = ()
    after: Capture | None = None
    verdict: Verdict | None = None

    def text(self) -> str:
        """Give the outcome in words; the last line begins with `verdict:`."""
        if self.verdict is not None:
            return self.verdict.text()
        p99, errors = (shown(q, self.recommendation.before[q]) for q in ("p99_s", "error_share"))
        return (
            f"verdict: {self.recommendation.advice}; P99 {p99}, errors {errors} as it is; nothing was changed"
        )


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
    with _run_folder(folder / "run") as run, up(run, settings) as lab:
        tell(f"loading it with {rate_rps:g} requests/s for {window_s:g} s")
        before = window(lab, folder / "before", rate_rps=rate_rps, window_s=window_s, seed=seed)
        tell("calibrating the twin")
        twin = calibrate(before, seed=seed)
        tell(f"searching settings for {' and '.join(map(str, slos))}")
        # A window of the same length at the same load will be measured, so that is what is asked for.
        recommendation = search(twin, objective=Objective(slos), budget=budget, seed=seed)
        tell(recommendation.text())
        if recommendation.advice != CHANGE:
            return Closed(before, twin, recommendation)
        files = export(recommendation, "lab_yaml", folder / "tuned", base=lab.folder / SETTINGS)
        tell(f"putting {files[0].name} in force without a restart")
        lab.apply(files[0])
        tell(f"loading it again with {rate_rps:g} requests/s for {window_s:g} s")
        after = window(lab, folder / "after", rate_rps=rate_rps, window_s=window_s, seed=seed + 1)
    verdict = verify(recommendation, before, after, seed=seed)
    tell("done")
    return Closed(before, twin, recommendation, tuple(files), after, verdict)


@contextmanager
def _run_folder(folder: Path) -> Iterator[Path]:
    """Give the lab a folder that is gone afterwards, however it ends."""
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
