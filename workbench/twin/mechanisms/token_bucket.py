"""Token bucket: `rate_rps` tokens a second, at most `burst` kept, an arrival takes one or is refused.

The bucket starts full and is filled lazily, as golang.org/x/time/rate does it: a refusal leaves the bucket as
it was, and a token that is less than a nanosecond away counts as there. Hook: `admit`.
"""

from __future__ import annotations

import numpy as np

from workbench.twin._compiled import compiled


@compiled
def admit(station, now):  # type: ignore[no-untyped-def]
    """Take a token of the bucket at time now (s); False if there is none. An infinite rate admits."""
    if np.isinf(station.rate_rps):
        return True
    left = min(station.burst, station.tokens + (now - station.filled_at) * station.rate_rps) - 1.0
    if left < 0.0 and -left / station.rate_rps * 1e9 >= 1.0:
        return False
    station.tokens = left
    station.filled_at = now
    return True
