"""Study: what a search saw beside its winner. The Pareto set, basins, what matters, how near the cliff is."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from html import escape

import numpy as np
import pandas as pd

from workbench.network import Scenario
from workbench.settings import Settings, Value
from workbench.tuning._hunt import Hunt, Point
from workbench.tuning._landscape import REQUESTS, OnTwin
from workbench.tuning.objective import SLO, Objective, said
from workbench.tuning.sweep import on_cores
from workbench.twin.model import Prediction, Twin, glance, predict, student_95
from workbench.twin.outcome import shown

_LOADS = 1.05 ** np.arange(29)  # to four times the load
QUICK = 8  # replicates where many predictions are made


@dataclass(frozen=True)
class Cliff:
    """Up to which multiple of the first scenario's load every SLO holds, and which breaks beyond it.

    `holds_at` is NaN if one is broken at the load itself, `breaks_at` and `slo` are NaN and None if all hold
    at the largest multiple tried.
    """

    holds_at: float
    breaks_at: float
    slo: SLO | None

    def __str__(self) -> str:
        if np.isnan(self.holds_at):
            return f"{self.slo} is broken at this load already"
        if self.slo is None:
            return f"every SLO holds up to {self.holds_at:.2f} × the load, the most that was tried"
        return f"{self.slo} breaks at {self.breaks_at:.2f} × the load, and holds at {self.holds_at:.2f} ×"


@dataclass(frozen=True, repr=False)
class Study:
    """What a search saw.

    `tried` has a row for each evaluation: the knobs' values, `cost`, the quantity of each SLO at its worst
    over the scenarios in one simulated window, `excess` (by how much the worst SLO is broken there, relative
    to its limit; at most 0 where all hold) and `confirmed` ("holds" or "broken" with intervals, "" if not
    asked). `front` are those that no other beats in both cost and excess, `basins` the best ones that lie
    apart. `matters` has a row for each knob put elsewhere (see `matters`). `regret` is how much less, as a
    share of the recommended cost, the cheapest setting cost that held in one window and was not refuted.
    """

    tried: pd.DataFrame
    front: pd.DataFrame
    basins: pd.DataFrame
    matters: pd.DataFrame
    cliff: Cliff | None
    regret: float

    def text(self) -> str:
        """Give it in a few lines of words."""
        lines = [f"near the cliff: {self.cliff}"] if self.cliff else []
        most = self.matters.sort_values("effect", key=abs, ascending=False, kind="stable")
        lines += [
            f"matters: {row.knob} at {row.instead} instead of {row.value}: {said(row.quantity)} "
            f"{_signed(row.quantity, row.effect)} ({_signed(row.quantity, row.low)} to "
            f"{_signed(row.quantity, row.high)}), {row.scenario}"
            for row in most[:3].itertuples()
            if row.effect
        ]
        lines.append(f"to choose from: {len(self.front)} settings from cost {_costs(self.front)}")
        if np.isfinite(self.regret):
            lines.append(f"regret against the best seen: at most {self.regret:.1%} of the cost")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Study({len(self.tried)} settings tried)\n{self.text()}"

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{escape(line)}</li>" for line in self.text().splitlines())
        return f"<ul>{lines}</ul>{self.front.to_html(index=False, float_format='{:.4g}'.format)}"


def study(
    twin: Twin,
    on: OnTwin,
    hunt: Hunt,
    winner: Point,
    held: Set[Point],
    refuted: Set[Point],
    *,
    seed: int,
    explain: bool,
) -> Study:
    """Sum up a hunt; `explain` simulates more, for the cliff and for what matters."""
    points = list(on.seen)
    told = {p: "holds" if p in held else "broken" if p in refuted else "" for p in points}
    tried = pd.DataFrame([_row(on, point) | {"confirmed": told[point]} for point in points])
    settings = on.settings(winner)
    cost = on.cost(winner)
    least = min([cost, *(on.cost(p) for p in points if on.in_one_window(p) <= 0 and p not in refuted)])
    return Study(
        tried=tried,
        front=tried[_undominated(tried)].sort_values("cost", kind="stable", ignore_index=True),
        basins=tried.iloc[[points.index(p) for p in hunt.basins()]].reset_index(drop=True),
        matters=matters(twin, on, winner, seed=seed) if explain else _NOTHING.copy(),
        cliff=cliff(twin, settings, on.objective, seed=seed) if explain else None,
        regret=(cost - least) / max(abs(cost), 1e-9) if winner in held else np.nan,
    )


def cliff(twin: Twin, settings: Settings, objective: Objective, *, seed: int = 0) -> Cliff:
    """Find up to which multiple of the load settings hold every SLO, by halving, with intervals."""
    first = objective.scenarios[0]
    some = _some(twin)

    def broken(load: float) -> SLO | None:
        scenario = replace(first, name=f"{load:.2f} × the load", load=first.load * load)
        prediction = predict(some, settings, scenario=scenario, seed=seed + 1)
        return _most_broken(objective.slos, prediction)

    low, high, slo = -1, len(_LOADS), None
    for at in (0, *[None] * len(_LOADS)):
        middle = (low + high) // 2 if at is None else at
        if middle in (low, high):
            break
        found = broken(float(_LOADS[middle]))
        if found is None:
            low = middle
        else:
            high, slo = middle, found
    ends = np.array([np.nan, *_LOADS, np.nan])
    return Cliff(float(ends[low + 1]), float(ends[high + 1]), slo)


def matters(twin: Twin, on: OnTwin, winner: Point, *, seed: int = 0) -> pd.DataFrame:
    """Put one knob after another elsewhere, and give what that does to the SLO nearest to its limit.

    A knob that was changed is put back, another a quarter of its values away, up and down. Columns: knob,
    value, instead, scenario, quantity, effect, low, high (90 % interval of the mean difference over the
    replicates, each pair on the same arrivals and luck).
    """
    if not on.knobs or not on.objective.slos:
        return _NOTHING.copy()
    slo, scenario = max(on.bounds(), key=lambda bound: _at_winner(on, winner, *bound))
    others = [(i, p) for i in range(len(on.knobs)) for p in _elsewhere(on, winner, i)]
    measure = partial(_replicated, _some(twin), scenario, slo.quantity, seed)
    points = [winner, *(point for _, point in others)]
    here, *there = on_cores(measure, [on.settings(p) for p in points])
    rows = []
    for (i, point), values in zip(others, there, strict=True):
        knob = on.knobs[i]
        difference = values - here
        reach = (
            student_95(len(here) - 1) * difference.std(ddof=1) / np.sqrt(len(here))
            if len(here) > 1
            else np.nan
        )
        mean = difference.mean()
        row = (
            on.value(winner, i),
            on.value(point, i),
            scenario.name,
            slo.quantity,
            mean,
            mean - reach,
            mean + reach,
        )
        rows.append((knob.key, *row))
    table = pd.DataFrame(rows, columns=_NOTHING.columns, dtype=object)
    return table.astype(dict.fromkeys(("effect", "low", "high"), float))


def _row(on: OnTwin, point: Point) -> dict[str, Value]:
    worst: dict[str, Value] = {knob.key: on.value(point, i) for i, knob in enumerate(on.knobs)}
    worst["cost"] = on.cost(point)
    for slo in on.objective.slos:
        values = [numbers[slo.quantity] for numbers in on.seen[point].values()]
        worst[slo.quantity] = min(values) if slo.at_least else max(values)
    return worst | {"excess": on.in_one_window(point)}


def _undominated(tried: pd.DataFrame) -> np.ndarray:
    """Tell which rows no other row beats in cost and excess."""
    cost, excess = tried["cost"].to_numpy(float), tried["excess"].to_numpy(float)
    order = np.lexsort((excess, cost))
    least = np.minimum.accumulate(np.concatenate([[np.inf], excess[order]]))[:-1]
    kept = np.zeros(len(tried), dtype=bool)
    kept[order] = (excess[order] < least) & np.isfinite(cost[order])
    return kept


def _most_broken(slos: Sequence[SLO], prediction: Prediction) -> SLO | None:
    broken = [slo for slo in slos if not slo.holds(prediction)]
    return max(broken, key=lambda slo: slo.excess(slo.worst(prediction)), default=None)


def _at_winner(on: OnTwin, winner: Point, slo: SLO, scenario: Scenario) -> float:
    numbers = on.seen[winner].get(scenario.name)
    return -np.inf if numbers is None else slo.excess(numbers[slo.quantity])


def _elsewhere(on: OnTwin, winner: Point, i: int) -> list[Point]:
    quarter = max(1, on.sizes[i] // 4)
    values = [on.here[i]] if winner[i] != on.here[i] else [winner[i] - quarter, winner[i] + quarter]
    if on.words[i]:
        values = list(range(on.sizes[i]))
    inside = {min(max(v, 0), on.sizes[i] - 1) for v in values} - {winner[i]}
    return [(*winner[:i], v, *winner[i + 1 :]) for v in sorted(inside)]


def _some(twin: Twin) -> Twin:
    return replace(twin, replicates=twin.replicates[:QUICK])


def _replicated(twin: Twin, scenario: Scenario, quantity: str, seed: int, settings: Settings) -> np.ndarray:
    def one(i: int) -> float:
        refitted = replace(twin, workload=twin.replicates[i])
        out = glance(refitted, settings, scenario=scenario, requests=REQUESTS, seed=(seed + 1) * 1000 + i)
        return out.numbers[quantity]

    return np.array([one(i) for i in range(len(twin.replicates))])


def _signed(quantity: str, difference: float) -> str:
    return f"{'−' if difference < 0 else '+'}{shown(quantity, abs(difference))}"


def _costs(front: pd.DataFrame) -> str:
    return f"{front['cost'].min():.4g} to {front['cost'].max():.4g}" if len(front) else "–"


_NOTHING = pd.DataFrame(columns=["knob", "value", "instead", "scenario", "quantity", "effect", "low", "high"])
