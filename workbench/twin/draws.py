"""Random numbers as a function of (seed, request, call, attempt, purpose): two settings meet the same luck.

Each visit has a 64-bit key, derived from its caller's key, which call it is and which attempt; a draw mixes
the key with its purpose. The mixing is splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
generators, OOPSLA 2014). Nothing is drawn ahead, and nothing depends on the order of events.
"""

from __future__ import annotations

import numpy as np

from workbench.twin._compiled import exposed

BEFORE, AFTER, TRANSIT, BACKOFF, PERSIST, SHARE = 1, 2, 3, 4, 5, 6  # purposes
CACHE, BALANCE, BALANCE_2, FAIL, PAUSE, THINK = 7, 8, 9, 10, 11, 12
POINTS = 1024  # length of a quantile table

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@exposed
def mixed(x: np.uint64) -> np.uint64:
    """One step of splitmix64."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@exposed
def root_key(seed: int, request: int) -> np.uint64:
    """Key of the visit with which a request enters."""
    return mixed(mixed(np.uint64(seed)) ^ np.uint64(request))


@exposed
def child_key(key: np.uint64, call: int, attempt: int) -> np.uint64:
    """Key of the visit that attempt number `attempt` of call number `call` makes."""
    return mixed(mixed(key ^ np.uint64(call + 1)) + np.uint64(attempt))


@exposed
def uniform(key: np.uint64, purpose: int) -> float:
    """A number in [0, 1) with 53 random bits."""
    return np.float64(mixed(key ^ mixed(np.uint64(purpose))) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@exposed
def from_table(table: np.ndarray, u: float) -> float:
    """The quantile at probability u, interpolated between table[k] at (k + ½)/n; the ends are constant."""
    x = u * table.size - 0.5
    if x <= 0.0:
        return table[0]
    k = int(x)
    if k >= table.size - 1:
        return table[table.size - 1]
    return table[k] + (x - k) * (table[k + 1] - table[k])


def quantile_table(
    values: np.ndarray, weights: np.ndarray | None = None, *, points: int = POINTS
) -> np.ndarray:
    """Give the quantiles of measured values (s), counted by weight, at probabilities (k + ½)/points."""
    values = np.asarray(values, float)
    order = np.argsort(values)
    weight = np.ones(values.size) if weights is None else np.asarray(weights, float)[order]
    middle = (np.cumsum(weight) - weight / 2) / weight.sum()
    return np.interp((np.arange(points) + 0.5) / points, middle, values[order])


def uniforms(seed: int, purpose: int, n: int) -> np.ndarray:
    """Give n uniforms in [0, 1) as a function of (seed, purpose, index), the same whatever n is."""
    with np.errstate(over="ignore"):
        key = mixed_all(np.array([seed], np.uint64)) ^ np.arange(n, dtype=np.uint64)
        bits = mixed_all(mixed_all(key) ^ mixed_all(np.array([purpose], np.uint64)))
    return (bits >> np.uint64(11)).astype(float) * (1.0 / 9007199254740992.0)


def mixed_all(x: np.ndarray) -> np.ndarray:
    """One step of splitmix64 for each number of an array (uint64)."""
    x = x + _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
