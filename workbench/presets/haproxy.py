"""HAProxy's built-in exporter, and haproxy_exporter, which reads its CSV.

haproxy_backend_http_responses_total{proxy="shop",code="5xx"} 66

A backend's pool is the sum over its servers of maxconn; those without one have no limit to show. It has no
histogram: quantiles of latency must come from elsewhere.
"""

from __future__ import annotations

from workbench.presets._seam import PROXY, Fill

_BACK = {"service": ("proxy", "backend"), "status": "code"}
_FRONT = {"service": ("proxy", "frontend"), "status": "code"}

NAME = "HAProxy"
VIEW = PROXY
FILLS = (
    Fill("requests", ("haproxy_backend_http_responses_total",), _BACK),
    Fill("requests", ("haproxy_frontend_http_responses_total",), _FRONT),
    Fill("in_flight", ("haproxy_backend_current_sessions",), _BACK),
    Fill("in_flight", ("haproxy_frontend_current_sessions",), _FRONT),
    Fill("retries", ("haproxy_backend_retry_warnings_total",), {"service": _BACK["service"]}),
    Fill("pool_size", ("haproxy_server_limit_sessions",), _BACK),
    Fill("pool_in_use", ("haproxy_server_current_sessions",), _BACK),
    Fill("pool_waiting", ("haproxy_backend_current_queue",), _BACK),
)
ALSO = ("haproxy_*",)
