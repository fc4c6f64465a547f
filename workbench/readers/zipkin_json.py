"""Zipkin JSON, versions 1 and 2: what reporters send and the API answers.

[{"traceId":"5aab…","id":"e457…","kind":"CLIENT","timestamp":1521186011929043,"duration":14,"localEndpoint":{…}}]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.errors import Malformed, Unrecognized
from workbench.readers import _json
from workbench.readers._seam import Parts, Stream
from workbench.readers._spans import SpanColumns, large
from workbench.readers._zipkin import Traces

FORMAT = "Zipkin JSON"

_SHAPE = "spans with traceId and id, as Zipkin's API gives"
_MEMBERS = ("name", "localEndpoint", "timestamp", "annotations", "binaryAnnotations", "parentId", "duration")
_ENDPOINTS = ("localEndpoint", "annotations[]", "binaryAnnotations[]")
_KINDS = {"cs": "CLIENT", "cr": "CLIENT", "sr": "SERVER", "ss": "SERVER", "ms": "PRODUCER", "mr": "CONSUMER"}


def sniff(head: bytes) -> bool:
    """True for a list of spans, a list of traces, and a span by itself that names its endpoint."""
    keys = _json.outline(head).keys()
    for top in ("[].", "[][]."):
        if {f"{top}traceId", f"{top}id"} <= keys and any(f"{top}{member}" in keys for member in _MEMBERS):
            return True
    return {"traceId", "id"} <= keys and any(member in keys for member in _ENDPOINTS)


def read(*streams: Stream) -> Parts:
    """Read spans, merged as `_zipkin` says. Clock skew is left as it is; annotations are events."""
    one = large(streams, "json", _read_large) if len(streams) == 1 else None
    return one or _read_spans(streams)  # of several files, one may tell a part of what is in another


def _read_large(content: bytes) -> Parts | None:
    from workbench.readers import _zipkin_columns

    return _zipkin_columns.read(content)


def _read_spans(streams: tuple[Stream, ...]) -> Parts:
    found, traces, whole = SpanColumns(), Traces(), 0
    for stream in streams:
        with _json.collector_resting():
            for place, document in _json.parse_lines(stream.content(), stream.name):
                if document is None:
                    found.skipped["line that is not whole JSON"] += 1
                    continue
                for where, span in _spans(document, place):
                    whole += 1
                    _take(span, traces, where)
    if not whole and found.skipped:
        raise Unrecognized("no line that is JSON", where=streams[0].name, expected=_SHAPE)
    traces.into(found)
    return found.parts(", ".join(stream.name for stream in streams))


def _spans(document: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Give every span of a span, a list of them, or a list of such lists."""
    if isinstance(document, dict):
        yield place, document
    elif isinstance(document, list):
        for index, member in enumerate(document):
            if isinstance(member, list):
                yield from ((f"{place}, [{index}][{n}]", span) for n, span in enumerate(member))
            else:
                yield f"{place}, [{index}]", member
    else:
        raise Unrecognized(f"a JSON {type(document).__name__}", where=place, expected=_SHAPE)


def _take(span: Any, traces: Traces, place: str) -> None:
    try:
        old = "binaryAnnotations" in span or any("endpoint" in a for a in span.get("annotations") or ())
        for piece in _from_version_1(span) if old else (span,):
            traces.take(piece)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise Malformed(
            place,
            f"not laid out as Zipkin does: {type(error).__name__} {error}",
            expected=_SHAPE,
            remedy="download the traces again",
        ) from error


def _from_version_1(span: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the one or two sides that a span of version 1 tells of, as spans of version 2."""
    base = {key: span.get(key) for key in ("traceId", "id", "parentId", "name")}
    sides: dict[str, dict[str, Any]] = {}
    rest, times = [], {}
    for annotation in span.get("annotations") or ():
        value = annotation["value"]
        if value in _KINDS:
            times[value] = int(annotation["timestamp"])
            side = sides.setdefault(_KINDS[value], {**base, "kind": _KINDS[value]})
            side.setdefault("localEndpoint", annotation.get("endpoint") or {})
        else:
            rest.append(annotation)
    for begin, end in (("cs", "cr"), ("sr", "ss"), ("ms", ""), ("mr", "")):
        if begin in times:
            told = sides[_KINDS[begin]]
            told["timestamp"] = times[begin]
            told["duration"] = max(times[end] - times[begin], 0) if end in times else 0
    made = list(sides.values()) or [base]
    if span.get("timestamp"):  # told by the side that began the span
        made[0].update(timestamp=span["timestamp"], duration=span.get("duration") or made[0].get("duration"))
    for annotation in rest:
        _at(made, annotation.get("endpoint")).setdefault("annotations", []).append(annotation)
    for annotation in span.get("binaryAnnotations") or ():
        endpoint = annotation.get("endpoint")
        if annotation["key"] in ("sa", "ca", "ma"):  # addresses of the other side, not tags
            calling = [side for side in made if side.get("kind") in ("CLIENT", "PRODUCER")]
            serving = [side for side in made if side.get("kind") in ("SERVER", "CONSUMER")]
            side = ((serving if annotation["key"] == "ca" else calling) or made)[0]
            side.setdefault("remoteEndpoint", endpoint or {})
        else:
            side = _at(made, endpoint)
            side.setdefault("tags", {})[annotation["key"]] = annotation.get("value")
    return made


def _at(sides: list[dict[str, Any]], endpoint: dict[str, Any] | None) -> dict[str, Any]:
    """Give the side that an annotation was made at: that of its endpoint, or else the first."""
    side = next((side for side in sides if endpoint and side.get("localEndpoint") == endpoint), sides[0])
    side.setdefault("localEndpoint", endpoint or {})
    return side
