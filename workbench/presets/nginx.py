"""nginx: its stub_status by nginx-prometheus-exporter, and the module nginx-module-vts.

nginx_vts_server_requests_total{host="shop",code="5xx"} 12

stub_status knows how many requests there were and how many connections are open, no status and no time.
"""

from __future__ import annotations

from workbench.presets._seam import PROXY, Fill

_HOST = {"service": "host", "status": "code"}
_EACH = {"host": r"(?!\*$).+"}  # "*" is the sum of all
_CLASS = _EACH | {"code": r"\dxx"}

NAME = "nginx"
VIEW = PROXY
FILLS = (
    Fill("requests", ("nginx_vts_server_requests_total",), _HOST, where=_CLASS),
    Fill("latency", ("nginx_vts_server_request_duration_seconds",), _HOST, where=_EACH,
         hint="vhost_traffic_status_histogram_buckets 0.005 0.01 0.05 0.1 0.5 1 5 10;"),
    Fill("latency_sum", ("nginx_vts_server_request_seconds_total",), _HOST, where=_EACH),
    Fill("requests", ("nginx_http_requests_total", "nginxplus_http_requests_total")),
    Fill("in_flight", ("nginx_connections_writing",)),
)  # fmt: skip
ALSO = ("nginx_*", "nginxplus_*", "nginxexporter_*")
