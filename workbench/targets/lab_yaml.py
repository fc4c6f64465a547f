"""The lab's settings file.

services:
  orders:
    workers: 8
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _yaml
from workbench.targets._seam import changed, plain

FORMAT = "the lab's YAML"
SYSTEMS = ("lab",)
FILENAME = "lab.yaml"
ENCODING = "utf-8"


def blank(knobs: Iterable[Knob]) -> str:
    """Give the services without settings."""
    services = dict.fromkeys(knob.service for knob in knobs)
    return "# Settings of the lab's services; 0 is no limit.\nservices:\n" + "".join(
        f"  {_yaml.quoted(name)}:\n" for name in services
    )


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs."""
    root = _root(text, where)
    found: dict[str, Value] = {}
    for knob in knobs:
        node = _yaml.find(root, "services", knob.service, *knob.name.split("."))
        if node is not None:
            found[knob.key] = _number(node, where, knob)
    return Settings(found)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the file with these settings; a service that it lacks raises TargetError."""
    known = list(knobs)
    root = _root(text, where)
    services = _yaml.names(_yaml.find(root, "services"))
    changes = []
    for knob, value in changed(settings, current(text, known, where=where), known).items():
        if knob.service not in services:
            raise TargetError(
                f"no service {knob.service!r}",
                where=f"{where}, services",
                expected=f"one of {services}",
                remedy="add the service to the file, or leave its settings out",
            )
        place: tuple[_yaml.Step, ...] = (0, "services", knob.service, *knob.name.split("."))
        changes.append(_yaml.Change(place, plain(value), knob.key, why.get(knob.key, "")))
    return _yaml.write(text, changes, where=where)


def _root(text: str, where: str) -> _yaml.Node:
    documents = _yaml.parse(text, where=where)
    if len(documents) != 1 or not _yaml.names(_yaml.find(documents[0], "services")):
        raise TargetError(
            "no services" if len(documents) == 1 else f"{len(documents)} documents",
            where=where,
            expected="one document with the key services",
            remedy="export without a file to begin with, which writes a new one",
        )
    return documents[0]


def _number(node: _yaml.Node, where: str, knob: Knob) -> float:
    text = _yaml.scalar(node)
    try:
        number = float(text) if getattr(node, "style", None) is None else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise TargetError(
            f"{text!r}" if text else "no number",
            where=f"{where}:{_yaml.line_of(node)}, {knob.key}",
            expected=knob.bounds,
        )
    return int(number) if number == int(number) and "." not in text else number
