"""OTLP/JSON traces: an export request, JSON lines of them as collectors write, answers of Tempo and Jaeger.

{"resourceSpans":[{"resource":{"attributes":[…]},"scopeSpans":[{"spans":[{"traceId":"5b8e…","kind":2, …}]}]}]}
"""

from __future__ import annotations

import base64
import string
from typing import Any

from workbench.errors import Malformed, Unrecognized
from workbench.readers import _json
from workbench.readers._seam import Parts, Stream
from workbench.readers._spans import KINDS, SpanColumns

FORMAT = "OTLP/JSON traces"

_SHAPE = "resourceSpans, scopeSpans and spans as opentelemetry-proto lays them out"
_KIND = {
    spelling: kind
    for number, kind in enumerate(KINDS)
    for spelling in (number, str(number), f"SPAN_KIND_{kind.upper()}", kind.upper(), kind)
}
_STATUS = {
    spelling: status
    for number, status in enumerate(("unset", "ok", "error"))
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
        resource = _attributes((resource_spans.get("resource") or {}).get("attributes"))
        service, instance = resource.get("service.name", ""), resource.get("service.instance.id", "")
        shared = {key: value for key, value in resource.items() if not key.startswith("service.")}
        libraries = "scopeSpans" if "scopeSpans" in resource_spans else "instrumentationLibrarySpans"
        for number, scope_spans in enumerate(resource_spans.get(libraries) or ()):
            where = f"{place}.{libraries}[{number}]"
            scope = scope_spans.get("scope") or scope_spans.get("instrumentationLibrary") or {}
            inherited = {**shared, **_scope(scope)}
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
    attributes = {**inherited, **_attributes(own)} if own else inherited
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
        found.add_event(trace_id, span_id, time_ns, name, _attributes(event.get("attributes")))
    for link in span.get("links") or ():
        to = _id(link.get("traceId"), 16), _id(link.get("spanId"), 8)
        found.add_link(trace_id, span_id, to, _attributes(link.get("attributes")))


def _id(text: str | None, size: int) -> str:
    """Give an id of `size` bytes as lower-case hex; hex and base64 (Tempo) are told apart by length."""
    if not text or len(text) == 2 * size:
        return text.lower() if text else ""
    digits = text.rstrip("=")
    if len(digits) == -(-size * 4 // 3) and (digits != text or not set(digits) <= set(string.hexdigits)):
        padded = digits.replace("-", "+").replace("_", "/") + "=" * (-len(digits) % 4)
        return base64.b64decode(padded, validate=True).hex()
    return text.lower()


def _scope(scope: dict[str, Any]) -> dict[str, str]:
    """Give the instrumentation under the names that the specification has for other formats."""
    named = {"otel.scope.name": scope.get("name"), "otel.scope.version": scope.get("version")}
    return {key: value for key, value in named.items() if isinstance(value, str) and value}


def _attributes(pairs: list[dict[str, Any]] | None) -> dict[str, str]:
    texts = {}
    for pair in pairs or ():
        value = pair.get("value") or {}
        text = value.get("stringValue")  # nearly all are this
        texts[pair["key"]] = text if type(text) is str else _text(value)
    return texts


def _text(value: dict[str, Any]) -> str:
    for kind, inner in value.items():
        if kind not in ("arrayValue", "kvlistValue"):
            return _json.text(inner)
    return _json.text(_plain(value))


def _plain(value: dict[str, Any] | None) -> Any:
    """Turn OTLP's AnyValue into plain JSON."""
    for kind, inner in (value or {}).items():
        if kind == "arrayValue":
            return [_plain(member) for member in inner.get("values") or ()]
        if kind == "kvlistValue":
            return {pair["key"]: _plain(pair.get("value")) for pair in inner.get("values") or ()}
        return int(inner) if kind == "intValue" else inner
    return None
