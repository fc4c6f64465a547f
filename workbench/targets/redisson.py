"""Redisson's YAML, one service and one server.

singleServerConfig:
  address: "redis://payments:6379"
  connectionPoolSize: 64
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from workbench.settings import Knob
from workbench.targets import _nested

FORMAT = "Redisson YAML"
SYSTEMS = ("redisson",)
FILENAME = "{service}/redisson.yaml"
ENCODING = "utf-8"

_PLACE = _nested.below("singleServerConfig")


def blank(knobs: Iterable[Knob]) -> str:
    """Give a client of a server on its usual port."""
    return '# Client of one Redis server.\nsingleServerConfig:\n  address: "redis://redis:6379"\n'


current = partial(_nested.current_of_one, place=_PLACE, where=FILENAME)
edit = partial(_nested.edit, place=_PLACE, where=FILENAME)
