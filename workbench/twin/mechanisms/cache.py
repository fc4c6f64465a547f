"""The share of calls that a cache in front of a callee answers, by size and time to live; the kernel draws.

Keys are asked for independently, with Zipf's law. The cache is LRU: every request, hit or miss, makes its key
the newest. An entry older than `ttl_s` is fetched anew when asked for; it is not evicted earlier for its age.
"""

from __future__ import annotations

import math

import numpy as np

from workbench.policies import Cache

_EXACT, _PER_DECADE = 1000, 200  # ranks taken one by one; beyond them, groups in each power of ten
_TERMS = 20  # beyond as many characteristic times the end is taken as is exponential


def hit_share(policy: Cache, rate_rps: float) -> float:
    """Share of `rate_rps` requests that are hits.

    Che's approximation: a key is in the cache if it was asked for within the characteristic time, in which as
    many different keys are asked for as there is room (H. Che, Y. Tung, Z. Wang, Hierarchical web caching
    systems, IEEE JSAC 20, 2002). With a time to live, a key's share is that of the hits before it runs out.
    """
    if policy.size < 1 or rate_rps <= 0:
        return 0.0
    share, keys = _popularity(int(policy.keys), policy.skew)
    within = _requests_until_full(share, keys, policy.size)
    hits = _hits_per_fetch(share, within, rate_rps * policy.ttl_s)
    hit = np.divide(hits, 1 + hits, out=np.ones_like(hits), where=np.isfinite(hits))
    return float(keys * share @ hit)


def _popularity(keys: int, skew: float) -> tuple[np.ndarray, np.ndarray]:
    """Share of requests that each key of a group has, and the number of keys in it, group by group.

    The sum of rank^-skew over a group is taken as the integral from half a rank before it to half behind it.
    """
    decades = math.log10(max(keys / _EXACT, 1))
    beyond = np.geomspace(_EXACT, max(keys, _EXACT), 2 + int(_PER_DECADE * decades)).round()
    edges = np.unique(np.minimum(np.concatenate([np.arange(_EXACT), beyond]), keys)) + 0.5  # 0.5, 1.5, …
    weight = np.diff(np.log(edges)) if skew == 1 else np.diff(edges ** (1 - skew)) / (1 - skew)
    weight[:_EXACT] = np.arange(1, min(keys, _EXACT) + 1) ** -skew
    return weight / np.diff(edges) / weight.sum(), np.diff(edges)


def _requests_until_full(share: np.ndarray, keys: np.ndarray, size: float) -> float:
    """Requests in which `size` different keys are asked for, on average; inf if there are not more."""
    if size >= keys.sum():
        return math.inf
    requests, step = size, math.inf
    while step > 1e-10 * requests:  # Newton on a concave rising function, from the left: it cannot overshoot
        missing = keys * np.exp(-share * requests)
        step = (size - keys.sum() + missing.sum()) / (missing @ share)
        requests += step
    return requests


def _hits_per_fetch(share: np.ndarray, within: float, alive: float) -> np.ndarray:
    """Mean hits of a key until a gap longer than `within` ends them, or its age `alive` (both in requests).

    If keys live shorter than that, the requests while one is alive. Else the renewal function, stopped at a
    gap, whose Laplace transform expands into finitely many delays; for long lives its exponential tail.
    """
    if alive <= within:
        return share * alive
    gap, lives = share * within, alive / within
    forever = np.expm1(np.minimum(gap, 700))
    if lives > _TERMS:
        return forever * -np.expm1(-gap * lives / forever)
    none = np.exp(-gap)
    hits, factor = np.zeros_like(gap), gap
    for k in range(int(lives) + 1):
        hits += factor * ((lives - k) ** (k + 1) - none * max(lives - k - 1, 0) ** (k + 1))
        factor = factor * -gap * none / (k + 2)
    return hits
