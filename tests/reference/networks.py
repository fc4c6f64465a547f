"""Random networks with arrivals for hypothesis, small, and full of what can meet at one instant.

Half of them live on a grid: every time is a multiple of a quarter second and nearly every work time one of
two values, so that arrivals, ends, timeouts, deadlines and retries fall on the same instants again and again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from workbench.network import UNLIMITED, Call, Demand, Limit, Network, Pool, Station, Workload

QUARTERS = [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0]
VISITS = 15_000  # about the most that one example may make


class Case(NamedTuple):
    """A network, its workload, the arrivals in seconds, and a seed."""

    network: Network
    workload: Workload
    arrivals: np.ndarray
    seed: int


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw one to five stations that call only later ones, and 60 to 300 requests."""
    on_grid = draw(st.booleans())
    points = draw(st.sampled_from([1, 2, 3, 16, 64]))
    names = [f"s{i}" for i in range(draw(st.sampled_from([1, 2, 3, 4, 4, 5, 5])))]
    span = st.sampled_from(QUARTERS) if on_grid else st.floats(0.01, 4.0)
    stations = tuple(draw(_stations(name, names[i + 1 :], span)) for i, name in enumerate(names))
    network = Network(stations, entry=names[0])

    table = _tables(points, on_grid)
    demand = {name: Demand(draw(table), draw(table)) for name in names if draw(st.integers(0, 5))}
    pairs = [f"{s.name}.{call.to}" for s in stations for call in s.calls]
    tables = {pair: draw(table) for pair in pairs}
    transit = {pair: values for pair, values in tables.items() if values is not None}
    persistence = draw(st.sampled_from([0.0, 0.5, 1.0]))
    workload = Workload(np.array([1.0]), 1.0, demand, transit, persistence)

    n = max(60, min(draw(st.integers(60, 300)), VISITS // _most_visits(network)))
    seed = draw(st.integers(0, 2**63 - 1))
    return Case(network, workload, _arrivals(draw, n, on_grid, seed), seed)


@st.composite
def _stations(draw: st.DrawFn, name: str, later: list[str], span: st.SearchStrategy[float]) -> Station:
    pool = Pool(
        draw(st.sampled_from([3, 8, UNLIMITED] if name == "s0" else [1, 1, 2, 3, UNLIMITED])),
        draw(st.sampled_from([0, 1, 4, 50, UNLIMITED])),
    )
    limit = Limit(draw(st.sampled_from([UNLIMITED] * 4 + [2.0, 7.3])), draw(st.integers(1, 20)))
    fewest_calls = min(len(later), draw(st.sampled_from([0, 1, 1, 1])))
    calls = tuple(draw(st.lists(_calls(later, span), min_size=fewest_calls, max_size=3))) if later else ()
    return Station(name, pool, limit, calls, draw(_usually(UNLIMITED, span)))


@st.composite
def _calls(draw: st.DrawFn, later: list[str], span: st.SearchStrategy[float]) -> Call:
    return Call(
        draw(st.sampled_from(later)),
        timeout_s=draw(st.one_of(st.just(UNLIMITED), span, span)),
        attempts=draw(st.sampled_from([1, 2, 3, 3])),
        backoff_s=draw(st.sampled_from([0.0, 0.25, 0.1])),
        jitter=draw(st.sampled_from([0.0, 0.5, 1.0])),
    )


def _usually(value: float, rarely: st.SearchStrategy[float]) -> st.SearchStrategy[float]:
    return st.one_of(st.just(value), st.just(value), st.just(value), rarely)


def _tables(points: int, on_grid: bool) -> st.SearchStrategy[np.ndarray | None]:
    def constant(value: float) -> np.ndarray:
        return np.full(points, value)

    def step(value: float) -> np.ndarray:
        return np.where(np.arange(points) < points // 2, 0.25, value)

    def exponential(mean: float) -> np.ndarray:
        return -mean * np.log1p(-(np.arange(points) + 0.5) / points)

    same = st.sampled_from([0.0, 0.25, 0.25, 0.5, 1.0]).map(constant)
    other = st.sampled_from([0.5, 1.0, 2.0]).map(step) if on_grid else st.floats(0.05, 1.0).map(exponential)
    return st.one_of(st.none(), same, other)


def _most_visits(network: Network) -> int:
    most: dict[str, int] = {}
    for station in reversed(network.stations):
        most[station.name] = 1 + sum(call.attempts * most[call.to] for call in station.calls)
    return most[network.entry]


def _arrivals(draw: st.DrawFn, n: int, on_grid: bool, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rate = draw(st.sampled_from([0.5, 2.0, 8.0, 20.0]))
    times = np.cumsum(rng.exponential(1 / rate, n))
    if on_grid:
        times = np.floor(times * 4) / 4
    burst = draw(st.integers(1, 30))
    if draw(st.booleans()):
        times = np.repeat(times[::burst], burst)[:n]
    return times
