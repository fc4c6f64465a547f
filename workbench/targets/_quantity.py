"""Numbers with their unit: `512MB`, `1m30s`, `400ms`.

A format's units are their sizes by suffix. Times and sizes have no suffix in common, so one table holds both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from workbench.errors import TargetError
from workbench.settings import Knob
from workbench.targets._seam import plain, said

Units = Mapping[str, Decimal]


def quantity(text: str, knob: Knob, where: str, *, units: Units, bare: str) -> float | str:
    """Give what a text such as 512MB or 1m30s says in the knob's unit, or raise TargetError."""
    if knob.unit not in units or knob.choices:
        return said(text, knob, where)
    number = rf"(\d+\.?\d*|\.\d+)\s*({'|'.join(sorted(map(re.escape, units), key=len, reverse=True))})"
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", text):
        total = Decimal(text) * units[bare]
    elif re.fullmatch(rf"({number}\s*)+", text):
        total = sum((Decimal(n) * units[unit] for n, unit in re.findall(number, text)), Decimal(0))
    else:
        raise TargetError(f"{text!r}", where=f"{where}, {knob.key}", expected=knob.bounds)
    own = total / units[knob.unit]
    return int(own) if own == own.to_integral_value() else float(own)


def with_unit(value: float | str, knob: Knob, units: Units) -> str:
    """Write a value with its unit where the format has a word for it; nothing and no limit have none."""
    says = plain(value)
    bare = isinstance(value, str) or value <= 0 or knob.unit not in units
    return says if bare else f"{says}{knob.unit}"
