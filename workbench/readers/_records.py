"""Log records in the making: which field is the time, the level, the message, the trace; and the logs table.

Fields come with dotted names, as `dd.trace_id` for {"dd": {"trace_id": …}}, and are looked up without regard
to case, dots and underscores: traceId, trace_id, TraceID and trace.id are one name.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench import tables
from workbench.readers import _json

_NAMES = {  # in the order of preference
    "time": (
        "@timestamp timestamp time ts t @t datetime date asctime eventtime timemillis instant epochmillis "
        "timestampseconds"
    ),
    "level": "level severity lvl loglevel log.level levelname severitytext @l l priority",
    "message": (
        "msg message event formattedmessage @message shortmessage @m @mt textpayload body log.message text "
        "request"
    ),
    "trace": (
        "traceid trace.id otel.traceid oteltraceid mdc.traceid contextmap.traceid context.traceid "
        "properties.traceid fields.traceid span.traceid dd.traceid xb3traceid mdc.dd.traceid "
        "logging.googleapis.com/trace trace traceparent @tr"
    ),
    "span": (
        "spanid span.id otel.spanid otelspanid mdc.spanid contextmap.spanid context.spanid "
        "properties.spanid fields.spanid dd.spanid xb3spanid mdc.dd.spanid logging.googleapis.com/spanid @sp"
    ),
    "service": (
        "servicename service service.name otelservicename dd.service servicecontext.service application "
        "appname resource.service.name"
    ),
    "instance": "serviceinstanceid service.instance.id serviceinstance",
}
_RANKS = {
    role: {name.replace(".", ""): rank for rank, name in enumerate(names.split())}
    for role, names in _NAMES.items()
}
_NUMBERED = {10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}  # pino, bunyan
_SYSLOG = ("emergency", "alert", "critical", "error", "warn", "notice", "info", "debug")  # GELF
_FIRST_NS, _LAST_NS = 946_684_800 * 10**9, 4_102_444_800 * 10**9  # the years 2000 to 2100
_NO_ID = frozenset("0-")
_WEAK = ("body", "text", "request")


@functools.lru_cache(maxsize=4096)
def role(key: str) -> tuple[str, int] | None:
    """Tell what a field of this name is (time, level, message, trace, span, service …), and its rank."""
    name = key.lower().replace("_", "").replace("-", "").replace(".", "")
    return next(((part, ranks[name]) for part, ranks in _RANKS.items() if name in ranks), None)


def roles(keys: Iterable[str]) -> dict[str, str]:
    """Give the key that plays each role, the preferred one where several could."""
    found: dict[str, tuple[int, str]] = {}
    for key in keys:
        if known := role(key):
            part, rank = known
            if part not in found or rank < found[part][0]:
                found[part] = (rank, key)
    return {part: key for part, (_, key) in found.items()}


def is_record(keys: Iterable[str]) -> bool:
    """True if fields of these names make a log record: two of a time, a level and a message.

    A `body`, `text` or `request` is no message unless there is a level, or the status of a request, too.
    """
    found = roles(keys)
    if found.get("message", "").lower() in _WEAK and "level" not in found and "status" not in keys:
        return False
    return len(found.keys() & {"time", "level", "message"}) > 1


def flat(record: dict[str, Any], deepest: int = 3) -> dict[str, Any]:
    """Give the fields of nested objects by dotted names."""
    found: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict) and value and deepest:
            found.update((f"{key}.{inner}", item) for inner, item in flat(value, deepest - 1).items())
        else:
            found[key] = value
    return found


class LogColumns:
    """The logs table in the making."""

    def __init__(self) -> None:
        self._columns: dict[str, list] = {
            name: [] for name in ("service", "instance", "time", "level", "message", "trace_id", "span_id")
        }
        self._keys: list[str] = []
        self._items: list[str] = []
        self._offsets = [0]
        self._roles: dict[tuple[str, ...], dict[str, str]] = {}

    def add(self, fields: dict[str, Any]) -> None:
        """Take a record by its flat fields; what plays no role stays an attribute."""
        keys = tuple(fields)
        found = self._roles.get(keys)
        if found is None:
            found = roles(keys)
            if len(self._roles) < 10_000:
                self._roles[keys] = found
        used = set(found.values())
        columns = self._columns
        at = time_ns(fields[found["time"]]) if "time" in found else None
        if at is None and "time" in found:
            used.discard(found["time"])
        columns["time"].append(at)
        columns["level"].append(_level(fields[found["level"]]) if "level" in found else None)
        message = fields[found["message"]] if "message" in found else None
        columns["message"].append("" if message is None else _json.text(message))
        for column, part in (("trace_id", "trace"), ("span_id", "span")):
            key = found.get(part)
            decimal = key is not None and "dd." in key.lower()
            value = None if key is None else identity(fields[key], decimal=decimal)
            if key is not None and value is None:
                used.discard(key)
            columns[column].append(value)
        for column in ("service", "instance"):
            value = fields[found[column]] if column in found else ""
            if not isinstance(value, str):
                used.discard(found[column])
                value = ""
            columns[column].append(value)
        for key, value in fields.items():
            if key not in used:
                self._keys.append(key)
                self._items.append(_json.text(value))
        self._offsets.append(len(self._keys))

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def table(self, where: str) -> pd.DataFrame:
        """Build the table of all records taken."""
        made: dict[str, Any] = {
            name: pa.array(values, pa.string()) for name, values in self._columns.items() if name != "time"
        }
        times = [np.iinfo(np.int64).min if at is None else at for at in self._columns["time"]]  # NaT
        made["time"] = np.array(times, np.int64).view("datetime64[ns]")
        made["attributes"] = _json.map_column(self._keys, self._items, self._offsets)
        return tables.LOGS.build(made, where=where)


def time_ns(value: Any) -> int | None:
    """Read a time: ISO 8601, or a number of s, ms, µs or ns that falls between the years 2000 and 2100."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _number_ns(repr(value), float(value)) if abs(value) < 2**63 else None
    if not isinstance(value, str):
        return None
    if len(value) < 30 and value.isascii() and value.replace(".", "", 1).isdecimal():
        return _number_ns(value, float(value))
    return _iso_ns(value)


def _number_ns(text: str, value: float) -> int | None:
    """Take the digits as they stand, for a product would show a binary fraction's error as time."""
    factor = next((f for f in (10**9, 10**6, 10**3, 1) if _FIRST_NS <= value * f < _LAST_NS), None)
    whole, _, fraction = text.partition(".")
    if factor is None or not whole.isdecimal() or (fraction and not fraction.isdecimal()):
        return None if factor is None else round(value * factor)
    digits = len(str(factor)) - 1
    return int(whole) * factor + int(fraction[:digits].ljust(digits, "0") or 0)


def _iso_ns(text: str) -> int | None:
    """Read 2026-11-20T10:00:00.123456789Z and its spellings to the nanosecond; without a zone it is UTC."""
    text = text.strip().replace(",", ".", 1)
    if len(text) > 40 or not text[:4].isdecimal():
        return None
    whole, dot, rest = text.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789")) if dot else 0
    fraction, zone = rest[:digits], rest[digits:].strip() if dot else ""
    try:
        at = datetime.fromisoformat(f"{whole}{zone}")
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    seconds = (at - datetime(1970, 1, 1, tzinfo=UTC)) // _SECOND
    return seconds * 10**9 + int(fraction[:9].ljust(9, "0")) if 1678 <= at.year < 2262 else None


_SECOND = datetime(1970, 1, 1, 0, 0, 1) - datetime(1970, 1, 1)


def _level(value: Any) -> str | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        number = int(value) if value == value and abs(value) < 10**6 else -1
        return _SYSLOG[number] if 0 <= number < 8 else _NUMBERED.get(number, str(value))
    return value.strip().lower() or None if isinstance(value, str) else _json.text(value).lower()


def identity(value: Any, *, decimal: bool = False) -> str | None:
    """Give a trace or span id in lower-case hex, as spans have it; None where it is empty or all zeros.

    Datadog writes the lower 64 bits in decimal.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value % 2**128:016x}" if value else None
    if not isinstance(value, str):
        return None
    text = value.strip().rpartition("/")[2]  # projects/shop/traces/…
    if len(text) == 55 and text[2] == text[35] == text[52] == "-":  # a traceparent
        text = text[3:35]
    if decimal and text.isdecimal() and len(text) <= 20:
        return f"{int(text):016x}" if int(text) else None
    text = text.lower() if len(text) != 36 or text.count("-") != 4 else text.lower().replace("-", "")
    return None if not text or _NO_ID.issuperset(text) else text
