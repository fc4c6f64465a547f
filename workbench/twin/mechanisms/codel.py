"""Shedding of what has waited too long, as it leaves the queue (RFC 8289). Hooks: `drop`, `found_empty`.

One dequeue of its section 5 may drop several before it gives one: here the hook is asked for each, and the
state keeps that the dequeue goes on. A visit is a packet of the largest size: with no more than one left in
the queue, waits count as short.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench import policies
from workbench.twin._compiled import compiled, inlined

_NEW, _LAST, _MORE = range(3)  # a dequeue begins; its next is passed on; its next may be dropped as well
STATE = np.dtype(
    [
        ("target_s", "f8"),  # policy
        ("interval_s", "f8"),
        ("above_at", "f8"),  # state: when waits will have been long for an interval, 0 while they are short
        ("dropping", "i8"),
        ("drop_at", "f8"),  # when the next is dropped
        ("count", "i8"),  # dropped since dropping began, and at the time before
        ("last_count", "i8"),
        ("dequeue", "i8"),  # how far it is
    ]
)


def set_up(state: Any, policy: policies.Codel) -> None:
    """Fill a record from the policy: nothing dropped yet."""
    state["target_s"], state["interval_s"] = policy.target_s, policy.interval_s
    for name in ("above_at", "dropping", "drop_at", "count", "last_count", "dequeue"):
        state[name] = 0


@inlined
def drop(codel, now, sojourn_s, left):  # type: ignore[no-untyped-def]
    """True if a visit taken from the queue after `sojourn_s` is dropped; `left` stay in the queue.

    After True the next one is to be asked for at the same time.
    """
    long = _waits_are_long(codel, now, sojourn_s, left)
    dequeue, codel.dequeue = codel.dequeue, _NEW
    if dequeue == _LAST:
        return False
    if not codel.dropping:
        if long:
            _begin_dropping(codel, now)
            codel.dequeue = _LAST
        return long
    if not long:
        codel.dropping = 0
        return False
    if dequeue == _MORE:
        codel.drop_at += codel.interval_s / np.sqrt(codel.count)
    if now < codel.drop_at:
        return False
    codel.count += 1
    codel.dequeue = _MORE
    return True


@inlined
def found_empty(codel):  # type: ignore[no-untyped-def]
    """A server that has become free found nobody in the queue."""
    codel.above_at = 0.0
    codel.dequeue = _NEW


@compiled
def _waits_are_long(codel, now, sojourn_s, left):  # type: ignore[no-untyped-def]
    if sojourn_s < codel.target_s or left <= 1:
        codel.above_at = 0.0
    elif codel.above_at == 0.0:
        codel.above_at = now + codel.interval_s
    else:
        return now >= codel.above_at
    return False


@compiled
def _begin_dropping(codel, now):  # type: ignore[no-untyped-def]
    """Go on at the rate of the last time if that is not long ago."""
    grown = codel.count - codel.last_count
    lately = now - codel.drop_at < 16 * codel.interval_s
    codel.count = codel.last_count = grown if grown > 1 and lately else 1
    codel.drop_at = now + codel.interval_s / np.sqrt(codel.count)
    codel.dropping = 1
