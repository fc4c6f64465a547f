"""Arrival plans: Poisson at a piecewise constant rate, and bursts; bounded, seeded.

"60x30,60x45" is 60 s at 30 requests a second, then 60 s at 45.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import LabError

MOST_RPS, LONGEST_S, MOST_AT_ONCE = 2_000, 3_600, 2_000


@dataclass(frozen=True)
class Plan:
    """Steps of (duration in seconds, requests per second) and bursts of (second, number of requests)."""

    steps: tuple[tuple[float, float], ...]
    bursts: tuple[tuple[float, int], ...] = ()
    seed: int = 1

    def __post_init__(self) -> None:
        if not self.steps:
            raise LabError(
                "no step", where="plan", expected="seconds x requests per second, such as 60x30,60x45"
            )
        for duration_s, rate_rps in self.steps:
            if not duration_s > 0 or not 0 <= rate_rps <= MOST_RPS:
                raise LabError(
                    f"a step of {duration_s:g} s at {rate_rps:g}/s",
                    where="plan",
                    expected=f"more than 0 s at 0 to {MOST_RPS}/s",
                )
        if self.duration_s > LONGEST_S:
            raise LabError(f"{self.duration_s:g} s in all", where="plan", expected=f"at most {LONGEST_S} s")
        for at_s, count in self.bursts:
            if not 0 <= at_s <= self.duration_s or not 1 <= count <= MOST_AT_ONCE:
                raise LabError(
                    f"a burst of {count} at {at_s:g} s",
                    where="plan",
                    expected=f"1 to {MOST_AT_ONCE} requests within the plan's {self.duration_s:g} s",
                )

    @property
    def duration_s(self) -> float:
        """Length of the plan."""
        return sum(duration_s for duration_s, _ in self.steps)

    def arrivals(self) -> list[float]:
        """Draw the intended send times in seconds after the start, sorted."""
        draw = random.Random(self.seed)
        times, begin = [], 0.0
        for duration_s, rate_rps in self.steps:
            time = begin
            while rate_rps and (time := time + draw.expovariate(rate_rps)) < begin + duration_s:
                times.append(time)
            begin += duration_s
        for at_s, count in self.bursts:
            times += [at_s] * count
        return sorted(times)

    def described(self) -> dict[str, Any]:
        """Give the plan as a capture's manifest records it."""
        return {
            "plan": [list(step) for step in self.steps],
            "bursts": [list(burst) for burst in self.bursts],
            "law": "poisson",
            "seed": self.seed,
        }


def parse_steps(text: str) -> tuple[tuple[float, float], ...]:
    """Read "60x30,60x45": 60 s at 30/s, then 60 s at 45/s."""
    return tuple(_pair(part, "x", "seconds x requests per second, such as 60x30") for part in text.split(","))


def parse_bursts(texts: Sequence[str]) -> tuple[tuple[float, int], ...]:
    """Read bursts such as "20:100": 20 s after the start, 100 requests at once."""
    pairs = (_pair(text, ":", "second:requests, such as 20:100") for text in texts)
    return tuple((at_s, int(count)) for at_s, count in pairs)


def _pair(text: str, sign: str, expected: str) -> tuple[float, float]:
    left, _, right = text.partition(sign)
    try:
        return float(left), float(right)
    except ValueError:
        raise LabError(f"{text!r}", where="plan", expected=expected) from None
