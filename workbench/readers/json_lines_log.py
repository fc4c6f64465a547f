"""Logs of one JSON object a line: slog, zap, logback and its logstash encoder, structlog, pino, ECS …

{"time":"2026-11-20T10:38:42Z","level":"INFO","msg":"paid","trace_id":"5b8efff798038103d269b633813fc60c"}
"""

from __future__ import annotations

from typing import Any

import orjson

from workbench import tables
from workbench.errors import Unrecognized
from workbench.readers import _json, _lines, _records
from workbench.readers._seam import HEAD_BYTES, Parts, Stream

FORMAT = "JSON lines log"

_MOST_SNIFFED = 200  # lines


def sniff(head: bytes) -> bool:
    """True if most lines are objects with a message, a level, a time, or two of these at least.

    Text between them, as a program prints before its logger is set up, may make up less than half.
    """
    lines = _lines.narrow(head).split(b"\n")
    lines = lines[:-1] if len(head) >= HEAD_BYTES and len(lines) > 1 else lines
    lines = [line for line in lines[:_MOST_SNIFFED] if line.strip()]
    records = sum(1 for line in lines if (found := _record(line)) and _records.is_record(found))
    return records > 0 and 2 * records > len(lines)


def read(*streams: Stream) -> Parts:
    """Read records: time, level in lower case, message, trace and span id, service; the rest are attributes.

    Nested fields have dotted names. A JSON record inside a container engine's {"log": …} is taken out of it.
    """
    parts = Parts()
    found = []
    for stream in streams:
        if not sniff(stream.head()):
            raise Unrecognized("not a log of JSON lines", where=stream.name, expected=FORMAT)
        columns = _records.LogColumns()
        for line in _lines.lines(stream):
            record = _record(line)
            if record is not None and _records.is_record(record):
                columns.add(record)
            elif line.strip():
                reason = "line that is no JSON object" if record is None else "object that is no log record"
                parts.skipped[reason] += 1
        found.append(columns.table(stream.name))
    parts.frames = {"logs": tables.LOGS.concat(found)}
    return parts


def _record(line: bytes) -> dict[str, Any] | None:
    """Give the fields of a line by dotted names, or None for a line that is no object."""
    line = line.strip()
    if line[:1] != b"{":
        return None
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if "log" in found and "stream" in found and isinstance(found["log"], str):
        inner = _record(found["log"].encode("utf-8", "replace"))
        return None if inner is None else inner
    return _records.flat(_filled(found))


def _filled(found: dict[str, Any]) -> dict[str, Any]:
    """Put logback's arguments into its message, and its nanoseconds into its time."""
    message, arguments = found.get("message"), found.get("arguments")
    if isinstance(message, str) and isinstance(arguments, list) and "{}" in message:
        first, *rest = message.split("{}")
        texts = [_json.text(argument) for argument in arguments] + ["{}"] * len(rest)
        found["message"] = first + "".join(text + part for text, part in zip(texts, rest, strict=False))
    time, nanoseconds = found.get("timestamp"), found.get("nanoseconds")
    if type(time) is int and type(nanoseconds) is int and nanoseconds // 10**6 == time % 1000:
        found["timestamp"] = time // 1000 * 10**9 + found.pop("nanoseconds")
    return found
