"""Access logs of nginx and Apache in the common and combined formats, and what people add at their ends.

127.0.0.1 - - [20/Nov/2026:10:38:38 +0000] "GET /orders HTTP/1.1" 503 5 "-" "hey/0.0.1" 0.017
"""

from __future__ import annotations

import re
from itertools import islice

from workbench import tables
from workbench.errors import Unrecognized
from workbench.readers import _lines, _records
from workbench.readers._seam import HEAD_BYTES, Parts, Stream

FORMAT = "access log (common or combined)"

_TIME = re.compile(r" \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?:\.\d{1,9})? [+-]\d{4})\] ")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_REST = re.compile(r' (?:"((?:[^"\\]|\\.)*)"|(\S+))')
_NUMBERS = re.compile(r" (\d{3}|-) (\d+|-)(?= |$)")
_NAMED = re.compile(r"([A-Za-z_][\w.]*)[=:](.+)")
_TIMES = ("rt", "request_time", "duration", "time", "took")
_MOST_SNIFFED = 200  # lines
_MOST_FIELDS = 100  # after the size; no log has as many


def sniff(head: bytes) -> bool:
    """True if most lines have a client, a time in brackets, a quoted request, a status and a size."""
    lines = _lines.narrow(head).split(b"\n")
    lines = lines[:-1] if len(head) >= HEAD_BYTES and len(lines) > 1 else lines
    lines = [line for line in lines[:_MOST_SNIFFED] if line.strip()]
    records = sum(1 for line in lines if b'] "' in line and _record(_text(line)) is not None)
    return records > 0 and 2 * records > len(lines)


def read(*streams: Stream) -> Parts:
    """Read requests as log records: the message is the request line, the rest are attributes.

    Attributes have the names of OpenTelemetry. After the agent, or the size, a number with a fraction is the
    time of the request in seconds (nginx $request_time), one that ends in ms is that; a whole one is taken
    for microseconds (Apache %D), which a note tells. Other fields at the end are kept as `field 1` and so on.
    """
    parts = Parts()
    found = []
    for stream in streams:
        if not sniff(stream.head()):
            raise Unrecognized("not an access log", where=stream.name, expected=FORMAT)
        columns = _records.LogColumns()
        whole = 0
        for line in _lines.lines(stream):
            record = _record(_text(line))
            if record is None:
                if line.strip():
                    parts.skipped["line that is no request"] += 1
                continue
            whole += record.pop("whole", "") != ""
            columns.add(record)
        if whole:
            parts.notes.append(
                f"{stream.name}: {whole} whole numbers at line ends are taken for microseconds"
            )
        found.append(columns.table(stream.name))
    parts.frames = {"logs": tables.LOGS.concat(found)}
    return parts


def _record(line: str) -> dict[str, str] | None:
    """Take a line apart around its time; None if it is not of this format."""
    at = _TIME.search(line, 0, 4096)
    if not at:
        return None
    request = _QUOTED.match(line, at.end())
    numbers = _NUMBERS.match(line, request.end()) if request else None
    who = line[: at.start()].split(" ")
    time = _iso(at[1])
    if not request or not numbers or time is None or not 3 <= len(who) <= 8 or "" in who:
        return None
    hosted = len(who) > 3 and who[1] != "-" and who[2] == "-"  # vhost_combined begins with the host it served
    host, client, user = (who[0] if hosted else ""), who[hosted], " ".join(who[hosted + 2 :])
    record = {
        "time": time,
        "message": request[1],
        "client.address": client,
        "server.address": host,
        "user.name": user,
        "http.response.status_code": numbers[1],
        "http.response.body.size": numbers[2],
        **_request(request[1]),
    }
    record = {key: value for key, value in record.items() if value not in ("", "-") or key == "message"}
    rest = [(m[1], m[2]) for m in islice(_REST.finditer(line, numbers.end()), _MOST_FIELDS)]
    if len(rest) > 1 and rest[0][0] is not None and rest[1][0] is not None:
        pairs = (("http.request.header.referer", rest[0][0]), ("user_agent.original", rest[1][0]))
        record |= {key: value for key, value in pairs if value not in ("", "-")}
        rest = rest[2:]
    for number, (quoted, bare) in enumerate(rest, 1):
        _add(record, number, bare if quoted is None else quoted, last=number == len(rest))
    return record


def _request(line: str) -> dict[str, str]:
    method, _, rest = line.partition(" ")
    target, _, protocol = rest.rpartition(" ")
    if not target or not protocol.startswith("HTTP/"):
        return {}
    path, _, query = target.partition("?")
    return {
        "http.request.method": method,
        "url.path": path,
        "url.query": query,
        "network.protocol.version": protocol.removeprefix("HTTP/"),
    }


def _add(record: dict[str, str], number: int, value: str, *, last: bool) -> None:
    """Take one of the fields that people add after the standard ones."""
    if value in ("", "-"):
        return
    named = _NAMED.fullmatch(value)
    key, text = (named[1], named[2].strip('"')) if named else ("", value)
    seconds = _seconds(text) if key in _TIMES or not key else None
    if seconds is not None and "request_time_s" not in record and (key or last or "." in text):
        record["request_time_s"] = f"{seconds:.9g}"
        if text.isdecimal():
            record["whole"] = "yes"
    else:
        record[key or f"field {number}"] = text


def _seconds(text: str) -> float | None:
    number, factor = (text[:-2], 1e-3) if text.endswith("ms") else (text.removesuffix("s"), 1.0)
    if not number.replace(".", "", 1).isdecimal() or len(number) > 15 or not number.isascii():
        return None
    return float(number) * (1e-6 if number == text and number.isdecimal() else factor)


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _iso(text: str) -> str | None:
    """Turn 20/Nov/2026:10:38:38 +0000 into ISO 8601; the months are English in every locale."""
    day, month, rest = text.split("/")
    if month not in _MONTHS:
        return None
    year, clock = rest.split(":", 1)
    iso = f"{year}-{_MONTHS.index(month) + 1:02}-{day}T{clock.replace(' ', '')}"
    return iso if _records.time_ns(iso) is not None else None


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace").strip()
