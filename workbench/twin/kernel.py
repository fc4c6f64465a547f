"""The event loop of the twin, in numba over a NamedTuple of arrays of records.

`world` holds what there is, `events` what is scheduled, `visits` what a visit does at its site, `tries` what
its caller does; here they are put in order of time. At the same time come first what the scenario changes,
then arrivals from outside, then what was scheduled, in the order of scheduling. The log is times and outcomes
only; quantiles and utilisation are computed outside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from workbench.errors import CalibrationError
from workbench.network import Change, Network, Workload
from workbench.twin import draws, events, tries, visits, world
from workbench.twin._compiled import compiled_apart, exposed, inlined
from workbench.twin.mechanisms import balance
from workbench.twin.plan import plan_of
from workbench.twin.world import (
    CHANGED,
    CREATED,
    FIRST,
    GOES_ON,
    HEAPED,
    LEFT,
    NONE,
    ROWS,
    TAKEN,
    TIMEOUT,
    World,
)


@exposed
def loop(w, arrivals, rows, scheduled):  # type: ignore[no-untyped-def]
    """Go on until nothing is left (True), or until there is no room for so many more visits, or events."""
    if w.counts[CREATED] < 0:
        _open_up(w, arrivals)
    while w.counts[TAKEN] < arrivals.size or w.counts[HEAPED] > 0:
        if w.counts[ROWS] + rows > w.visits.size or w.counts[HEAPED] + scheduled > w.heap.size:
            return False
        now = _next(w, arrivals)
        while w.counts[GOES_ON] >= 0 or w.counts[LEFT] >= 0:
            v = w.counts[GOES_ON]
            if v >= 0:
                w.counts[GOES_ON] = -1
                tries.go_on(w, v, now)
            else:
                v = w.counts[LEFT]
                w.counts[LEFT] = -1
                _left(w, v, now, arrivals.size)
    return True


@compiled_apart
def _open_up(w, arrivals):  # type: ignore[no-untyped-def]
    """Schedule what comes of itself: closed users' first requests, autoscalers' first looks."""
    w.counts[CREATED] = 0
    for _ in range(w.users):
        _send_next(w, 0.0, arrivals.size)
    for s in range(w.stations.size):
        if w.stations[s].autoscaler.high > 0:
            _look_later(w, s, 0.0, arrivals)


@compiled_apart
def _send_next(w, now, outside):  # type: ignore[no-untyped-def]
    """A closed user thinks, and sends the next request."""
    request = outside + w.counts[CREATED]
    key = draws.root_key(w.seed, request)
    think_s = draws.from_table(w.tables[w.think], draws.uniform(key, draws.THINK)) if w.think >= 0 else 0.0
    w.counts[CREATED] += 1
    if now + think_s < w.end_s:
        v = visits.new(w, request, NONE, NONE, FIRST, key, now + think_s)
        events.schedule(w, now + think_s, events.ARRIVE, v)


@compiled_apart
def _look_later(w, s, now, arrivals):  # type: ignore[no-untyped-def]
    station = w.stations[s]
    last = arrivals[arrivals.size - 1] if arrivals.size else 0.0
    if w.users > 0:
        last = max(last, w.end_s)
    look = station.autoscaler.looks + 1
    if look * station.autoscaler.period_s <= last:
        events.schedule(w, look * station.autoscaler.period_s, events.SCALE, s)


@inlined
def _next(w, arrivals):  # type: ignore[no-untyped-def]
    """Let the earliest thing happen; give its time."""
    n, c = w.counts[TAKEN], w.counts[CHANGED]
    due = w.heap[0].time if w.counts[HEAPED] > 0 else np.inf
    arrives = arrivals[n] if n < arrivals.size else np.inf
    if c < w.changes.size and w.changes[c].time <= min(due, arrives):
        w.counts[CHANGED] += 1
        _change(w, w.changes[c])
        return w.changes[c].time
    if arrives <= due:
        w.counts[TAKEN] += 1
        v = visits.new(w, n, NONE, NONE, FIRST, draws.root_key(w.seed, n), arrives)
        _enter_network(w, v, arrives)
        return arrives
    code = w.heap[0].code
    events.drop_first(w)
    _happen(w, events.kind_of(code), events.row_of(code), events.order_of(code), due, arrivals)
    return due


@compiled_apart
def _enter_network(w, v, now):  # type: ignore[no-untyped-def]
    """A root visit comes to the instances of the entry in turn, passing over those that are not there."""
    station, visit = w.stations[w.entry], w.visits[v]
    n = station.end_site - station.first_site
    turn = visit.request % n
    x = station.first_site + turn
    for k in range(n):
        other = station.first_site + (turn + k) % n
        if w.sites[other].running and not w.sites[other].lost:
            x = other
            break
    visits.bound_for(w, v, x)
    if w.sites[x].paused_until > now:
        events.schedule(w, w.sites[x].paused_until, events.ARRIVE, v)
    else:
        visits.arrive(w, v, now)


@inlined
def _happen(w, kind, row, order, now, arrivals):  # type: ignore[no-untyped-def]
    """What was scheduled happens, unless the site concerned has lost it, or stands still."""
    if kind == events.CPU:
        visits.cpu_changes(w, row, order, now)
    elif kind == events.SCALE:
        visits.scale(w, row, now)
        _look_later(w, row, now, arrivals)
    elif kind == events.READY:
        visits.ready(w, row, order, now)
    elif kind <= events.CANCEL:
        _happen_at_site(w, kind, row, now)
    else:
        if kind == events.TIMER:
            tries.next_timer(w, row)
        _happen_to_caller(w, kind, row, now)


@inlined
def _happen_at_site(w, kind, v, now):  # type: ignore[no-untyped-def]
    visit = w.visits[v]
    if visit.site < 0:  # a closed user's request, or a try that never left
        if kind == events.ARRIVE:
            _enter_network(w, v, now)
        return
    site = w.sites[visit.site]
    if visit.life >= 0 and visit.life != site.life:
        return
    if kind == events.COMPUTED:
        visits.computed(w, v, now)
    elif site.paused_until > now:
        events.schedule(w, site.paused_until, kind, v)
    elif kind == events.ARRIVE:
        visits.arrive(w, v, now)
    elif kind == events.ADMITTED:
        visits.enter(w, v, now)
    elif kind == events.WAITED_OUT:
        visits.waited_out(w, v, now)
    elif kind == events.RESTED:
        visits.worked(w, v, now)
    elif kind == events.SHED:
        visits.shed(w, v, now)
    elif kind == events.NEXT:
        visits.take_next(w, np.int64(visit.site), now)
    else:
        tries.cancel(w, v, now)


@inlined
def _happen_to_caller(w, kind, t, now):  # type: ignore[no-untyped-def]
    caller = w.visits[w.visits[t].parent]
    site = w.sites[caller.site]
    if caller.life != site.life:
        return
    if site.paused_until > now:
        events.schedule(w, site.paused_until, kind, t)
    elif kind == events.TIMER:
        tries.hear(w, t, now, TIMEOUT)
    elif kind == events.HEDGE or kind == events.RETRY:
        tries.try_again(w, t, now, kind == events.HEDGE)
    elif kind == events.UNCONNECT:
        tries.unconnect(w, t, now)
    else:
        tries.hear(w, t, now, np.int64(w.visits[t].outcome))


@inlined
def _left(w, v, now, outside):  # type: ignore[no-untyped-def]
    """A visit has left its station: its caller hears, or its user thinks of the next."""
    visit = w.visits[v]
    visits.let_go(w, v, now)
    if visit.parent < 0:
        if visit.request >= outside:
            _send_next(w, now, outside)
        return
    site = w.sites[w.visits[visit.parent].site]
    if visit.open and site.paused_until > now:
        events.schedule(w, site.paused_until, events.HEAR, v)
    else:
        tries.hear(w, v, now, np.int64(visit.outcome))


@compiled_apart
def _change(w, change):  # type: ignore[no-untyped-def]
    """What the scenario changes at a station."""
    now, station = change.time, w.stations[change.station]
    if change.kind == world.SLOW:
        station.slow = change.amount
    elif change.kind == world.FAILING:
        station.failing = change.amount
    elif change.kind == world.HANGING:
        station.hanging = int(change.amount)
    else:
        for x in range(station.first_site, station.end_site):
            if change.kind == world.PAUSED:
                if not w.sites[x].lost:
                    visits.pause(w, x, now, change.amount)
            elif x - station.first_site < change.amount:
                if change.kind == world.LOST:
                    _lose(w, x, now)
                else:
                    _come_back(w, x, now)


@compiled_apart
def _lose(w, x, now):  # type: ignore[no-untyped-def]
    """Site x loses all that it had, and refuses connections."""
    site = w.sites[x]
    life, running, starting = site.life, site.running, site.starting
    w.sites[x] = w.fresh_sites[x]
    site.life, site.running, site.starting, site.lost = life + 1, running, starting, 1
    site.busy_at = now
    for i in range(site.first_slot, site.end_slot):
        w.slots[i] = 0.0
    station = w.stations[site.station]
    for c in range(station.end_call - station.first_call):
        k = site.first_link + c
        w.links[k] = w.fresh_links[k]
        callee = w.stations[w.calls[station.first_call + c].to]
        for i in range(callee.end_site - callee.first_site):
            view = w.views[w.links[k].first_view + i]
            view.active, view.failures, view.ejections, view.ejected_until = 0, 0, 0, 0.0
    _tell_probes(w, x, now)


@compiled_apart
def _come_back(w, x, now):  # type: ignore[no-untyped-def]
    w.sites[x].lost, w.sites[x].up_since = 0, now
    _tell_probes(w, x, now)


@compiled_apart
def _tell_probes(w, x, now):  # type: ignore[no-untyped-def]
    """Whoever calls site x will notice what has become of it."""
    s = w.sites[x].station
    for y in range(w.sites.size):
        caller = w.stations[w.sites[y].station]
        for c in range(caller.end_call - caller.first_call):
            if w.calls[caller.first_call + c].to == s:
                policy = w.calls[caller.first_call + c].balance
                first_view = w.links[w.sites[y].first_link + c].first_view
                view = w.views[first_view + x - w.stations[s].first_site]
                if w.sites[x].lost:
                    balance.went_down(policy, view, now)
                else:
                    balance.came_up(policy, view, now)


def run(
    network: Network,
    workload: Workload,
    arrivals: np.ndarray,
    seed: int,
    *,
    changes: Sequence[Change] = (),
    shift_s: float = 0.0,
    end_s: float = math.inf,
) -> np.ndarray:
    """Send requests at `arrivals` (s, sorted) through the network until the last has left.

    Gives the log, a structured array with one row per visit in order of creation: the fields of LOG, and
    behind them what the loop needed. `changes` are in window time, which begins at `shift_s`; closed users
    send until `end_s`.
    """
    arrivals = np.ascontiguousarray(arrivals, float)
    w = plan_of(network, workload, changes=changes, shift_s=shift_s, end_s=end_s, seed=seed)
    w.counts[[LEFT, GOES_ON, CREATED]] = -1
    rows, scheduled = most_at_once(w)
    everywhere_once = arrivals.size * len(network.stations)
    w = w._replace(
        visits=np.empty(rows + int(everywhere_once * 1.2), world.VISIT),
        heap=np.empty(scheduled + 4096, world.EVENT),
    )
    while not loop(w, arrivals, rows, scheduled):
        if w.counts[ROWS] + rows > w.visits.size:
            w = w._replace(visits=_enlarged(w.visits))
        if w.counts[HEAPED] + scheduled > w.heap.size:
            w = w._replace(heap=_enlarged(w.heap))
    return w.visits[: w.counts[ROWS]]


def most_at_once(w: World) -> tuple[int, int]:
    """More visits, and more events, than one event can add.

    An answer goes back along one way, on which no station stands twice. At each a server is handed on, with
    an event each for a pause, the processor, the piece, a shedding and its next; the tries that are open are
    closed, each with a cancellation and another try on its connection; and each call of the station is begun
    once, each copy with an arrival, a timer, a hedge and a retry. Users begin all at once; an autoscaler
    starts, and a change stops, every instance.
    """
    begun = w.calls["copies"]
    hedged = np.isfinite(w.calls["hedge_s"])
    are_open = begun * np.where(hedged, w.calls["attempts"], 1)
    rows = 8 + w.users + int(begun.sum())
    steps = 8 * w.stations.size + 2 * w.sites.size
    return rows, 8 + w.users + steps + int(4 * begun.sum() + 2 * are_open.sum())


def _enlarged(rows: np.ndarray) -> np.ndarray:
    if rows.size >= events.MOST_ROWS:
        raise CalibrationError(
            f"{rows.size} visits",
            expected=f"at most {events.MOST_ROWS}",
            remedy="simulate a shorter window, or less load",
        )
    return np.concatenate([rows, np.empty_like(rows)])
