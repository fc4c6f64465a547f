"""Redisson's YAML, one service and one server.

singleServerConfig:
  address: "redis://payments:6379"
  connectionPoolSize: 64
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workbench.settings import Knob, Settings, Value
from workbench.targets import _nested
from workbench.targets._seam import one_service

FORMAT = "Redisson YAML"
SYSTEMS = ("redisson",)
FILENAME = "{service}/redisson.yaml"
ENCODING = "utf-8"

_PLACE = _nested.below("singleServerConfig")


def blank(knobs: Iterable[Knob]) -> str:
    """Give a client of a server on its usual port."""
    return '# Client of one Redis server.\nsingleServerConfig:\n  address: "redis://redis:6379"\n'


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs, which are of one service."""
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
