"""logfmt: key=value pairs, as slog's text handler, logrus, go-kit and Prometheus write them.

time=2026-11-20T10:38:42.890Z level=INFO msg="order paid" trace_id=5b8efff798038103d269b633813fc60c took=1.5ms
"""

from __future__ import annotations

import re

from workbench import tables
from workbench.errors import Unrecognized
from workbench.readers import _lines, _records
from workbench.readers._seam import HEAD_BYTES, Parts, Stream

FORMAT = "logfmt log"

_PAIR = re.compile(r'([^\s="]+)(?:=(?:"((?:[^"\\]|\\.)*)"(?=\s|$)|([^\s"]*)(?=\s|$)))?\s*')
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)")
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_MOST_SNIFFED = 200  # lines


def sniff(head: bytes) -> bool:
    """True if most lines are pairs from end to end, among them two of a time, a level and a message."""
    lines = _lines.narrow(head).split(b"\n")
    lines = lines[:-1] if len(head) >= HEAD_BYTES and len(lines) > 1 else lines
    lines = [line for line in lines[:_MOST_SNIFFED] if line.strip()]
    records = sum(1 for line in lines if b"=" in line and _record(line) is not None)
    return records > 0 and 2 * records > len(lines)


def read(*streams: Stream) -> Parts:
    """Read records: time, level in lower case, message, trace, span, service; the rest are attributes."""
    parts = Parts()
    found = []
    for stream in streams:
        if not sniff(stream.head()):
            raise Unrecognized("not a logfmt log", where=stream.name, expected=FORMAT)
        columns = _records.LogColumns()
        for line in _lines.lines(stream):
            record = _record(line)
            if record is not None:
                columns.add(record)
            elif line.strip():
                parts.skipped["line that is no logfmt record"] += 1
        found.append(columns.table(stream.name))
    parts.frames = {"logs": tables.LOGS.concat(found)}
    return parts


def _record(line: bytes) -> dict[str, str] | None:
    """Give the pairs of a line; a key without = is true. None for what is not pairs from end to end."""
    text, at, found, bare = line.decode("utf-8", "backslashreplace").strip(), 0, {}, 0
    while at < len(text):
        match = _PAIR.match(text, at)
        if not match:
            return None
        key, quoted, plain = match.groups()
        bare += quoted is None and plain is None
        found[key] = (
            "true" if quoted is None and plain is None else plain if quoted is None else _plain(quoted)
        )
        at = match.end()
    return found if 2 * bare < len(found) and _records.is_record(found) else None


def _plain(quoted: str) -> str:
    """Undo the escapes of Go's %q."""
    if "\\" not in quoted:
        return quoted
    return _ESCAPE.sub(_escaped, quoted)


def _escaped(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) == 1:
        return _PLAIN.get(code, code)
    number = int(code[1:], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else match[0]
