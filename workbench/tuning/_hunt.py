"""The hunt behind `search`: which settings are tried, in which order, on any landscape over a grid.

It starts from the present settings, rules of thumb and corners, since an optimum in a corner basin shows
nowhere else. Then a surrogate (`_surrogate`) names the settings from which most is to be gained, first
anywhere, then within each basin found; when nothing is to be gained the next corners are tried; at the end
all neighbours of the best. Points are tried in batches of one size, so that the answer is the same on any
number of cores.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, product
from typing import Protocol

import numpy as np

from workbench.tuning._surrogate import Surrogate, fit

Point = tuple[int, ...]
Order = tuple[float, float]  # by how much the worst SLO is broken, 0 if none; then the cost

BATCH = 4
_BLOCK = 8  # corners tried at once
_CORNERS = 64
_IDLE = 2  # batches without a better point, after which something else is tried
_GAIN = 0.002  # of the best: less is not worth an evaluation
_erf = np.vectorize(math.erf, otypes=[float])


class Landscape(Protocol):
    """What is searched: axes of values by number, and what is known of a point before and after trying it."""

    sizes: Sequence[int]
    words: Sequence[bool]
    here: Point

    def known(self, point: Point) -> float:
        """Give the part of the cost that needs no simulation."""

    def measure(self, points: Sequence[Point]) -> None:
        """Try points, or as many as may still be spent; raises what ends the hunt."""

    def tried(self) -> Sequence[Point]:
        """Give the points tried, in order."""

    def signed(self, point: Point) -> float:
        """Give by how much the worst SLO of a tried point is broken, negative inside."""

    def cost(self, point: Point) -> float:
        """Give the whole cost of a tried point."""


def order(landscape: Landscape, point: Point) -> Order:
    """Least violation first, then least cost."""
    return max(0.0, landscape.signed(point)), landscape.cost(point)


class Hunt:
    """One search: `run` goes on from where it was until nothing is to be gained, or `measure` ends it."""

    def __init__(self, landscape: Landscape, first: Iterable[Point], *, seed: int) -> None:
        self._on, self._first = landscape, list(first)
        self._rng = np.random.default_rng(seed)
        self._ends = np.array([max(1, n - 1) for n in landscape.sizes], dtype=float)
        self._words = np.array(landscape.words, dtype=bool)
        self._corners = list(_corners(landscape.sizes, landscape.here, self._rng))
        self._models: dict[str, Surrogate] = {}

    def run(self) -> None:
        """Search until nothing is to be gained."""
        self._try([self._on.here, *self._first])
        if max(self._on.sizes, default=1) < 2:
            return
        while self._corners:
            self._try(self._corners[:_BLOCK])
            self._gain(None)
            del self._corners[:_BLOCK]
        for basin in self.basins()[1:]:
            self._gain(basin)
        while self._polished():
            self._gain(None)

    def widen(self, levels: Sequence[float]) -> None:
        """Try the cheapest settings that look as if they broke or kept the SLOs by each of `levels`."""
        if max(self._on.sizes, default=1) < 2:
            return
        tried = list(self._on.tried())
        front = sorted(tried, key=lambda p: (abs(self._on.signed(p)), self._on.cost(p)))[:3]
        near = [p for c in {self.best(), *front} for p in (*self._along(c), *self._near(c, 120))]
        new = list(dict.fromkeys(p for p in near if p not in set(tried)))
        if not new:
            return
        signed = _bent(np.array([self._on.signed(p) for p in tried]))
        mean, spread = self._model("signed", tried, signed).predict(self._at(new))
        cost = np.array([self._on.known(p) for p in new])
        likely = [mean + 0.5 * spread <= _bent(np.array(level)) for level in levels]
        points = [new[int(np.argmin(np.where(ok, cost, np.inf)))] for ok in likely if ok.any()]
        self._on.measure(list(dict.fromkeys(points)))

    def best(self) -> Point:
        """Give the best point tried."""
        return min(self._on.tried(), key=lambda p: order(self._on, p))

    def basins(self) -> list[Point]:
        """Give the best points that lie apart from each other."""
        found: list[Point] = []
        for point in sorted(self._on.tried(), key=lambda p: order(self._on, p)):
            if all(self._apart(point, other) for other in found):
                found.append(point)
            if len(found) == 3:
                break
        return found

    def _apart(self, one: Point, other: Point) -> bool:
        return bool((np.abs(self._at([one]) - self._at([other])) > 0.3).any())

    def _at(self, points: Sequence[Point]) -> np.ndarray:
        return np.array(points, dtype=float).reshape(len(points), -1) / self._ends

    def _try(self, points: Iterable[Point]) -> bool:
        """Try those of the points that are new and can still be better; True if the best is another now."""
        before = self.best() if self._on.tried() else None
        seen = set(self._on.tried())
        new = [p for p in dict.fromkeys(points) if p not in seen]
        new = new if before is None else self._winners(new)
        for i in range(0, len(new), BATCH):
            self._on.measure(new[i : i + BATCH])
        return bool(new) and self.best() != before

    def _winners(self, points: Iterable[Point]) -> list[Point]:
        """Give the points that can be better than the best, by what is known of them without trying."""
        broken, cost = order(self._on, self.best())
        return [p for p in points if broken > 0 or self._on.known(p) < cost]

    def _gain(self, basin: Point | None) -> None:
        """Try what the surrogate names, anywhere or near a basin, while it gains."""
        idle = 0
        while idle < _IDLE:
            batch = self._named(basin)
            if not batch:
                return
            idle = 0 if self._try(batch) else idle + 1

    def _named(self, basin: Point | None) -> list[Point]:
        """Give the points, anywhere or near a basin, from which most is to be gained."""
        rival = min(self._around(basin), key=lambda p: order(self._on, p)) if basin else self.best()
        return self._promising(self._candidates(basin), rival, _GAIN)

    def _promising(self, points: list[Point], rival: Point, least: float) -> list[Point]:
        """Give a batch likeliest to gain on `rival`, unlike each other; none that gain too little."""
        if not points:
            return []
        at = self._at(points)
        score, surrogate = self._score(points, at, order(self._on, rival))
        chosen: list[Point] = []
        while len(chosen) < BATCH:
            i = int(np.argmax(np.round(score, 9)))
            if score[i] < least:
                break
            chosen.append(points[i])
            score = score * (1.0 - surrogate.alike(at, at[i : i + 1])[:, 0])
        return chosen

    def _around(self, basin: Point) -> list[Point]:
        return [p for p in self._on.tried() if not self._apart(p, basin)]

    def _score(self, points: list[Point], at: np.ndarray, rival: Order) -> tuple[np.ndarray, Surrogate]:
        """Give the expected gain over `rival`, as a share of it, and a surrogate."""
        tried = list(self._on.tried())
        signed = np.array([self._on.signed(p) for p in tried])
        cost = np.array([self._on.cost(p) for p in tried])
        known = np.array([self._on.known(p) for p in tried])
        held = np.ones(len(points))
        surrogate = None
        if (signed > 0).any():
            surrogate = self._model("signed", tried, _bent(signed))
            mean, spread = surrogate.predict(at)
            if rival[0] > 0:
                return _expected(_bent(np.array(rival[0])) - mean, spread), surrogate
            held = _below(-mean / spread)
        there = np.array([self._on.known(p) for p in points])
        measured = cost - known
        worth = max(abs(rival[1]), 1e-9)
        if measured.max() - measured.min() <= 1e-9 * worth:
            gain = np.maximum(rival[1] - there - measured[0], 0.0) / worth
            return gain * held, surrogate or self._model("cost", tried, cost)
        finite = np.where(np.isfinite(measured), measured, np.nanmax(measured[np.isfinite(measured)]))
        floor = finite.min()
        surrogate = self._model("cost", tried, _bent((finite - floor) / worth))
        mean, spread = surrogate.predict(at)
        wanted = _bent((rival[1] - there - floor) / worth)
        return _expected(wanted - mean, spread) * held, surrogate

    def _model(self, name: str, tried: list[Point], values: np.ndarray) -> Surrogate:
        self._models[name] = fit(self._at(tried), values, self._words, like=self._models.get(name))
        return self._models[name]

    def _candidates(self, basin: Point | None) -> list[Point]:
        """Give new points that can win: along each axis, a few axes at once, and anywhere."""
        centres = [basin] if basin else self.basins()
        if basin:
            centres.append(min(self._around(basin), key=lambda p: order(self._on, p)))
        found: dict[Point, None] = {}
        for centre in dict.fromkeys(centres):
            found.update(dict.fromkeys(self._along(centre)))
            found.update(dict.fromkeys(self._near(centre, 120)))
        found.update(dict.fromkeys(self._swapped(centres[0])))
        if basin is None:
            random = self._rng.integers(0, self._on.sizes, size=(200, len(self._on.sizes)))
            found.update(dict.fromkeys(tuple(row) for row in random.tolist()))
        seen = set(self._on.tried())
        new = self._winners(p for p in found if p not in seen)
        return [p for p in new if basin is None or not self._apart(p, basin)]

    def _along(self, point: Point) -> Iterator[Point]:
        for axis, size in enumerate(self._on.sizes):
            for value in range(size):
                yield (*point[:axis], value, *point[axis + 1 :])

    def _near(self, point: Point, n: int) -> list[Point]:
        """Points that differ on some axes, most by little; some are back at the present value there."""
        k = len(point)
        sizes = np.array(self._on.sizes)
        moves = self._rng.random((n, k)) < min(0.5, 3.0 / k)
        reach = np.maximum(1.0, self._ends * 10.0 ** self._rng.uniform(-2.0, -0.5, (n, 1)))
        there = np.rint(np.array(point) + reach * self._rng.standard_normal((n, k))).astype(int)
        anywhere = self._rng.integers(0, sizes, size=(n, k))
        there = np.where(self._words, anywhere, np.clip(there, 0, sizes - 1))
        there = np.where(self._rng.random((n, k)) < 0.15, self._on.here, there)
        return [tuple(row) for row in np.where(moves, there, point).tolist()]

    def _polished(self) -> bool:
        """Try all neighbours of the best, then likely ones along two axes at once; True if one was better."""
        best = self.best()
        beside = [
            (*best[:i], value, *best[i + 1 :])
            for i, size in enumerate(self._on.sizes)
            for value in (range(size) if self._words[i] else (best[i] - 1, best[i] + 1, self._on.here[i]))
            if 0 <= value < size
        ]
        if self._try(beside):
            return True
        seen = set(self._on.tried())
        pairs = self._winners(p for p in self._swapped(best) if p not in seen)
        return self._try(self._promising(pairs, best, _GAIN / 20))

    def _swapped(self, point: Point) -> Iterator[Point]:
        """Points some steps away on two axes."""
        for i, j in combinations(range(len(point)), 2):
            for di, dj in product((-2, -1, 1, 2), repeat=2):
                moved = list(point)
                moved[i], moved[j] = point[i] + di, point[j] + dj
                if 0 <= moved[i] < self._on.sizes[i] and 0 <= moved[j] < self._on.sizes[j]:
                    yield tuple(moved)


def _corners(sizes: Sequence[int], here: Point, rng: np.random.Generator) -> Iterator[Point]:
    """Give corners, a step in from the ends, in an order in which each block is balanced.

    Up to six axes all 64; beyond, columns of the two-level design of 64 runs are multiplied for the others.
    """
    moving = [i for i, n in enumerate(sizes) if n > 1]
    base = min(6, len(moving))
    signs = np.array(list(product((-1, 1), repeat=base))).reshape(2**base, base)
    if base == 6:  # a block of 8 has each of three products of columns the same, and so each column balanced
        block = [signs[:, :3].prod(axis=1), signs[:, 3:].prod(axis=1), signs[:, [0, 3]].prod(axis=1)]
        signs = signs[np.lexsort(block[::-1])]
    extra = [c for r in (3, 5, 4, 2) for c in _products(signs, r)][: max(0, len(moving) - base)]
    columns = np.column_stack([signs, *extra]) if extra else signs
    columns = columns[:, rng.permutation(columns.shape[1])] * rng.choice((-1, 1), columns.shape[1])
    for row in columns[:_CORNERS]:
        point = list(here)
        for axis, sign in zip(moving, row, strict=False):
            inset = round(0.12 * (sizes[axis] - 1))
            point[axis] = sizes[axis] - 1 - inset if sign > 0 else inset
        yield tuple(point)


def _products(signs: np.ndarray, r: int) -> Iterator[np.ndarray]:
    for chosen in combinations(range(signs.shape[1]), r):
        yield signs[:, chosen].prod(axis=1)


def _bent(values: np.ndarray) -> np.ndarray:
    """Keep differences near 0 and shorten those far away: beyond a cliff it matters little how far."""
    return np.arcsinh(4.0 * np.clip(values, -1e6, 1e6)) / 4.0


def _below(z: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + _erf(z / math.sqrt(2.0)))


def _expected(gain: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Expected improvement (Jones, Schonlau & Welch, J. Global Optimization 1998)."""
    z = gain / spread
    return gain * _below(z) + spread * np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
