"""Settings as plain YAML: services, and below each the parts of its knobs' names.

orders:
  workers: 8
  calls:
    payments: {timeout_s: 0.4}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workbench.settings import Knob, Settings, Value
from workbench.targets import _nested, _yaml

FORMAT = "plain YAML"
SYSTEMS = ()
FILENAME = "settings.yaml"
ENCODING = "utf-8"


def blank(knobs: Iterable[Knob]) -> str:
    """Give the services without settings."""
    return _nested.blank("Settings by service.", knobs, keys=lambda knob: knob.service)


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs."""
    return _nested.current(text, knobs, _place, where=where)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the file with these settings, missing ones added."""
    return _nested.edit(text, settings, knobs, _place, why=why, where=where)


def _place(_: tuple[_yaml.Node, ...], knob: Knob) -> tuple[_yaml.Step, ...]:
    return (0, knob.service, *knob.name.split("."))
