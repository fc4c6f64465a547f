"""Short ways to run the kernel in tests, and to hold a mean of its log to theory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from workbench.network import Change, Demand, Network, Pool, Station, Workload
from workbench.twin import kernel, world

POINTS = 1 << 16  # of the tables that stand for exact distributions
BATCHES = 25
FOUR = 4.0  # standard errors that a mean may be off; by chance it would be once in 2,000 tests


def one_station(
    station: Station | Pool,
    table: np.ndarray,
    arrival_rps: float = 1.0,
    *,
    n: int = 0,
    seed: int = 0,
    times: Sequence[float] | None = None,
) -> np.ndarray:
    """Poisson arrivals (or these times) at one station without calls."""
    if isinstance(station, Pool):
        station = Station("s", station)
    workload = Workload(np.array([arrival_rps]), 1.0, {"s": Demand(table)})
    arrivals = poisson(arrival_rps, n, seed) if times is None else np.array(times)
    return kernel.run(Network((station,), entry="s"), workload, arrivals, seed)


def follow(
    stations: Sequence[Station],
    work: Mapping[str, tuple[float, float | None]],
    times: Sequence[float],
    transit: Mapping[str, float] | None = None,
    *,
    changes: Sequence[Change] = (),
    pauses: Mapping[str, float] | None = None,
) -> np.ndarray:
    """Run with constant work (before, after) by station, constant transit times and constant pauses."""
    demand = {
        name: Demand(np.full(1, before), None if after is None else np.full(1, after))
        for name, (before, after) in work.items()
    }
    on_the_way = {pair: np.full(1, value) for pair, value in (transit or {}).items()}
    still = {name: np.full(1, value) for name, value in (pauses or {}).items()}
    network = Network(tuple(stations), entry=stations[0].name)
    workload = Workload(np.ones(1), 1.0, demand, on_the_way, pauses=still)
    return kernel.run(network, workload, np.array(times, float), 1, changes=changes)


def poisson(rate_rps: float, n: int, seed: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate_rps, n))


def exponential(mean_s: float, points: int = POINTS) -> np.ndarray:
    return -mean_s * np.log1p(-(np.arange(points) + 0.5) / points)


def moments(table: np.ndarray) -> tuple[float, float]:
    """E[S] and E[S²] of a table: linear between its points, constant for half a step at both ends."""
    a, b = table[:-1], table[1:]
    ends = table[[0, -1]]
    mean = ((a + b) / 2).sum() + ends.sum() / 2
    square = ((a * a + a * b + b * b) / 3).sum() + (ends**2).sum() / 2
    return float(mean / table.size), float(square / table.size)


def agrees(values: np.ndarray, expected: float, *, within: float) -> None:
    """The mean agrees with theory by batch means, and is known well enough for that to say something.

    The first twentieth is left out (the system starts empty); `within` bounds four standard errors as a
    share of the expected value.
    """
    kept = values[values.size // 20 :].astype(float)
    batches = kept[: kept.size // BATCHES * BATCHES].reshape(BATCHES, -1).mean(axis=1)
    error = batches.std(ddof=1) / np.sqrt(BATCHES)
    assert FOUR * error <= within * expected, f"the mean is known to ± {FOUR * error:.3g} only"
    assert abs(batches.mean() - expected) <= FOUR * error, f"{batches.mean()} ± {error}, theory {expected}"


def outcomes(log: np.ndarray) -> list[str]:
    return [world.OUTCOMES[code] for code in log["outcome"]]


def results(log: np.ndarray) -> list[str]:
    return [world.OUTCOMES[code] for code in log["result"]]
