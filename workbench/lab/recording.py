"""Recordings of the shop: start it, load it, profile it in the middle, record, end it.

`workbench lab record NAME` makes those of data/captures again.
"""

from __future__ import annotations

import io
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.collectors import py_spy
from workbench.collectors.record import Evidence, record
from workbench.errors import CollectError
from workbench.lab.lifecycle import Lab, Summary, up
from workbench.lab.plan import Plan
from workbench.lab.shop import flat, read_settings
from workbench.lab.supervisor import SCRAPES, SETTINGS

_WARM_S, _SETTLE_S, _PROFILE_S = 5.0, 2.5, 20.0


@dataclass(frozen=True)
class Recording:
    """One of the recordings that come with the project."""

    settings: str
    steps: tuple[tuple[float, float], ...]
    sample_share: float
    how: str


RECORDINGS = {
    "shop-healthy": Recording(
        "healthy", ((240, 30), (240, 40), (180, 50)), 0.25, "the shop as it should be, three steps of load"
    ),
    "shop-incident": Recording(
        "incident",
        ((240, 22), (240, 29), (150, 40)),
        0.25,
        "orders has too few workers, nothing has a deadline, retries are eager; load rises until it fails",
    ),
}


def make(name: str, folder: str | Path, *, steps: Sequence[tuple[float, float]] | None = None) -> Path:
    """Make one of the recordings again, in a folder of its name under `folder`."""
    one = RECORDINGS[name]
    return record_shop(
        name,
        Path(folder) / name,
        Plan(tuple(steps or one.steps)),
        one.settings,
        sample_share=one.sample_share,
        how=one.how,
    )


def record_shop(
    name: str,
    folder: str | Path,
    plan: Plan,
    settings: str | Path = "healthy",
    *,
    sample_share: float | None = None,
    patience_s: float = 10.0,
    how: str = "",
) -> Path:
    """Run a new shop under `plan`, with py-spy on each service in the middle, and record the plan's window.

    A short load before it, at the first rate, opens the connections. `sample_share` overrides the settings'.
    """
    with tempfile.TemporaryDirectory(prefix="workbench-lab-") as place:
        chosen = Path(place) / "chosen.yaml"
        chosen.write_text(_sampled(read_settings(settings), sample_share), encoding="utf-8")
        with up(Path(place) / "run", chosen) as lab:
            lab.load([(_WARM_S, plan.steps[0][1])], seed=plan.seed + 1_000_000)
            loading = lab.begin_load(plan, patience_s=patience_s)
            length_s = min(_PROFILE_S, plan.duration_s / 2)
            profiles = _Profiles(lab, after_s=(plan.duration_s - length_s) / 2, length_s=length_s)
            try:
                summary = loading.wait()
            finally:
                profiles.finish()
            time.sleep(_SETTLE_S)  # the last scrape and the last batch of spans
            return capture(lab, folder, summary, plan, name=name, patience_s=patience_s, how=how)


def capture(
    lab: Lab,
    folder: str | Path,
    summary: Summary,
    plan: Plan,
    *,
    name: str = "",
    patience_s: float = 10.0,
    how: str = "",
) -> Path:
    """Record the window of a load that has just been put on a lab; `folder` must not exist."""
    return record_window(
        lab,
        folder,
        name=name,
        start=datetime.fromtimestamp(summary.start, UTC),
        end=datetime.fromtimestamp(summary.end, UTC),
        load={**plan.described(), "patience_s": patience_s},
        how=how,
    )


def record_window(
    lab: Lab,
    folder: str | Path,
    *,
    start: datetime,
    end: datetime,
    name: str = "",
    load: Mapping[str, Any] | None = None,
    how: str = "",
) -> Path:
    """Record any window of a lab that is up, with the settings now in force; `folder` must not exist."""
    shop = lab.shop
    return record(
        folder,
        name=name,
        start=start,
        end=end,
        prometheus=lab.prometheus,
        files=_evidence(lab),
        settings=flat(shop),
        settings_file=lab.folder / SETTINGS,
        load={**(load or {}), "sample_share": shop.sample_share},
        how=how,
    )


def profile(lab: Lab, length_s: float) -> None:
    """Profile every service of a lab that is up, from now for `length_s`; it lies in the run folder."""
    _Profiles(lab, after_s=0.0, length_s=length_s).join()


class _Profiles:
    """py-spy on every service at once, later, and its end with the load."""

    def __init__(self, lab: Lab, *, after_s: float, length_s: float) -> None:
        self._cancelled = threading.Event()
        self._threads = [
            threading.Thread(target=self._take, args=(lab, name, after_s, length_s)) for name in lab.pids
        ]
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Wait for the profiles that have begun, and begin no others."""
        self._cancelled.set()
        self.join()

    def join(self) -> None:
        """Wait for all profiles."""
        for thread in self._threads:
            thread.join()

    def _take(self, lab: Lab, name: str, after_s: float, length_s: float) -> None:
        if self._cancelled.wait(after_s):
            return
        out = lab.folder / "profile" / f"{name}-0.txt"
        try:
            py_spy.record(lab.pids[name], out, length_s)
        except CollectError as error:
            # A system may forbid it; the recording is worth having without, and the folder says why.
            out.with_suffix(".refused").write_text(f"{error}\n", encoding="utf-8")


def _evidence(lab: Lab) -> list[Evidence]:
    found = []
    for kind, suffix in (("spans", ".jsonl"), ("gc", ".log"), ("profile", ".txt")):
        for path in sorted((lab.folder / kind).glob(f"*{suffix}")):
            found.append(Evidence(path, kind, path.stem.rpartition("-")[0], path.stem))
    if lab.prometheus is None:
        found.append(Evidence(lab.folder / SCRAPES, "scrapes"))
    return found


def _sampled(text: str, share: float | None) -> str:
    if share is None:
        return text
    from ruamel.yaml import YAML

    yaml, out = YAML(), io.StringIO()
    document = yaml.load(text)
    document["sample_share"] = share
    yaml.dump(document, out)
    return out.getvalue()
