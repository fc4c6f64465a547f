"""What resilience4j's settings mean to the network, by its documentation."""

from __future__ import annotations

import pytest

from workbench.knobs import apply, settings_of
from workbench.knobs.resilience4j import knobs
from workbench.network import Call, Network, Station
from workbench.policies import Breaker, Limit, Pool

BREAKER = "orders/resilience4j.circuitbreaker.instances.payments."
RETRY = "orders/resilience4j.retry.instances.payments."
LIMITER = "orders/resilience4j.ratelimiter.instances.orders."


def network(breaker: Breaker, limit: Limit) -> Network:
    call = Call("payments", 0.5, 3, 0.1, backoff_cap_s=2, pool=Pool(10, wait_s=0.05), breaker=breaker)
    stations = (
        Station("client", calls=(Call("orders"),)), Station("orders", limit=limit, calls=(call,)),
        Station("payments"),
    )  # fmt: skip
    return Network(stations, entry="client")


COUNTED = network(
    Breaker("count window", failure_share=0.3, slow_s=0.2, slow_share=0.8, window=50, minimum=20, open_s=5),
    Limit(rate_rps=100, kind="fixed window", window_s=0.5, wait_s=0.02),
)
TIMED = network(Breaker("time window", window_s=60), Limit())


def test_a_window_of_calls_and_its_shares_are_percent_and_milliseconds():
    found = settings_of(COUNTED, knobs(COUNTED))
    assert {k.removeprefix(BREAKER): v for k, v in found.items() if k.startswith(BREAKER)} == {
        "slidingWindowSize": 50, "minimumNumberOfCalls": 20, "failureRateThreshold": 30,
        "slowCallRateThreshold": 80, "slowCallDurationThreshold": 200, "waitDurationInOpenState": 5000,
        "permittedNumberOfCallsInHalfOpenState": 10,
    }  # fmt: skip


def test_the_window_of_a_time_based_breaker_counts_seconds():
    moved = apply(TIMED, knobs(TIMED), {f"{BREAKER}slidingWindowSize": 30})
    assert moved["orders"].calls[0].breaker.window_s == 30
    assert moved["orders"].calls[0].breaker.window == Breaker().window


def test_a_limit_counts_the_permits_of_one_period():
    found = settings_of(COUNTED, knobs(COUNTED))
    assert found[f"{LIMITER}limitForPeriod"] == 50  # 100 a second, in half a second
    assert found[f"{LIMITER}timeoutDuration"] == 20
    assert apply(COUNTED, knobs(COUNTED), {f"{LIMITER}limitForPeriod": 10})["orders"].limit.rate_rps == 20
    assert f"{LIMITER}limitForPeriod" not in settings_of(TIMED, knobs(TIMED))


def test_tries_count_the_first_and_the_rest_guards_one_try():
    found = settings_of(COUNTED, knobs(COUNTED))
    assert found[f"{RETRY}maxAttempts"] == 3
    assert found[f"{RETRY}waitDuration"] == 100
    assert found[f"{RETRY}exponentialMaxWaitDuration"] == 2000
    assert found["orders/resilience4j.timelimiter.instances.payments.timeoutDuration"] == 500
    assert found["orders/resilience4j.bulkhead.instances.payments.maxConcurrentCalls"] == 10
    assert found["orders/resilience4j.bulkhead.instances.payments.maxWaitDuration"] == 50


@pytest.mark.parametrize("kind", ["none", "consecutive"])
def test_a_breaker_of_another_kind_moves_nothing(kind):
    other = network(Breaker(kind), Limit())
    assert not [k for k in knobs(other) if "circuitbreaker" in k.name and k.tunable]


def test_an_instance_is_one_part_of_a_property():
    dotted = Network(
        (Station("client", calls=(Call("a"),)), Station("a", calls=(Call("b.c"),)), Station("b.c")), "client"
    )
    assert "a/resilience4j.retry.instances.b-c.maxAttempts" in {knob.key for knob in knobs(dotted)}
