"""The caller's side: the calls of a visit, stage by stage, and the tries of each: `go_on`, `hear`, `cancel`.

A leg's first try leads it. A try is open until its caller hears of it or gives it up; only then are its
connection, its place in the balancer's counts and its breaker's ticket given back.
"""

from __future__ import annotations

import numpy as np

from workbench.twin import draws, events, visits
from workbench.twin._compiled import compiled, compiled_apart
from workbench.twin.mechanisms import backoff, balance, breaker, outliers, pool, retry_budget
from workbench.twin.world import (
    CALLING,
    CANCELLED,
    EXPIRED,
    FAILED,
    FIRST,
    GOES_ON,
    GONE,
    LIMITED,
    NONE,
    OK,
    OPEN,
    QUEUED,
    REFUSED,
    TIMEOUT,
    UNCONNECTED,
)

_UNDER_WAY, _TOO_LATE, _ANSWERED, _ENDED = map(
    np.int64, range(-4, 0)
)  # what becomes of a try, or of its leg, at once


@compiled
def go_on(w, v, now):  # type: ignore[no-untyped-def]
    """Work is done, or a stage of calls: begin the next stage, the rest of the work, or the answer."""
    visit = w.visits[v]
    station = w.stations[visit.station]
    calls = station.end_call - station.first_call
    while visit.step < calls:
        visit.place, visit.first_try, visit.pending = CALLING, -1, 0
        while True:
            if not _begin_call(w, v, np.int64(visit.step), now):
                return
            visit.step += 1
            if visit.step >= calls or not w.calls[station.first_call + visit.step].together:
                break
        if visit.pending > 0:
            return
    if visit.step == calls:
        visit.step += 1
        if visits.rest(w, v, now):
            return
    visits.leave(w, v, now, OK)


@compiled
def _begin_call(w, v, i, now):  # type: ignore[no-untyped-def]
    """Begin the legs of call number i, if it is made; False if the visit ended over it."""
    visit = w.visits[v]
    call = w.calls[w.stations[visit.station].first_call + i]
    if call.share < 1.0 or call.hits > 0.0:
        chance = draws.child_key(visit.luck, i, 0)
        if not draws.uniform(chance, draws.SHARE) < call.share:
            return True
        if draws.uniform(chance, draws.CACHE) < call.hits:
            return True
    for copy in range(call.copies):
        visit.pending += 1
        t, became = _begin_try(w, v, i, copy, NONE, now, min(visit.deadline, now + call.overall_s))
        if became != _UNDER_WAY:
            became = _after_failure(w, v, i, t, now, became)
        if became == _ENDED:
            return False
        if became == _ANSWERED:
            visit.pending -= 1
    return True


@compiled_apart
def _begin_try(w, v, i, copy, lead, now, until):  # type: ignore[no-untyped-def]
    """Begin a try of call number i; give its row (-1 if too late for one) and what became of it at once."""
    if now >= until:
        return -1, _TOO_LATE
    visit = w.visits[v]
    c = w.stations[visit.station].first_call + i
    call = w.calls[c]
    link = w.links[w.sites[visit.site].first_link + i]
    attempt = FIRST if lead < 0 else np.int64(w.visits[lead].tries)
    t = visits.new(
        w, np.int64(visit.request), v, c, attempt, draws.child_key(visit.key, i + (copy << 20), attempt), now
    )
    this = w.visits[t]
    this.station, this.copy = call.to, copy
    this.luck = _luck(w, visit, i + (copy << 20), attempt)
    if lead < 0:
        lead, this.until = t, until
    this.lead = lead
    w.visits[lead].tries += 1
    w.visits[lead].open_tries += 1
    if visit.first_try < 0:
        visit.first_try = t
    else:
        w.visits[visit.last_try].next_try = t
    visit.last_try = t
    if link.budget.kind > 0:
        retry_budget.begun(link.budget)
    this.ticket = 0
    if link.breaker.kind > 0:
        this.ticket = breaker.allow(link.breaker, w.slots, now)
        if this.ticket < 0:
            return t, _failed_unsent(w, t, now, OPEN)
    got = pool.STARTED
    if link.pool.servers < np.inf:
        got = pool.acquire(link.pool, w.visits, t)
        if got == pool.REFUSED:
            return t, _failed_unsent(w, t, now, UNCONNECTED)
        this.connected = 1
    if got == pool.STARTED:
        _send(w, t, now)
    elif link.pool.wait_s < np.inf:
        events.schedule(w, now + link.pool.wait_s, events.UNCONNECT, t)
    _set_timer(w, c, t, now, until)
    if call.hedge_s < np.inf and w.visits[lead].tries < call.attempts:
        events.schedule(w, now + call.hedge_s, events.HEDGE, t)
    return t, _UNDER_WAY


@compiled
def _luck(w, visit, i, attempt):  # type: ignore[no-untyped-def]
    """A retry meets the work of the first try again with the workload's persistence, else fresh work."""
    fresh = draws.child_key(visit.luck, i, attempt)
    if attempt > 0 and draws.uniform(fresh, draws.PERSIST) < w.persistence:
        return draws.child_key(visit.luck, i, 0)
    return fresh


@compiled_apart
def _failed_unsent(w, t, now, result):  # type: ignore[no-untyped-def]
    """A try that its own caller's breaker or pool has refused; give the result."""
    w.visits[t].ended, w.visits[t].outcome, w.visits[t].place = now, result, GONE
    _close(w, t, now, result)
    return result


@compiled
def _set_timer(w, c, t, now, until):  # type: ignore[no-untyped-def]
    """Schedule the giving up of try t: those after the call's own timeout are a queue, its head scheduled."""
    call, this = w.calls[c], w.visits[t]
    if now + call.timeout_s >= until:
        if until < np.inf:
            events.schedule(w, until, events.TIMER, t)
        return
    this.timer_at, this.timer_order, this.next_timer = now + call.timeout_s, events.reserve(w), -1
    if call.first_timer < 0:
        call.first_timer = t
        events.schedule_at_place(w, this.timer_at, this.timer_order, events.TIMER, t)
    else:
        w.visits[call.last_timer].next_timer = t
    call.last_timer = t


@compiled
def next_timer(w, t):  # type: ignore[no-untyped-def]
    """The timer of try t has come: schedule the next of its call that is still open."""
    if w.visits[t].timer_order < 0:
        return
    w.visits[t].timer_order = -1
    call, following = w.calls[w.visits[t].call], w.visits[t].next_timer
    while following >= 0 and not w.visits[following].open:
        w.visits[following].timer_order = -1
        following = w.visits[following].next_timer
    call.first_timer = following
    if following >= 0:
        this = w.visits[following]
        events.schedule_at_place(w, this.timer_at, this.timer_order, events.TIMER, following)


@compiled_apart
def _send(w, t, now):  # type: ignore[no-untyped-def]
    this = w.visits[t]
    caller, call, link = w.visits[this.parent], w.calls[this.call], _link_of(w, t)
    station = w.stations[call.to]
    n = station.end_site - station.first_site
    number = 0
    if n > 1:
        u1, u2 = draws.uniform(this.key, draws.BALANCE), draws.uniform(this.key, draws.BALANCE_2)
        key = draws.root_key(w.seed, this.request)
        number = balance.pick(
            call.balance,
            link,
            w.ring,
            w.sites,
            station.first_site,
            w.views,
            link.first_view,
            n,
            now,
            key,
            u1,
            u2,
        )
    visits.bound_for(w, t, station.first_site + number)
    w.views[link.first_view + number].active += 1
    this.deadline = caller.deadline - now - call.reserve_s if call.inherits else np.inf
    transit_s = 0.0
    if call.transit >= 0:
        transit_s = draws.from_table(w.tables[call.transit], draws.uniform(this.key, draws.TRANSIT))
    events.schedule(w, now + transit_s, events.ARRIVE, t)


@compiled
def _link_of(w, t):  # type: ignore[no-untyped-def]
    caller = w.visits[w.visits[t].parent]
    c = w.visits[t].call - w.stations[caller.station].first_call
    return w.links[w.sites[caller.site].first_link + c]


@compiled_apart
def unconnect(w, t, now):  # type: ignore[no-untyped-def]
    """Try t has waited long enough for a connection."""
    if w.visits[t].waiting and w.visits[t].site < 0:
        _leave_connections(w, t, now, UNCONNECTED)
        hear(w, t, now, UNCONNECTED)


@compiled_apart
def _leave_connections(w, t, now, outcome):  # type: ignore[no-untyped-def]
    pool.leave_queue(_link_of(w, t).pool, w.visits, t)
    this = w.visits[t]
    this.connected = 0
    this.ended, this.outcome, this.place = now, outcome, GONE


@compiled_apart
def _close(w, t, now, result):  # type: ignore[no-untyped-def]
    """The caller of try t is done with it: give back what it held, tell those who count."""
    this, link = w.visits[t], _link_of(w, t)
    call = w.calls[this.call]
    this.open, this.heard, this.result = 0, now, result
    w.visits[this.lead].open_tries -= 1
    if this.waiting and this.site < 0:
        _leave_connections(w, t, now, CANCELLED if result == CANCELLED else UNCONNECTED)
    if this.connected:
        this.connected = 0
        following = pool.release(link.pool, w.visits)
        if following >= 0:
            _send(w, following, now)
    failed = result != OK and result != LIMITED
    if this.site >= 0:
        w.views[link.first_view + this.instance].active -= 1
    if link.breaker.kind > 0 and result != OPEN:
        if result == CANCELLED:
            breaker.release(link.breaker, w.slots, now, this.ticket)
        else:
            breaker.tell(link.breaker, w.slots, now, this.ticket, now - this.sent, failed)
    if call.outliers.failures < np.inf and this.site >= 0 and result != CANCELLED:
        n = w.stations[call.to].end_site - w.stations[call.to].first_site
        outliers.tell(call.outliers, w.views, link.first_view, n, this.instance, now, failed)
    if link.budget.kind > 0:
        released = result in (CANCELLED, LIMITED, OPEN)
        retry_budget.ended(link.budget, this.attempt > 0, result == OK, released)


@compiled_apart
def hear(w, t, now, result):  # type: ignore[no-untyped-def]
    """The caller of try t learns its result, unless it has given up on it before."""
    this = w.visits[t]
    if not this.open or this.parent < 0:
        return
    v, lead = np.int64(this.parent), np.int64(this.lead)
    if w.visits[v].life != w.sites[w.visits[v].site].life:
        return
    if result == OK and this.degraded:
        w.visits[v].degraded = 1
    _close(w, t, now, result)
    call = w.calls[this.call]
    if result == TIMEOUT and call.cancels:
        events.schedule(w, now, events.CANCEL, t)
    if result == OK:
        _give_up_tries(w, v, lead, now)
        _answered(w, v, lead)
    elif w.visits[lead].open_tries == 0:
        i = np.int64(this.call - w.stations[w.visits[v].station].first_call)
        if _after_failure(w, v, i, t, now, result) == _ANSWERED:
            _answered(w, v, lead)


@compiled
def _answered(w, v, lead):  # type: ignore[no-untyped-def]
    w.visits[lead].settled = 1
    w.visits[v].pending -= 1
    if w.visits[v].pending == 0:
        w.counts[GOES_ON] = v


@compiled_apart
def _after_failure(w, v, i, t, now, result):  # type: ignore[no-untyped-def]
    """No try of a leg is open: try again later, or let the fallback stand in, or end the visit."""
    visit = w.visits[v]
    call = w.calls[w.stations[visit.station].first_call + i]
    if result != _TOO_LATE and result != LIMITED:
        lead = w.visits[w.visits[t].lead]
        undone = result in (REFUSED, UNCONNECTED, OPEN)
        if (call.idempotent or undone) and lead.tries < call.attempts and _within_budget(w, t):
            u = draws.uniform(w.visits[t].key, draws.BACKOFF)
            wait_s = backoff.delay_s(lead.tries, call.law, call.backoff_s, call.cap_s, call.jitter, u)
            if now + wait_s < lead.until:
                lead.again = 1
                _promise(w, t)
                events.schedule(w, now + wait_s, events.RETRY, w.visits[t].lead)
                return _UNDER_WAY
    if call.fallback:
        visit.degraded = 1
        if t >= 0:
            w.visits[w.visits[t].lead].settled = 1
        return _ANSWERED
    _give_up_tries(w, v, NONE, now)
    visits.leave(w, v, now, EXPIRED if now >= visit.deadline else FAILED)
    return _ENDED


@compiled
def _promise(w, t):  # type: ignore[no-untyped-def]
    link = _link_of(w, t)
    if link.budget.kind > 0:
        retry_budget.promised(link.budget)


@compiled
def _withdraw(w, t):  # type: ignore[no-untyped-def]
    link = _link_of(w, t)
    if link.budget.kind > 0:
        retry_budget.withdrawn(link.budget)


@compiled
def _within_budget(w, t):  # type: ignore[no-untyped-def]
    link = _link_of(w, t)
    return link.budget.kind == 0 or retry_budget.allow(link.budget)


@compiled_apart
def _give_up_tries(w, v, lead, now):  # type: ignore[no-untyped-def]
    """Close the open tries of a leg (of all legs: lead -1), and cancel them where the call does."""
    t = np.int64(w.visits[v].first_try)
    while t >= 0:
        this = w.visits[t]
        if this.open and (lead < 0 or this.lead == lead):
            _close(w, t, now, CANCELLED)
            if w.calls[this.call].cancels and this.place != GONE:
                events.schedule(w, now, events.CANCEL, t)
        if this.again and (lead < 0 or lead == t):
            this.again = 0
            _withdraw(w, t)
        t = np.int64(this.next_try)


@compiled_apart
def try_again(w, t, now, beside):  # type: ignore[no-untyped-def]
    """Begin another try of a leg: after a pause, or beside try t while that is open (a hedge)."""
    lead = np.int64(w.visits[t].lead)
    first = w.visits[lead]
    v = np.int64(first.parent)
    visit = w.visits[v]
    i = np.int64(first.call - w.stations[visit.station].first_call)
    if first.settled or visit.place != CALLING:
        return
    if beside:
        possible = w.visits[t].open and now < first.until and first.tries < w.calls[first.call].attempts
        if not possible or not _within_budget(w, lead):
            return
        _promise(w, lead)
    elif first.again:
        first.again = 0
        if now >= first.until:
            _withdraw(w, lead)
    else:
        return
    t, became = _begin_try(w, v, i, np.int64(first.copy), lead, now, first.until)
    if became == _UNDER_WAY or first.open_tries > 0:
        return
    if _after_failure(w, v, i, t if t >= 0 else lead, now, became) == _ANSWERED:
        _answered(w, v, lead)


@compiled_apart
def cancel(w, v, now):  # type: ignore[no-untyped-def]
    """The caller of visit v wants no answer any more."""
    visit = w.visits[v]
    if visit.place == GONE:
        return
    if visit.place == QUEUED and visit.waiting:
        pool.leave_queue(w.sites[visit.site].pool, w.visits, v)
        visits.leave(w, v, now, CANCELLED)
    elif visit.place == CALLING:
        _give_up_tries(w, v, NONE, now)
        visits.leave(w, v, now, CANCELLED)
    else:
        visit.marked = 1
