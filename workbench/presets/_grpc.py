"""gRPC's status codes as HTTP's, after google/rpc/code.proto, in the spellings of the instrumentations."""

from __future__ import annotations

_CODES = {
    0: ("OK", "200"), 1: ("CANCELLED", "499"), 2: ("UNKNOWN", "500"), 3: ("INVALID_ARGUMENT", "400"),
    4: ("DEADLINE_EXCEEDED", "504"), 5: ("NOT_FOUND", "404"), 6: ("ALREADY_EXISTS", "409"),
    7: ("PERMISSION_DENIED", "403"), 8: ("RESOURCE_EXHAUSTED", "429"), 9: ("FAILED_PRECONDITION", "400"),
    10: ("ABORTED", "409"), 11: ("OUT_OF_RANGE", "400"), 12: ("UNIMPLEMENTED", "501"),
    13: ("INTERNAL", "500"), 14: ("UNAVAILABLE", "503"), 15: ("DATA_LOSS", "500"),
    16: ("UNAUTHENTICATED", "401"),
}  # fmt: skip


def _camel(name: str) -> str:
    return name if name == "OK" else "".join(word.capitalize() for word in name.split("_"))


# go-grpc-middleware writes DeadlineExceeded and Canceled, OpenTelemetry 4 or DEADLINE_EXCEEDED.
HTTP = {
    spelled: status
    for number, (name, status) in _CODES.items()
    for spelled in (str(number), name, _camel(name))
} | {"Canceled": "499", "CANCELED": "499"}
