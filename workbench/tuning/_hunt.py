"""The hunt behind `search`: which settings are simulated, in which order, and when one is confirmed.

A pattern search (Hooke & Jeeves, "Direct search" solution of numerical and statistical problems, J. ACM 1961)
goes down from the present settings, then from the best of a design (corners, folklore, a Latin hypercube)
that finds other basins. All run on common random numbers: two settings meet the same arrivals and the same
luck, so that their difference is the settings'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.network import Scenario
from workbench.settings import Knob, Settings
from workbench.tuning.grid import grid, number
from workbench.tuning.objective import SLO, Objective
from workbench.twin.model import Prediction, Twin, glance, predict

_SHARES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.0)  # of the budget, spent before each confirmation
_REQUESTS = 12_000  # simulated by one evaluation, in each scenario
_HOPELESS = 2.0  # three times the limit: further scenarios need not be tried


@dataclass(frozen=True)
class Progress:
    """How far a search is: evaluations so far, of how many, and the best settings yet."""

    evaluations: int
    budget: int
    best: Settings
    holds: bool


class _Spent(Exception):
    """The share of the budget is spent."""


class _Stop(Exception):
    """The caller said stop."""


class Hunt:
    """One search: grids, what was evaluated, and the order (how far from holding, then cost).

    One simulated window gives a value; an SLO must hold at the bad end of an interval. What lies between them
    (`_margin`, a factor, for error shares a difference) grows whenever a confirmation fails.
    """

    def __init__(
        self,
        twin: Twin,
        knobs: Sequence[Knob],
        objective: Objective,
        budget: int,
        seed: int,
        progress: Callable[[Progress], bool | None] | None,
    ) -> None:
        self._twin, self._knobs, self._objective = twin, knobs, objective
        self._budget, self._seed, self._progress = budget, seed, progress
        self._grids = [grid(knob, number(twin.settings.get(knob.key), knob)) for knob in knobs]
        self._here = tuple(
            g.index(number(twin.settings.get(k.key), k)) for g, k in zip(self._grids, knobs, strict=True)
        )
        self._seen: dict[tuple[int, ...], tuple[list[dict[str, float]], float]] = {}
        self._margin = {(slo, scenario.name): _first_margin(slo) for slo, scenario in self._bounds()}
        self._may_spend = budget
        self.stopped = False
        self.spent = 0

    def _bounds(self) -> list[tuple[SLO, Scenario]]:
        return [(slo, scenario) for scenario in self._objective.scenarios for slo in self._objective.slos]

    def confirmed(self) -> tuple[Settings, Prediction, bool]:
        """Search, confirm with intervals, and search on with truer margins while that fails.

        Gives the cheapest settings that were confirmed, their prediction under the first scenario, and True;
        or those that come nearest, and False.
        """
        found: dict[tuple[int, ...], tuple[dict[str, Prediction], bool]] = {}
        for share in _SHARES:
            self._may_spend = round(self._budget * share)
            ended = self._hunted()
            best = self._best()
            if best not in found:
                found[best] = self._confirm(best)
            if ended and found[best][1]:
                break
            if self.stopped:
                break
        holding = [point for point, (_, holds) in found.items() if holds]
        chosen = min(holding, key=lambda p: self._seen[p][1]) if holding else best
        predictions, holds = found[chosen]
        return self.settings(chosen), predictions[self._objective.scenarios[0].name], holds

    def _confirm(self, point: tuple[int, ...]) -> tuple[dict[str, Prediction], bool]:
        predictions = {
            scenario.name: predict(self._twin, self.settings(point), scenario=scenario, seed=self._seed + 1)
            for scenario in self._objective.scenarios
        }
        holds = True
        for slo, scenario in self._bounds():
            prediction = predictions[scenario.name]
            if not slo.holds(prediction):
                holds = False
                self._margin[slo, scenario.name] = self._truer(slo, scenario, point, prediction)
        return predictions, holds

    def _truer(self, slo: SLO, scenario: Scenario, point: tuple[int, ...], prediction: Prediction) -> float:
        """Give the margin that would have kept this point from looking good, and a little more."""
        measured = self._seen[point][0]
        row = [s.name for s in self._objective.scenarios].index(scenario.name)
        one = measured[row][slo.quantity] if row < len(measured) else prediction[slo.quantity]
        if slo.quantity == "error_share":
            return max(self._margin[slo, scenario.name], slo.worst(prediction) - one) + 0.001
        before, known = self._margin[slo, scenario.name], slo.worst(prediction) / one
        return min(before, known) / 1.03 if slo.quantity == "throughput_rps" else max(before, known) * 1.03

    def _hunted(self) -> bool:
        """Search until nothing near is better (True), or the share of the budget is spent."""
        try:
            self._hunt()
        except _Spent:
            return False
        except _Stop:
            self.stopped = True
        return True

    def settings(self, point: tuple[int, ...]) -> Settings:
        """Give the settings at a point of the grids."""
        moved = {
            knob.key: knob.check(grid_[i])
            for knob, grid_, i, here in zip(self._knobs, self._grids, point, self._here, strict=True)
            if i != here
        }
        return self._twin.settings.with_(moved)

    def _order(self, point: tuple[int, ...]) -> tuple[float, float]:
        """Least violation first, then least cost."""
        measured, cost = self._seen[point]
        worst = max(
            slo.excess(_worsened(slo, numbers[slo.quantity], self._margin[slo, scenario.name]))
            for numbers, scenario in zip(measured, self._objective.scenarios, strict=False)
            for slo in self._objective.slos
        )
        return max(0.0, worst), cost

    def _best(self) -> tuple[int, ...]:
        return min(self._seen, key=self._order)

    def _evaluate(self, point: tuple[int, ...]) -> tuple[float, float]:
        if point not in self._seen:
            if self.spent >= self._may_spend and self._seen:
                raise _Spent
            self.spent += 1
            self._seen[point] = self._measure(point)
            if self._progress:
                best = self._best()
                state = Progress(self.spent, self._budget, self.settings(best), self._order(best)[0] == 0)
                if self._progress(state) is False:
                    raise _Stop
        return self._order(point)

    def _measure(self, point: tuple[int, ...]) -> tuple[list[dict[str, float]], float]:
        settings = self.settings(point)
        network = self._twin.at(settings)
        measured: list[dict[str, float]] = []
        for scenario in self._objective.scenarios:
            out = glance(self._twin, settings, scenario=scenario, requests=_REQUESTS, seed=self._seed)
            measured.append(out.numbers)
            if max(slo.excess(out.numbers[slo.quantity]) for slo in self._objective.slos) > _HOPELESS:
                break
        cost = self._objective.cost(network, settings, now=self._twin.network, current=self._twin.settings)
        return measured, cost

    def _hunt(self) -> None:
        self._undone(self._descend(self._here))
        for point in self._design():
            self._evaluate(point)
        for start in self._basins():
            self._descend(self._undone(start))
        self._undone(self._best())

    def _basins(self) -> list[tuple[int, ...]]:
        """Give the best starts that lie apart from each other."""
        found: list[tuple[int, ...]] = []
        for start in sorted(self._seen, key=self._order):
            if all(self._apart(start, other) for other in found):
                found.append(start)
        return found[:3]

    def _apart(self, one: tuple[int, ...], other: tuple[int, ...]) -> bool:
        return any(abs(a - b) > len(g) // 4 for a, b, g in zip(one, other, self._grids, strict=True))

    def _design(self) -> Iterable[tuple[int, ...]]:
        yield from self._folklore().values()
        last = [len(g) - 1 for g in self._grids]
        rng = np.random.default_rng(self._seed)
        workers = [i for i, knob in enumerate(self._knobs) if knob.name == "workers"]
        for factor in (0.25, 0.5):  # corners of the pools, the rest as it is
            yield tuple(
                min(last[i], self._here[i] + round(last[i] * factor)) if i in workers else here
                for i, here in enumerate(self._here)
            )
        n = min(16, max(8, self._budget // 12))
        columns = [(rng.permutation(n) + rng.random(n)) / n for _ in self._grids]
        for row in zip(*columns, strict=True):
            yield tuple(int(u * len(g)) for u, g in zip(row, self._grids, strict=True))

    def _folklore(self) -> dict[str, tuple[int, ...]]:
        """Values that people set by rule of thumb, where the knobs allow them."""

        def point(rule: Callable[[Knob, float], float]) -> tuple[int, ...]:
            return tuple(
                _nearest(g, rule(knob, g[here]))
                for knob, g, here in zip(self._knobs, self._grids, self._here, strict=True)
            )

        return {
            "twice the workers": point(lambda k, v: 2 * v if k.name == "workers" else v),
            "no retries": point(lambda k, v: 1 if k.name.endswith("attempts") else v),
            "twice the workers, no retries": point(
                lambda k, v: 2 * v if k.name == "workers" else 1 if k.name.endswith("attempts") else v
            ),
        }

    def named(self) -> dict[str, Settings]:
        """Give the rules of thumb as settings."""
        return {name: self.settings(point) for name, point in self._folklore().items()}

    def _descend(self, point: tuple[int, ...]) -> tuple[int, ...]:
        """Move one knob at a time while that is better; what does not pay rests until steps halve."""
        step = [max(1, len(g) // 8) for g in self._grids]
        best = self._evaluate(point)
        active = self._likely_first(range(len(point)))
        while active:
            for i in list(active):
                before = best
                for sign in (-1, 1) if best[0] == 0 else (1, -1):
                    while (there := self._moved(point, i, sign * step[i])) != point:
                        order = self._evaluate(there)
                        if order >= best:
                            break
                        point, best = there, order
                    if best < before:
                        break
                if best == before:
                    active.remove(i)
            if not active and max(step) > 1:
                step = [max(1, s // 2) for s in step]
                active = self._likely_first(range(len(point)))
        return point

    def _likely_first(self, numbers: Iterable[int]) -> list[int]:
        """Pools before policies: they decide most often."""
        return sorted(numbers, key=lambda i: self._knobs[i].name != "workers")

    def _moved(self, point: tuple[int, ...], i: int, by: int) -> tuple[int, ...]:
        there = min(max(point[i] + by, 0), len(self._grids[i]) - 1)
        return (*point[:i], there, *point[i + 1 :])

    def _undone(self, point: tuple[int, ...]) -> tuple[int, ...]:
        """Take back each change that does not pay; give where that leads."""
        best = self._evaluate(point)
        for i, here in enumerate(self._here):
            if point[i] != here:
                there = (*point[:i], here, *point[i + 1 :])
                order = self._evaluate(there)
                if order <= best:
                    point, best = there, order
        return point


def _first_margin(slo: SLO) -> float:
    return {"error_share": 0.001, "throughput_rps": 0.95}.get(slo.quantity, 1.15)


def _worsened(slo: SLO, value: float, margin: float) -> float:
    return value + margin if slo.quantity == "error_share" else value * margin


def _nearest(values: Sequence[float], wanted: float) -> int:
    return int(np.argmin([abs(v - wanted) for v in values]))
