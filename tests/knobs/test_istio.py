"""What Istio's settings mean to the network, by the words of its own reference."""

from __future__ import annotations

import pytest

from workbench.errors import SettingError
from workbench.knobs import apply, settings_of
from workbench.knobs.istio import knobs
from workbench.network import Call, Network, Pool, Station
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
RETRIES = "orders/VirtualService.http[].retries"
POOL = "orders/DestinationRule.trafficPolicy.connectionPool"


def test_requests_are_one_more_than_retries():
    # "The maximum possible number of requests made will be 1 + attempts. If 0, retries will be disabled."
    for retries, tries in ((0, 1), (2, 3)):
        moved = apply(NETWORK, knobs(NETWORK), {f"{RETRIES}.attempts": retries})
        assert moved["gateway"].calls[0].attempts == tries
        assert settings_of(moved, knobs(moved))[f"{RETRIES}.attempts"] == retries


def test_the_time_of_a_try_moves_the_one_caller():
    moved = apply(NETWORK, knobs(NETWORK), {f"{RETRIES}.perTryTimeout": 0.4})
    assert moved == NETWORK.set("gateway.calls.orders.timeout_s", 0.4)


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
