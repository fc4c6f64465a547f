"""The event loop of the twin, in numba over NamedTuples of arrays.

A *visit* is one request at one station; every visit but a root's is also one try of a call, so a row of the
log describes both. The loop reads as queueing: `arrive`, `start`, `worked`, `begin_try`, `leave`. It returns
times and outcomes only; quantiles and utilisation are computed outside.

Events at the same time happen in the order in which they were scheduled; an arrival from outside comes
before all of them. When a visit ends, its server goes to the next in the queue first; then the caller hears.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.errors import CalibrationError
from workbench.network import Network, Workload
from workbench.twin import draws
from workbench.twin._compiled import compiled
from workbench.twin.mechanisms import backoff, pool, token_bucket

# How a visit ended (what its station answered), and how a try ended for its caller.
OK, FAILED, REFUSED, LIMITED, EXPIRED, TIMEOUT, RUNNING = 0, 1, 2, 3, 4, 5, 6
OUTCOMES = ("ok", "failed", "refused", "limited", "expired", "timeout", "running")

_ARRIVE, _WORKED, _FINISHED, _TIMEOUT, _RETRY = 0, 1, 2, 3, 4  # kinds of events
_SPARE = 8  # with one for each station, more rows or heap entries than one event can add


STATION = np.dtype(
    [
        ("servers", "f8"),  # policy; inf without limit
        ("queue", "f8"),
        ("rate_rps", "f8"),
        ("burst", "f8"),
        ("deadline_s", "f8"),
        ("before", "i8"),  # quantile table of the work before the calls, -1 for none
        ("after", "i8"),
        ("first_call", "i8"),  # its calls are rows first_call … end_call - 1 of the calls
        ("end_call", "i8"),
        ("busy", "i8"),  # state
        ("length", "i8"),
        ("first", "i8"),
        ("last", "i8"),
        ("tokens", "f8"),
        ("filled_at", "f8"),
    ]
)
CALL = np.dtype(
    [
        ("to", "i8"),
        ("timeout_s", "f8"),
        ("attempts", "i8"),
        ("backoff_s", "f8"),
        ("jitter", "f8"),
        ("transit", "i8"),  # quantile table of the time between send and arrival, -1 for none
    ]
)
LOGGED = [
    ("request", "i8"),
    ("parent", "i8"),  # row of the calling visit, -1 for a root
    ("station", "i8"),
    ("call", "i8"),  # row of the call in the plan, -1 for a root
    ("attempt", "i8"),  # from 0
    ("sent", "f8"),  # when the caller sent it; times in seconds, NaN where it never came to that
    ("arrived", "f8"),  # when it reached the station
    ("started", "f8"),  # when it was given a server
    ("ended", "f8"),  # when the station was done with it
    ("outcome", "i8"),  # what the station answered
    ("heard", "f8"),  # when the caller had its answer or gave up
    ("result", "i8"),  # how the try ended for the caller
]
VISIT = np.dtype(
    LOGGED
    + [
        ("key", "u8"),
        ("luck", "u8"),  # the key that its work is drawn with: its own, or that of an earlier try
        ("deadline", "f8"),  # absolute; what remains of it while on the way
        ("step", "i8"),  # number of the call in progress
        ("tries", "i8"),  # tries of that call so far
        ("awaited", "i8"),  # row of the try that it waits for, -1 for none
        ("behind", "i8"),  # next in the queue, -1 for none
    ]
)
EVENT = np.dtype([("time", "f8"), ("order", "i8"), ("kind", "i8"), ("visit", "i8")])
LOG = np.dtype(LOGGED)


class Plan(NamedTuple):
    """A network and its workload as arrays; `tables` are quantiles (t × points), `entry` is a row."""

    stations: np.ndarray
    calls: np.ndarray
    tables: np.ndarray
    entry: int
    persistence: float


class _World(NamedTuple):
    """All that the loop reads and writes. Few arrays: numba counts references of each at every call."""

    stations: np.ndarray
    calls: np.ndarray
    tables: np.ndarray
    visits: np.ndarray
    heap: np.ndarray
    counts: np.ndarray  # int64: rows used, heap size, events scheduled, arrivals taken, visit just left
    persistence: float


_ROWS, _HEAPED, _SCHEDULED, _TAKEN, _LEFT = 0, 1, 2, 3, 4


@compiled
def _earlier(a, b):
    return a.time < b.time or (a.time == b.time and a.order < b.order)


@compiled
def _copy(event, source):
    event.time, event.order, event.kind, event.visit = source.time, source.order, source.kind, source.visit


@compiled
def _schedule(w, time, kind, v):
    """Push an event; w.heap[-1] is scratch."""
    new = w.heap[w.heap.size - 1]
    new.time, new.order, new.kind, new.visit = time, w.counts[_SCHEDULED], kind, v
    i = w.counts[_HEAPED]
    w.counts[_HEAPED] += 1
    w.counts[_SCHEDULED] += 1
    while i > 0:
        up = (i - 1) >> 1
        if not _earlier(new, w.heap[up]):
            break
        _copy(w.heap[i], w.heap[up])
        i = up
    _copy(w.heap[i], new)


@compiled
def _pop(w):
    """Drop the earliest event; the caller has looked at it already."""
    size = w.counts[_HEAPED] - 1
    w.counts[_HEAPED] = size
    moved = w.heap[size]
    i = 0
    while 2 * i + 1 < size:
        down = 2 * i + 1
        if down + 1 < size and _earlier(w.heap[down + 1], w.heap[down]):
            down += 1
        if _earlier(moved, w.heap[down]):
            break
        _copy(w.heap[i], w.heap[down])
        i = down
    _copy(w.heap[i], moved)


@compiled
def _new_visit(w, request, parent, station, call, attempt, key, sent):
    v = w.counts[_ROWS]
    w.counts[_ROWS] += 1
    visit = w.visits[v]
    visit.request, visit.parent, visit.station = request, parent, station
    visit.call, visit.attempt, visit.sent = call, attempt, sent
    visit.arrived = visit.started = visit.ended = visit.heard = np.nan
    visit.outcome = visit.result = RUNNING
    visit.key, visit.luck, visit.deadline = key, key, np.inf
    visit.step, visit.tries, visit.awaited, visit.behind = -1, 0, -1, -1
    return v


@compiled
def _arrive(w, v, now):
    visit, station = w.visits[v], w.stations[w.visits[v].station]
    visit.arrived = now
    visit.deadline = now + min(visit.deadline, station.deadline_s)
    if not token_bucket.admit(station, now):
        _leave(w, v, now, LIMITED)
        return
    got = pool.acquire(station, w.visits, v)
    if got == pool.STARTED:
        _start(w, v, now)
    elif got == pool.REFUSED:
        _leave(w, v, now, REFUSED)


@compiled
def _start(w, v, now):
    """Schedule the work of a visit that has just been given a server; one that has expired does none."""
    visit, station = w.visits[v], w.stations[w.visits[v].station]
    visit.started = now
    work_s = 0.0
    if now < visit.deadline and station.before >= 0:
        work_s = draws.from_table(w.tables[station.before], draws.uniform(visit.luck, draws.BEFORE))
    _schedule(w, now + work_s, _WORKED, v)


@compiled
def _worked(w, v, now):
    """Work before the calls is done, or a call has answered: go on to the next call, the rest, the end."""
    visit, station = w.visits[v], w.stations[w.visits[v].station]
    if visit.started >= visit.deadline:
        _leave(w, v, now, EXPIRED)
        return
    visit.step += 1
    visit.tries = 0
    if station.first_call + visit.step < station.end_call:
        _begin_try(w, v, now)
    elif station.after >= 0:
        rest_s = draws.from_table(w.tables[station.after], draws.uniform(visit.luck, draws.AFTER))
        _schedule(w, now + rest_s, _FINISHED, v)
    else:
        _leave(w, v, now, OK)


@compiled
def _begin_try(w, v, now):
    visit = w.visits[v]
    if now >= visit.deadline:
        _leave(w, v, now, EXPIRED)
        return
    c = w.stations[visit.station].first_call + visit.step
    call = w.calls[c]
    key = draws.child_key(visit.key, visit.step, visit.tries)
    t = _new_visit(w, visit.request, v, call.to, c, visit.tries, key, now)
    w.visits[t].luck = _luck(w, visit, visit.tries)
    visit.tries += 1
    visit.awaited = t
    w.visits[t].deadline = visit.deadline - now  # what remains travels, never a clock reading
    transit_s = 0.0
    if call.transit >= 0:
        transit_s = draws.from_table(w.tables[call.transit], draws.uniform(key, draws.TRANSIT))
    _schedule(w, now + transit_s, _ARRIVE, t)
    give_up = min(now + call.timeout_s, visit.deadline)
    if give_up < np.inf:
        _schedule(w, give_up, _TIMEOUT, t)


@compiled
def _luck(w, visit, attempt):
    """A retry meets the work of the first try again with the workload's persistence, else fresh work."""
    fresh = draws.child_key(visit.luck, visit.step, attempt)
    if attempt > 0 and draws.uniform(fresh, draws.PERSIST) < w.persistence:
        return draws.child_key(visit.luck, visit.step, 0)
    return fresh


@compiled
def _hear(w, t, now, result):
    """The caller of try t learns its result, unless it has given up on it before."""
    v = w.visits[t].parent
    if v < 0 or w.visits[v].awaited != t:
        return
    visit, call = w.visits[v], w.calls[w.visits[t].call]
    visit.awaited = -1
    w.visits[t].heard, w.visits[t].result = now, result
    if result == OK:
        _worked(w, v, now)
    elif result == LIMITED or visit.tries >= call.attempts:
        _leave(w, v, now, EXPIRED if now >= visit.deadline else FAILED)
    else:
        u = draws.uniform(w.visits[t].key, draws.BACKOFF)
        wait_s = backoff.delay_s(visit.tries, call.backoff_s, call.jitter, u)
        if now + wait_s >= visit.deadline:
            _leave(w, v, now, EXPIRED)
        else:
            _schedule(w, now + wait_s, _RETRY, v)


@compiled
def _leave(w, v, now, outcome):
    """End visit v: its server goes to the next; then `loop` lets the caller hear, so nothing recurses."""
    visit = w.visits[v]
    visit.ended, visit.outcome = now, outcome
    if visit.parent < 0:
        visit.heard, visit.result = now, outcome
    w.counts[_LEFT] = v
    if not np.isnan(visit.started):
        following = pool.release(w.stations[visit.station], w.visits)
        if following >= 0:
            _start(w, following, now)


@compiled
def _next(w, arrivals, seed, entry):
    """Process the earliest event; give its time."""
    n = w.counts[_TAKEN]
    if w.counts[_HEAPED] == 0 or (n < arrivals.size and arrivals[n] <= w.heap[0].time):
        w.counts[_TAKEN] += 1
        v = _new_visit(w, n, -1, entry, -1, 0, draws.root_key(seed, n), arrivals[n])
        _arrive(w, v, arrivals[n])
        return arrivals[n]
    now, kind, v = w.heap[0].time, w.heap[0].kind, w.heap[0].visit
    _pop(w)
    if kind == _ARRIVE:
        _arrive(w, v, now)
    elif kind == _WORKED:
        _worked(w, v, now)
    elif kind == _FINISHED:
        _leave(w, v, now, OK)
    elif kind == _TIMEOUT:
        _hear(w, v, now, TIMEOUT)
    else:
        _begin_try(w, v, now)
    return now


@compiled
def loop(w, arrivals, seed, entry):
    """Process events until none is left (True), or until rows or heap must be enlarged (False)."""
    spare = _SPARE + w.stations.size  # an answer can free a server, and start who waits, at every hop back
    while w.counts[_TAKEN] < arrivals.size or w.counts[_HEAPED] > 0:
        if w.counts[_ROWS] + spare > w.visits.size or w.counts[_HEAPED] + spare > w.heap.size:
            return False
        now = _next(w, arrivals, seed, entry)
        while w.counts[_LEFT] >= 0:
            v = w.counts[_LEFT]
            w.counts[_LEFT] = -1
            _hear(w, v, now, w.visits[v].outcome)
    return True


def run(plan: Plan, arrivals: np.ndarray, seed: int) -> np.ndarray:
    """Send requests at `arrivals` (s, sorted) through the plan until the last has left.

    Gives the log, a structured array with one row per visit in order of creation: the fields of LOG, and
    behind them what the loop needed.
    """
    arrivals = np.ascontiguousarray(arrivals, float)
    world = _World(
        stations=plan.stations.copy(),
        calls=plan.calls,
        tables=plan.tables,
        visits=np.empty(_SPARE + plan.stations.size + int(arrivals.size * plan.stations.size * 1.2), VISIT),
        heap=np.empty(4096, EVENT),
        counts=np.array([0, 0, 0, 0, -1]),
        persistence=plan.persistence,
    )
    while not loop(world, arrivals, np.uint64(seed), plan.entry):
        spare = _SPARE + plan.stations.size
        if world.counts[_ROWS] + spare > world.visits.size:
            world = world._replace(visits=_enlarged(world.visits))
        if world.counts[_HEAPED] + spare > world.heap.size:
            world = world._replace(heap=_enlarged(world.heap))
    return world.visits[: world.counts[_ROWS]]


def _enlarged(rows: np.ndarray) -> np.ndarray:
    return np.concatenate([rows, np.empty_like(rows)])


def plan_of(network: Network, workload: Workload) -> Plan:
    """Lay a network and its demands out as arrays."""
    tables: list[np.ndarray] = []

    def table(values: np.ndarray | None) -> int:
        if values is None:
            return -1
        tables.append(np.asarray(values, float))
        return len(tables) - 1

    index = {station.name: row for row, station in enumerate(network.stations)}
    stations = np.zeros(len(network.stations), STATION)
    calls = np.zeros(sum(len(station.calls) for station in network.stations), CALL)
    row = 0
    for policy, station in zip(network.stations, stations, strict=True):
        demand = workload.demand.get(policy.name)
        station["servers"], station["queue"] = policy.pool.servers, policy.pool.queue
        station["rate_rps"], station["burst"] = policy.limit.rate_rps, policy.limit.burst
        station["tokens"], station["deadline_s"] = policy.limit.burst, policy.deadline_s
        station["before"] = table(demand.before if demand else None)
        station["after"] = table(demand.after if demand else None)
        station["first_call"], station["end_call"] = row, row + len(policy.calls)
        for call in policy.calls:
            transit = table(workload.transit.get(f"{policy.name}.{call.to}"))
            calls[row] = (index[call.to], call.timeout_s, call.attempts, call.backoff_s, call.jitter, transit)
            row += 1
    points = {t.size for t in tables} or {1}
    if len(points) > 1:
        raise CalibrationError(f"quantile tables of {sorted(points)} points", expected="one length for all")
    return Plan(
        stations,
        calls,
        np.array(tables, float).reshape(len(tables), points.pop()),
        index[network.entry],
        float(workload.persistence),
    )
