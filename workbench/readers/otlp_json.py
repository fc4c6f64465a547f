"""OTLP/JSON traces: an export request, JSON lines of them as collectors write, answers of Tempo and Jaeger.

{"resourceSpans":[{"resource":{"attributes":[…]},"scopeSpans":[{"spans":[{"traceId":"5b8e…","kind":2, …}]}]}]}
"""

from __future__ import annotations

import base64
import string
from typing import Any

from workbench.errors import Malformed, Unrecognized
from workbench.readers import _json, _otlp
from workbench.readers._seam import Parts, Stream
from workbench.readers._spans import KINDS, STATUSES, SpanColumns, large

FORMAT = "OTLP/JSON traces"

_SHAPE = "resourceSpans, scopeSpans and spans as opentelemetry-proto lays them out"
_KIND: dict[Any, str] = {
    spelling: kind
    for number, kind in enumerate(KINDS)
    for spelling in (number, str(number), f"SPAN_KIND_{kind.upper()}", kind.upper(), kind)
}
_STATUS: dict[Any, str] = {
    spelling: status
    for number, status in enumerate(STATUSES)
    for spelling in (number, str(number), f"STATUS_CODE_{status.upper()}", status.upper(), status)
}


def sniff(head: bytes) -> bool:
    """True for resourceSpans at the top or inside an answer, and for the `batches` of Tempo."""
    keys = _json.outline(head).keys()
    tops = {"", "trace.", "result.", "[]."}
    if any(f"{top}resourceSpans" in keys for top in tops):
        return True
    members = ("resource", "scopeSpans", "instrumentationLibrarySpans")
    return any(f"{top}batches[].{member}" in keys for top in tops for member in members)


def read(*streams: Stream) -> Parts:
    """Read traces; lines of other signals, and lines cut off, are counted as skipped."""
    return large(streams, "json", _read_large) or _read_spans(streams)


def _read_large(content: bytes) -> Parts | None:
    from workbench.readers import _otlp_columns

    return _otlp_columns.read_json(content, _KIND, _STATUS)


def _read_spans(streams: tuple[Stream, ...]) -> Parts:
    found = SpanColumns()
    requests = 0
    for stream in streams:
        with _json.collector_resting():
            for place, document in _json.parse_lines(stream.content(), stream.name):
                resources = _resources(document, place)
                if resources is None:
                    found.skipped["line that is no trace data"] += 1
                    found.notes += [f"{place}: the line is not whole JSON"] if document is None else []
                    continue
                requests += 1
                for index, resource in enumerate(resources):
                    _read_resource(resource, found, f"{place}, resourceSpans[{index}]")
    if not requests:
        raise Unrecognized("JSON without resourceSpans", where=streams[0].name, expected=FORMAT)
    return found.parts(", ".join(stream.name for stream in streams))


def _resources(document: Any, place: str) -> list[Any] | None:
    if isinstance(document, list):
        inner = [_resources(member, place) for member in document]
        return None if all(part is None for part in inner) else [r for part in inner for r in part or ()]
    if not isinstance(document, dict):
        return None
    for outer in ("trace", "result"):
        if isinstance(document.get(outer), dict):
            document = document[outer]
    for key in ("resourceSpans", "batches"):
        if key in document:
            if not isinstance(document[key], list | None):
                raise Malformed(
                    f"{place}, {key}", f"a JSON {type(document[key]).__name__}", expected="a list"
                )
            return document[key] or []
    return None


def _read_resource(resource_spans: Any, found: SpanColumns, place: str) -> None:
    where = place
    try:
        service, instance, shared = _otlp.resource(resource_spans.get("resource"))
        libraries = "scopeSpans" if "scopeSpans" in resource_spans else "instrumentationLibrarySpans"
        for number, scope_spans in enumerate(resource_spans.get(libraries) or ()):
            where = f"{place}.{libraries}[{number}]"
            scope = scope_spans.get("scope") or scope_spans.get("instrumentationLibrary")
            inherited = shared | _otlp.scope(scope)
            for index, span in enumerate(scope_spans.get("spans") or ()):
                where = f"{place}.{libraries}[{number}].spans[{index}]"
                _read_span(span, found, service, instance, inherited)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise Malformed(
            where,
            f"not laid out as OTLP: {type(error).__name__} {error}",
            expected=_SHAPE,
            remedy="export the traces again",
        ) from error


def _read_span(
    span: dict[str, Any], found: SpanColumns, service: str, instance: str, inherited: dict[str, str]
) -> None:
    trace_id, span_id = _id(span.get("traceId"), 16), _id(span.get("spanId"), 8)
    parent_id = _id(span.get("parentSpanId"), 8)
    start_ns, end_ns = int(span.get("startTimeUnixNano") or 0), int(span.get("endTimeUnixNano") or 0)
    if not end_ns:
        found.skipped["span that had not ended"] += 1
        return
    own = span.get("attributes")
    attributes = {**inherited, **_otlp.attributes(own)} if own else inherited
    status = span.get("status") or {}
    if message := status.get("message"):
        attributes = {**attributes, "otel.status_description": _json.text(message)}
    taken = found.add(
        trace_id,
        span_id,
        parent_id if parent_id.strip("0") else None,
        service=service,
        instance=instance,
        name=_json.text(span.get("name") or ""),
        kind=_KIND.get(span.get("kind", 0), "unspecified"),
        start_ns=start_ns,
        duration_ns=end_ns - start_ns,
        status=_STATUS.get(status.get("code", 0), "unset"),
        attributes=attributes,
    )
    if not taken:
        return
    for event in span.get("events") or ():
        time_ns, name = int(event.get("timeUnixNano") or 0), _json.text(event.get("name") or "")
        found.add_event(trace_id, span_id, time_ns, name, _otlp.attributes(event.get("attributes")))
    for link in span.get("links") or ():
        to = _id(link.get("traceId"), 16), _id(link.get("spanId"), 8)
        found.add_link(trace_id, span_id, to, _otlp.attributes(link.get("attributes")))


def _id(text: str | None, size: int) -> str:
    """Give an id of `size` bytes as lower-case hex; hex and base64 (Tempo) are told apart by length."""
    if not text or len(text) == 2 * size:
        return text.lower() if text else ""
    digits = text.rstrip("=")
    if len(digits) == -(-size * 4 // 3) and (digits != text or not set(digits) <= set(string.hexdigits)):
        padded = digits.replace("-", "+").replace("_", "/") + "=" * (-len(digits) % 4)
        return base64.b64decode(padded, validate=True).hex()
    return text.lower()
