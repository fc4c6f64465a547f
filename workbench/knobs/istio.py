"""Istio: VirtualService (timeouts and retries towards a host) and DestinationRule (connections to it).

A name is the kind and the path below `spec`; `http[]` is the HTTP route that leads to the host:

    orders/VirtualService.http[].retries.perTryTimeout
    orders/DestinationRule.trafficPolicy.connectionPool.tcp.maxConnections

Meanings and limits are those of networking/v1 virtual_service.proto and destination_rule.proto, and of what
pilot/pkg/networking/core makes of them for Envoy. Both kinds belong to the host that is called, whoever calls
it, so they move the one call to the host, and nothing where several make one. The pool is Envoy's, one in
each calling sidecar; where the network has no connections apart from the host's workers, it limits those, and
more of it than there are workers helps nothing. The pause before retry n is from [0, (2^n - 1)·backoff),
so it moves only a call that pauses so (backoff_law "envoy"). Of fewer than 100/maxEjectionPercent instances
none is ejected, where the network ejects one. Times are whole ms, the least that Istio takes. It refuses a
perTryTimeout where there are no retries: there timeout is the patience of the one try.

Evidence: maxConnections and http1MaxPendingRequests by upstream_cx_active, upstream_rq_pending_active and
upstream_rq_pending_overflow of the callers' sidecars; timeouts and retries by
istio_request_duration_milliseconds and response_flags UT, URX and UO of istio_requests_total, beside
upstream_rq_retry; outlierDetection by outlier_detection_ejections_active and the spread of 5xx over
instances; loadBalancer by the spread of requests in progress over them.
"""

from __future__ import annotations

from workbench.knobs._paths import calls_to, when
from workbench.network import Call, Network
from workbench.policies import Pool
from workbench.settings import Knob

SYSTEM = "Istio"

_ROUTE = "VirtualService.http[]"
_POOL = "DestinationRule.trafficPolicy.connectionPool"
_BALANCER = "DestinationRule.trafficPolicy.loadBalancer"
_OUTLIERS = "DestinationRule.trafficPolicy.outlierDetection"


LB_POLICIES = {
    "LEAST_REQUEST": "two choices",  # of two drawn at random: Envoy's choice_count
    "ROUND_ROBIN": "round robin",
    "RANDOM": "random",
}


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service as a called host."""
    return [
        knob
        for station in network.stations
        if station.name != network.entry
        for knob in (
            *_route(network, station.name),
            *_connections(network, station.name),
            *_instances(network, station.name),
        )
    ]


def _route(network: Network, host: str) -> list[Knob]:
    path, call = _only_call(network, host)
    return [
        Knob(
            host, f"{_ROUTE}.timeout", "ms", 1, 600_000, "time for all tries together",
            path and f"{path}.{'overall_s' if call.attempts > 1 else 'timeout_s'}",
            scale=0.001, whole=True, log=True, off=0,
        ),
        Knob(
            host, f"{_ROUTE}.retries.attempts", "retries", 0, 10, "retries beyond the first try",
            path and f"{path}.attempts", offset=1, whole=True,
        ),
        Knob(
            host, f"{_ROUTE}.retries.perTryTimeout", "ms", 1, 600_000, "patience of one try",
            when(call.attempts > 1, path and f"{path}.timeout_s"), scale=0.001, whole=True, log=True,
        ),
        Knob(
            host, f"{_ROUTE}.retries.backoff", "ms", 1, 60_000, "base of the pause before a retry",
            when(call.backoff_law == "envoy", path and f"{path}.backoff_s"),
            scale=0.001, whole=True, log=True,
        ),
    ]  # fmt: skip


def _connections(network: Network, host: str) -> list[Knob]:
    path, call = _only_call(network, host)
    pool = f"{path}.pool" if path and call.pool != Pool() else f"{host}.pool"
    return [
        Knob(
            host, f"{_POOL}.tcp.maxConnections", "connections", 1, 65_536,
            "HTTP/1.1 and TCP connections from one sidecar", f"{pool}.servers",
            whole=True, log=True, off=0,
        ),
        Knob(
            host, f"{_POOL}.http.http1MaxPendingRequests", "requests", 1, 65_536,
            "requests that wait for a connection; above, 503", f"{pool}.queue",
            whole=True, log=True, off=0,
        ),
        Knob(
            host, f"{_POOL}.http.http2MaxRequests", "requests", 1, 65_536, "requests in flight",
            whole=True, log=True, off=0,
        ),
        Knob(
            host, f"{_POOL}.http.maxRequestsPerConnection", "requests", 1, 1_000_000,
            "requests before a connection is closed", whole=True, log=True, off=0,
        ),
        Knob(
            host, f"{_POOL}.http.maxRetries", "retries", 1, 65_536, "retries in flight at once",
            whole=True, log=True, off=0,
        ),
        Knob(
            host, f"{_POOL}.http.idleTimeout", "ms", 1, 86_400_000, "idle time before closing",
            whole=True, log=True,
        ),
        Knob(
            host, f"{_POOL}.tcp.connectTimeout", "ms", 1, 600_000, "time to connect", whole=True, log=True,
        ),
    ]  # fmt: skip


def _instances(network: Network, host: str) -> list[Knob]:
    path, call = _only_call(network, host)
    balanced = call.balance.kind in LB_POLICIES.values()
    return [
        Knob(
            host, f"{_BALANCER}.simple", "", 0, len(LB_POLICIES) - 1, "which instance is next",
            when(balanced, path and f"{path}.balance.kind"),
            choices=tuple(LB_POLICIES), words=tuple(LB_POLICIES.values()),
        ),
        Knob(
            host, f"{_OUTLIERS}.consecutive5xxErrors", "errors", 1, 1000,
            "errors in a row that eject an instance", path and f"{path}.outliers.failures",
            whole=True, off=0,
        ),
        Knob(
            host, f"{_OUTLIERS}.consecutiveGatewayErrors", "errors", 1, 1000,
            "502, 503 or 504 in a row that eject an instance", whole=True, off=0,
        ),
        Knob(
            host, f"{_OUTLIERS}.interval", "ms", 1, 3_600_000, "time between looks at the errors",
            whole=True, log=True,
        ),
        Knob(
            host, f"{_OUTLIERS}.baseEjectionTime", "ms", 1, 3_600_000,
            "least time out, times the number of ejections", path and f"{path}.outliers.ejection_s",
            scale=0.001, whole=True, log=True,
        ),
        Knob(
            host, f"{_OUTLIERS}.maxEjectionPercent", "%", 1, 100,  # 0 is read as 10, Envoy's own
            "instances that may be out at once", path and f"{path}.outliers.share", scale=0.01, whole=True,
        ),
    ]  # fmt: skip


def _only_call(network: Network, host: str) -> tuple[str, Call]:
    """Give the one call to a host with its path, or "" and a call without policies."""
    found = calls_to(network, host)
    return found[0] if len(found) == 1 else ("", Call(host))
