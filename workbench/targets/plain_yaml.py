"""Settings as plain YAML: services, and below each the parts of its knobs' names.

orders:
  workers: 8
  calls:
    payments: {timeout_s: 0.4}
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from workbench.settings import Knob
from workbench.targets import _nested, _yaml

FORMAT = "plain YAML"
SYSTEMS = ()
FILENAME = "settings.yaml"
ENCODING = "utf-8"


def blank(knobs: Iterable[Knob]) -> str:
    """Give the services without settings."""
    return _nested.blank("Settings by service.", knobs, keys=lambda knob: knob.service)


def _place(_: tuple[_yaml.Node, ...], knob: Knob) -> tuple[_yaml.Step, ...]:
    return (0, knob.service, *knob.name.split("."))


current = partial(_nested.current, place=_place, where=FILENAME)
edit = partial(_nested.edit, place=_place, where=FILENAME)
