"""Istio's durations, hosts and routes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.targets.shop import knobs_of, moved, sample
from workbench.errors import TargetError
from workbench.targets import istio

KNOBS = knobs_of("istio")
ROUTE = "orders/VirtualService.http[]"
POOL = "orders/DestinationRule.trafficPolicy.connectionPool"


def load(text: str) -> list:
    """The documents as ruamel loads them, which is not how the target reads them."""
    return list(YAML(typ="safe").load_all(text))


def resource(text: str, kind: str, name: str) -> dict:
    """The one resource of that kind and name."""
    (found,) = [d for d in load(text) if d["kind"] == kind and d["metadata"]["name"] == name]
    return found


# By the documentation of Go's time.ParseDuration.
DURATIONS = {
    "0": 0, "0s": 0, "300ms": 0.3, "1.5h": 5400, "2h45m": 9900, "1h15m30.918s": 4530.918, "2s": 2,
    "1m30s": 90, "100us": 1e-4, "100µs": 1e-4, "1.s": 1, ".5s": 0.5, "1000000ns": 0.001,
}  # fmt: skip


@pytest.mark.parametrize(("text", "number"), DURATIONS.items())
def test_a_duration_is_read_as_go_reads_it(text, number):
    assert istio.seconds(text) == pytest.approx(number, rel=1e-15)


@pytest.mark.parametrize("text", ["", "5", "1d", "s", ".s", "2 s", "-2s", "1h 30m", "2S", "1e3s"])
def test_what_go_would_refuse_or_istio_cannot_mean_is_no_duration(text):
    assert istio.seconds(text) is None


@pytest.mark.parametrize(
    ("number", "text"), [(0.4, "400ms"), (2, "2s"), (2.0, "2s"), (1.5, "1500ms"), (90, "90s")]
)
def test_a_duration_is_written_short(number, text):
    assert istio.duration(number) == text


@given(number=st.floats(1e-3, 1e5))
def test_a_duration_keeps_every_digit(number):
    written = istio.duration(number)
    assert istio.seconds(written) == number
    unit = Decimal("0.001") if written.endswith("ms") else Decimal(1)
    assert Decimal(written.rstrip("ms")) * unit == Decimal(repr(number))


def test_values_are_those_of_the_route_that_is_open_to_all():
    now = istio.current(sample("istio"), KNOBS)
    assert now[f"{ROUTE}.timeout"] == 90_000
    assert now[f"{ROUTE}.retries.attempts"] == 3
    assert now[f"{ROUTE}.retries.perTryTimeout"] == 2000
    assert now[f"{POOL}.tcp.connectTimeout"] == 30
    assert f"{POOL}.http.http2MaxRequests" not in now


def test_the_edited_resources_load_with_only_those_values_changed():
    changes = {f"{ROUTE}.retries.perTryTimeout": 250, f"{POOL}.tcp.maxConnections": 12}
    before = load(sample("istio"))
    after = load(istio.edit(sample("istio"), changes, KNOBS, why=dict.fromkeys(changes, "a: b")))
    before[0]["spec"]["http"][1]["retries"]["perTryTimeout"] = "250ms"
    before[2]["spec"]["trafficPolicy"]["connectionPool"]["tcp"]["maxConnections"] = 12
    assert after == before


def test_missing_resources_are_appended_whole():
    wanted = moved([k for k in KNOBS if k.service == "payments"], 0.5)
    after = istio.edit(sample("istio"), wanted, KNOBS, why={})
    assert load(after)[:3] == load(sample("istio"))
    route = resource(after, "VirtualService", "payments")
    assert route["apiVersion"] == "networking.istio.io/v1"
    assert route["spec"]["hosts"] == ["payments"]
    (http,) = route["spec"]["http"]
    assert http["route"] == [{"destination": {"host": "payments"}}]
    assert http["retries"]["retryOn"] == "5xx"
    rule = resource(after, "DestinationRule", "payments")
    assert rule["spec"]["host"] == "payments"
    assert rule["spec"]["trafficPolicy"]["connectionPool"]["tcp"]["maxConnections"] == 32768


def test_retry_on_is_written_only_where_there_was_no_word_on_retries():
    route = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nspec:\n  hosts: [orders]\n  http:\n"
    route += "  - route: [{destination: {host: orders}}]\n"
    after = istio.edit(route, {f"{ROUTE}.retries.attempts": 1}, KNOBS, why={})
    assert load(after)[0]["spec"]["http"][0]["retries"] == {"attempts": 1, "retryOn": "5xx"}
    spoken = route + "    retries: {perTryTimeout: 1s}\n"
    after = istio.edit(spoken, {f"{ROUTE}.retries.attempts": 1}, KNOBS, why={})
    assert load(after)[0]["spec"]["http"][0]["retries"] == {"perTryTimeout": "1s", "attempts": 1}


def test_without_retries_nothing_is_said_of_them_which_istio_would_refuse():
    before = sample("istio")
    none = istio.edit(before, {f"{ROUTE}.retries.attempts": 0}, KNOBS, why={})
    retries = load(none)[0]["spec"]["http"][1]["retries"]
    assert retries == {"attempts": 0, "perTryTimeout": None, "retryOn": None}
    assert f"{ROUTE}.retries.perTryTimeout" not in istio.current(none, KNOBS)
    again = istio.edit(none, {f"{ROUTE}.retries.attempts": 2}, KNOBS, why={})
    assert load(again)[0]["spec"]["http"][1]["retries"] == {
        "attempts": 2,
        "perTryTimeout": None,
        "retryOn": "5xx",
    }
    route = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nspec:\n  hosts: [orders]\n  http:\n"
    route += "  - route: [{destination: {host: orders}}]\n"
    after = istio.edit(route, {f"{ROUTE}.retries.attempts": 0}, KNOBS, why={})
    assert load(after)[0]["spec"]["http"][0]["retries"] == {"attempts": 0}


HOSTS = {
    "orders": True,
    "orders.shop": True,
    "orders.shop.svc": True,
    "orders.shop.svc.cluster.local": True,
    "orders.example.com": False,
    "orders-v2": False,
    "my.orders": False,
    "*": False,
}


@pytest.mark.parametrize(("host", "known"), HOSTS.items())
def test_a_host_is_known_by_its_names_in_the_cluster(host, known):
    rule = f"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nspec:\n  host: '{host}'\n"
    rule += "  trafficPolicy: {connectionPool: {tcp: {maxConnections: 7}}}\n"
    assert (f"{POOL}.tcp.maxConnections" in istio.current(rule, KNOBS)) == known


def test_a_route_behind_another_host_is_found_by_where_it_leads():
    text = """\
apiVersion: v1
kind: List
items:
- apiVersion: networking.istio.io/v1alpha3
  kind: VirtualService
  spec:
    hosts: ["shop.example.com"]
    gateways: [shop]
    http:
    - route: [{destination: {host: gateway}}]
      timeout: 9s
    - match: [{uri: {prefix: /orders}}]
      route: [{destination: {host: orders}}]
      timeout: 3s
"""
    assert istio.current(text, KNOBS) == {
        "gateway/VirtualService.http[].timeout": 9000,
        "orders/VirtualService.http[].timeout": 3000,
    }
    assert istio.edit(text, {f"{ROUTE}.timeout": 4000}, KNOBS, why={}) == text.replace("3s", "4s")


def test_two_resources_for_one_host_are_refused_with_their_lines():
    one = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nspec: {host: orders.%s}\n"
    with pytest.raises(
        TargetError, match="2 resources of kind DestinationRule for 'orders', at lines 1 and 5"
    ):
        istio.current(one % "test" + "---\n" + one % "live", KNOBS)


def test_a_resource_without_an_http_route_is_refused():
    text = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nspec: {hosts: [orders], tcp: []}\n"
    with pytest.raises(TargetError, match="no HTTP route to 'orders' in its VirtualService"):
        istio.edit(text, {f"{ROUTE}.timeout": 4}, KNOBS, why={})


@pytest.mark.parametrize("value", ["5", "2 seconds", "[1s]", "1d"])
def test_a_duration_that_istio_refuses_is_placed(value):
    text = sample("istio").replace("interval: 5m", f"interval: {value}")
    with pytest.raises(TargetError, match="expected a duration such as 400ms or 2s") as error:
        istio.current(text, KNOBS)
    assert error.value.where.startswith("istio.yaml:60, orders/DestinationRule.")
