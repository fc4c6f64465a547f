"""`search`: the cheapest settings that hold every SLO in every scenario.

Knobs move on grids (`grid`); `_hunt` names settings after settings, `_landscape` simulates them. The winner
is predicted again on fresh seeds with intervals; where the bad end of one breaks an SLO, the search goes on
with that margin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import SettingError
from workbench.settings import Knob, Settings, Value, find
from workbench.tuning import _store
from workbench.tuning._hunt import Hunt, Point, order
from workbench.tuning._landscape import OnTwin, Progress, Spent, Stopped
from workbench.tuning.folklore import folklore
from workbench.tuning.objective import Objective, said
from workbench.tuning.recommendation import BY_HAND, CHANGE, LEAVE, NO_ADVICE, Recommendation
from workbench.tuning.study import QUICK, study
from workbench.twin.model import Prediction, Twin, predict
from workbench.twin.outcome import shown

__all__ = ["Progress", "chosen", "search", "tunable"]

_ALTERNATIVES = ["alternative", "p99_s", "p99_low_s", "p99_high_s", "error_share", "cost", "holds", "why_not"]
_SHARES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.0)  # of the budget, spent before each confirmation
_CHEAPER = 4  # further confirmations, of what is cheaper than the first that holds
_LEVELS = (-0.6, -0.4, -0.2, 0.3, 1.0, 3.0)  # of the worst SLO's excess, between which the Pareto set lies

Predictions = Mapping[str, Prediction]  # by scenario


def tunable(twin: Twin) -> list[Knob]:
    """Give the knobs that `search` moves unless told otherwise: workers, timeouts, tries and the deadline.

    Queues and rate limits refuse requests, which a team will want to decide; they can be named.
    """
    wanted = ("workers", "timeout_s", "attempts")
    entry = {call.to for call in twin.network[twin.network.entry].calls}
    return [
        knob
        for knob in twin.knobs
        if knob.tunable
        and (knob.name.split(".")[-1] in wanted or (knob.name == "deadline_s" and knob.service in entry))
    ]


def search(
    twin: Twin,
    knobs: Iterable[str | Knob] | None = None,
    objective: Objective | None = None,
    *,
    budget: int = 300,
    seed: int = 0,
    progress: Callable[[Progress], bool | None] | None = None,
    study_file: str | Path | None = None,
    executor: Executor | None = None,
    explain: bool = True,
) -> Recommendation:
    """Recommend settings of `knobs` (default `tunable(twin)`) for an objective.

    `budget` bounds the evaluations (each one simulated window per scenario). `progress` is called after each
    one and stops the search by returning False; the best so far is then confirmed and returned. With a
    `study_file` evaluations are kept there, and a search that was stopped goes on when it is called again.
    Evaluations run on all cores, or on `executor` (see `sweep`). `explain` adds the rules of thumb, what
    matters and the cliff, which takes some more predictions. The same seed gives the same answer, anywhere.
    """
    if budget < 1:
        raise SettingError(f"budget {budget}", where="search", expected="1 evaluation or more")
    objective = objective or Objective()
    named = [
        k if isinstance(k, Knob) else find(twin.knobs, k) for k in (tunable(twin) if knobs is None else knobs)
    ]
    fixed = [knob.key for knob in named if not knob.tunable]
    if fixed:
        raise SettingError(
            f"{', '.join(fixed)} move no mechanism of the twin", expected="knobs that the twin can predict"
        )
    free = objective.allowed(named)
    before = _predicted(twin, twin.settings, objective, seed)
    _all_predicted(objective, before)
    store = _store.Store(study_file, _store.asked(twin, free, objective, seed))
    on = OnTwin(
        twin, free, objective, budget=budget, seed=seed, store=store, executor=executor, progress=progress
    )
    rules = folklore(twin, free)
    hunt = Hunt(on, [on.point(settings) for settings in rules.values()], seed=seed)
    found = _Confirmations(twin, on, seed, before)
    winner, stopped = _confirmed(on, hunt, found, budget)
    after, holds = found.predicted[winner], winner in found.held
    explain = explain and not stopped
    settings, current = on.settings(winner), twin.settings
    compared = {"as recorded": current, "recommended": settings} | (rules if explain else {})
    kept = LEAVE if settings == current else CHANGE
    return Recommendation(
        advice=kept if holds else NO_ADVICE,
        current=current,
        settings=settings,
        knobs=twin.knobs,
        network=twin.at(settings),
        slos=objective.slos,
        before=before[objective.scenarios[0].name],
        after=after[objective.scenarios[0].name],
        alternatives=_alternatives(twin, compared, objective, seed, known={current: before, settings: after}),
        evidence=_evidence(twin, objective),
        evaluations=len(on.seen),
        seed=seed,
        study=study(twin, on, hunt, winner, found.held, found.refuted, seed=seed, explain=explain),
    )


class _Confirmations:
    """What was predicted with intervals, and which points hold every SLO by that."""

    def __init__(self, twin: Twin, on: OnTwin, seed: int, before: Predictions) -> None:
        self._twin, self._on, self._seed = twin, on, seed
        self.predicted: dict[Point, Predictions] = {on.here: before}
        kept = all(slo.holds(before[scenario.name]) for slo, scenario in on.bounds())
        self.held: set[Point] = {on.here} if kept else set()
        self.refuted: set[Point] = set() if kept else {on.here}

    def holds(self, point: Point) -> bool:
        """Predict a point and learn from where it is worse than it looked; True if every SLO holds."""
        if point not in self.predicted:
            self.predicted[point] = _predicted(
                self._twin, self._on.settings(point), self._on.objective, self._seed
            )
        holds = self._on.learn(point, self.predicted[point])
        (self.held if holds else self.refuted).add(point)
        return holds

    def lower(self, times: int) -> None:
        """Confirm cheaper points than the cheapest that holds, by halving: the margins are rough."""
        cost, least = self._on.cost, -np.inf
        for _ in range(times if self.held else 0):
            most = min(map(cost, self.held))
            fine = [p for p in self._on.seen if p not in self.refuted and self._on.in_one_window(p) <= 0]
            between = sorted((p for p in fine if least < cost(p) < most), key=cost)
            if not between:
                break
            point = between[len(between) // 2]
            if not self.holds(point):
                least = cost(point)


def _confirmed(on: OnTwin, hunt: Hunt, found: _Confirmations, budget: int) -> tuple[Point, bool]:
    """Search, confirm with intervals, and search on with truer margins while that fails.

    Gives the cheapest point that was confirmed, or the one that comes nearest; and True if it was stopped.
    """
    stopped = False
    for share in _SHARES:
        on.may_spend, ended = round(budget * share), True
        try:
            hunt.run()
        except Spent:
            ended = False
        except Stopped:
            stopped = True
        best = hunt.best()
        if (found.holds(best) and ended) or stopped:
            break
    if not stopped:
        found.lower(_CHEAPER)
        try:
            hunt.widen(_LEVELS)
        except (Spent, Stopped) as end:
            stopped = isinstance(end, Stopped)
    return min(found.held or {best}, key=lambda p: order(on, p)[1]), stopped


def _predicted(twin: Twin, settings: Settings, objective: Objective, seed: int) -> Predictions:
    """Predict under every scenario, on seeds that no evaluation met."""
    return {s.name: predict(twin, settings, scenario=s, seed=seed + 1) for s in objective.scenarios}


def _all_predicted(objective: Objective, before: Predictions) -> None:
    table = before[objective.scenarios[0].name].table
    wanted = [slo.quantity for slo in objective.slos] + [n for n in objective.cost if objective.measures(n)]
    for name in wanted:
        if name not in table.index:
            raise SettingError(f"{name!r} is not predicted", expected=f"one of {', '.join(table.index)}")


def chosen(
    twin: Twin,
    settings: Mapping[str, Value],
    objective: Objective | None = None,
    *,
    before: Prediction | None = None,
    after: Prediction | None = None,
    seed: int = 0,
) -> Recommendation:
    """Give settings that someone chose by hand as a recommendation, to look at, export and verify.

    `before` and `after` are predictions made already, under the objective's first scenario; without them it
    predicts. Whether the SLOs hold is not asked.
    """
    objective = objective or Objective()
    moved = twin.settings.with_(settings)
    first = objective.scenarios[0]
    return Recommendation(
        advice=BY_HAND,
        current=twin.settings,
        settings=moved,
        knobs=twin.knobs,
        network=twin.at(moved),
        slos=objective.slos,
        before=before or predict(twin, {}, scenario=first, seed=seed + 1),
        after=after or predict(twin, moved, scenario=first, seed=seed + 1),
        alternatives=pd.DataFrame(columns=_ALTERNATIVES),
        evidence=_evidence(twin, objective),
        evaluations=0,
        seed=seed,
    )


def _evidence(twin: Twin, objective: Objective) -> dict[str, Any]:
    return {
        "capture": twin.name,
        "window": f"{twin.start:%Y-%m-%d %H:%M:%S} UTC, {twin.duration_s:.0f} s",
        "objective": [str(slo) for slo in objective.slos],
        "scenarios": [scenario.name for scenario in objective.scenarios],
        "assumptions": list(twin.notes),
    }


def _alternatives(
    twin: Twin,
    named: Mapping[str, Settings],
    objective: Objective,
    seed: int,
    *,
    known: Mapping[Settings, Predictions],
) -> pd.DataFrame:
    """Predict settings by name: numbers under the first scenario, `holds` under all.

    What is not known yet is predicted with fewer replicates than the winner.
    """
    pricing, rows = objective.pricing(twin), []
    quick = replace(twin, replicates=twin.replicates[:QUICK])
    least = pricing.cost(named["recommended"])
    for name, settings in named.items():
        under = known.get(settings) or _predicted(quick, settings, objective, seed)
        p = under[objective.scenarios[0].name]
        broken = _broken(objective, under)
        cost = pricing.cost(settings) + objective.measured_cost(dict(p.table["value"]))
        least = cost if name == "recommended" else least
        dearer = f"costs {cost - least:.4g} more" if cost > least else ""
        rows.append(
            (name, p["p99_s"], *p.interval("p99_s"), p["error_share"], cost, not broken, broken or dearer)
        )
    return pd.DataFrame(rows, columns=_ALTERNATIVES)


def _broken(objective: Objective, under: Predictions) -> str:
    """Say which SLO may be broken the most and where, with the number; nothing if all hold."""
    worst = [(slo.excess(slo.worst(p)), slo, name) for name, p in under.items() for slo in objective.slos]
    excess, slo, name = max(worst, key=lambda row: row[0], default=(0.0, None, ""))
    if slo is None or excess <= 0:
        return ""
    may = "fall to" if slo.at_least else "reach"
    return f"{said(slo.quantity)} may {may} {shown(slo.quantity, slo.worst(under[name]))}, {name}"
