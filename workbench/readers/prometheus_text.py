"""Prometheus' exposition text (0.0.4) and OpenMetrics: a scrape, a federation, promtool's OpenMetrics dump.

http_requests_total{method="post",code="200"} 1027 1395066363000 # {trace_id="5b8e…"} 0.67 1395066362.9
"""

from __future__ import annotations

import re
from array import array
from decimal import Decimal

import numpy as np

from workbench.errors import Unrecognized
from workbench.readers import _exposition, _lines
from workbench.readers._seam import HEAD_BYTES, Parts, Stream
from workbench.readers._series import UNDATED, SeriesColumns, number

FORMAT = "Prometheus exposition text or OpenMetrics"

_TYPES = (
    rb"counter|gauge|histogram|summary|untyped|unknown|info|stateset|gaugehistogram",
    rb"unknown|info|stateset|gaugehistogram",
)
_TYPED = re.compile(rb"^#[ \t]+TYPE[ \t]+\S+[ \t]+(?:" + _TYPES[0] + rb")[ \t\r]*$", re.MULTILINE)
_OPEN_METRICS = re.compile(rb"#[ \t]+(?:EOF\s*$|UNIT[ \t]|TYPE[ \t]+\S+[ \t]+(?:" + _TYPES[1] + rb")\s*$)")
_SAMPLE = re.compile(
    rb"\s*(" + _exposition.SERIES + rb")\s*(?<=[\s}])([-+.\w]+)(?:[ \t]+([-+.\w]+))?\s*(?:#\s*\{(.*))?"
)
_EXEMPLAR = re.compile(rb'((?:[^"}]|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+)\}\s+(\S+)(?:\s+(\S+))?\s*')
_LABELLED = re.compile(rb'^[a-zA-Z_:][\w:]*\{[a-zA-Z_]\w*="', re.MULTILINE)


def sniff(head: bytes) -> bool:
    """True if a TYPE is declared, or every line is a sample and one has labels."""
    text = _lines.narrow(head)
    if b"\0" in text:
        return False
    lines = [line for line in text.split(b"\n") if line.strip()]
    lines = lines[:-1] if len(head) >= HEAD_BYTES else lines
    samples = [line for line in lines if not line.lstrip().startswith(b"#")]
    if any(_is_sample(line) for line in samples[:50]):
        if _TYPED.search(text):
            return True
        whole = samples[:-1] if len(samples) > 2 else samples  # the last may be cut off
        return _LABELLED.search(text) is not None and all(map(_is_sample, whole))
    return not samples and _TYPED.search(text) is not None


def read(*streams: Stream) -> Parts:
    """Read samples, most of them without a time; exemplars point to traces. HELP, TYPE and UNIT are left out.

    Times are seconds in OpenMetrics and milliseconds in the older text; which it is shows in its comments.
    """
    found = SeriesColumns()
    for stream in streams:
        _read_one(stream, found)
    return found.parts(", ".join(stream.name for stream in streams))


def _read_one(stream: Stream, found: SeriesColumns) -> None:
    codes, values, times = array("q"), array("d"), _Times()
    known: dict[bytes, int | None] = {}
    comments, seconds, exemplars = 0, False, []
    for count, line in enumerate(_lines.lines(stream), 1):
        if line.lstrip()[:1] in (b"#", b""):
            comments += line[:1] == b"#"
            seconds = seconds or _OPEN_METRICS.match(line) is not None
            continue
        match = _SAMPLE.fullmatch(line)
        code = _code(match[1], known, found) if match else None
        try:
            if match is None or code is None:
                raise ValueError("no sample")
            value = number(match[2].decode())
            times.add(match[3])
        except ValueError:
            found.skipped["line that is no sample"] += 1
            if found.skipped["line that is no sample"] == 1:
                found.notes.append(f"{stream.name}:{count}: {line[:60]!r} is no sample")
            continue
        codes.append(code)
        values.append(value)
        if match[4] is not None:
            seconds = True
            exemplars.append((code, match[4]))
    if not codes and not comments:
        raise Unrecognized("no line that is a sample", where=stream.name, expected=FORMAT)
    times_ns, kept = times.nanoseconds(10**9 if seconds else 10**6)
    if not kept.all():
        found.skipped["sample after the year 2262"] += int((~kept).sum())
    found.add_exact(np.array(codes, "int64")[kept], times_ns[kept], np.array(values, "float64")[kept])
    for code, text in exemplars:
        _add_exemplar(code, text, found)


class _Times:
    """Times as they stand: those with a fraction are seconds, whole ones wait until the unit is known."""

    def __init__(self) -> None:
        self._times, self._units = array("q"), array("b")  # 0 no time, 1 whole, 2 nanoseconds, 3 too far

    def add(self, text: bytes | None) -> None:
        if text is None:
            time, unit = UNDATED, 0
        elif b"." in text or b"e" in text.lower():
            time, unit = _exact(text), 2
        else:
            time, unit = _whole(text), 1
        if unit and not -(2**63) < time < 2**63:
            time, unit = 0, 3
        self._times.append(time)
        self._units.append(unit)

    def nanoseconds(self, whole_ns: int) -> tuple[np.ndarray, np.ndarray]:
        """Give all times, and which of them 64 bits can hold."""
        times, units = np.array(self._times, "int64"), np.array(self._units, "int8")
        whole = units == 1
        kept = (units != 3) & ~(whole & (np.abs(times) >= 2**63 // whole_ns))
        times[whole & kept] *= whole_ns
        return times, kept


def _whole(text: bytes) -> int:
    if b"_" in text or len(text) > 30:
        raise ValueError(f"no time: {text[:30]!r}")
    return int(text)


def _exact(seconds: bytes) -> int:
    """Turn decimal seconds into nanoseconds, of which a float has no room for the last digits."""
    try:
        time = Decimal(seconds.decode())
        return int((time * 10**9).to_integral_value()) if abs(time) < 10**10 else 2**63
    except (ArithmeticError, ValueError) as error:
        raise ValueError(f"no time: {seconds!r}") from error


def _is_sample(line: bytes) -> bool:
    match = _SAMPLE.fullmatch(line.rstrip())
    if match is None:
        return False
    try:
        number(match[2].decode())
    except ValueError:
        return False
    return _exposition.series(match[1]) is not None


def _code(text: bytes, known: dict[bytes, int | None], found: SeriesColumns) -> int | None:
    if text not in known:
        series = _exposition.series(text)
        known[text] = None if series is None else found.code(*series)
    return known[text]


def _add_exemplar(code: int, text: bytes, found: SeriesColumns) -> None:
    match = _EXEMPLAR.fullmatch(text)
    labels = _exposition.labels(match[1]) if match else None
    try:
        if match is None or labels is None:
            raise ValueError("no exemplar")
        time_ns = _exact(match[3]) if match[3] else UNDATED
        found.add_exemplar(code, time_ns, number(match[2].decode()), labels)
    except ValueError:
        found.skipped["exemplar that is none"] += 1
