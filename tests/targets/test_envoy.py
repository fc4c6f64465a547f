"""Envoy's clusters, routes and filters, wherever a file has them."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from tests.targets.shop import knobs_of, sample
from workbench.errors import TargetError
from workbench.targets import envoy

KNOBS = knobs_of("envoy")
ROUTE, CLUSTER = "orders/routes[payments]", "orders/clusters[payments]"
BUCKET = "orders/local_ratelimit.token_bucket"


def load(text: str) -> dict:
    """The file as ruamel loads it, which is not how the target reads it."""
    return YAML(typ="safe").load(text)


def test_values_are_those_of_the_route_that_is_open_to_all_and_of_default_priority():
    now = envoy.current(sample("envoy"), KNOBS)
    assert now[f"{ROUTE}.timeout"] == 5000
    assert now[f"{ROUTE}.retry_policy.per_try_timeout"] == 2000
    assert now[f"{CLUSTER}.circuit_breakers.thresholds[].max_connections"] == 100
    assert now[f"{CLUSTER}.connect_timeout"] == 250
    assert f"{CLUSTER}.circuit_breakers.thresholds[].max_requests" not in now


def test_what_the_twin_does_is_told_only_where_nothing_was_said():
    text = "clusters:\n- name: payments\nroutes:\n- match: {prefix: /}\n  route: {cluster: payments}\n"
    changes = {f"{ROUTE}.retry_policy.num_retries": 2, f"{CLUSTER}.outlier_detection.consecutive_5xx": 4}
    once = envoy.edit(text, changes, KNOBS, why={})
    assert load(once) == {
        "clusters": [
            {"name": "payments", "outlier_detection": {"consecutive_5xx": 4, "always_eject_one_host": True}}
        ],
        "routes": [
            {
                "match": {"prefix": "/"},
                "route": {"cluster": "payments", "retry_policy": {"num_retries": 2, "retry_on": "5xx"}},
            }
        ],
    }
    said = sample("envoy")
    after = load(envoy.edit(said, changes, KNOBS, why={}))
    before = load(said)
    before["static_resources"]["clusters"][1]["outlier_detection"]["consecutive_5xx"] = 4
    assert after == before


def test_resources_in_files_of_their_own_are_found_by_type():
    text = """\
resources:
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: payments
  connect_timeout: 1s
- "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
  name: egress
  virtual_hosts:
  - name: all
    domains: ["*"]
    routes:
    - match: {prefix: /}
      route: {weighted_clusters: {clusters: [{name: payments, weight: 1}]}, timeout: 3s}
"""
    assert envoy.current(text, KNOBS) == {f"{CLUSTER}.connect_timeout": 1000, f"{ROUTE}.timeout": 3000}
    changes = {f"{CLUSTER}.connect_timeout": 50, f"{ROUTE}.timeout": 4000}
    after = envoy.edit(text, changes, KNOBS, why={})
    assert after == text.replace("connect_timeout: 1s", "connect_timeout: 0.05s").replace("3s}", "4s}")


def test_a_filter_that_is_missing_comes_right_before_the_router():
    text = envoy.blank(KNOBS)
    start = text.index("          - name: envoy.filters.http.adaptive_concurrency")
    lacking = text[:start] + text[text.index("          - name: envoy.filters.http.router") :]
    key = "orders/adaptive_concurrency.enabled.default_value"
    assert key not in envoy.current(lacking, KNOBS)
    assert envoy.edit(lacking, {key: "true"}, KNOBS, why={}) == envoy.edit(text, {key: "true"}, KNOBS, why={})


def test_tokens_are_counted_by_the_second():
    text = sample("envoy").replace("fill_interval: 1s", "fill_interval: 0.1s")
    assert envoy.current(text, KNOBS)[f"{BUCKET}.tokens_per_fill"] == 2000
    after = envoy.edit(text, {f"{BUCKET}.tokens_per_fill": 50}, KNOBS, why={})
    assert after == text.replace("tokens_per_fill: 200", "tokens_per_fill: 5")
    with pytest.raises(TargetError, match="5\\.5 tokens each fill_interval; expected a whole number"):
        envoy.edit(text, {f"{BUCKET}.tokens_per_fill": 55}, KNOBS, why={})


def test_a_cluster_or_route_that_is_not_there_is_named():
    with pytest.raises(TargetError, match="no cluster to 'payments'"):
        envoy.edit("static_resources: {}\n", {f"{CLUSTER}.connect_timeout": 5}, KNOBS, why={})
    with pytest.raises(TargetError, match="no route to 'payments'"):
        envoy.edit("static_resources: {}\n", {f"{ROUTE}.timeout": 5}, KNOBS, why={})
    with pytest.raises(TargetError, match="no listener towards 'orders'"):
        envoy.edit("static_resources: {}\n", {f"{BUCKET}.max_tokens": 5}, KNOBS, why={})


def test_two_clusters_of_one_name_are_refused_with_their_lines():
    with pytest.raises(TargetError, match="2 clusters named 'payments', at lines 2 and 3"):
        envoy.current("clusters:\n- name: payments\n- name: payments\n", KNOBS)


@pytest.mark.parametrize("value", ["250ms", "5", "1m", "-1s"])
def test_a_duration_that_envoy_refuses_is_placed(value):
    text = sample("envoy").replace("interval: 10s", f"interval: {value}")
    with pytest.raises(TargetError, match=r"expected a duration in seconds, such as 0\.4s"):
        envoy.current(text, KNOBS)
