"""Pools through their hooks: servers, then places, then refusals; who is next."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.policies import Pool
from workbench.twin import world
from workbench.twin.mechanisms import pool


def made(policy: Pool) -> tuple[np.void, np.ndarray]:
    """A pool of its own, and visits to stand in its queue."""
    state, visits = np.zeros(1, pool.STATE)[0], np.zeros(6, world.VISIT)
    pool.set_up(state, policy)
    return state, visits


def test_pool_gives_servers_then_places_then_refuses():
    state, visits = made(Pool(2, 1))
    got = [pool.acquire(state, visits, v) for v in range(4)]
    assert got == [pool.STARTED, pool.STARTED, pool.QUEUED, pool.REFUSED]
    assert (state["busy"], state["length"]) == (2, 1)


@pytest.mark.parametrize(("order", "expected"), [("fifo", [0, 4, 1]), ("lifo", [1, 4, 0])])
def test_servers_go_to_the_first_or_to_the_last_who_came(order: str, expected: list[int]):
    state, visits = made(Pool(1, math.inf, order=order))
    for v in (3, 0, 4, 1):
        pool.acquire(state, visits, v)
    assert [pool.release(state, visits) for _ in range(4)] == [*expected, -1]
    assert (state["busy"], state["length"]) == (0, 0)
    assert pool.acquire(state, visits, 5) == pool.STARTED


def test_who_leaves_the_queue_gives_up_the_place_and_is_passed_over():
    state, visits = made(Pool(1, 2))
    for v in (0, 1, 2):
        pool.acquire(state, visits, v)
    pool.leave_queue(state, visits, 1)
    assert pool.acquire(state, visits, 3) == pool.QUEUED
    assert [pool.release(state, visits) for _ in range(3)] == [2, 3, -1]
