"""What a setting is for is found by its name in the system, or by the path that it moves."""

from __future__ import annotations

import math
import re

import pytest

from workbench.consistency import Service, Topology
from workbench.consistency._roles import _NAMES, _plain, said_of
from workbench.knobs import all_knobs, systems
from workbench.network import Call, Network, Station
from workbench.settings import Knob

SHOP = Topology({"gateway": Service(("orders",)), "orders": Service(("db",)), "db": Service()})
NETWORK = Network(
    (
        Station("callers", calls=(Call("gateway"),)),
        Station("gateway", calls=(Call("orders"),)),
        Station("orders", calls=(Call("db"),)),
        Station("db"),
    ),
    entry="callers",
)


def said(system, key, value):
    knob = next(k for k in all_knobs(system, NETWORK) if k.key == key)
    return said_of(knob, value, SHOP, system=system)


@pytest.mark.parametrize("name", _NAMES)
def test_every_name_is_that_of_a_knob(name):
    owner, _, end = name.partition("/")
    if owner not in systems():
        pytest.skip(f"no knobs of {owner}")
    names = [_plain(knob.name) for knob in all_knobs(owner, NETWORK)]
    assert [n for n in names if re.search(rf"(^|[.]){re.escape(_plain(end))}$", n)]


# Values in our units by hand, from each system's documents.
@pytest.mark.parametrize(
    ("system", "key", "value", "role", "service", "to", "number"),
    [
        ("hikari", "orders/maximumPoolSize", 10, "connections", "orders", "db", 10),
        ("hikari", "orders/connectionTimeout", 30_000, "connection_wait_s", "orders", "db", 30),
        ("istio", "orders/VirtualService.http[].retries.attempts", 2, "attempts", "gateway", "orders", 3),
        ("istio", "orders/VirtualService.http[].retries.perTryTimeout", 800, "timeout_s", "", "orders", 0.8),
        ("envoy", "gateway/clusters[orders].circuit_breakers.thresholds[].max_requests", 4294967295,
         "in_flight", "gateway", "orders", math.inf),
        ("envoy", "gateway/routes[orders].retry_policy.num_retries", 1, "attempts", "gateway", "orders", 2),
        ("resilience4j", "orders/resilience4j.circuitbreaker.instances.db.slowCallDurationThreshold", 2000,
         "breaker_slow_s", "orders", "db", 2),
        ("go_http", "gateway/http.clients.orders.idleConnTimeout", 90,
         "client_idle_s", "gateway", "orders", 90),
        ("go", "orders/GOMEMLIMIT", 90, "go_memory_bytes", "orders", "", 90 * 2**20),
        ("jvm", "orders/MaxRAMPercentage", 75, "heap_share", "orders", "", 0.75),
        ("postgresql", "db/max_connections", 100, "database_connections", "db", "", 100),
        ("lab", "orders/workers", 8, "workers", "orders", "", 8),
    ],
)  # fmt: skip
def test_a_setting_says_its_role_and_its_value_in_our_units(system, key, value, role, service, to, number):
    one = said(system, key, value)
    assert (one.role, one.service, one.to) == (role, service, to)
    assert one.value == pytest.approx(number)


def test_what_no_rule_asks_for_and_words_say_nothing():
    assert said("hikari", "orders/leakDetectionThreshold", 5000) is None
    assert said("pgbouncer", "db/pool_mode", "session") is None
    unset = Knob("orders", "GOGC", "%", 1, 1000, "collector's target")
    assert said_of(unset, None, SHOP, system="go") is None


def test_names_that_begin_alike_are_told_apart():
    shop = Topology({"a": Service(("db", "db.replica")), "db": Service(), "db.replica": Service()})
    knob = Knob("a", "breakers.db.replica.tripAfter", "failures", 1, 100, "failures in a row")
    assert said_of(knob, 3, shop, system="go_breaker").to == "db.replica"
