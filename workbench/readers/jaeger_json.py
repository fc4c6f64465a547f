"""Jaeger's own JSON: answers of /api/traces, and what its UI downloads.

{"data":[{"traceID":"83…","spans":[{"spanID":"e127…","startTime":1706678909209712,…}],"processes":{"p1":…}}]}
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from workbench.errors import Malformed, Unrecognized
from workbench.readers import _json
from workbench.readers._seam import Parts, Stream
from workbench.readers._spans import KINDS, SpanColumns, large

FORMAT = "Jaeger JSON"

_SHAPE = "a trace with spans and processes, as Jaeger's API gives"
_ENVELOPE = {"data", "total", "limit", "offset", "errors"}


def sniff(head: bytes) -> bool:
    """True for an answer with traces, an empty answer, a list of traces and a trace by itself."""
    keys = _json.outline(head).keys()
    if keys >= _ENVELOPE and not any(key.startswith("data[].") for key in keys):
        return True
    return any(
        f"{top}spans[].spanID" in keys and f"{top}spans[].operationName" in keys
        for top in ("data[].", "[].", "")
    )


def read(*streams: Stream) -> Parts:
    """Read traces; clock skew is left as it is.

    The parent is the first CHILD_OF reference that resolves, else the first that resolves, else the first of
    the same trace; the other references become links. A span told twice alike is counted as skipped; spans
    that share an id and differ are kept.
    """
    return large(streams, "json", _read_large) or _read_spans(streams)


def _read_large(content: bytes) -> Parts | None:
    from workbench.readers import _jaeger_columns

    found = _jaeger_columns.read(content)
    if found is None:
        return None
    parts, errors, warnings = found
    parts.notes = _notes(Counter(map(_told, errors)) + warnings)
    return parts


def _read_spans(streams: tuple[Stream, ...]) -> Parts:
    found = SpanColumns()
    warnings: Counter[str] = Counter()
    for stream in streams:
        with _json.collector_resting():
            document = _json.parse(stream.content(), stream.name)
            for index, trace in enumerate(_traces(document, stream.name, warnings)):
                _read_trace(trace, found, warnings, f"{stream.name}, data[{index}]")
    found.notes += _notes(warnings)
    return found.parts(", ".join(stream.name for stream in streams))


def _notes(warnings: Counter[str]) -> list[str]:
    return [f"Jaeger warned {count} times: {text}" for text, count in warnings.most_common(5)]


def _traces(document: Any, name: str, warnings: Counter[str]) -> list[Any]:
    if isinstance(document, dict) and "data" in document:
        told = [_told(error) for error in _listed(document.get("errors"))]
        if told and not document["data"]:
            raise Malformed(
                name,
                f"Jaeger answered with an error, {told[0]}",
                expected="traces",
                remedy="correct the query and download the traces again",
            )
        warnings.update(told)
        document = document["data"] or []
    if isinstance(document, dict) and "spans" in document:
        return [document]
    if isinstance(document, list):
        return document
    raise Unrecognized(f"a JSON {type(document).__name__} without traces", where=name, expected=_SHAPE)


def _read_trace(trace: Any, found: SpanColumns, warnings: Counter[str], place: str) -> None:
    where = place
    try:
        warnings.update(map(str, _listed(trace.get("warnings"))))
        processes = {key: _process(process) for key, process in (trace.get("processes") or {}).items()}
        spans = trace["spans"] or ()
        known = {span.get("spanID") for span in spans}
        told: dict[str, list[Any]] = {}
        for index, span in enumerate(spans):
            where = f"{place}.spans[{index}]"
            alike = told.setdefault(span.get("spanID"), [])
            if span.get("spanID") and span in alike:
                found.skipped["span told twice alike"] += 1
                continue
            alike.append(span)
            warnings.update(map(str, _listed(span.get("warnings"))))
            _read_span(span, trace.get("traceID"), processes, known, found)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise Malformed(
            where,
            f"not laid out as Jaeger does: {type(error).__name__} {error}",
            expected=_SHAPE,
            remedy="download the traces again",
        ) from error


def _told(error: Any) -> str:
    return f"{error.get('code')}: {error.get('msg')}" if isinstance(error, dict) else str(error)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _process(process: dict[str, Any]) -> tuple[str, str, dict[str, str]]:
    """Give service, instance, and the tags that its spans inherit."""
    tags = _tags(process.get("tags"))
    inherited = {key: value for key, value in tags.items() if not key.startswith("service.")}
    return _json.text(process.get("serviceName") or ""), tags.get("service.instance.id", ""), inherited


def _read_span(
    span: dict[str, Any],
    trace_id: str | None,
    processes: dict[str, tuple[str, str, dict[str, str]]],
    known: set[str],
    found: SpanColumns,
) -> None:
    trace_id, span_id = span.get("traceID") or trace_id or "", span.get("spanID") or ""
    if "process" in span:
        service, instance, inherited = _process(span["process"])
    elif span.get("processID") in processes:
        service, instance, inherited = processes[span["processID"]]
    else:
        found.skipped["process of a span that is kept without service"] += 1
        service, instance, inherited = "", "", {}
    tags = _tags(span.get("tags"))
    references = [
        (ref.get("traceID") or trace_id, ref.get("spanID") or "", ref.get("refType") or "CHILD_OF")
        for ref in span.get("references") or ()
    ]
    parent = _parent(trace_id, references, known)
    taken = found.add(
        trace_id,
        span_id,
        parent[1] if parent else span.get("parentSpanID") or None,
        service=service,
        instance=instance,
        name=_json.text(span.get("operationName") or ""),
        kind=tags["span.kind"] if tags.get("span.kind") in KINDS else "unspecified",
        start_ns=_nanoseconds(span.get("startTime") or 0),
        duration_ns=_nanoseconds(span.get("duration") or 0),
        status=_status(tags),
        attributes={**inherited, **tags},
    )
    if not taken:
        return
    for log in span.get("logs") or ():
        fields = _tags(log.get("fields"))
        name = fields.pop("event", "")
        found.add_event(trace_id, span_id, _nanoseconds(log.get("timestamp") or 0), name, fields)
    for reference in references:
        if reference is not parent:
            found.add_link(trace_id, span_id, reference[:2], {"refType": reference[2]})


def _parent(
    trace_id: str, references: list[tuple[str, str, str]], known: set[str]
) -> tuple[str, str, str] | None:
    inside = [reference for reference in references if reference[0] == trace_id]
    resolved = [reference for reference in inside if reference[1] in known]
    children = [reference for reference in resolved if reference[2] == "CHILD_OF"]
    return next(iter(children or resolved or inside), None)


def _status(tags: dict[str, str]) -> str:
    code = tags.get("otel.status_code", "").lower()
    if code in ("ok", "error"):
        return code
    return "error" if tags.get("error", "false") not in ("false", "", "0") else "unset"


def _nanoseconds(microseconds: float) -> int:
    """Turn microseconds into nanoseconds, whole ones exactly: a float has no room for 1.7e18."""
    whole = int(microseconds)
    return whole * 1000 + round((microseconds - whole) * 1000)


def _tags(tags: list[dict[str, Any]] | None) -> dict[str, str]:
    return {
        tag["key"]: value if type(value := tag.get("value")) is str else _json.text(value)
        for tag in tags or ()
    }
