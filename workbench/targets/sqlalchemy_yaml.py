"""The arguments of SQLAlchemy's create_engine, one service.

sqlalchemy:
  pool_size: 10
  max_overflow: 0
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workbench.settings import Knob, Settings, Value
from workbench.targets import _nested
from workbench.targets._seam import one_service

FORMAT = "SQLAlchemy YAML"
SYSTEMS = ("sqlalchemy",)
FILENAME = "{service}/database.yaml"
ENCODING = "utf-8"

_PLACE = _nested.below("sqlalchemy")


def blank(knobs: Iterable[Knob]) -> str:
    """Give a pool that opens no connections beyond its size."""
    return "# Arguments of create_engine.\nsqlalchemy:\n  max_overflow: 0\n"


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs."""
    return _nested.current(text, one_service(knobs, where), _PLACE, where=where)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the file with these settings, missing ones added."""
    return _nested.edit(text, settings, knobs, _PLACE, why=why, where=where)
