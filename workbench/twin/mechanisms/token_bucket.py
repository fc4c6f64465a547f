"""Token bucket: `rate_rps` tokens a second, at most `burst` kept, an arrival takes one or is refused.

The bucket starts full and is filled lazily, as golang.org/x/time/rate does. Hook: `admit`.
"""

from __future__ import annotations

import numpy as np

from workbench.twin._compiled import compiled


@compiled
def admit(station, now):  # type: ignore[no-untyped-def]
    """Take a token of the bucket at time now (s); False if there is none. An infinite rate admits."""
    if np.isinf(station.rate_rps):
        return True
    level = min(station.burst, station.tokens + (now - station.filled_at) * station.rate_rps)
    station.filled_at = now
    if level < 1.0:
        station.tokens = level
        return False
    station.tokens = level - 1.0
    return True
