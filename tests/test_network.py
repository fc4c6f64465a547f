"""The network is frozen, checks itself, and every value can be reached and moved by its path."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from workbench.errors import SettingError
from workbench.network import Call, Demand, Limit, Network, Pool, Scenario, Station, Workload

SHOP = Network(
    (
        Station("client", calls=(Call("gateway", timeout_s=10),)),
        Station("gateway", Pool(16, 8), Limit(50, 5), (Call("orders", 0.4, 3, 0.01, 0.5), Call("stock"))),
        Station("orders", Pool(4), calls=(Call("stock", 0.2),), deadline_s=1.5),
        Station("stock"),
    ),
    entry="client",
)


def test_every_path_has_the_value_that_was_given():
    paths = dict(SHOP.paths())
    assert paths["gateway.pool.servers"] == 16
    assert paths["gateway.limit.burst"] == 5
    assert paths["gateway.calls.orders.jitter"] == 0.5
    assert paths["orders.calls.stock.timeout_s"] == 0.2
    assert paths["orders.deadline_s"] == 1.5
    assert paths["stock.pool.servers"] == math.inf
    assert len(paths) == 4 * 41 + 4 * 45  # values of a station with its policies, and of a call


WORDS = {"pool.order": "lifo", "limit.kind": "leaky bucket", "concurrency.kind": "fixed", "cpu.kind": "loop"}
WORDS |= {"breaker.kind": "consecutive", "budget.kind": "active", "balance.kind": "random"}
WORDS |= {"backoff_law": "envoy"}
SHARES = ("jitter", "share", "backoff", "smoothing")


def another(path: str) -> float | str:
    """A value that the path does not have yet."""
    for end, word in WORDS.items():
        if path.endswith(f".{end}"):
            return word
    return 0.75 if path.endswith(SHARES) else 7.0


@pytest.mark.parametrize("path", dict(SHOP.paths()))
def test_setting_a_path_changes_it_alone_and_in_a_copy(path):
    before, other = dict(SHOP.paths()), another(path)
    moved = SHOP.set(path, other)
    assert moved.get(path) == other
    assert dict(moved.paths()) == before | {path: other}
    assert dict(SHOP.paths()) == before


def test_values_cannot_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        SHOP["orders"].pool.servers = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("orders.pool.servers", 0, r"pool.servers: 0; expected at least 1"),
        ("orders.pool.queue", -1, "pool.queue: -1"),
        ("orders.pool.servers", math.nan, "pool.servers: nan"),
        ("gateway.limit.rate_rps", 0, "limit.rate_rps: 0"),
        ("gateway.calls.orders.timeout_s", 0, "calls.orders.timeout_s: 0"),
        ("gateway.calls.orders.attempts", 0, "calls.orders.attempts: 0"),
        ("gateway.calls.orders.jitter", 1.5, "calls.orders.jitter: 1.5; expected a share"),
        ("orders.deadline_s", 0, "orders.deadline_s: 0"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(path, value, message):
    with pytest.raises(SettingError, match=message):
        SHOP.set(path, value)


@pytest.mark.parametrize(
    "path", ["orders.pool.sevrers", "order.pool.servers", "", "gateway.calls.stocks.attempts"]
)
def test_an_unknown_path_or_station_names_those_there_are(path):
    with pytest.raises(SettingError, match=r"no network path .*expected one of"):
        SHOP.set(path, 1)
    with pytest.raises(SettingError, match=r"no network path .*expected one of"):
        SHOP.get(path)
    with pytest.raises(SettingError, match="no station 'order'; expected one of"):
        SHOP["order"]


def test_calls_must_lead_to_stations_and_never_in_a_circle():
    with pytest.raises(SettingError, match="a: a call to 'b'; expected one of"):
        Network((Station("a", calls=(Call("b"),)),), entry="a")
    with pytest.raises(SettingError, match="calls in a circle: a → b → a"):
        Network((Station("a", calls=(Call("b"),)), Station("b", calls=(Call("a"),))), entry="a")
    with pytest.raises(SettingError, match="entry 'x'"):
        Network((Station("a"),), entry="x")
    with pytest.raises(SettingError, match="expected each name once"):
        Network((Station("a"), Station("a")), entry="a")


def test_a_station_whose_name_begins_another_is_not_taken_for_it():
    two = Network((Station("shop"), Station("shop.eu", Pool(3))), entry="shop")
    assert two.set("shop.eu.pool.servers", 9)["shop.eu"].pool.servers == 9
    assert two.set("shop.pool.servers", 5)["shop"].pool.servers == 5


WORK = Workload(
    np.array([10.0, 30.0]),
    60.0,
    {"a": Demand(np.array([1.0, 3.0])), "b": Demand(np.ones(2), np.array([0.0, 4.0]))},
)


def test_mean_rate_and_mean_work():
    assert WORK.mean_rps() == 20
    assert WORK.demand["a"].mean_s() == 2
    assert WORK.demand["b"].mean_s() == 3


def test_a_scaled_workload_has_more_arrivals_and_longer_work_and_leaves_the_first_alone():
    scaled = Scenario("bad day", load=1.5, slower={"b": 2.0}).apply(WORK)
    assert scaled.rate_rps.tolist() == [15, 45]
    assert scaled.demand["b"].mean_s() == 6
    assert scaled.demand["a"].mean_s() == 2
    assert WORK.rate_rps.tolist() == [10, 30]
    assert WORK.demand["b"].mean_s() == 3


def test_a_scenario_of_an_unknown_station_or_a_negative_factor_is_refused():
    with pytest.raises(SettingError, match=r"no station 'c'; expected one of \['a', 'b'\]"):
        WORK.scaled(1.0, slower={"c": 2.0})
    with pytest.raises(SettingError, match=r"scenario\.slower\.a: -1"):
        Scenario("faster than light", slower={"a": -1})
