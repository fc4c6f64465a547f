"""Durations as Go spells them: `400ms`, `1m30s`."""

from __future__ import annotations

import re
from decimal import Decimal

_SECONDS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "μs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_PART = r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)"


def seconds(text: str) -> float | None:
    """Give the seconds of a duration as Go spells it, such as 1h2m3.5s or 400ms; None if it is none."""
    if text == "0":
        return 0.0
    if not re.fullmatch(f"({_PART})+", text):
        return None
    return float(sum(Decimal(number) * _SECONDS[unit] for number, unit in re.findall(_PART, text)))


def duration(number: float) -> str:
    """Write seconds as a whole number of seconds, or else as milliseconds."""
    exact = Decimal(repr(number))
    if exact == int(exact):
        return f"{int(exact)}s"
    return f"{(exact * 1000).normalize():f}ms"
