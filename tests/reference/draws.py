"""Random numbers of the naive reference: splitmix64 on Python's whole numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

WORD = 2**64
BEFORE, AFTER, TRANSIT, BACKOFF, PERSIST, SHARE, CACHE, BALANCE, BALANCE2, FAIL, PAUSE, THINK = range(1, 13)


def splitmix(x: int) -> int:
    """One step of splitmix64."""
    x = (x + 0x9E3779B97F4A7C15) % WORD
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % WORD
    return x ^ (x >> 31)


def root_key(seed: int, request: int) -> int:
    """Key of the visit with which a request enters."""
    return splitmix(splitmix(seed) ^ request)


def below(key: int, number: int, attempt: int) -> int:
    """Key of a try of call `number` (0, 1, …) from the key of the visit that calls."""
    return splitmix((splitmix(key ^ (number + 1)) + attempt) % WORD)


def uniform(key: int, purpose: int) -> float:
    """The first 53 bits of the mixed key, as a number in [0, 1)."""
    return (splitmix(key ^ splitmix(purpose)) >> 11) / 2.0**53


def draw(table: Sequence[float] | None, key: int, purpose: int) -> float:
    """A time (s) from a quantile table; 0 without one."""
    if table is None:
        return 0.0
    place = uniform(key, purpose) * len(table) - 0.5
    low = math.floor(place)
    if place <= 0:
        return float(table[0])
    if low + 1 >= len(table):
        return float(table[-1])
    left, right = float(table[low]), float(table[low + 1])
    return left + (place - low) * (right - left)
