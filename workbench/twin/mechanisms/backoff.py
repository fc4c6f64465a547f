"""Exponential backoff between the tries of one call, with jitter. Hook: `delay_s`.

`jitter` 0 waits exactly, 1 is "full jitter" (M. Brooker, Exponential backoff and jitter, 2015), ½ "equal".
"""

from __future__ import annotations

from workbench.twin._compiled import inlined

LAWS = ("doubling", "envoy")


@inlined
def delay_s(retry: int, law: int, backoff_s: float, cap_s: float, jitter: float, u: float) -> float:
    """Wait before retry number `retry` (1, 2, …), u uniform in [0, 1).

    doubling: min(cap, backoff · 2^(retry-1)) · (1 - jitter · u); envoy: min(cap, backoff · (2^retry - 1)) · u
    as in its JitteredExponentialBackOffStrategy.
    """
    if law == 1:
        return min(cap_s, backoff_s * (2.0**retry - 1.0)) * u
    return min(cap_s, backoff_s * 2.0 ** (retry - 1)) * (1.0 - jitter * u)
