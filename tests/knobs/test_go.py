"""What the settings of a Go service mean to the network, by the words of the libraries."""

from __future__ import annotations

import math

from workbench.knobs import all_knobs, apply, settings_of
from workbench.network import Call, Network, Station
from workbench.policies import Breaker, Cpu, Limit, Pool

PAYMENTS = Call(
    "payments", timeout_s=0.4, pool=Pool(16), breaker=Breaker("consecutive", failures=4, trials=3)
)
NETWORK = Network(
    (
        Station("client", calls=(Call("orders"),)),
        Station(
            "orders", Pool(8, 64), Limit(50, 5), (PAYMENTS,), deadline_s=0.8, cpu=Cpu("shared", cores=2)
        ),
        Station("payments", limit=Limit(20, 2, kind="leaky bucket"), cpu=Cpu("loop")),
    ),
    entry="client",
)  # fmt: skip


def said(system: str) -> dict:
    return {
        k: v for k, v in settings_of(NETWORK, all_knobs(system, NETWORK)).items() if k.startswith("orders")
    }


def test_each_library_says_its_part_of_the_network():
    assert said("go") == {"orders/GOMAXPROCS": 2}
    assert said("go_http") == {
        "orders/http.server.requestTimeout": 0.8,
        "orders/http.clients.payments.timeout": 0.4,
        "orders/http.clients.payments.maxConnsPerHost": 16,
    }
    assert said("go_sql") == {"orders/database.maxOpenConns": 16}
    assert said("go_rate") == {"orders/limiter.rate": 50, "orders/limiter.burst": 5}
    assert said("go_workers") == {"orders/workers.count": 8, "orders/workers.queue": 64}


def test_a_breaker_that_trips_after_more_than_three_opens_at_the_fourth():
    # gobreaker's default: "ReadyToTrip returns true when the number of consecutive failures is more than 5".
    assert said("go_breaker") == {
        "orders/breakers.payments.tripAfter": 3,
        "orders/breakers.payments.maxRequests": 3,
        "orders/breakers.payments.timeout": 60,
        "orders/breakers.payments.interval": 0,
    }
    moved = apply(NETWORK, all_knobs("go_breaker", NETWORK), {"orders/breakers.payments.interval": 30})
    assert moved["orders"].calls[0].breaker.window_s == 30
    assert NETWORK["orders"].calls[0].breaker.window_s == math.inf


def test_what_is_of_another_kind_has_knobs_that_move_nothing():
    for system in ("go", "go_rate"):
        assert {k.service for k in all_knobs(system, NETWORK) if k.tunable} == {"orders"}
    counted = NETWORK.set("orders.calls.payments.breaker.kind", "count window")
    assert not [knob for knob in all_knobs("go_breaker", counted) if knob.tunable]
