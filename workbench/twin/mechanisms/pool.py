"""A pool of servers with a bounded queue, first come, first served. Hooks: `acquire`, `release`.

The queue of a station is a chain: visits[v].behind is the visit that waits after v, -1 at the end.
"""

from __future__ import annotations

from workbench.twin._compiled import compiled

STARTED, QUEUED, REFUSED = 0, 1, 2


@compiled
def acquire(station, visits, v):  # type: ignore[no-untyped-def]
    """Give visit v a free server, else a place in the queue, else refuse it."""
    if station.busy < station.servers:
        station.busy += 1
        return STARTED
    if station.length >= station.queue:
        return REFUSED
    if station.length == 0:
        station.first = v
    else:
        visits[station.last].behind = v
    station.last = v
    station.length += 1
    return QUEUED


@compiled
def release(station, visits):  # type: ignore[no-untyped-def]
    """Free a server; give the visit that takes it over, or -1."""
    if station.length == 0:
        station.busy -= 1
        return -1
    v = station.first
    station.first = visits[v].behind
    station.length -= 1
    return v
