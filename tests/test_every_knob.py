"""Every knob of every system: one that is tunable moves a prediction, one that is not is never tuned."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import pytest

from tests.twin import hand
from workbench.errors import SettingError
from workbench.knobs import all_knobs, apply, settings_of, systems
from workbench.network import Change, Network
from workbench.settings import Knob, Value
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.search import search, tunable
from workbench.twin.draws import POINTS
from workbench.twin.model import AS_RECORDED, run

# More is asked than there is of every pool, and tries are given up and made again, so that all of it matters.
CROWDED = hand.CALM.with_(
    {
        "gateway/workers": 12,
        "gateway/queue": 6,
        "gateway/calls.orders.timeout_s": 0.15,
        "gateway/calls.orders.attempts": 3,
        "orders/workers": 3,
        "orders/queue": 4,
        "orders/calls.payments.timeout_s": 0.06,
        "orders/calls.payments.attempts": 3,
        "orders/calls.payments.jitter": 0.5,
        "payments/workers": 1,
        "payments/queue": 2,
        "gateway/deadline_s": 0.2,
        "orders/deadline_s": 0.1,
        "payments/deadline_s": 0.03,
    }
)
LIMITED = CROWDED.with_(
    {f"{name}/limit.{part}": n for name in hand.CALLS for part, n in (("rate_rps", 45), ("burst", 3))}
)
CALLS = ("gateway.calls.orders", "orders.calls.payments")


def with_(changes: dict[str, float], network: Network) -> Network:
    """The network with values at paths."""
    return functools.reduce(lambda changed, path: changed.set(path, changes[path]), changes, network)


TWINS = [hand.twin(settings, hand.workload([80.0]), duration_s=20) for settings in (CROWDED, LIMITED)]
TWIN = TWINS[0]
POOLED = with_({f"{call}.pool.servers": 1 for call in CALLS}, TWIN.network)
PATIENT = with_(
    {"gateway.pool.servers": 100, "orders.pool.servers": 100}
    | {f"{call}.timeout_s": 5 for call in CALLS}
    | {f"{name}.deadline_s": 5 for name in ("gateway", "orders", "payments")},
    POOLED,
)
SPREAD = with_(
    {"orders.instances": 4, "payments.instances": 4}
    | {f"{call}.outliers.failures": 3 for call in CALLS}
    | {f"{call}.outliers.ejection_s": 1 for call in CALLS}
    | {f"{call}.balance.probe_s": 1 for call in CALLS},
    POOLED,
)
FIXED = {"kind": "fixed window", "rate_rps": 40}
# Breakers, fixed windows, a fixed concurrency, processors and collectors; many wait for a connection.
GUARDED = with_(
    {"gateway.calls.orders.pool.servers": 100, "payments.pool.servers": 8}
    | {f"{call}.breaker.{part}": 3 for call in CALLS for part in ("failures", "trials")}
    | {f"{call}.breaker.{part}": 0.5 for call in CALLS for part in ("open_s", "window_s")}
    | {f"{call}.breaker.{part}": 20 for call in CALLS for part in ("window", "minimum")}
    | {f"{call}.breaker.slow_s": 0.1 for call in CALLS}
    | {f"{name}.concurrency.limit": 8 for name in hand.CALLS}
    | {f"{name}.cpu.cores": 2 for name in hand.CALLS}
    | {f"{name}.limit.window_s": 0.5 for name in hand.CALLS}
    | {f"{name}.gc.bytes_per_visit": 1e6 for name in hand.CALLS}
    | {f"{name}.gc.budget_bytes": 100e6 for name in hand.CALLS},
    PATIENT,
)
ROOM = {"orders.calls.payments.pool.servers": 20}
KINDS = {
    "consecutive": {f"{name}.cpu.kind": "shared" for name in hand.CALLS} | ROOM,
    "count window": {f"{name}.limit.{part}": value for name in hand.CALLS for part, value in FIXED.items()},
    "time window": {f"{name}.concurrency.kind": "fixed" for name in hand.CALLS} | ROOM,
}
KINDED = [
    with_(
        {f"{call}.breaker.window_s": 2 for call in CALLS}
        | {f"{call}.breaker.kind": kind for call in CALLS}
        | more,
        GUARDED,
    )
    for kind, more in KINDS.items()
]
TWINS += [dataclasses.replace(TWIN, network=network) for network in (POOLED, PATIENT, SPREAD)]
# In these, two instances of each are gone for a while.
CHANGES = [(), (), (), (), tuple(Change("lost", 5, 12, name, 2) for name in ("orders", "payments"))]
PAUSES = {name: np.full(POINTS, 0.2) for name in hand.CALLS}
ASKED = dataclasses.replace(TWIN.workload, pauses=PAUSES)
TWINS += [dataclasses.replace(TWIN, network=network, workload=ASKED) for network in KINDED]
CHANGES += [tuple(Change("failing", 5, 12, name, 0.5) for name in ("orders", "payments"))] * len(KINDED)
# Some are tunable only where there is a limit already.
EVERY = list(dict.fromkeys((s, k) for twin in TWINS for s in systems() for k in all_knobs(s, twin.network)))
TUNABLE = [(system, knob) for system, knob in EVERY if knob.tunable]


@functools.cache
def numbers(twin: int, network: Network) -> dict[str, float]:
    changes = CHANGES[twin]
    return run(TWINS[twin], network, TWINS[twin].workload, duration_s=20, seed=1, changes=changes)[1].numbers


def beside(knob: Knob, network: Network) -> list[Value]:
    """Values beside the present one: double it, half of it, the least there is, the middle of the bounds."""
    there = network.get(knob.path)
    now = None if there == math.inf and knob.off is None else knob.from_network(there)
    if knob.choices:
        return [word for word in knob.choices if word != now]
    near = [] if now is None else [now * 2, now / 2]
    values = [round(v) if knob.whole else v for v in (*near, knob.low, (knob.low + knob.high) / 2)]
    return [v for v in values if knob.low <= v <= knob.high and v != now]


@pytest.mark.parametrize(("system", "knob"), TUNABLE, ids=[f"{s}:{k.key}" for s, k in TUNABLE])
def test_a_tunable_knob_moves_a_prediction(system, knob):
    def moves(i: int, value: Value) -> bool:
        was, now = (
            numbers(i, TWINS[i].network),
            numbers(i, apply(TWINS[i].network, [knob], {knob.key: value})),
        )
        assert np.isfinite(list(now.values())).all()
        return any(not math.isclose(was[q], now[q], rel_tol=1e-6, abs_tol=1e-9) for q in was)

    assert any(moves(i, value) for i, twin in enumerate(TWINS) for value in beside(knob, twin.network))


@pytest.mark.parametrize("system", systems())
def test_every_system_says_the_network_back(system):
    knobs = all_knobs(system, TWIN.network)
    assert knobs
    assert apply(TWIN.network, knobs, settings_of(TWIN.network, knobs)) == TWIN.network


@pytest.mark.parametrize("system", systems())
def test_a_knob_without_a_mechanism_is_refused_by_search(system):
    fixed = [knob for knob in all_knobs(system, TWIN.network) if not knob.tunable]
    for knob in fixed:
        with pytest.raises(SettingError, match="move no mechanism of the twin"):
            search(TWIN, [knob], Objective((SLO("p99_s", 1),), (AS_RECORDED,)), budget=1)


def test_search_moves_tunable_knobs_alone_unless_told_otherwise():
    assert tunable(TWIN)
    assert all(knob.tunable for knob in tunable(TWIN))
    assert {knob.key for knob in tunable(TWIN)} <= {knob.key for knob in TWIN.knobs}
