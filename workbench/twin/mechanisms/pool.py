"""A pool of servers with a bounded queue. Hooks: `acquire`, `release`, `leave_queue`.

The queue is a chain: visits[v].behind is the visit that waits after v, -1 at the end. Who leaves the queue
early stays in the chain, marked as no longer waiting, until its turn comes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.policies import Pool
from workbench.twin._compiled import exposed

STATE = np.dtype(
    [
        ("servers", "f8"),
        ("queue", "f8"),
        ("wait_s", "f8"),
        ("lifo", "i8"),
        ("busy", "i8"),
        ("length", "i8"),
        ("first", "i8"),
        ("last", "i8"),
    ]
)
STARTED, QUEUED, REFUSED = 0, 1, 2


def set_up(state: Any, policy: Pool) -> None:
    """Fill a record of STATE: idle, nobody waits."""
    state["servers"], state["queue"], state["wait_s"] = policy.servers, policy.queue, policy.wait_s
    state["lifo"] = policy.order == "lifo"
    state["first"] = state["last"] = -1


@exposed
def acquire(pool, visits, v):  # type: ignore[no-untyped-def]
    """Give visit v a free server, else a place in the queue, else refuse it."""
    if pool.busy < pool.servers:
        pool.busy += 1
        return STARTED
    if pool.length >= pool.queue:
        return REFUSED
    visits[v].waiting = 1
    if pool.first < 0:
        pool.first = pool.last = v
        visits[v].behind = -1
    elif pool.lifo:
        visits[v].behind = pool.first
        pool.first = v
    else:
        visits[v].behind = -1
        visits[pool.last].behind = v
        pool.last = v
    pool.length += 1
    return QUEUED


@exposed
def release(pool, visits):  # type: ignore[no-untyped-def]
    """Free a server; give the visit that takes it over, or -1."""
    while pool.first >= 0:
        v = pool.first
        pool.first = visits[v].behind
        if visits[v].waiting:
            visits[v].waiting = 0
            pool.length -= 1
            return v
    pool.busy -= 1
    return -1


@exposed
def leave_queue(pool, visits, v):  # type: ignore[no-untyped-def]
    """Take a waiting visit out of the queue."""
    visits[v].waiting = 0
    pool.length -= 1
