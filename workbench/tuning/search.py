"""`search`: the cheapest settings that hold every SLO in every scenario.

Knobs move on grids (`grid`); `_hunt` simulates settings after settings. The winner is predicted again on
fresh seeds with intervals; where the bad end of one breaks an SLO, the search goes on with that margin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from workbench.errors import SettingError
from workbench.settings import Knob, Settings, Value, find
from workbench.tuning._hunt import Hunt, Progress
from workbench.tuning.objective import Objective
from workbench.tuning.recommendation import BY_HAND, CHANGE, LEAVE, NO_ADVICE, Recommendation
from workbench.twin.model import Prediction, Twin, predict

__all__ = ["Progress", "chosen", "search", "tunable"]

_ALTERNATIVES = ["alternative", "p99_s", "p99_low_s", "p99_high_s", "error_share", "cost", "holds"]


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
    budget: int = 200,
    seed: int = 0,
    progress: Callable[[Progress], bool | None] | None = None,
) -> Recommendation:
    """Recommend settings of `knobs` (default `tunable(twin)`) for an objective.

    `budget` bounds the evaluations (each one simulated window per scenario). `progress` is called after each
    one and stops the search by returning False; the best so far is then confirmed and returned. The same seed
    gives the same answer.
    """
    if budget < 1:
        raise SettingError(f"budget {budget}", where="search", expected="1 evaluation or more")
    objective = objective or Objective()
    chosen = [
        k if isinstance(k, Knob) else find(twin.knobs, k) for k in (tunable(twin) if knobs is None else knobs)
    ]
    fixed = [knob.key for knob in chosen if not knob.tunable]
    if fixed:
        raise SettingError(
            f"{', '.join(fixed)} move no mechanism of the twin", expected="knobs that the twin can predict"
        )
    before = predict(twin, {}, scenario=objective.scenarios[0], seed=seed + 1)
    hunt = Hunt(twin, chosen, objective, budget, seed, progress)
    winner, after, holds = hunt.confirmed()
    others = {} if hunt.stopped else hunt.named()
    current = twin.settings
    kept = LEAVE if winner == current else CHANGE
    advice = kept if holds else NO_ADVICE
    return Recommendation(
        advice=advice,
        current=current,
        settings=winner,
        knobs=twin.knobs,
        network=twin.at(winner),
        slos=objective.slos,
        before=before,
        after=after,
        alternatives=_alternatives(
            twin,
            {"as recorded": current, "recommended": winner} | others,
            objective,
            seed,
            known={current: before, winner: after},
        ),
        evidence=_evidence(twin, objective),
        evaluations=hunt.spent,
        seed=seed,
    )


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
    known: Mapping[Settings, Prediction],
) -> pd.DataFrame:
    """Predict settings by name: numbers under the first scenario, `holds` under all, as for the winner.

    `known` are predictions under the first scenario that were made already.
    """
    first, *others = objective.scenarios
    rows = []
    for name, settings in named.items():
        p = known.get(settings) or predict(twin, settings, scenario=first, seed=seed + 1)
        cost = objective.cost(twin.at(settings), settings, now=twin.network, current=twin.settings)
        holds = all(slo.holds(p) for slo in objective.slos) and all(
            slo.holds(under)
            for scenario in others
            for under in [predict(twin, settings, scenario=scenario, seed=seed + 1)]
            for slo in objective.slos
        )
        rows.append((name, p["p99_s"], *p.interval("p99_s"), p["error_share"], cost, holds))
    return pd.DataFrame(rows, columns=_ALTERNATIVES)
