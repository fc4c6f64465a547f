"""A visit at its site: `arrive`, `enter`, `start`, `computed`, `leave`; and what befalls the site.

Nothing here calls another station: a visit whose work is done is noted in counts[GOES_ON], one that has left
in counts[LEFT], and the loop lets its calls, or its caller, go on. So nothing recurses.
"""

from __future__ import annotations

import numpy as np

from workbench.twin import draws, events
from workbench.twin._compiled import compiled, compiled_apart, inlined
from workbench.twin.mechanisms import autoscaler, codel, concurrency, cpu, pool, rate_limit
from workbench.twin.world import (
    AT_WORK,
    CANCELLED,
    DELAYED,
    EXPIRED,
    FAILED,
    GOES_ON,
    GONE,
    LEFT,
    LIMITED,
    OK,
    ON_THE_WAY,
    QUEUED,
    REFUSED,
    ROWS,
    RUNNING,
    UNCONNECTED,
)


@compiled
def new(w, request, parent, call, attempt, key, sent):  # type: ignore[no-untyped-def]
    """Add a row for a visit that is on its way."""
    v = w.counts[ROWS]
    w.counts[ROWS] = v + 1
    visit = w.visits[v]
    visit.request, visit.parent, visit.call, visit.attempt, visit.sent = request, parent, call, attempt, sent
    visit.station, visit.instance, visit.site, visit.life = -1, -1, -1, -1
    visit.arrived = visit.started = visit.ended = visit.heard = np.nan
    visit.outcome = visit.result = RUNNING
    visit.degraded = visit.marked = visit.waiting = visit.settled = visit.connected = visit.again = 0
    visit.place, visit.open, visit.copy = ON_THE_WAY, 1, 0
    visit.tries = visit.open_tries = visit.step = visit.pending = 0
    visit.lead, visit.first_try, visit.next_try = v, -1, -1
    visit.key = visit.luck = key
    visit.deadline = np.inf
    visit.timer_order = -1
    return v


@compiled
def bound_for(w, v, x):  # type: ignore[no-untyped-def]
    """Visit v goes to site x."""
    visit, station = w.visits[v], w.sites[x].station
    visit.site, visit.station, visit.instance = x, station, x - w.stations[station].first_site


@compiled
def arrive(w, v, now):  # type: ignore[no-untyped-def]
    visit = w.visits[v]
    site, station = w.sites[visit.site], w.stations[visit.station]
    if site.lost:
        leave(w, v, now, UNCONNECTED)
        return
    visit.arrived, visit.life = now, site.life
    if visit.marked:
        leave(w, v, now, CANCELLED)
        return
    if station.hanging:
        visit.place = GONE
        return
    visit.deadline = now + min(visit.deadline, station.deadline_s)
    if station.failing > 0.0 and draws.uniform(visit.key, draws.FAIL) < station.failing:
        leave(w, v, now, FAILED)
        return
    delay_s = rate_limit.admit(site.limit, w.slots, now)
    if delay_s == 0.0:
        enter(w, v, now)
    elif delay_s < np.inf:
        visit.place = DELAYED
        events.schedule(w, now + delay_s, events.ADMITTED, v)
    else:
        leave(w, v, now, LIMITED)


@compiled
def enter(w, v, now):  # type: ignore[no-untyped-def]
    """Past the rate limit: the concurrency limit, then a server or a place in the queue."""
    visit = w.visits[v]
    site = w.sites[visit.site]
    if visit.marked:
        leave(w, v, now, CANCELLED)
        return
    if site.concurrency.kind > 0:
        visit.inside = concurrency.admit(site.concurrency, w.slots, now)
        if visit.inside == 0:
            leave(w, v, now, REFUSED)
            return
    visit.place = QUEUED  # from here on it counts as inside
    _account(site, now)
    got = pool.acquire(site.pool, w.visits, v)
    if got == pool.STARTED:
        start(w, v, now)
    elif got == pool.REFUSED:
        leave(w, v, now, REFUSED)
    elif site.pool.wait_s < np.inf:
        events.schedule(w, now + site.pool.wait_s, events.WAITED_OUT, v)


@compiled_apart
def waited_out(w, v, now):  # type: ignore[no-untyped-def]
    visit = w.visits[v]
    if visit.waiting and visit.place == QUEUED:
        pool.leave_queue(w.sites[visit.site].pool, w.visits, v)
        leave(w, v, now, REFUSED)


@compiled
def start(w, v, now):  # type: ignore[no-untyped-def]
    """Begin the work of a visit that has just been given a server; one that has expired does none."""
    visit = w.visits[v]
    site, station = w.sites[visit.site], w.stations[visit.station]
    visit.started = now
    visit.place = AT_WORK
    if now >= visit.deadline:
        visit.rest_s, visit.paused_s = 0.0, site.paused_s
        events.schedule(w, now, events.COMPUTED, v)
        return
    paused_s = site.paused_s
    if station.budget_bytes < np.inf:
        site.allocated += station.bytes_per_visit
        if site.allocated >= station.budget_bytes:
            site.allocated = 0.0
            if station.pauses >= 0:
                u = draws.uniform(visit.key, draws.PAUSE)
                pause(w, np.int64(visit.site), now, draws.from_table(w.tables[station.pauses], u))
    work_s = 0.0
    if station.before >= 0:
        work_s = draws.from_table(w.tables[station.before], draws.uniform(visit.luck, draws.BEFORE))
    _begin_piece(w, v, now, work_s * _factor(site, station, now), paused_s)


@compiled
def rest(w, v, now):  # type: ignore[no-untyped-def]
    """Begin the work after the calls; False if there is none."""
    visit = w.visits[v]
    site, station = w.sites[visit.site], w.stations[visit.station]
    if station.after < 0:
        return False
    visit.place = AT_WORK
    work_s = draws.from_table(w.tables[station.after], draws.uniform(visit.luck, draws.AFTER))
    _begin_piece(w, v, now, work_s * _factor(site, station, now), site.paused_s)
    return True


@compiled
def _factor(site, station, now):  # type: ignore[no-untyped-def]
    """What makes work longer at the moment."""
    n = site.pool.busy
    factor = station.slow * (1.0 + station.sigma * (n - 1) + station.kappa * n * (n - 1)) / site.speed
    if site.up_since > 0.0 and station.warm_up_s > 0.0:
        cold = max(0.0, 1.0 - (now - site.up_since) / station.warm_up_s)
        return factor * (1.0 + (station.cold - 1.0) * cold)
    return factor


@compiled
def _begin_piece(w, v, now, work_s, paused_s):  # type: ignore[no-untyped-def]
    visit = w.visits[v]
    site, share = w.sites[visit.site], w.stations[visit.station].cpu_share
    visit.paused_s = paused_s
    on_cpu_s = work_s if share == 1.0 else work_s * share
    visit.rest_s = work_s - on_cpu_s
    if site.cpu.kind == cpu.UNLIMITED:
        if on_cpu_s == 0.0 and visit.rest_s > 0.0:
            events.schedule(w, now + visit.rest_s, events.RESTED, v)
            visit.rest_s = 0.0
        else:
            events.schedule(w, now + on_cpu_s, events.COMPUTED, v)
    elif site.cpu.kind == cpu.LOOP:
        visit.finish = on_cpu_s
        if cpu.take_loop(site.cpu, w.visits, v):
            events.schedule(w, now + on_cpu_s, events.COMPUTED, v)
    elif on_cpu_s > 0.0:
        cpu.begin(site.cpu, w.visits, v, on_cpu_s, now)
        _schedule_cpu(w, np.int64(visit.site), now)
    else:
        events.schedule(w, now, events.COMPUTED, v)


@compiled
def _schedule_cpu(w, x, now):  # type: ignore[no-untyped-def]
    site = w.sites[x]
    at = cpu.next_change(site.cpu, w.visits, now, site.paused_until)
    site.cpu.due = -1 if site.cpu.what == cpu.NOTHING else events.schedule(w, at, events.CPU, x)


@compiled
def cpu_changes(w, x, order, now):  # type: ignore[no-untyped-def]
    """The shared processor of site x comes to what was due, unless that is out of date."""
    site = w.sites[x]
    if site.cpu.due == order:
        v = cpu.change(site.cpu, w.visits, now)
        _schedule_cpu(w, x, now)
        if v >= 0:
            _computed(w, v, now)


@compiled
def computed(w, v, now):  # type: ignore[no-untyped-def]
    """The processor's part of a piece ends now, unless the site has stood still meanwhile."""
    visit = w.visits[v]
    site = w.sites[visit.site]
    still_s = site.paused_s - visit.paused_s
    if still_s > 0.0:
        visit.paused_s = site.paused_s
        events.schedule(w, now + still_s, events.COMPUTED, v)
        return
    if site.cpu.runs == v:
        following = cpu.leave_loop(site.cpu, w.visits)
        if following >= 0:
            w.visits[following].paused_s = site.paused_s
            events.schedule(w, now + w.visits[following].finish, events.COMPUTED, following)
    _computed(w, v, now)


@compiled
def _computed(w, v, now):  # type: ignore[no-untyped-def]
    visit = w.visits[v]
    if visit.rest_s > 0.0:
        events.schedule(w, now + visit.rest_s, events.RESTED, v)
        visit.rest_s = 0.0
    else:
        worked(w, v, now)


@compiled
def worked(w, v, now):  # type: ignore[no-untyped-def]
    """A piece of work is done."""
    visit = w.visits[v]
    if visit.marked:
        leave(w, v, now, CANCELLED)
    elif visit.started >= visit.deadline:
        leave(w, v, now, EXPIRED)
    else:
        w.counts[GOES_ON] = v


@compiled
def leave(w, v, now, outcome):  # type: ignore[no-untyped-def]
    """End visit v; the loop lets go what it held, and its caller hear."""
    visit = w.visits[v]
    visit.ended, visit.outcome = now, outcome
    if visit.parent < 0:
        visit.heard, visit.result = now, outcome
    w.counts[LEFT] = v


@compiled
def let_go(w, v, now):  # type: ignore[no-untyped-def]
    """Visit v has left: it is no longer inside, and its server goes to the next."""
    visit = w.visits[v]
    inside = visit.place == QUEUED or not np.isnan(visit.started)
    visit.place = GONE
    if not inside:
        return
    site = w.sites[visit.site]
    outcome = visit.outcome
    if site.concurrency.kind > 0:
        rtt_s, failed = now - visit.arrived, outcome != OK
        concurrency.leave(site.concurrency, w.slots, now, rtt_s, visit.inside, failed)
    if not np.isnan(visit.started):
        take_next(w, np.int64(visit.site), now)


@compiled
def take_next(w, x, now):  # type: ignore[no-untyped-def]
    """A server of site x is free: who waits takes it over, or is shed for having waited too long."""
    site = w.sites[x]
    _account(site, now)
    v = pool.release(site.pool, w.visits)
    if v < 0:
        codel.found_empty(site.codel)
        return
    if site.codel.target_s < np.inf:
        waited_s = now - w.visits[v].arrived
        if codel.drop(site.codel, now, waited_s, site.pool.length):
            events.schedule(w, now, events.SHED, v)
            events.schedule(w, now, events.NEXT, v)
            return
    start(w, v, now)


@inlined
def shed(w, v, now):  # type: ignore[no-untyped-def]
    """Visit v, taken from the queue, has waited too long."""
    leave(w, v, now, REFUSED)


@compiled
def _account(site, now):  # type: ignore[no-untyped-def]
    """Keep the integral of busy servers over time, before their number changes."""
    site.busy_s += site.pool.busy * (now - site.busy_at)
    site.busy_at = now


@compiled_apart
def pause(w, x, now, duration_s):  # type: ignore[no-untyped-def]
    """Site x stands still."""
    site = w.sites[x]
    until = max(site.paused_until, now + duration_s)
    site.paused_s += until - max(site.paused_until, now)
    site.paused_until = until
    if site.cpu.kind == cpu.SHARED:
        cpu.halt(site.cpu, now)
        _schedule_cpu(w, x, now)


@compiled_apart
def scale(w, s, now):  # type: ignore[no-untyped-def]
    """Look at the utilisation of station s, and start or retire instances."""
    station = w.stations[s]
    n, running, busy_s = 0, 0, 0.0
    for x in range(station.first_site, station.end_site):
        site = w.sites[x]
        _account(site, now)
        if site.running:
            running += 1
            busy_s += site.busy_s
        n += site.running or site.starting > 0
        site.busy_s = 0.0
    servers = w.sites[station.first_site].pool.servers
    utilisation = busy_s / (servers * running * station.autoscaler.period_s) if running else 0.0
    number = autoscaler.wanted(station.autoscaler, w.slots, n, utilisation)
    for x in range(station.first_site, station.end_site):
        site = w.sites[x]
        if n < number and not site.running and not site.starting:
            site.starting = 1 + events.schedule(w, now + station.autoscaler.start_s, events.READY, x)
            n += 1
    for back in range(station.end_site - station.first_site):
        site = w.sites[station.end_site - 1 - back]
        if n > number and (site.running or site.starting):
            site.running = site.starting = 0
            n -= 1


@compiled_apart
def ready(w, x, order, now):  # type: ignore[no-untyped-def]
    """A new instance takes part, unless it was retired since its start."""
    site = w.sites[x]
    if site.starting == order + 1:
        site.starting, site.running, site.up_since = 0, 1, now
