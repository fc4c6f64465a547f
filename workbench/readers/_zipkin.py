"""Zipkin's spans, once they are dictionaries of version 2, turned into the tables.

Zipkin tells a span in pieces, and a call's client and server may share one id. Pieces of one side are merged
as Zipkin's own `Trace.merge` does; a piece without a kind belongs to the side at its endpoint. Of two sides,
the server keeps the id, for its children and its logs name it; the client's becomes `<id>-client`, and is the
server's parent.
"""

from __future__ import annotations

from typing import Any

from workbench.readers import _json
from workbench.readers._spans import KINDS, SpanColumns

Span = dict[str, Any]

_CALLING = {"client", "producer"}
OWN_COLUMNS = ("service.name", "service.instance.id")
PEER = ("peer.service", "network.peer.address", "network.peer.port")


class Traces:
    """Spans by trace and id, as they come, in pieces."""

    def __init__(self) -> None:
        self._sides: dict[tuple[str, str], list[Span]] = {}

    def take(self, span: Span) -> None:
        """Take a piece of a span; raise TypeError or ValueError if it is none."""
        trace_id, span_id = hex_id(span["traceId"]), hex_id(span["id"])
        parent_id = hex_id(span.get("parentId") or "")
        piece: Span = {
            "parent": parent_id if parent_id.strip("0") and parent_id != span_id else None,
            "kind": str(span.get("kind") or ("server" if span.get("shared") else "unspecified")).lower(),
            "name": _json.text(span.get("name") or ""),
            "start": int(span.get("timestamp") or 0),
            "duration": int(span.get("duration") or 0),
            "local": span.get("localEndpoint") or {},
            "remote": span.get("remoteEndpoint") or {},
            "tags": _texts(span.get("tags") or {}),
            "events": {(int(a["timestamp"]), _json.text(a["value"])) for a in span.get("annotations") or ()},
        }
        sides = self._sides.setdefault((trace_id, span_id), [])
        for side in sides:
            if _same_side(side, piece) and _same_place(side["local"], piece["local"]):
                _merge(side, piece)
                return
        sides.append(piece)

    def into(self, found: SpanColumns) -> None:
        """Hand all spans over."""
        without_duration = 0
        for (trace_id, span_id), sides in self._sides.items():
            callers = [side for side in sides if _is_calling(side)]
            split = callers and len(callers) < len(sides)
            for side in sides:
                own, parent = span_id, side["parent"]
                if split:
                    calling = f"{span_id}-client"
                    own, parent = (calling, parent) if _is_calling(side) else (span_id, calling)
                without_duration += not side["duration"]
                _hand_over(trace_id, own, parent, side, found)
        found.notes += silent(without_duration)
        self._sides.clear()


def hex_id(text: str) -> str:
    """Give an id as lower-case hex of 16 digits, or of 32: leading zeros may be left out."""
    if not text:
        return ""
    return text.lower().rjust(16 if len(text) <= 16 else 32, "0")


def address(local: Span) -> str:
    """Give the address of an endpoint, with its port."""
    host, port = local.get("ipv4") or local.get("ipv6") or "", local.get("port")
    written = f"[{host}]" if ":" in host else host
    return f"{written}:{port}" if host and port else host


def silent(count: int) -> list[str]:
    """Give the note on spans without duration, if there are any."""
    return [f"{count} spans tell no duration; it is taken as 0"] if count else []


def _hand_over(trace_id: str, span_id: str, parent: str | None, side: Span, found: SpanColumns) -> None:
    local, tags, events = side["local"], side["tags"], sorted(side["events"])
    start = side["start"] or (events[0][0] if events else 0)
    attributes = {**tags, **_peer(side["remote"])}
    for key in OWN_COLUMNS:
        attributes.pop(key, None)
    taken = found.add(
        trace_id,
        span_id,
        parent,
        service=local.get("serviceName") or tags.get("service.name", ""),
        instance=tags.get("service.instance.id") or address(local),
        name=side["name"],
        kind=side["kind"] if side["kind"] in KINDS else "unspecified",
        start_ns=start * 1000,
        duration_ns=side["duration"] * 1000,
        status=_status(tags),
        attributes=attributes,
    )
    if taken:
        for time, text in events:
            found.add_event(trace_id, span_id, time * 1000, text, {})


def _texts(tags: dict[str, Any]) -> dict[str, str]:
    if all(type(value) is str for value in tags.values()):
        return tags
    return {key: _json.text(value) for key, value in tags.items()}


def _is_calling(side: Span) -> bool:
    return side["kind"] in _CALLING


def _same_side(one: Span, other: Span) -> bool:
    return _is_calling(one) == _is_calling(other) or "unspecified" in (one["kind"], other["kind"])


def _same_place(one: Span, other: Span) -> bool:
    return all(
        not (one.get(key) and other.get(key)) or one[key] == other[key]
        for key in ("serviceName", "ipv4", "ipv6", "port")
    )


def _merge(side: Span, piece: Span) -> None:
    """Add a piece to its span: earliest start, latest end, what is missing filled in."""
    starts = [one["start"] for one in (side, piece) if one["start"]]
    if len(starts) == 2:
        end = max(one["start"] + one["duration"] for one in (side, piece))
        side["start"], side["duration"] = min(starts), end - min(starts)
    else:
        side["start"] = max(starts, default=0)
        side["duration"] = max(side["duration"], piece["duration"])
    side["parent"] = side["parent"] or piece["parent"]
    if side["kind"] == "unspecified":
        side["kind"] = piece["kind"]
    if not side["name"] or side["name"] == "unknown":
        side["name"] = piece["name"] or side["name"]
    for where in ("local", "remote", "tags"):
        side[where] = {**piece[where], **side[where]}
    side["events"] |= piece["events"]


def _peer(remote: Span) -> dict[str, str]:
    if not remote:
        return {}
    told = remote.get("serviceName"), remote.get("ipv4") or remote.get("ipv6"), remote.get("port")
    return {key: _json.text(value) for key, value in zip(PEER, told, strict=True) if value}


def _status(tags: dict[str, str]) -> str:
    code = tags.get("otel.status_code", "").lower()
    if code in ("ok", "error"):
        return code
    return "error" if tags.get("error", "false") != "false" else "unset"
