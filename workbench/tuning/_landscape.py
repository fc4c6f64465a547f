"""The landscape that a twin and an objective make: settings on grids, simulated on common random numbers.

Two settings meet the same arrivals and the same luck, so that their difference is the settings'. One window
gives a value, while an SLO must hold at the bad end of an interval: what lies between them (`_margin`, a
factor, for error shares a difference) grows whenever a confirmation fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from workbench.network import Scenario
from workbench.settings import Knob, Settings, Value
from workbench.tuning._hunt import Point
from workbench.tuning._store import Store
from workbench.tuning.grid import grid, present
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.sweep import on_cores
from workbench.twin.model import Prediction, Twin, glance

REQUESTS = 12_000  # simulated by one evaluation, in each scenario
_SHORT = 2_000  # simulated first, in the hardest scenario
_HOPELESS = 2.0  # three times the limit: further scenarios need not be tried

Numbers = dict[str, dict[str, float]]  # by scenario, as far as it was simulated


@dataclass(frozen=True)
class Progress:
    """How far a search is: evaluations so far, of how many, and the best settings yet."""

    evaluations: int
    budget: int
    best: Settings
    holds: bool


class Spent(Exception):
    """The evaluations that may be made are made."""


class Stopped(Exception):
    """The caller said stop."""


def look(twin: Twin, objective: Objective, seed: int, settings: Settings) -> Numbers:
    """Simulate settings in every scenario; a hopeless one is left after a short run in the hardest."""
    found: Numbers = {}
    hardest = max(objective.scenarios, key=lambda s: (s.load * float(np.prod([*s.slower.values()])), s.name))
    runs = [(hardest, _SHORT), *((scenario, REQUESTS) for scenario in objective.scenarios)]
    for scenario, requests in runs:
        out = glance(twin, settings, scenario=scenario, requests=requests, seed=seed).numbers
        found[scenario.name] = out
        if max((slo.excess(out[slo.quantity]) for slo in objective.slos), default=0.0) > _HOPELESS:
            return {scenario.name: out}
    return found


class OnTwin:
    """A `Landscape` whose points are settings of a twin."""

    def __init__(
        self,
        twin: Twin,
        knobs: Sequence[Knob],
        objective: Objective,
        *,
        budget: int,
        seed: int,
        store: Store,
        executor: Executor | None = None,
        progress: Callable[[Progress], bool | None] | None = None,
    ) -> None:
        self.knobs, self.objective, self.may_spend = knobs, objective, budget
        self._twin, self._budget, self._progress = twin, budget, progress
        self._now = [present(twin.settings.get(knob.key), knob) for knob in knobs]
        self._grids = [
            grid(knob, now, step=objective.steps.get(knob.key))
            for knob, now in zip(knobs, self._now, strict=True)
        ]
        self.sizes: Sequence[int] = [len(values) for values in self._grids]
        self.words: Sequence[bool] = [bool(knob.choices) for knob in knobs]
        self.here = tuple(g.index(now) for g, now in zip(self._grids, self._now, strict=True))
        self._pricing = objective.pricing(twin)
        self._known: dict[Point, float] = {}
        self.seen: dict[Point, Numbers] = {}
        self._margin = {(slo, scenario.name): _first_margin(slo) for slo, scenario in self.bounds()}
        self._store, self._executor = store, executor
        self._look = partial(look, replace(twin, replicates=(), notes=()), objective, seed)

    def bounds(self) -> list[tuple[SLO, Scenario]]:
        """Give every SLO in every scenario."""
        return [(slo, scenario) for scenario in self.objective.scenarios for slo in self.objective.slos]

    def moved(self, point: Point) -> dict[str, Value]:
        """Give the values at a point that are not as they were."""
        return {
            knob.key: self.value(point, i) for i, knob in enumerate(self.knobs) if point[i] != self.here[i]
        }

    def value(self, point: Point, i: int) -> Value:
        """Give the value of a knob, by number, at a point."""
        return self.knobs[i].check(self._grids[i][point[i]])

    def settings(self, point: Point) -> Settings:
        """Give the settings at a point."""
        return self._twin.settings.with_(self.moved(point))

    def point(self, settings: Mapping[str, Value]) -> Point:
        """Give the point nearest to settings."""
        there = [present(settings.get(knob.key), knob) for knob in self.knobs]
        return tuple(_nearest(values, wanted) for values, wanted in zip(self._grids, there, strict=True))

    def known(self, point: Point) -> float:
        """Give the part of the cost that needs no simulation."""
        if point not in self._known:
            self._known[point] = self._pricing.cost(self.moved(point))
        return self._known[point]

    def tried(self) -> Sequence[Point]:
        """Give the points tried, in order."""
        return list(self.seen)

    def cost(self, point: Point) -> float:
        """Give the whole cost of a tried point; without end where it was hopeless and not measured."""
        first = self.seen[point].get(self.objective.scenarios[0].name)
        return self.known(point) + (np.inf if first is None else self.objective.measured_cost(first))

    def signed(self, point: Point) -> float:
        """Give by how much the worst SLO is broken, the margins to the bad ends included; negative inside."""
        return max(
            (
                slo.excess(_worsened(slo, self.seen[point][name][slo.quantity], margin))
                for (slo, name), margin in self._margin.items()
                if name in self.seen[point]
            ),
            default=-1.0,
        )

    def in_one_window(self, point: Point) -> float:
        """Give by how much the worst SLO is broken in the windows simulated, without a margin."""
        numbers = self.seen[point]
        return max(
            (slo.excess(n[slo.quantity]) for n in numbers.values() for slo in self.objective.slos),
            default=-1.0,
        )

    def measure(self, points: Sequence[Point]) -> None:
        """Try new points, as many as may still be spent, and tell of each."""
        some = points[: max(0, self.may_spend - len(self.seen))]
        wanted = [self.settings(p) for p in some if p not in self._store]
        self._store.add(
            zip(
                (p for p in some if p not in self._store),
                on_cores(self._look, wanted, self._executor),
                strict=True,
            )
        )
        for point in some:
            self.seen[point] = self._store[point]
            self._tell()
        if len(some) < len(points):
            raise Spent

    def _tell(self) -> None:
        if self._progress:
            best = min(self.seen, key=lambda p: (max(0.0, self.signed(p)), self.cost(p)))
            state = Progress(len(self.seen), self._budget, self.settings(best), self.signed(best) <= 0)
            if self._progress(state) is False:
                raise Stopped

    def learn(self, point: Point, predictions: Mapping[str, Prediction]) -> bool:
        """Widen the margins by which this point looked better than its intervals; True if all SLOs hold."""
        broken = [(slo, s.name) for slo, s in self.bounds() if not slo.holds(predictions[s.name])]
        for slo, name in broken:
            one = self.seen[point].get(name, predictions[name].table["value"])[slo.quantity]
            self._margin[slo, name] = _truer(slo, self._margin[slo, name], slo.worst(predictions[name]), one)
        return not broken


def _first_margin(slo: SLO) -> float:
    return {"error_share": 0.001, "throughput_rps": 0.95}.get(slo.kind, 1.15)


def _worsened(slo: SLO, value: float, margin: float) -> float:
    return value + margin if slo.kind == "error_share" else value * margin


def _truer(slo: SLO, before: float, worst: float, one: float) -> float:
    """Give the margin that would have kept a value from looking good, and a little more."""
    if slo.kind == "error_share":
        return max(before, worst - one) + 0.001
    known = worst / one if one else before
    return min(before, known) / 1.03 if slo.at_least else max(before, known) * 1.03


def _nearest(values: Sequence[float | str], wanted: float | str) -> int:
    if wanted in values:
        return values.index(wanted)
    return int(np.argmin([abs(float(v) - float(wanted)) for v in values]))
