"""The token bucket decides as golang.org/x/time/rate does, arrival by arrival, in virtual time."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests.needs import absent, need_program
from workbench.twin import kernel
from workbench.twin.mechanisms import token_bucket

PROGRAM = Path(__file__).parent / "go" / "token_bucket"
RATES = [0.2, 1 / 3, 1.0, 7.3, 50.0, 64.0, 999.9]  # tokens a second
BURSTS = [1, 2, 5, 40]
ARRIVALS = 2000  # at each of the 28 limiters
TICK_NS = 10**9 // 512  # 1/512 s is a whole number of nanoseconds and exact in binary seconds


class Limiter(NamedTuple):
    """A bucket and the arrivals at it, in whole nanoseconds, rising."""

    rate_rps: float
    burst: int
    times_ns: np.ndarray


Decide = Callable[[list[Limiter]], list[np.ndarray]]


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Decide:
    """Decisions of the Go library."""
    compiler = need_program("go", "Install Go 1.23 or later")
    program = tmp_path_factory.mktemp("go") / "token_bucket"
    fetched = subprocess.run([compiler, "mod", "download"], cwd=PROGRAM, capture_output=True, timeout=120)
    if fetched.returncode:
        absent("golang.org/x/time cannot be downloaded")
    subprocess.run([compiler, "build", "-o", os.fspath(program)], cwd=PROGRAM, check=True, timeout=300)

    def decide(limiters: list[Limiter]) -> list[np.ndarray]:
        lines = [f"{rate!r} {burst} {' '.join(map(str, times))}" for rate, burst, times in limiters]
        done = subprocess.run(
            [program], input="\n".join(lines), capture_output=True, text=True, check=True, timeout=60
        )
        return [np.array(list(line)) == "1" for line in done.stdout.split()]

    return decide


def test_decisions_are_equal_where_times_are_exact_in_both(go: Decide):
    """Times in 512ths of a second are the same numbers in both, so not one decision may differ.

    Many arrivals share an instant, and at rates of 1, 50 and 64 many come just when a token does.
    """
    rng = np.random.default_rng(1)
    limiters = [
        Limiter(rate, burst, TICK_NS * np.floor(512 * arrival_times(rng, rate)).astype(np.int64))
        for rate in RATES
        for burst in BURSTS
    ]
    assert_equal_decisions(limiters, go)


def test_decisions_are_equal_at_any_nanosecond(go: Decide):
    rng = np.random.default_rng(2)
    limiters = [
        Limiter(rate, burst, np.floor(1e9 * arrival_times(rng, rate)).astype(np.int64))
        for rate in RATES
        for burst in BURSTS
    ]
    assert_equal_decisions(limiters, go)


def test_decisions_differ_only_where_a_token_is_one_nanosecond_away(go: Decide):
    """Arrivals within 3 ns of the instants at which tokens come.

    The library admits who is less than 1 ns early. It counts time in whole nanoseconds, the twin in binary
    seconds, so for who is early by 1 ns to within rounding they may decide differently: about 1 in 70 here,
    none among times that are not made to collide.
    """
    rng = np.random.default_rng(3)
    limiters = []
    for rate in RATES:
        for burst in BURSTS:
            due = np.rint(1e9 / rate * np.arange(ARRIVALS)).astype(np.int64)
            limiters.append(Limiter(rate, burst, np.sort(np.abs(due + rng.integers(-3, 4, ARRIVALS)))))
    differing = 0
    for limiter, mine, theirs in zip(limiters, map(ours, limiters), go(limiters), strict=True):
        differing += int((mine != theirs).sum())
        if (mine != theirs).any():
            assert early_ns(limiter, int((mine != theirs).argmax()), theirs) == pytest.approx(1.0, abs=0.01)
    assert 0 < differing < 0.02 * len(limiters) * ARRIVALS


def early_ns(limiter: Limiter, n: int, admitted: np.ndarray) -> float:
    """How long before its token arrival n came, in exact fractions, after these decisions before it."""
    rate = Fraction(limiter.rate_rps) / 10**9
    tokens, last = Fraction(limiter.burst), 0
    for time in limiter.times_ns[:n][admitted[:n]].tolist():
        tokens, last = min(Fraction(limiter.burst), tokens + (time - last) * rate) - 1, time
    return float((1 - tokens - (int(limiter.times_ns[n]) - last) * rate) / rate)


def arrival_times(rng: np.random.Generator, rate_rps: float) -> np.ndarray:
    """Poisson arrivals at twice the rate (s), one in ten of them after a silence."""
    gaps = rng.exponential(0.5 / rate_rps, ARRIVALS)
    gaps[rng.random(ARRIVALS) < 0.1] *= 10
    return np.cumsum(gaps)


def ours(limiter: Limiter) -> np.ndarray:
    """Decisions of the twin's mechanism."""
    station = np.zeros(1, kernel.STATION)[0]
    station["rate_rps"], station["burst"], station["tokens"] = limiter.rate_rps, limiter.burst, limiter.burst
    return np.array([token_bucket.admit(station, time / 1e9) for time in limiter.times_ns.tolist()])


def assert_equal_decisions(limiters: list[Limiter], go: Decide) -> None:
    mine = np.concatenate([ours(limiter) for limiter in limiters])
    theirs = np.concatenate(go(limiters))
    assert mine.size == theirs.size == len(limiters) * ARRIVALS
    assert min(theirs.sum(), (~theirs).sum()) >= 1000
    assert int((mine != theirs).sum()) == 0
