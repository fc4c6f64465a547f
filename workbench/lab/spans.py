"""OpenTelemetry spans written as OTLP/JSON, one batch a line.

{"resourceSpans":[{"resource":{"attributes":[…]},"scopeSpans":[{"scope":{…},"spans":[…]}]}]}
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import SpanKind, StatusCode, Tracer

SCOPE = "workbench.lab"
CLIENT, SERVER = 3, 2  # SpanKind of OTLP; the SDK numbers them differently
_FLUSH_S = 0.5
_KINDS = {kind: kind.value + 1 for kind in SpanKind}


class SpanFile:
    """A file of spans of one instance; a thread appends what has come twice a second.

    A span becomes text when it ends, a few microseconds each time, so that no batch holds up the event loop.
    """

    def __init__(self, path: Path, service: str, instance: str) -> None:
        who = {"service.name": service, "service.instance.id": instance}
        resource = orjson.dumps({"attributes": _attributes(who)})
        self._head = b'{"resourceSpans":[{"resource":%s,"scopeSpans":[{"scope":{"name":"%s"},"spans":[' % (
            resource,
            SCOPE.encode(),
        )
        self._file = path.open("ab", buffering=0)
        self._spans: list[bytes] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def add(self, span: dict[str, Any]) -> None:
        """Take a span in OTLP/JSON form."""
        self._spans.append(orjson.dumps(span))

    def close(self) -> None:
        """Write what is left and close the file."""
        self._closing.set()
        self._thread.join()
        self._file.close()

    def _write(self) -> None:
        closing = False
        while not closing:
            closing = self._closing.wait(_FLUSH_S)
            ready, self._spans = self._spans, []
            if ready:
                self._file.write(self._head + b",".join(ready) + b"]}]}]}\n")


def otlp_span(
    trace_id: str,
    span_id: str,
    parent_id: str,
    name: str,
    kind: int,
    start_ns: int,
    end_ns: int,
    attributes: Mapping[str, Any],
    *,
    failed: bool,
) -> dict[str, Any]:
    """Give a span in OTLP/JSON form: hex ids, 64-bit numbers as text, kinds and codes as numbers."""
    span: dict[str, Any] = {"traceId": trace_id, "spanId": span_id}
    if parent_id:
        span["parentSpanId"] = parent_id
    span |= {"name": name, "kind": kind, "startTimeUnixNano": str(start_ns), "endTimeUnixNano": str(end_ns)}
    span |= {"attributes": _attributes(attributes), "status": {"code": 2} if failed else {}}
    return span


def tracer(spans: SpanFile, service: str, instance: str) -> Tracer:
    """Make a tracer that samples as its caller did and writes to `spans`."""
    provider = TracerProvider(
        sampler=ParentBased(ALWAYS_ON),
        resource=Resource({"service.name": service, "service.instance.id": instance}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(_ToFile(spans))
    return provider.get_tracer(SCOPE)


class _ToFile(SpanProcessor):
    def __init__(self, spans: SpanFile) -> None:
        self._spans = spans

    def on_start(self, span: ReadableSpan, parent_context: Context | None = None) -> None:
        pass

    def on_end(self, span: ReadableSpan) -> None:
        context, parent = span.context, span.parent
        assert context is not None
        self._spans.add(
            otlp_span(
                f"{context.trace_id:032x}",
                f"{context.span_id:016x}",
                f"{parent.span_id:016x}" if parent else "",
                span.name,
                _KINDS[span.kind],
                span.start_time or 0,
                span.end_time or 0,
                span.attributes or {},
                failed=span.status.status_code is StatusCode.ERROR,
            )
        )


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": str(value)}
