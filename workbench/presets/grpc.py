"""gRPC by go-grpc-middleware's and go-grpc-prometheus' interceptors (and their kin in other languages).

grpc_server_handled_total{grpc_code="NotFound",grpc_method="Check",grpc_type="unary"} 71
"""

from __future__ import annotations

from workbench.presets._grpc import HTTP
from workbench.presets._seam import PROCESS, Fill

_SERVED = {"status": "grpc_code", "route": "grpc_method"}
_CODES = {"status": HTTP}

NAME = "gRPC"
VIEW = PROCESS
FILLS = (
    Fill("requests", ("grpc_server_handled_total",), _SERVED, values=_CODES, traffic="grpc"),
    Fill("latency", ("grpc_server_handling_seconds", "grpc_server_handled_latency_seconds"), _SERVED,
         values=_CODES, traffic="grpc",
         hint="WithServerHandlingTimeHistogram(), or EnableHandlingTimeHistogram()"),
    Fill("calls", ("grpc_client_handling_seconds",), {"target": "grpc_service"}, traffic="grpc"),
)  # fmt: skip
ALSO = ("grpc_server_*", "grpc_client_*")
