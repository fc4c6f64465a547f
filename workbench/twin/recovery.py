"""Does the system come back by itself when the trigger is gone? `recovery`, `withstands`.

A system is metastable if a trigger puts it into a state that outlasts the trigger, held up by its own work
(retries of what timed out, say): N. Bronson et al., Metastable failures in distributed systems, HotOS 2021.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from workbench.errors import SettingError
from workbench.network import Change, Network, Scenario, Workload
from workbench.settings import Settings, Value
from workbench.twin import kernel, world
from workbench.twin.arrivals import poisson
from workbench.twin.model import WARM_UP_S, Twin

CALM_S = 20.0  # of the window before the trigger
RUNS = 8
_BIN_REQUESTS = 25  # a bin of time holds about as many
_SLACK = 0.05  # share of requests that may be served worse than without the trigger
_SMOOTH = 3  # bins


@dataclass(frozen=True, repr=False)
class Recovery:
    """What a trigger did: over time, and whether it passed.

    `table` has a row per bin: time_s (from the window's start), load_rps, and the share of the requests sent
    then that were served, with the trigger (`served`; `low` and `high` over the runs) and without
    (`untroubled`). `returned` is the share of runs in which service was back, to within 5 points of what it
    is without the trigger, for good; `after_s` the seconds that took from the end of the trigger, the median
    and the largest of those runs (NaN if none).
    """

    settings: Settings
    scenario: Scenario
    table: pd.DataFrame
    returned: float
    after_s: tuple[float, float]
    slo_s: float

    @property
    def metastable(self) -> bool:
        """True if service did not come back in half of the runs or more, though the trigger was gone."""
        return self.returned <= 0.5

    def __repr__(self) -> str:
        return f"Recovery({self.sentence})"

    @property
    def sentence(self) -> str:
        """The answer in words."""
        watched = self.table["time_s"].max() - ends_s(self.scenario)
        if self.returned == 1.0:
            return f"back {self.after_s[0]:.0f} s after the trigger, at most {self.after_s[1]:.0f} s"
        if self.returned == 0.0:
            return f"not back {watched:.0f} s after the trigger: metastable"
        return f"back in {self.returned:.0%} of the runs, {watched:.0f} s after the trigger"

    def _repr_html_(self) -> str:
        return f"<b>{escape(self.scenario.name)}</b>: {escape(self.sentence)}"


def ends_s(scenario: Scenario) -> float:
    """Give when the last of a scenario's changes ends, in window time."""
    if not scenario.changes:
        raise SettingError(
            "no changes", where="scenario", expected="a trigger: Change(kind, start_s, end_s, …)"
        )
    return max(change.end_s for change in scenario.changes)


def trigger(
    kind: str, station: str = "", *, amount: float = 1.0, duration_s: float, load: float = 1.0
) -> Scenario:
    """Give the scenario of one change after a calm beginning."""
    change = Change(kind, CALM_S, CALM_S + duration_s, station, amount)
    words = {"load": f"load × {amount:g}", "slow": f"{station} {amount:g} times slower"}
    words |= {"failing": f"{amount:.0%} of {station} failing", "lost": f"{amount:g} of {station} lost"}
    words |= {"hanging": f"{station} hanging", "paused": f"{station} paused"}
    return Scenario(f"{words[kind]} for {duration_s:g} s", load=load, changes=(change,))


def recovery(
    twin: Twin,
    settings: Mapping[str, Value] | None = None,
    *,
    scenario: Scenario,
    slo_s: float = np.inf,
    watch_s: float = 60.0,
    runs: int = RUNS,
    seed: int = 0,
) -> Recovery:
    """Let a scenario's changes happen at the twin's mean load, and watch for `watch_s` (s) after the last.

    Served is a request that is answered well within `slo_s`. Each run is a replicate of the twin, once with
    the changes and once without, on the same luck.
    """
    end_s = ends_s(scenario) + watch_s
    network, settings = twin.at(settings or {}), twin.settings.with_(settings or {})

    def run(i: int) -> tuple[_Served, _Served]:
        workload = scenario.apply(twin.replicates[i % len(twin.replicates)]).steady()
        luck = seed * 1000 + i
        return (
            _served(network, workload, scenario.changes, end_s, slo_s, luck),
            _served(network, workload, (), end_s, slo_s, luck),
        )

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        pairs = list(threads.map(run, range(runs)))
    width = max(1.0, round(_BIN_REQUESTS / max(1e-9, scenario.load * twin.workload.mean_rps())))
    edges = np.arange(0.0, end_s + width / 2, width)
    troubled = np.array([one.share(edges) for one, _ in pairs])
    untroubled = np.array([other.share(edges) for _, other in pairs])
    back = [_back_after(a, b, edges, ends_s(scenario)) for a, b in zip(troubled, untroubled, strict=True)]
    known = [seconds for seconds in back if np.isfinite(seconds)]
    table = pd.DataFrame(
        {
            "time_s": edges[1:],
            "load_rps": np.mean([np.histogram(one.sent_s, edges)[0] for one, _ in pairs], axis=0) / width,
            "served": np.nanmean(troubled, axis=0),
            "low": np.nanmin(troubled, axis=0),
            "high": np.nanmax(troubled, axis=0),
            "untroubled": np.nanmean(untroubled, axis=0),
        }
    )
    after_s = (float(np.median(known)), float(max(known))) if known else (np.nan, np.nan)
    return Recovery(settings, scenario, table, len(known) / runs, after_s, slo_s)


def withstands(
    twin: Twin,
    settings: Mapping[str, Value] | None = None,
    *,
    kind: str,
    station: str = "",
    amounts: Sequence[float],
    durations_s: Sequence[float],
    load: float = 1.0,
    slo_s: float = np.inf,
    runs: int = 4,
    seed: int = 0,
    progress: Callable[[float], None] = lambda share: None,
) -> pd.DataFrame:
    """Give which triggers the system comes back from: one row per amount and duration.

    Columns: amount, duration_s, returned (share of the runs), after_s (median seconds, NaN if never).
    """
    rows = []
    for i, amount in enumerate(amounts):
        for duration_s in durations_s:
            scenario = trigger(kind, station, amount=amount, duration_s=duration_s, load=load)
            found = recovery(twin, settings, scenario=scenario, slo_s=slo_s, runs=runs, seed=seed)
            rows.append(
                {
                    "amount": amount,
                    "duration_s": duration_s,
                    "returned": found.returned,
                    "after_s": found.after_s[0],
                }
            )
        progress((i + 1) / len(amounts))
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class _Served:
    """When requests were sent (s), and which of them were served."""

    sent_s: np.ndarray
    well: np.ndarray

    def share(self, edges: np.ndarray) -> np.ndarray:
        """Give the share served by bin; NaN where nobody asked."""
        sent, well = np.histogram(self.sent_s, edges)[0], np.histogram(self.sent_s[self.well], edges)[0]
        return np.where(sent > 0, well / np.maximum(sent, 1), np.nan)


def _served(
    network: Network, workload: Workload, changes: Sequence[Change], end_s: float, slo_s: float, seed: int
) -> _Served:
    # Load goes on behind the window: what is sent at its end must not find the queues being left alone.
    times_s = poisson(workload, start_s=-WARM_UP_S, end_s=end_s + WARM_UP_S, seed=seed, changes=changes)
    log = kernel.run(
        network,
        workload,
        times_s + WARM_UP_S,
        seed,
        changes=changes,
        shift_s=WARM_UP_S,
        end_s=end_s + 2 * WARM_UP_S,
    )
    roots = log[log["parent"] < 0]
    roots = roots[(roots["sent"] >= WARM_UP_S) & (roots["sent"] < WARM_UP_S + end_s)]
    with np.errstate(invalid="ignore"):
        well = (roots["result"] == world.OK) & (roots["heard"] - roots["sent"] <= slo_s)
    return _Served(roots["sent"] - WARM_UP_S, well)


def _back_after(troubled: np.ndarray, untroubled: np.ndarray, edges: np.ndarray, over_s: float) -> float:
    """Give the seconds from over_s until service is back for good; inf if it is not at the end."""
    lacking = np.nan_to_num(untroubled - troubled)
    smooth = np.convolve(lacking, np.ones(_SMOOTH) / _SMOOTH, mode="same")
    bad = np.flatnonzero(smooth > _SLACK)
    if bad.size == 0:
        return 0.0
    if bad[-1] >= lacking.size - 1 - _SMOOTH // 2:
        return np.inf
    return max(0.0, float(edges[bad[-1] + 1] - over_s))
