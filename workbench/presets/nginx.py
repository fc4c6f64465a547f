"""nginx: its stub_status by nginx-prometheus-exporter, and the module nginx-module-vts.

nginx_vts_server_requests_total{host="shop",code="5xx"} 64

stub_status knows how many requests there were and how many connections are open, no status and no time. Of
the module, each host and each upstream is a service.
"""

from __future__ import annotations

from workbench.presets._seam import PROXY, Fill

_HOST = {"service": "host", "status": "code"}
_EACH = {"host": r"(?!\*$).+"}  # "*" is the sum of all
_CLASS_OF = {"code": r"\dxx"}
_CLASS = _EACH | _CLASS_OF
_UPSTREAM = {"service": "upstream", "status": "code"}

NAME = "nginx"
VIEW = PROXY
FILLS = (
    Fill("requests", ("nginx_vts_server_requests_total",), _HOST, where=_CLASS),
    Fill("latency", ("nginx_vts_server_request_duration_seconds",), _HOST, where=_EACH,
         hint="vhost_traffic_status_histogram_buckets 0.005 0.01 0.05 0.1 0.5 1 5 10;"),
    Fill("latency_sum", ("nginx_vts_server_request_seconds_total",), _HOST, where=_EACH),
    Fill("requests", ("nginx_vts_upstream_requests_total",), _UPSTREAM, where=_CLASS_OF),
    Fill("latency", ("nginx_vts_upstream_response_duration_seconds",), _UPSTREAM),
    Fill("latency_sum", ("nginx_vts_upstream_response_seconds_total",), _UPSTREAM),
    Fill("requests", ("nginx_http_requests_total", "nginxplus_http_requests_total")),
    Fill("in_flight", ("nginx_connections_writing",)),
    Fill("in_flight", ("nginx_vts_main_connections",), where={"status": "writing"}),
)  # fmt: skip
ALSO = ("nginx_*", "nginxplus_*", "nginxexporter_*")
