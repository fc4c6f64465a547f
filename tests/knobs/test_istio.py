"""What Istio's settings mean to the network, by the words of its own reference."""

from __future__ import annotations

import pytest

from workbench.errors import SettingError
from workbench.knobs import apply, settings_of
from workbench.knobs.istio import knobs
from workbench.network import Call, Network, Pool, Station
from workbench.policies import Outliers
from workbench.settings import find

NETWORK = Network(
    (
        Station("client", calls=(Call("gateway"),)),
        Station("gateway", Pool(16, 100), calls=(Call("orders"), Call("payments"))),
        Station("orders", Pool(8, 64), calls=(Call("payments"),)),
        Station("payments", Pool(4, 32)),
    ),
    entry="client",
)
ROUTE = "orders/VirtualService.http[]"
RETRIES = f"{ROUTE}.retries"
POOL = "orders/DestinationRule.trafficPolicy.connectionPool"


def test_requests_are_one_more_than_retries():
    # "The maximum possible number of requests made will be 1 + attempts. If 0, retries will be disabled."
    for retries, tries in ((0, 1), (2, 3)):
        moved = apply(NETWORK, knobs(NETWORK), {f"{RETRIES}.attempts": retries})
        assert moved["gateway"].calls[0].attempts == tries
        assert settings_of(moved, knobs(moved))[f"{RETRIES}.attempts"] == retries


def test_the_time_of_a_try_moves_the_one_caller():
    retried = NETWORK.set("gateway.calls.orders.attempts", 3)
    moved = apply(retried, knobs(retried), {f"{RETRIES}.perTryTimeout": 400, f"{ROUTE}.timeout": 900})
    expected = retried.set("gateway.calls.orders.timeout_s", 0.4).set("gateway.calls.orders.overall_s", 0.9)
    assert moved == expected


def test_without_retries_the_timeout_is_that_of_the_one_try():
    assert not find(knobs(NETWORK), f"{RETRIES}.perTryTimeout").tunable
    moved = apply(NETWORK, knobs(NETWORK), {f"{ROUTE}.timeout": 400})
    assert moved == NETWORK.set("gateway.calls.orders.timeout_s", 0.4)


def test_an_instance_is_ejected_by_the_one_caller():
    detection = {"consecutive5xxErrors": 5, "baseEjectionTime": 15_000, "maxEjectionPercent": 50}
    names = {f"orders/DestinationRule.trafficPolicy.outlierDetection.{k}": v for k, v in detection.items()}
    moved = apply(NETWORK, knobs(NETWORK), names)
    assert moved["gateway"].calls[0].outliers == Outliers(5, 15.0, 0.5)


def test_connections_of_the_caller_are_the_pool_where_the_network_has_them():
    own = NETWORK.set("gateway.calls.orders.pool.servers", 20)
    moved = apply(own, knobs(own), {f"{POOL}.tcp.maxConnections": 12})
    assert moved["gateway"].calls[0].pool == Pool(12)
    assert moved["orders"] == NETWORK["orders"]


def test_least_request_is_two_choices_and_the_backoff_envoys():
    key = "orders/DestinationRule.trafficPolicy.loadBalancer.simple"
    moved = apply(NETWORK, knobs(NETWORK), {key: "LEAST_REQUEST"})
    assert moved["gateway"].calls[0].balance.kind == "two choices"
    assert not find(knobs(NETWORK), f"{RETRIES}.backoff").tunable
    theirs = NETWORK.set("gateway.calls.orders.backoff_law", "envoy")
    assert find(knobs(theirs), f"{RETRIES}.backoff").path == "gateway.calls.orders.backoff_s"


def test_a_host_with_several_callers_or_none_inside_has_no_path_for_them():
    for host in ("payments", "gateway"):
        assert find(knobs(NETWORK), f"{host}/VirtualService.http[].retries.attempts").path == ""


def test_a_pool_of_connections_is_the_pool_and_0_is_no_limit():
    moved = apply(
        NETWORK,
        knobs(NETWORK),
        {f"{POOL}.tcp.maxConnections": 12, f"{POOL}.http.http1MaxPendingRequests": 0},
    )
    assert moved["orders"].pool == Pool(12, float("inf"))


def test_no_place_to_wait_cannot_be_said_and_is_not_turned_into_no_limit():
    with pytest.raises(SettingError, match="http1MaxPendingRequests: 0, written as no limit"):
        settings_of(NETWORK.set("orders.pool.queue", 0), knobs(NETWORK))


def test_no_timeout_is_left_unset():
    assert f"{RETRIES}.perTryTimeout" not in settings_of(NETWORK, knobs(NETWORK))
