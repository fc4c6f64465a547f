"""Istio: VirtualService (timeouts and retries towards a host) and DestinationRule (connections to it).

A name is the kind and the path below `spec`; `http[]` is the HTTP route that leads to the host:

    orders/VirtualService.http[].retries.perTryTimeout
    orders/DestinationRule.trafficPolicy.connectionPool.tcp.maxConnections

Meanings and limits are those of networking/v1 virtual_service.proto and destination_rule.proto. Both kinds
belong to the host that is called, whoever calls it, so timeout and tries move the one service that calls the
host, and nothing yet where several do. The pool is Envoy's, one in each calling sidecar.
"""

from __future__ import annotations

from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "Istio"

_ROUTE = "VirtualService.http[]"
_POOL = "DestinationRule.trafficPolicy.connectionPool"
_OUTLIERS = "DestinationRule.trafficPolicy.outlierDetection"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service as a called host."""
    return [
        knob
        for station in network.stations
        if station.name != network.entry
        for knob in [*_route(network, station.name), *_connections(station.name), *_outliers(station.name)]
    ]


def _route(network: Network, host: str) -> list[Knob]:
    call = _only_call(network, host)
    return [
        # It bounds all tries and the pauses between them, which no deadline of the network does: those
        # count from arrival at the caller.
        Knob(
            host, f"{_ROUTE}.timeout", "s", 0.001, 600, "time for all tries together", log=True, off=0
        ),
        Knob(
            host, f"{_ROUTE}.retries.attempts", "retries", 0, 10, "retries beyond the first try",
            call and f"{call}.attempts", offset=1, whole=True,
        ),
        Knob(
            host, f"{_ROUTE}.retries.perTryTimeout", "s", 0.001, 600, "patience of one try",
            call and f"{call}.timeout_s", log=True,
        ),
        # Envoy draws the pause before retry n from [0, (2^n - 1)·backoff), which is not the network's law.
        Knob(host, f"{_ROUTE}.retries.backoff", "s", 0.001, 60, "base of the pause before a retry", log=True),
    ]  # fmt: skip


def _connections(host: str) -> list[Knob]:
    return [
        Knob(
            host, f"{_POOL}.tcp.maxConnections", "connections", 1, 65_536,
            "HTTP/1.1 and TCP connections from one sidecar", f"{host}.pool.servers",
            whole=True, log=True, off=0,
        ),
        Knob(
            host, f"{_POOL}.http.http1MaxPendingRequests", "requests", 1, 65_536,
            "requests that wait for a connection; above, 503", f"{host}.pool.queue",
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
        Knob(host, f"{_POOL}.http.idleTimeout", "s", 0.001, 86_400, "idle time before closing", log=True),
        Knob(host, f"{_POOL}.tcp.connectTimeout", "s", 0.001, 600, "time to connect", log=True),
    ]  # fmt: skip


def _outliers(host: str) -> list[Knob]:
    return [
        Knob(
            host, f"{_OUTLIERS}.consecutive5xxErrors", "errors", 1, 1000,
            "errors in a row that eject an instance", whole=True, off=0,
        ),
        Knob(
            host, f"{_OUTLIERS}.consecutiveGatewayErrors", "errors", 1, 1000,
            "502, 503 or 504 in a row that eject an instance", whole=True, off=0,
        ),
        Knob(host, f"{_OUTLIERS}.interval", "s", 0.001, 3600, "time between looks at the errors", log=True),
        Knob(
            host, f"{_OUTLIERS}.baseEjectionTime", "s", 0.001, 3600,
            "least time out, times the number of ejections", log=True,
        ),
        Knob(
            host, f"{_OUTLIERS}.maxEjectionPercent", "%", 0, 100,
            "instances that may be out at once", whole=True,
        ),
    ]  # fmt: skip


def _only_call(network: Network, host: str) -> str:
    callers = [
        s.name for s in network.stations if s.name != network.entry and any(c.to == host for c in s.calls)
    ]
    return f"{callers[0]}.calls.{host}" if len(callers) == 1 else ""
