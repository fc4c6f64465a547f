"""HikariCP's pool stands before a station that calls no other."""

from __future__ import annotations

import pytest

from workbench.errors import SettingError
from workbench.knobs import apply, settings_of
from workbench.knobs.hikari import knobs
from workbench.network import Call, Network, Pool, Station

NETWORK = Network(
    (
        Station("client", calls=(Call("orders"),)),
        Station("orders", Pool(8, 64), calls=(Call("database"),)),
        Station("database", Pool(10)),
    ),
    entry="client",
)


def test_only_the_leaf_has_a_pool_of_connections():
    assert {knob.service for knob in knobs(NETWORK)} == {"database"}
    assert settings_of(NETWORK, knobs(NETWORK)) == {"database/maximumPoolSize": 10}
    assert apply(NETWORK, knobs(NETWORK), {"database/maximumPoolSize": 20})["database"].pool.servers == 20


def test_values_that_hikari_would_replace_by_its_default_are_refused():
    # HikariConfig.validateNumerics: below 250 ms, 10 s and 30 s it warns and takes its default instead.
    for key, value in {"connectionTimeout": 249, "idleTimeout": 9_999, "maxLifetime": 29_999}.items():
        with pytest.raises(SettingError, match=f"database/{key}: {value}"):
            apply(NETWORK, knobs(NETWORK), {f"database/{key}": value})
