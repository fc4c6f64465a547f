"""What Go services count with promhttp's handlers, and those that follow its names, with any prefix.

http_requests_total{code="200",method="get"} 297

promhttp_metric_handler_* count scrapes, not requests.
"""

from __future__ import annotations

from workbench.presets._seam import PROCESS, Fill

_SERVED = {
    "status": ("code", "status_code", "status"),
    "route": ("handler", "route", "path", "uri", "endpoint"),
    "method": "method",
}
# Its own and Kubernetes' clients end so too, and count what they asked of others.
_OWN = {"__name__": r"(?!rest_client_|net_conntrack_|http_client_).*"}

NAME = "promhttp"
VIEW = PROCESS
FILLS = (
    Fill("requests", ("http_requests_total", "*_http_requests_total"), _SERVED, where=_OWN),
    Fill("latency",
         ("http_request_duration_seconds", "*_http_request_duration_seconds", "*_request_duration_seconds"),
         _SERVED, where=_OWN),
    Fill("in_flight", ("http_requests_in_flight", "in_flight_requests", "*_http_requests_in_flight"),
         {"route": ("handler", "route")}),
)  # fmt: skip
ALSO = ("promhttp_*",)
