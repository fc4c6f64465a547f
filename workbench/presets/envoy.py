"""Envoy: what it forwards to each cluster, and what each connection manager answers.

envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="shop"} 797

Of Istio's clusters, outbound|8080||orders.shop.svc.cluster.local, the first part of the host is the service.
Histograms are flushed every five seconds, so that they lag behind the counters. Source: envoyproxy.io,
configuration/upstream/cluster_manager/cluster_stats, and a scrape of Envoy 1.40.
"""

from __future__ import annotations

from workbench.presets._seam import PROXY, Fill

_CLUSTER = {"service": ("envoy_cluster_name", "cluster_name"), "status": "envoy_response_code_class"}
_MANAGER = {"service": "envoy_http_conn_manager_prefix", "status": "envoy_response_code_class"}
_HOST = {"service": r"(?:outbound\|\d+\|[^|]*\|)?([^.|]+).*"}
_UPSTREAM = {"cluster_name": r"(?!inbound\|).*", "envoy_cluster_name": r"(?!inbound\|).*"}
_PUBLIC = {"envoy_http_conn_manager_prefix": "(?!admin$).+"}


def _cluster(role: str, *metrics: str, unit: str = "") -> Fill:
    return Fill(role, metrics, _CLUSTER, part=_HOST, where=_UPSTREAM, unit=unit)


NAME = "Envoy"
VIEW = PROXY
FILLS = (
    _cluster("requests", "envoy_cluster_upstream_rq_xx"),
    _cluster("latency", "envoy_cluster_upstream_rq_time", unit="ms"),
    _cluster("in_flight", "envoy_cluster_upstream_rq_active"),
    _cluster("retries", "envoy_cluster_upstream_rq_retry"),
    _cluster("pool_in_use", "envoy_cluster_upstream_cx_active"),
    _cluster("pool_full", "envoy_cluster_circuit_breakers_default_cx_open"),
    _cluster("pool_waiting", "envoy_cluster_upstream_rq_pending_active"),
    _cluster("refused", "envoy_cluster_upstream_rq_pending_overflow"),
    Fill("requests", ("envoy_http_downstream_rq_xx",), _MANAGER, where=_PUBLIC),
    Fill("latency", ("envoy_http_downstream_rq_time",), _MANAGER, where=_PUBLIC, unit="ms"),
    Fill("in_flight", ("envoy_http_downstream_rq_active",), _MANAGER, where=_PUBLIC),
)
ALSO = ("envoy_*",)
