"""Twin, Prediction and the verb `predict`: what the system would do at other settings, with intervals."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from html import escape

import numpy as np
import pandas as pd

from workbench.knobs import apply
from workbench.network import Change, Network, Scenario, Workload
from workbench.settings import Knob, Settings, Value
from workbench.twin import arrivals, kernel
from workbench.twin.outcome import MEASURED_AT, Outcome, outcome, unit

WARM_UP_S = 20.0
AS_RECORDED = Scenario()


@dataclass(frozen=True, repr=False)
class Twin:
    """A Network and Workload calibrated to a capture, with parameter uncertainty.

    `settings` are those in force when the capture was made, and `network` is at them. `replicates` are
    workloads refitted to resampled evidence: their spread is the uncertainty of the parameters.
    `concurrency` is the most visits seen at work at once, by station; `notes` what was assumed and what the
    evidence cannot tell.
    """

    name: str
    network: Network
    workload: Workload
    knobs: tuple[Knob, ...]
    settings: Settings
    replicates: tuple[Workload, ...]
    start: pd.Timestamp
    duration_s: float
    concurrency: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def at(self, settings: Mapping[str, Value]) -> Network:
        """Give the network at these settings; what they do not name stays as recorded."""
        return apply(
            self.network, self.knobs, {k: v for k, v in settings.items() if v != self.settings.get(k)}
        )

    def __repr__(self) -> str:
        stations = ", ".join(s.name for s in self.network.stations if s.name != self.network.entry)
        rate = f"{self.workload.mean_rps():.1f} requests/s"
        return f"Twin({self.name!r}: {stations}; {rate}, {len(self.knobs)} knobs)"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(s.name)}</td><td>{s.pool.servers:g}</td><td>{s.pool.queue:g}</td>"
            f"<td>{self.workload.demand[s.name].mean_s() * 1e3:.1f} ms</td>"
            f"<td>{escape(', '.join(c.to for c in s.calls)) or '–'}</td></tr>"
            for s in self.network.stations
            if s.name in self.workload.demand
        )
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return (
            f"<b>Twin {escape(self.name)}</b> · {self.workload.mean_rps():.1f} requests/s"
            "<table><tr><th>station</th><th>servers</th><th>queue</th><th>own work, mean</th>"
            "<th>calls</th></tr>"
            f"{rows}</table><ul>{notes}</ul>"
        )


@dataclass(frozen=True, repr=False)
class Prediction:
    """Numbers with intervals: `table` has value, low, high and unit by quantity (names as in `outcome`).

    The interval is to hold 90 % of what a window of `duration_s` would measure, given the uncertainty of the
    parameters. `latency_s` is a sample of latencies, for figures. `outside` says where the settings leave the
    evidence.
    """

    settings: Settings
    scenario: Scenario
    duration_s: float
    table: pd.DataFrame
    latency_s: np.ndarray
    outside: tuple[str, ...] = ()
    measured_at: str = MEASURED_AT

    def __getitem__(self, quantity: str) -> float:
        return float(self.table.at[quantity, "value"])

    def interval(self, quantity: str) -> tuple[float, float]:
        """Give (low, high) of a quantity."""
        row = self.table.loc[quantity]
        return float(row["low"]), float(row["high"])

    def __repr__(self) -> str:
        return (
            f"Prediction(P50 {self['p50_s'] * 1e3:.0f} ms, P95 {self['p95_s'] * 1e3:.0f} ms, "
            f"P99 {self['p99_s'] * 1e3:.0f} ms, {self['throughput_rps']:.1f}/s, "
            f"errors {self['error_share']:.2%})"
        )

    def _repr_html_(self) -> str:
        warnings = "".join(f"<li>{escape(text)}</li>" for text in self.outside)
        return self.table.to_html(float_format="{:.4g}".format) + f"<ul>{warnings}</ul>"


def run(
    twin: Twin,
    network: Network,
    workload: Workload,
    *,
    duration_s: float,
    seed: int,
    times_s: np.ndarray | None = None,
    changes: Sequence[Change] = (),
) -> tuple[np.ndarray, Outcome]:
    """Simulate one window after a warm-up; give the kernel's log and its outcome.

    `times_s` replays arrivals (from the window's start; negative ones warm up) instead of drawing them.
    """
    if times_s is None:
        times_s = arrivals.poisson(workload, start_s=-WARM_UP_S, end_s=duration_s, seed=seed, changes=changes)
    shift = warm_up_of(times_s)
    end_s = shift + duration_s
    log = kernel.run(network, workload, times_s + shift, seed, changes=changes, shift_s=shift, end_s=end_s)
    return log, outcome(log, network, start_s=shift, end_s=end_s)


def warm_up_of(times_s: np.ndarray) -> float:
    """Give how long before the window the first arrival comes; one of closed users alone warms up too."""
    return max(0.0, -float(times_s[0])) if len(times_s) else WARM_UP_S


class Cancelled(Exception):
    """The caller of `predict` no longer wants its numbers."""


def predict(
    twin: Twin,
    settings: Mapping[str, Value],
    *,
    scenario: Scenario = AS_RECORDED,
    duration_s: float | None = None,
    seed: int = 0,
    times_s: np.ndarray | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Prediction:
    """Predict a window of `duration_s` (the recorded one's length if None) at these settings, with intervals.

    Runs every replicate of the twin once, each with luck of its own: value is the median of the runs, low and
    high the mean ∓ the 95 % point of Student's t times the spread between runs (with the new window's own
    luck included), never below 0 or, for shares, above 1. Raises SettingError for unknown knobs and values
    out of bounds, and Cancelled as soon as `cancelled()`, asked before every run, is true.
    """
    network, duration_s = twin.at(settings), duration_s or twin.duration_s

    def replicate(i: int, workload: Workload) -> Outcome:
        if cancelled():
            raise Cancelled
        luck = seed * 1000 + i
        return run(
            twin,
            network,
            scenario.apply(workload),
            duration_s=duration_s,
            seed=luck,
            times_s=times_s,
            changes=scenario.changes,
        )[1]

    with ThreadPoolExecutor(os.cpu_count()) as threads:  # the kernel lets go of the interpreter
        runs = list(threads.map(replicate, *zip(*enumerate(twin.replicates), strict=True)))
    numbers = pd.DataFrame([r.numbers for r in runs])
    table = pd.DataFrame(
        {
            "value": numbers.median(),
            "low": _bound(numbers, -1),
            "high": _bound(numbers, +1),
            "unit": [unit(name) for name in numbers.columns],
        }
    )
    return Prediction(
        settings=twin.settings.with_(settings),
        scenario=scenario,
        duration_s=duration_s,
        table=table,
        latency_s=np.concatenate([r.latency_s for r in runs]),
        outside=_outside(twin, network, table["value"]),
    )


def glance(
    twin: Twin,
    settings: Mapping[str, Value],
    *,
    scenario: Scenario = AS_RECORDED,
    requests: int = 20_000,
    seed: int = 0,
) -> Outcome:
    """Simulate once, on common random numbers, fast enough to follow a slider; no interval.

    About `requests` requests pass: a longer recording's rate over time is compressed, its steps included.
    """
    workload = scenario.apply(twin.workload)
    squeeze = min(1.0, requests / max(1.0, workload.mean_rps() * twin.duration_s))
    workload = replace(workload, bin_s=workload.bin_s * squeeze)
    changes = [replace(c, start_s=c.start_s * squeeze, end_s=c.end_s * squeeze) for c in scenario.changes]
    return run(
        twin,
        twin.at(settings),
        workload,
        duration_s=twin.duration_s * squeeze,
        seed=seed,
        changes=changes,
    )[1]


LOADS = (0.5, 0.7, 0.85, 1.0, 1.1, 1.2, 1.35, 1.5)


def load_curve(
    twin: Twin,
    settings: Mapping[str, Value],
    *,
    loads: Sequence[float] = LOADS,
    requests: int = 3_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Give the numbers of `outcome` at multiples of the recorded mean load, held constant: one row each.

    Columns: load (multiple), and the names of `outcome`. On common random numbers.
    """
    steady = twin.workload.steady()
    network = twin.at(settings)
    rows = []
    for load in loads:
        workload = steady.scaled(load)
        window_s = requests / workload.mean_rps()
        rows.append({"load": load} | run(twin, network, workload, duration_s=window_s, seed=seed)[1].numbers)
    return pd.DataFrame(rows)


def _bound(numbers: pd.DataFrame, side: int) -> pd.Series:
    """Prediction bound for one more window, by quantity; on the log scale for times, which are skewed."""
    n = len(numbers)
    reach = student_95(n - 1) * np.sqrt(1 + 1 / n) if n > 1 else np.nan
    skewed = [c for c in numbers if c.endswith("_s") and (numbers[c] > 0).all()]
    bound = numbers.mean() + side * reach * numbers.std(ddof=1)
    logs = np.log(numbers[skewed])
    bound[skewed] = np.exp(logs.mean() + side * reach * logs.std(ddof=1))
    shares = [unit(c) == "share" for c in numbers]
    return bound.clip(lower=0.0).clip(upper=np.where(shares, 1.0, np.inf))


def student_95(degrees: int) -> float:
    """Give Student's t at 95 % (one-sided)."""
    return _STUDENT_95[min(degrees, len(_STUDENT_95) - 1)]


# Student's t at 95 % (one-sided) by degrees of freedom, index 1 …; beyond the table the normal's is near.
_STUDENT_95 = [np.nan, 6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782]
_STUDENT_95 += [1.771, 1.761, 1.753, 1.746, 1.740, 1.734, 1.729, 1.725, 1.721, 1.717, 1.714, 1.711, 1.708]


def _outside(twin: Twin, network: Network, values: pd.Series) -> tuple[str, ...]:
    found = []
    for station in network.stations:
        busy = values.get(f"utilisation/{station.name}", 0.0)
        if busy > 0.95:
            found.append(
                f"{station.name}: {busy:.0%} of its workers busy; near saturation small errors grow large"
            )
        seen = twin.concurrency.get(station.name)
        wanted = busy * station.pool.servers if np.isfinite(station.pool.servers) else 0.0
        if seen and wanted > 1.5 * seen:
            found.append(
                f"{station.name}: {wanted:.0f} at work at once on average, "
                f"at most {seen:.0f} in the recording; "
                "its work may slow down beyond what was seen"
            )
    return tuple(found)
