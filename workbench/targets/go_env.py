"""The environment of a Go program's runtime, one service.

GOMAXPROCS=4
GOGC=off
GOMEMLIMIT=512MiB
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from workbench.settings import Knob, Settings, Value
from workbench.targets import _dotenv
from workbench.targets._seam import changed, one_service, plain, said

FORMAT = "Go runtime environment"
SYSTEMS = ("go",)
FILENAME = "{service}/go.env"
ENCODING = "utf-8"

# As runtime/string.go parses GOMEMLIMIT.
_BYTES = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def blank(knobs: Iterable[Knob]) -> str:
    """Give an empty file."""
    return ""


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs; a value that is no number raises TargetError."""
    held = _dotenv.variables(text, where=where)
    known = [knob for knob in one_service(knobs, where) if knob.name in held]
    return Settings({k.key: _value(held[k.name].value, k, f"{where}:{held[k.name].line}") for k in known})


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the file with these settings, missing ones appended."""
    known = list(knobs)
    changes = [
        _dotenv.Change(knob.name, _written(value, knob), knob.key, why.get(knob.key, ""))
        for knob, value in changed(settings, current(text, known, where=where), known).items()
    ]
    return _dotenv.edit(text, changes, where=where)


def _value(text: str, knob: Knob, where: str) -> float | str:
    if text == "off" and knob.off is not None:
        return knob.off
    size = re.fullmatch(r"(\d+)(B|KiB|MiB|GiB|TiB|)", text)
    if knob.unit != "MiB" or size is None:
        return said(text, knob, where)
    mib = int(size[1]) * _BYTES[size[2]] / _BYTES["MiB"]
    return int(mib) if mib == int(mib) else mib


def _written(value: float | str, knob: Knob) -> str:
    if value == knob.off:
        return "off"
    return f"{plain(value)}MiB" if knob.unit == "MiB" else plain(value)
