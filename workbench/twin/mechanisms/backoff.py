"""Exponential backoff between the tries of one call, with jitter. Hook: `delay_s`.

`jitter` 0 waits exactly, 1 is "full jitter" (M. Brooker, Exponential backoff and jitter, 2015), ½ "equal".
"""

from __future__ import annotations

from workbench.twin._compiled import compiled


@compiled
def delay_s(retry: int, backoff_s: float, jitter: float, u: float) -> float:
    """Wait before retry number `retry` (1, 2, …): backoff_s · 2^(retry-1) · (1 - jitter · u)."""
    return backoff_s * 2.0 ** (retry - 1) * (1.0 - jitter * u)
