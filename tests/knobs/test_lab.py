"""The shop's network is built from the settings as the lab writes them."""

from __future__ import annotations

import math

import pytest

from workbench.errors import SettingError
from workbench.knobs import apply, settings_of
from workbench.knobs.lab import knobs, network_from
from workbench.network import Call, Limit, Network, Pool, Station

CALLS = {"gateway": ["orders"], "orders": ["payments"]}
SETTINGS = {
    "gateway/workers": 16,
    "gateway/queue": 128,
    "gateway/limit.rate_rps": 0,
    "gateway/limit.burst": 20,
    "gateway/deadline_s": 2.5,
    "gateway/calls.orders.timeout_s": 1.0,
    "gateway/calls.orders.attempts": 3,
    "gateway/calls.orders.backoff_s": 0.01,
    "gateway/calls.orders.jitter": 0.5,
    "orders/workers": 8,
    "orders/queue": 0,
    "orders/limit.rate_rps": 50,
    "orders/limit.burst": 5,
    "orders/deadline_s": 0,
    "orders/calls.payments.timeout_s": 0,
    "orders/calls.payments.attempts": 1,
    "orders/calls.payments.backoff_s": 0,
    "orders/calls.payments.jitter": 0,
    "payments/workers": 4,
    "payments/queue": 64,
}


def test_the_network_says_what_the_settings_say():
    assert network_from(SETTINGS, CALLS) == Network(
        (
            Station("client", calls=(Call("gateway", timeout_s=10.0),)),
            Station(
                "gateway",
                Pool(16, 128),
                Limit(math.inf, 20),
                (Call("orders", 1.0, 3, 0.01, 0.5),),
                deadline_s=2.5,
            ),
            Station("orders", Pool(8, 0), Limit(50, 5), (Call("payments"),)),
            Station("payments", Pool(4, 64)),
        ),
        entry="client",
    )


def test_settings_come_back_from_the_network():
    network = network_from(SETTINGS, CALLS)
    back = settings_of(network, knobs(network))
    assert {key: back[key] for key in SETTINGS} == SETTINGS
    assert apply(network, knobs(network), back) == network


def test_a_service_without_workers_is_named():
    partial = {key: value for key, value in SETTINGS.items() if key != "orders/workers"}
    with pytest.raises(SettingError, match="no orders/workers; expected workers and queue of every service"):
        network_from(partial, CALLS)


def test_two_entries_are_refused():
    with pytest.raises(SettingError, match=r"services that no other calls: \['gateway', 'admin'\]"):
        network_from(SETTINGS, {**CALLS, "admin": ["orders"]})


def test_settings_that_are_no_knobs_are_left_aside():
    assert network_from({**SETTINGS, "orders/work.kind": "wait"}, CALLS) == network_from(SETTINGS, CALLS)


def test_a_setting_out_of_bounds_is_refused():
    with pytest.raises(
        SettingError, match="orders/workers: 0 workers; expected a whole number from 1 to 256"
    ):
        network_from({**SETTINGS, "orders/workers": 0}, CALLS)
