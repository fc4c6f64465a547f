"""OpenTelemetry's semantic conventions, as exporters and collectors name them for Prometheus.

http_server_request_duration_seconds_bucket{http_route="/ok",http_response_status_code="200",le="0.005"} 0

Source: opentelemetry.io/docs/specs/semconv/http/http-metrics, rpc/rpc-metrics and db/database-metrics, and
specs/otel/compatibility/prometheus_and_openmetrics: dots become underscores, units are appended; where
translation is switched off, dots stay. Milliseconds are of the conventions before 1.23.
"""

from __future__ import annotations

from workbench.presets._grpc import HTTP
from workbench.presets._seam import PROCESS, Fill

_STATUS = ("http_response_status_code", "http.response.status_code", "http_status_code", "status_code")
_HTTP = {
    "status": _STATUS,
    "route": ("http_route", "http.route", "route"),
    "method": ("http_request_method", "http.request.method", "http_method", "method"),
}
_CALLS = {
    "target": ("server_address", "server.address", "peer_service", "net_peer_name", "server"),
    "status": (*_STATUS, "outcome"),
}
_RPC = {
    "status": ("rpc_response_status_code", "rpc.response.status_code", "rpc_grpc_status_code"),
    "route": ("rpc_method", "rpc.method"),
}
_RPC_CALLS = {"target": ("server_address", "server.address", "net_peer_name"), "status": _RPC["status"]}
_DB = {"pool": ("db_client_connection_pool_name", "pool_name", "db.client.connection.pool.name")}
_STATE = ("db_client_connection_state", "state")
_CODES = {"status": HTTP}

NAME = "OpenTelemetry"
VIEW = PROCESS
FILLS = (
    Fill("latency", ("http_server_request_duration_seconds", "http.server.request.duration"), _HTTP),
    Fill("latency", ("http_server_duration_milliseconds", "http_server_duration"), _HTTP, unit="ms"),
    Fill("in_flight", ("http_server_active_requests", "http.server.active_requests")),
    Fill("calls", ("http_client_request_duration_seconds", "http.client.request.duration"), _CALLS),
    Fill("calls", ("http_client_duration_milliseconds", "http_client_duration"), _CALLS, unit="ms"),
    Fill("latency", ("rpc_server_call_duration_seconds", "rpc_server_duration_seconds"), _RPC,
         values=_CODES, traffic="grpc"),
    Fill("latency", ("rpc_server_duration_milliseconds", "rpc_server_duration"), _RPC,
         values=_CODES, unit="ms", traffic="grpc"),
    Fill("calls", ("rpc_client_call_duration_seconds", "rpc_client_duration_seconds"), _RPC_CALLS,
         values=_CODES, traffic="grpc"),
    Fill("calls", ("rpc_client_duration_milliseconds", "rpc_client_duration"), _RPC_CALLS,
         values=_CODES, unit="ms", traffic="grpc"),
    Fill("pool_in_use", ("db_client_connection_count",), _DB, where={_STATE[0]: "used"}),
    Fill("pool_in_use", ("db_client_connections_usage",), _DB, where={_STATE[1]: "used"}),
    Fill("pool_size", ("db_client_connection_max", "db_client_connections_max"), _DB),
    Fill("pool_waiting",
         ("db_client_connection_pending_requests", "db_client_connections_pending_requests"), _DB),
    Fill("pool_wait", ("db_client_connection_wait_time_seconds",), _DB),
    Fill("pool_wait", ("db_client_connections_wait_time_milliseconds",), _DB, unit="ms"),
    Fill("pool_timeouts",
         ("db_client_connection_timeouts_total", "db_client_connections_timeouts_total"), _DB),
    Fill("cpu_s", ("process_cpu_time_seconds_total", "jvm_cpu_time_seconds_total")),
    Fill("gc_pause", ("jvm_gc_duration_seconds",)),
    Fill("gc_pause", ("process_runtime_jvm_gc_duration_milliseconds",), unit="ms"),
    Fill("gc_pause", ("process_runtime_jvm_gc_duration_seconds",)),
)  # fmt: skip
ALSO = ("http_server_*", "http_client_*", "rpc_server_*", "rpc_client_*", "db_client_*", "jvm_cpu_*",
        "process_runtime_*", "target_info", "otel_scope_info")  # fmt: skip
