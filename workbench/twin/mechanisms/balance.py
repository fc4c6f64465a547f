"""Which instance of the callee a try goes to. Hook: `pick`; `went_down` and `came_up` let probes notice.

Instances of the callee are records with a field `running`: 1 for those that take part, which callers learn
at once from an autoscaler. That an instance is lost they learn by probes, or from ejections. Chosen is among
the running ones that are not known to be down, nor ejected; if there is none, among all running ones.

The ring is laid out in plain Python. A key belongs to the first point at or after it, around the end; an
instance that is passed over leaves its keys to the next points, so that no other key moves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.policies import Balance
from workbench.twin import draws
from workbench.twin._compiled import compiled, inlined

ROUND_ROBIN, RANDOM, TWO_CHOICES, LEAST_ACTIVE, RING_HASH = range(5)  # kinds, as in Balance.KINDS

STATE = np.dtype(
    [
        ("kind", "i8"),
        ("probe_s", "f8"),
        ("threshold", "f8"),
        ("first_point", "i8"),  # its ring is rows first_point … end_point - 1 of the points
        ("end_point", "i8"),
    ]
)
VIEW = np.dtype(  # what a calling instance knows of one instance of its callee
    [
        ("active", "i8"),  # tries in progress, counted by the kernel
        ("down_from", "f8"),  # known to be down from then …
        ("down_until", "f8"),  # … until then
        ("failures", "i8"),  # in a row; this and the next for outliers
        ("ejected_until", "f8"),
        ("ejections", "i8"),
    ]
)
POINT = np.dtype([("hash", "u8"), ("instance", "i8")])


def ring_of(instances: int, points: int) -> np.ndarray:
    """Sorted points of a ring, put where splitmix64 of the instance's number, and then of theirs, says."""
    owner, number = np.divmod(np.arange(instances * points, dtype=np.uint64), np.uint64(points))
    with np.errstate(over="ignore"):
        hashes = draws.mixed_all(draws.mixed_all(owner) + number)
    ring = np.empty(hashes.size, POINT)
    order = np.argsort(hashes, kind="stable")
    ring["hash"], ring["instance"] = hashes[order], owner[order]
    return ring


def set_up(state: Any, policy: Balance, first_point: int, end_point: int) -> None:
    """Fill a record of STATE; calls with equal `points` to a callee may share a ring."""
    state["kind"] = Balance.KINDS.index(policy.kind)
    state["probe_s"], state["threshold"] = policy.probe_s, policy.threshold
    state["first_point"], state["end_point"] = first_point, end_point


def set_up_view(view: Any) -> None:
    """Fill a record of VIEW for an instance that is up, unused and was never ejected."""
    view["active"] = view["failures"] = view["ejections"] = 0
    view["down_from"], view["down_until"], view["ejected_until"] = np.inf, np.inf, 0.0


@inlined
def pick(b, link, ring, instances, first_instance, views, first_view, n, now, key, u1, u2):  # type: ignore
    """Give the instance (0 to n - 1) for a try at time now; u1 and u2 are uniforms, key is the request's.

    Round robin and least active begin with `link.turn`, the one after the last that they chose. Random and
    two choices draw from those in question, in order: u1 the first, u2 another, taken if it is less busy.
    """
    if n == 1:
        return 0
    best, those = 0, 0
    for i in range(n):
        fit = _fitness(instances[first_instance + i], views[first_view + i], now)
        if fit > best:
            best, those = fit, 0
        those += fit == best
    if b.kind == RING_HASH:
        place = _place(ring, b.first_point, b.end_point, key)
        i = ring[place].instance
        while _fitness(instances[first_instance + i], views[first_view + i], now) < best:
            place = place + 1 if place + 1 < b.end_point else b.first_point
            i = ring[place].instance
        return i
    if b.kind == RANDOM or b.kind == TWO_CHOICES:
        first, second = int(u1 * those), int(u2 * (those - 1))
        second += second >= first
        i = _nth(instances, first_instance, views, first_view, now, best, first)
        if b.kind == TWO_CHOICES and those > 1:
            other = _nth(instances, first_instance, views, first_view, now, best, second)
            i = other if views[first_view + other].active < views[first_view + i].active else i
        return i
    chosen = -1
    for k in range(link.turn, link.turn + n):
        i = k if k < n else k - n
        if _fitness(instances[first_instance + i], views[first_view + i], now) == best:
            if chosen < 0 or views[first_view + i].active < views[first_view + chosen].active:
                chosen = i
            if b.kind == ROUND_ROBIN:
                break
    link.turn = chosen + 1 if chosen + 1 < n else 0
    return chosen


@compiled
def _fitness(instance, view, now):  # type: ignore[no-untyped-def]
    """2 for one to choose, 1 if it is known to be down or ejected, 0 if it does not take part."""
    if not instance.running:
        return 0
    return 1 if view.down_from <= now < view.down_until or now < view.ejected_until else 2


@compiled
def _nth(instances, first_instance, views, first_view, now, fitness, nth):  # type: ignore[no-untyped-def]
    """The instance number `nth` (from 0) of those with this fitness."""
    i = -1
    while nth >= 0:
        i += 1
        nth -= _fitness(instances[first_instance + i], views[first_view + i], now) == fitness
    return i


@compiled
def _place(ring, first, end, key):  # type: ignore[no-untyped-def]
    """The row of the first point at or after `key`, around the end."""
    low, high = first, end
    while low < high:
        middle = (low + high) >> 1
        if ring[middle].hash < key:
            low = middle + 1
        else:
            high = middle
    return low if low < end else first


@inlined
def went_down(b, view, now):  # type: ignore[no-untyped-def]
    """The instance of this view goes down at time now: if it stays so, probes will notice."""
    if view.down_from < now <= view.down_until:
        view.down_until = np.inf  # it was known to be down, and no probe saw it up
    else:
        view.down_from, view.down_until = _noticed(b, now), np.inf


@inlined
def came_up(b, view, now):  # type: ignore[no-untyped-def]
    """The instance of this view is up again from time now on."""
    if view.down_from < now:
        view.down_until = _noticed(b, now)
    else:
        view.down_from = np.inf  # no probe saw it down


@compiled
def _noticed(b, now):  # type: ignore[no-untyped-def]
    """When the `threshold`th probe after now comes."""
    return np.inf if np.isinf(b.probe_s) else b.probe_s * (np.floor(now / b.probe_s) + b.threshold)
