"""Mechanisms driven directly through the hooks that the kernel calls, with the arithmetic in the test."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.twin import kernel
from workbench.twin.mechanisms import backoff, pool, token_bucket


def station(**fields: float) -> np.void:
    """One row of the kernel's stations, the bucket full."""
    row = np.zeros(1, kernel.STATION)[0]
    for name, value in fields.items():
        row[name] = value
    row["tokens"] = row["burst"]
    return row


def admitted(limit: np.void, times: list[float]) -> list[bool]:
    return [bool(token_bucket.admit(limit, time)) for time in times]


def test_bucket_starts_full_and_fills_at_its_rate():
    """Two tokens at 0; one comes every half second; after a long silence there are two again."""
    limit = station(rate_rps=2.0, burst=2.0)
    assert admitted(limit, [0.0, 0.0, 0.0, 0.25, 0.5, 0.5]) == [True, True, False, False, True, False]
    assert admitted(limit, [100.0, 100.0, 100.0]) == [True, True, False]


def test_refusals_cost_nothing():
    """Asked a thousand times in a second or once, the bucket gives its next token at 1 s."""
    limit = station(rate_rps=1.0, burst=1.0)
    assert admitted(limit, [0.0])[0]
    assert not any(admitted(limit, [i / 1000 for i in range(1, 1000)]))
    assert admitted(limit, [1.0, 1.0]) == [True, False]


def test_bucket_admits_at_most_its_burst_and_rate_over_any_time():
    limit = station(rate_rps=7.3, burst=5.0)
    times = np.cumsum(np.random.default_rng(2).exponential(1 / 40, 20_000))
    taken = times[admitted(limit, times.tolist())]
    for tokens in (1, 10, 100, 1000):
        within = taken[tokens:] - taken[:-tokens]
        assert (tokens <= 5 - 1 + 7.3 * within + 1e-6).all()
    assert taken.size == pytest.approx(5 + 7.3 * times[-1], abs=1.5)


def test_a_token_less_than_a_nanosecond_away_counts_as_there():
    """Three thirds of a token fall short of one by rounding; two nanoseconds early is too early."""
    limit = station(rate_rps=1 / 3, burst=1.0)
    assert admitted(limit, [0.0, 3.0 - 2e-9, 3.0, 6.0, 9.0 - 5e-10]) == [True, False, True, True, True]


def test_without_a_limit_everyone_is_admitted():
    assert all(admitted(station(rate_rps=math.inf, burst=1.0), [0.0] * 100))


def test_pool_gives_servers_then_places_then_refuses():
    place, visits = station(servers=2, queue=1), np.zeros(5, kernel.VISIT)
    visits["behind"] = -1
    got = [pool.acquire(place, visits, v) for v in range(4)]
    assert got == [pool.STARTED, pool.STARTED, pool.QUEUED, pool.REFUSED]
    assert (place["busy"], place["length"]) == (2, 1)


def test_pool_hands_its_servers_on_in_order_of_arrival_and_keeps_count():
    place, visits = station(servers=1, queue=math.inf), np.zeros(6, kernel.VISIT)
    visits["behind"] = -1
    for v in (3, 0, 4):
        pool.acquire(place, visits, v)
    assert pool.release(place, visits) == 0
    pool.acquire(place, visits, 1)
    assert [pool.release(place, visits) for _ in range(3)] == [4, 1, -1]
    assert (place["busy"], place["length"]) == (0, 0)
    assert pool.acquire(place, visits, 5) == pool.STARTED


def test_backoff_doubles_and_jitter_only_shortens_it():
    assert [backoff.delay_s(n, 0.1, 0.0, 0.9) for n in (1, 2, 3, 4)] == [0.1, 0.2, 0.4, 0.8]
    assert backoff.delay_s(2, 0.1, 1.0, 0.75) == pytest.approx(0.05)
    assert backoff.delay_s(2, 0.1, 0.5, 0.5) == pytest.approx(0.15)
    assert backoff.delay_s(5, 0.0, 1.0, 0.5) == 0.0
