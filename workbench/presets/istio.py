"""Istio's standard metrics, as its sidecars, gateways and waypoints report them.

istio_requests_total{reporter="destination",destination_workload="orders",response_code="200"} 1027

A request is told by both ends: what a service serves is taken from its own side or a waypoint; what it asks
of others, from its client side. response_code 0 is no answer. Source: istio.io/latest/docs/reference/config/
metrics.
"""

from __future__ import annotations

from workbench.presets._seam import SIDECAR, Fill

_SERVICE = ("destination_canonical_service", "destination_workload", "destination_app")
_SERVED = {"service": _SERVICE, "status": "response_code", "method": "request_protocol"}
_CALLS = {
    "service": ("source_canonical_service", "source_workload", "source_app"),
    "target": (*_SERVICE, "destination_service_name"),
    "status": "response_code",
}
_INSIDE, _OUTSIDE = {"reporter": "destination|waypoint"}, {"reporter": "source"}

NAME = "Istio"
VIEW = SIDECAR
FILLS = (
    Fill("requests", ("istio_requests_total",), _SERVED, where=_INSIDE),
    Fill("latency", ("istio_request_duration_milliseconds",), _SERVED, where=_INSIDE, unit="ms"),
    Fill("latency", ("istio_request_duration_seconds",), _SERVED, where=_INSIDE),
    Fill("calls", ("istio_request_duration_milliseconds",), _CALLS, where=_OUTSIDE, unit="ms"),
)
ALSO = ("istio_*", "pilot_*")
