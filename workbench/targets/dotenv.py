"""A .env file of settings, one `SERVICE_KNOB=value` a line.

ORDERS_WORKERS=8
ORDERS_CALLS_PAYMENTS_TIMEOUT_S=0.4
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _dotenv
from workbench.targets._seam import changed, plain, said

FORMAT = ".env file"
SYSTEMS = ()
FILENAME = "settings.env"
ENCODING = "utf-8"


def blank(knobs: Iterable[Knob]) -> str:
    """Give an empty file."""
    return ""


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs; a value that is no number raises TargetError."""
    held, found = _dotenv.variables(text, where=where), dict[str, Value]()
    for name, knob in _names(knobs, where).items():
        if name in held:
            found[knob.key] = said(held[name].value, knob, f"{where}:{held[name].line}")
    return Settings(found)


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
    names = {knob: name for name, knob in _names(known, where).items()}
    changes = [
        _dotenv.Change(names[knob], plain(value), knob.key, why.get(knob.key, ""))
        for knob, value in changed(settings, current(text, known, where=where), known).items()
    ]
    return _dotenv.edit(text, changes, where=where)


def _names(knobs: Iterable[Knob], where: str) -> dict[str, Knob]:
    names: dict[str, Knob] = {}
    for knob in knobs:
        name = re.sub(r"[^A-Za-z0-9]+", "_", knob.key).upper()
        name = f"_{name}" if name[0].isdigit() else name
        if name in names:
            raise TargetError(
                f"{names[name].key} and {knob.key} are both {name} here",
                where=where,
                expected="one name each",
            )
        names[name] = knob
    return names
