"""Shares of hits against caches that are simulated request by request, and against closed forms."""

from __future__ import annotations

import math
from collections import OrderedDict

import numpy as np
import pytest

from workbench.policies import Cache
from workbench.twin.mechanisms.cache import hit_share

KEYS, RATE_RPS, REQUESTS = 2000, 100.0, 150_000


def simulated(size: int, skew: float, ttl_s: float) -> float:
    """Share of hits of an LRU cache of `size` entries, after a third of the requests has filled it."""
    rng = np.random.default_rng(5)
    popularity = np.arange(1, KEYS + 1) ** -skew
    keys = rng.choice(KEYS, REQUESTS, p=popularity / popularity.sum()).tolist()
    times = np.cumsum(rng.exponential(1 / RATE_RPS, REQUESTS)).tolist()
    fetched: OrderedDict[int, float] = OrderedDict()
    hits = 0
    for n, (key, now) in enumerate(zip(keys, times, strict=True)):
        if now - fetched.get(key, -math.inf) < ttl_s:
            hits += n >= REQUESTS // 3
        else:
            fetched[key] = now
        fetched.move_to_end(key)
        if len(fetched) > size:
            fetched.popitem(last=False)
    return hits / (REQUESTS - REQUESTS // 3)


@pytest.mark.parametrize(
    ("size", "skew", "ttl_s"),
    [(50, 0.8, math.inf), (500, 1.0, math.inf), (1500, 0.0, math.inf), (200, 0.8, 30.0)]
    + [(200, 0.8, 4.0), (20, 1.2, 2.0), (1000, 0.6, 1.0), (2000, 0.8, 10.0), (30, 0.9, 20.0)],
)
def test_hits_are_those_of_an_lru_cache(size: int, skew: float, ttl_s: float):
    policy = Cache(size=size, keys=KEYS, skew=skew, ttl_s=ttl_s)
    assert hit_share(policy, RATE_RPS) == pytest.approx(simulated(size, skew, ttl_s), abs=0.006)


def test_where_all_keys_fit_only_age_misses():
    """One key asked for 5 times a second and kept 2 s: a fetch, then 10 hits, on average."""
    assert hit_share(Cache(size=1, keys=1, ttl_s=2.0), 5.0) == pytest.approx(10 / 11)
    assert hit_share(Cache(size=10, keys=10), 5.0) == pytest.approx(1.0)


def test_of_equally_popular_keys_a_cache_holds_its_share():
    """However many keys: grouped ranks count each of them."""
    for keys in (100, 1000, 12_345, 1_000_000):
        assert hit_share(Cache(size=0.3 * keys, keys=keys, skew=0.0), 1.0) == pytest.approx(0.3)


def test_groups_of_ranks_make_no_difference():
    """A million keys, summed one by one."""
    ranks = np.arange(1, 1_000_001) ** -0.8
    share = ranks / ranks.sum()
    requests = 200_000.0
    size = float(-np.expm1(-share * requests).sum())
    assert hit_share(Cache(size=size), 1.0) == pytest.approx(
        float(share @ -np.expm1(-share * requests)), abs=1e-5
    )


def test_longer_lives_and_more_room_never_hit_less():
    lives = [
        hit_share(Cache(size=100, keys=10_000, ttl_s=ttl_s), 50.0) for ttl_s in np.geomspace(0.01, 1e4, 200)
    ]
    rooms = [hit_share(Cache(size=size, keys=10_000, ttl_s=5.0), 50.0) for size in np.geomspace(1, 1e4, 200)]
    assert (np.diff(lives) > -1e-4).all()
    assert (np.diff(rooms) > -1e-4).all()
    assert hit_share(Cache(), 50.0) == 0.0 == hit_share(Cache(size=10), 0.0)
