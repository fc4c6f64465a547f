"""HikariCP's pool is that of the connections from a service to its database."""

from __future__ import annotations

import pytest

from workbench.errors import SettingError
from workbench.knobs import apply, settings_of
from workbench.knobs.hikari import knobs
from workbench.network import Call, Network, Pool, Station

NETWORK = Network(
    (
        Station("client", calls=(Call("orders"),)),
        Station("orders", Pool(8, 64), calls=(Call("database", pool=Pool(10, wait_s=30)),)),
        Station("database"),
    ),
    entry="client",
)


def test_the_pool_is_that_of_the_call_to_the_database():
    known = {"orders/maximumPoolSize": 10, "orders/connectionTimeout": 30_000}
    assert settings_of(NETWORK, knobs(NETWORK)) == known
    moved = apply(NETWORK, knobs(NETWORK), {"orders/maximumPoolSize": 20, "orders/connectionTimeout": 250})
    assert moved["orders"].calls[0].pool == Pool(20, wait_s=0.25)


def test_a_service_of_two_databases_or_none_has_a_pool_that_moves_nothing():
    two = Station("orders", calls=(Call("database"), Call("archive")))
    network = Network(
        (Station("client", calls=(Call("orders"),)), two, Station("database"), Station("archive")), "client"
    )
    assert not [knob for knob in knobs(network) if knob.tunable]
    assert apply(network, knobs(network), {"orders/maximumPoolSize": 20}) == network


def test_values_that_hikari_would_replace_by_its_default_are_refused():
    # HikariConfig.validateNumerics: below 250 ms, 10 s and 30 s it warns and takes its default instead.
    for key, value in {"connectionTimeout": 249, "idleTimeout": 9_999, "maxLifetime": 29_999}.items():
        with pytest.raises(SettingError, match=f"orders/{key}: {value}"):
            apply(NETWORK, knobs(NETWORK), {f"orders/{key}": value})
