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
# Names of clients may end so too; they count what was asked of others.
_OWN = {"__name__": r"(?!\w*(client|upstream|outgoing|outbound)).*"}

NAME = "promhttp"
VIEW = PROCESS
FILLS = (
    Fill("requests",
         ("http_requests_total", "http_requests_received_total", "gin_requests_total",
          "*_http_requests_total"),
         _SERVED, where=_OWN),
    Fill("latency",
         ("http_request_duration_seconds", "request_duration_seconds", "gin_request_duration_seconds",
          "*_http_request_duration_seconds"),
         _SERVED, where=_OWN),
    Fill("in_flight", ("http_requests_in_flight", "in_flight_requests", "*_http_requests_in_flight"),
         {"route": ("handler", "route")}),
)  # fmt: skip
ALSO = ("promhttp_*",)
