"""The arguments of SQLAlchemy's create_engine, one service.

sqlalchemy:
  pool_size: 10
  max_overflow: 0
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from workbench.settings import Knob
from workbench.targets import _nested

FORMAT = "SQLAlchemy YAML"
SYSTEMS = ("sqlalchemy",)
FILENAME = "{service}/database.yaml"
ENCODING = "utf-8"

_PLACE = _nested.below("sqlalchemy")


def blank(knobs: Iterable[Knob]) -> str:
    """Give a pool that opens no connections beyond its size."""
    return "# Arguments of create_engine.\nsqlalchemy:\n  max_overflow: 0\n"


current = partial(_nested.current_of_one, place=_PLACE, where=FILENAME)
edit = partial(_nested.edit, place=_PLACE, where=FILENAME)
