"""uvicorn's options as environment variables, one service.

UVICORN_LIMIT_CONCURRENCY=200
UVICORN_TIMEOUT_KEEP_ALIVE=5
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workbench.settings import Knob, Settings, Value
from workbench.targets import _dotenv
from workbench.targets._seam import changed, one_service, plain, said

FORMAT = "uvicorn environment"
SYSTEMS = ("uvicorn",)
FILENAME = "{service}/uvicorn.env"
ENCODING = "utf-8"


def blank(knobs: Iterable[Knob]) -> str:
    """Give an empty file."""
    return ""


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs; a value that is no number raises TargetError."""
    held, found = _dotenv.variables(text, where=where), dict[str, Value]()
    for knob in one_service(knobs, where):
        if _name(knob) in held:
            one = held[_name(knob)]
            found[knob.key] = said(one.value, knob, f"{where}:{one.line}")
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
    changes = [
        _dotenv.Change(_name(knob), plain(value), knob.key, why.get(knob.key, ""))
        for knob, value in changed(settings, current(text, known, where=where), known).items()
    ]
    return _dotenv.edit(text, changes, where=where)


def _name(knob: Knob) -> str:
    """Give the variable of an option (uvicorn.main: auto_envvar_prefix)."""
    return "UVICORN_" + knob.name.replace("-", "_").upper()
