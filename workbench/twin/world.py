"""All that the event loop reads and writes: arrays of records, and the words for how things end.

A *visit* is one request at one station; every visit but a root's is also one *try* of a call, so a row of
visits describes both. The tries of one call by one visit are a *leg*; its first try leads it and keeps its
count. A *site* is one instance of a station, a *link* one call as made by one site.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.twin.mechanisms import (
    autoscaler,
    balance,
    breaker,
    codel,
    concurrency,
    cpu,
    outliers,
    pool,
    rate_limit,
    retry_budget,
)

# How a visit ended (what its station answered), and how a try ended for its caller.
# Not Python's numbers, for each of which numba would compile a function of its own.
OK, FAILED, REFUSED, LIMITED, EXPIRED, TIMEOUT, RUNNING, OPEN, UNCONNECTED, CANCELLED = map(
    np.int64, range(10)
)
NONE, FIRST = np.int64(-1), np.int64(0)
OUTCOMES: tuple[str, ...] = ("ok", "failed", "refused", "limited", "expired", "timeout", "running")
OUTCOMES += ("open", "unconnected", "cancelled")

STATION = np.dtype(
    [
        ("deadline_s", "f8"),
        ("before", "i8"),  # quantile table of the work before the calls, -1 for none
        ("after", "i8"),
        ("pauses", "i8"),
        ("cpu_share", "f8"),
        ("sigma", "f8"),
        ("kappa", "f8"),
        ("warm_up_s", "f8"),
        ("cold", "f8"),
        ("bytes_per_visit", "f8"),
        ("budget_bytes", "f8"),
        ("first_call", "i8"),  # its calls are rows first_call … end_call - 1 of the calls
        ("end_call", "i8"),
        ("first_site", "i8"),  # its instances are rows first_site … end_site - 1 of the sites
        ("end_site", "i8"),
        ("slow", "f8"),  # what the scenario makes of it at the moment
        ("failing", "f8"),
        ("hanging", "i8"),
        ("autoscaler", autoscaler.STATE),
    ]
)
SITE = np.dtype(
    [
        ("station", "i8"),
        ("speed", "f8"),
        ("running", "i8"),  # takes part; starting and retired ones do not
        ("starting", "i8"),  # the place of its READY in the order of events, from 1
        ("lost", "i8"),
        ("life", "i8"),  # grows when all that it had is lost
        ("up_since", "f8"),
        ("paused_until", "f8"),
        ("paused_s", "f8"),  # seconds of pauses begun so far
        ("allocated", "f8"),
        ("first_slot", "i8"),  # its own and its links' slots are first_slot … end_slot - 1
        ("end_slot", "i8"),
        ("first_link", "i8"),  # link of its call number c is row first_link + c
        ("limit", rate_limit.STATE),
        ("concurrency", concurrency.STATE),
        ("pool", pool.STATE),
        ("codel", codel.STATE),
        ("cpu", cpu.STATE),
        ("busy_s", "f8"),  # server seconds held in the autoscaler's period
        ("busy_at", "f8"),
    ]
)
CALL = np.dtype(
    [
        ("to", "i8"),
        ("timeout_s", "f8"),
        ("attempts", "i8"),
        ("backoff_s", "f8"),
        ("jitter", "f8"),
        ("cap_s", "f8"),
        ("law", "i8"),
        ("overall_s", "f8"),
        ("hedge_s", "f8"),
        ("idempotent", "i8"),
        ("inherits", "i8"),
        ("reserve_s", "f8"),
        ("cancels", "i8"),
        ("share", "f8"),  # of the visits that make it
        ("hits", "f8"),  # share of those that the cache answers
        ("copies", "i8"),
        ("together", "i8"),
        ("fallback", "i8"),
        ("transit", "i8"),  # quantile table of the time between send and arrival, -1 for none
        ("outliers", outliers.STATE),
        ("balance", balance.STATE),
        ("first_timer", "i8"),  # its tries by time of giving up, -1 for none
        ("last_timer", "i8"),
    ]
)
LINK = np.dtype(
    [
        ("turn", "i8"),  # the balancer's
        ("first_view", "i8"),  # its view of instance number i is row first_view + i
        ("pool", pool.STATE),
        ("breaker", breaker.STATE),
        ("budget", retry_budget.STATE),
    ]
)
LOGGED = [
    ("request", "i4"),
    ("parent", "i4"),  # row of the calling visit, -1 for a root
    ("station", "i2"),
    ("instance", "i2"),  # of the station, -1 if it was never sent
    ("call", "i2"),  # row of the call in the plan, -1 for a root
    ("attempt", "i2"),  # from 0
    ("sent", "f8"),  # when the caller began it; times in seconds, NaN where it never came to that
    ("arrived", "f8"),  # when it reached the station
    ("started", "f8"),  # when it was given a server
    ("ended", "f8"),  # when the station was done with it
    ("heard", "f8"),  # when the caller had its answer or gave up
    ("outcome", "i1"),  # what the station answered
    ("result", "i1"),  # how the try ended for the caller
    ("degraded", "i1"),  # 1 if a fallback stood in for an answer
]
VISIT = np.dtype(
    LOGGED
    + [
        ("place", "i1"),  # where it is: one of ON_THE_WAY …
        ("open", "i1"),  # its caller still waits for it
        ("marked", "i1"),  # cancelled, and leaves when it comes to that
        ("waiting", "i1"),  # in the queue of a pool
        ("settled", "i1"),  # of a leg's first try: the call has an answer
        ("connected", "i1"),  # holds a connection
        ("again", "i1"),  # of a leg's first try: the pause before a retry lasts
        ("copy", "i2"),
        ("tries", "i2"),  # of a leg's first try: tries so far, and those still open
        ("open_tries", "i2"),
        ("step", "i2"),  # as a caller: number of the next call, and legs of this stage without an answer
        ("pending", "i2"),
        ("site", "i4"),  # row of its instance
        ("life", "i4"),  # of that instance when it arrived
        ("lead", "i4"),  # first try of its leg
        ("inside", "i4"),  # visits inside with it when the concurrency limit let it in
        ("ticket", "i4"),  # the breaker's
        ("behind", "i4"),  # next in the queue, -1 for none
        ("left", "i4"),  # pieces of work that are done after its own
        ("right", "i4"),
        ("first_try", "i4"),  # as a caller: tries of the stage in order of creation, -1 for none
        ("last_try", "i4"),
        ("next_try", "i4"),
        ("next_timer", "i4"),  # try of the same call that gives up after it, -1 for none
        ("key", "u8"),
        ("luck", "u8"),  # the key that its work is drawn with: its own, or that of an earlier try
        ("deadline", "f8"),  # absolute; what remains of it while on the way
        ("until", "f8"),  # of a leg's first try: when the call gives up for good
        ("rest_s", "f8"),  # of its work after the processor's part
        ("paused_s", "f8"),  # its site's count of pauses when its piece of work began
        ("finish", "f8"),  # virtual time at which its piece is done
        ("began", "i8"),
        ("timer_at", "f8"),
        ("timer_order", "i8"),
    ]
)
LOG = np.dtype(LOGGED)
ON_THE_WAY, DELAYED, QUEUED, AT_WORK, CALLING, GONE = range(6)  # places; QUEUED: for a server
CHANGE = np.dtype([("time", "f8"), ("kind", "i8"), ("station", "i8"), ("amount", "f8")])
SLOW, FAILING, HANGING, LOST, BACK, PAUSED = range(6)  # kinds of changes; BACK ends LOST
EVENT = np.dtype([("time", "f8"), ("code", "u8")])


class World(NamedTuple):
    """What a plan lays out, and what a run adds: `visits`, `heap`, `counts`."""

    stations: np.ndarray
    sites: np.ndarray
    calls: np.ndarray
    links: np.ndarray
    views: np.ndarray
    slots: np.ndarray  # float64: room of mechanisms that need more than a record
    ring: np.ndarray
    tables: np.ndarray  # quantiles, t × points
    changes: np.ndarray
    fresh_sites: np.ndarray  # as they were at first, for those that come back empty
    fresh_links: np.ndarray
    visits: np.ndarray
    heap: np.ndarray
    counts: np.ndarray  # int64, by the names below
    entry: int
    persistence: float
    users: int  # closed ones
    think: int  # quantile table, -1 for none
    end_s: float  # closed users send nothing from then on
    seed: np.uint64


# places in `counts`
ROWS, HEAPED, SCHEDULED, TAKEN, CHANGED, CREATED, LEFT, GOES_ON = range(8)
COUNTS = 8
