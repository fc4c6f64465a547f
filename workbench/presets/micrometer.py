"""Micrometer, as Spring Boot's Actuator shows it.

http_server_requests_seconds_count{method="GET",outcome="SUCCESS",status="200",uri="/orders/{id}"} 640

Requests for the Actuator itself are left out. Without an answer the status is UNKNOWN or, of calls,
CLIENT_ERROR or IO_ERROR.
"""

from __future__ import annotations

from workbench.presets._seam import PROCESS, Fill

_SERVED = {"status": "status", "route": "uri", "method": "method"}
_CALLS = {"target": "client_name", "status": "status"}
_LOST = {"status": {"UNKNOWN": "0", "CLIENT_ERROR": "0", "IO_ERROR": "0"}}
_APPLICATION = {"uri": r"(?!/actuator\b).*"}
_HEAP = {"area": "heap"}

NAME = "Micrometer"
VIEW = PROCESS
FILLS = (
    Fill("latency", ("http_server_requests_seconds", "http_server_requests"), _SERVED,
         values=_LOST, where=_APPLICATION,
         hint="management.metrics.distribution.percentiles-histogram.http.server.requests=true"),
    Fill("in_flight",
         ("http_server_requests_active_seconds_count", "http_server_requests_active_seconds_active_count"),
         {"route": "uri"}, where=_APPLICATION),
    Fill("calls", ("http_client_requests_seconds",), _CALLS, values=_LOST),
    Fill("cpu_s", ("process_cpu_time_ns_total",), unit="ns"),
    Fill("gc_pause", ("jvm_gc_pause_seconds",)),
    Fill("heap_bytes", ("jvm_memory_used_bytes",), where=_HEAP),
    Fill("threads", ("jvm_threads_live_threads", "jvm_threads_live")),
)  # fmt: skip
ALSO = ("http_server_requests*", "http_client_requests*", "jvm_*", "process_*", "system_cpu_*",
        "system_load_*", "executor_*", "jdbc_connections_*", "logback_events_*", "application_*_time_seconds",
        "disk_*")  # fmt: skip
