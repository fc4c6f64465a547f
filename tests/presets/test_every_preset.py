"""What every preset promises; a new module in presets/ is held at once."""

from __future__ import annotations

import re

import pytest

from workbench.presets import candidates, owner, presets
from workbench.presets._seam import ROLES, VIEWS

_METRIC = re.compile(r"^([a-zA-Z_:][\w:]*)(\{.*\})? [-+.\w]+$", re.MULTILINE)


@pytest.mark.parametrize("name", presets())
def test_a_preset_is_named_placed_and_knows_its_own_line(name):
    preset = presets()[name]
    assert preset.NAME
    assert preset.VIEW in VIEWS
    line = _METRIC.search(preset.__doc__)
    assert line, "its docstring has one true line of its exporter"
    assert owner(line[1]) == preset.NAME


@pytest.mark.parametrize("name", presets())
def test_what_a_preset_maps_are_labels_of_the_role(name):
    for fill in presets()[name].FILLS:
        known = {"service", "instance", "status", *ROLES[fill.base].labels}
        assert set(fill.labels) <= known, fill
        assert set(fill.values) | set(fill.part) <= set(fill.labels), fill


def test_presets_have_names_of_their_own():
    names = [preset.NAME for preset in presets().values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("metric", "preset", "role"),
    [
        ("http_server_requests_seconds_count", "Micrometer", "latency_count"),
        ("http_server_request_duration_seconds_bucket", "OpenTelemetry", "latency_bucket"),
        ("http.server.request.duration_sum", "OpenTelemetry", "latency_sum"),
        ("http_request_duration_seconds_bucket", "promhttp", "latency_bucket"),
        ("prometheus_http_requests_total", "promhttp", "requests"),
        ("grpc_server_handled_total", "gRPC", "requests"),
        ("istio_request_duration_milliseconds_bucket", "Istio", "latency_bucket"),
        ("envoy_cluster_upstream_rq_pending_active", "Envoy", "pool_waiting"),
        ("hikaricp_connections_pending", "HikariCP", "pool_waiting"),
        ("container_cpu_cfs_throttled_seconds_total", "Kubernetes", "throttled_s"),
        ("kube_pod_container_resource_limits", "Kubernetes", "cpu_limit"),
        ("haproxy_backend_http_requests_total", "HAProxy", ""),  # of no status; its responses have the role
        ("promhttp_metric_handler_requests_total", "promhttp", ""),
        ("nginx_vts_server_request_duration_seconds_bucket", "nginx", "latency_bucket"),
        ("pgbouncer_pools_client_waiting_connections", "PgBouncer", "pool_waiting"),
        ("shop_stock_items", "", ""),
    ],
)
def test_metrics_are_recognised_by_name(metric, preset, role):
    assert owner(metric) == preset
    found = candidates(metric)
    assert (found[0].role if found else "") == role
