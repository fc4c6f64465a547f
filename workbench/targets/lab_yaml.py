"""The lab's settings file.

services:
  orders:
    workers: 8
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _nested, _yaml
from workbench.targets._seam import changed

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
    _services(text, where)
    return _nested.current(text, knobs, _place, where=where)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the file with these settings; a service that it lacks raises TargetError."""
    known, services = list(knobs), _services(text, where)
    for knob in changed(settings, current(text, known, where=where), known):
        if knob.service not in services:
            raise TargetError(
                f"no service {knob.service!r}",
                where=f"{where}, services",
                expected=f"one of {services}",
                remedy="add the service to the file, or leave its settings out",
            )
    return _nested.edit(text, settings, known, _place, why=why, where=where)


def _place(_: tuple[_yaml.Node, ...], knob: Knob) -> tuple[_yaml.Step, ...]:
    return (0, "services", knob.service, *knob.name.split("."))


def _services(text: str, where: str) -> list[str]:
    documents = _yaml.parse(text, where=where)
    services = _yaml.names(_yaml.find(documents[0], "services")) if len(documents) == 1 else []
    if not services:
        raise TargetError(
            "no services" if len(documents) == 1 else f"{len(documents)} documents",
            where=where,
            expected="one document with the key services",
            remedy="export without a file to begin with, which writes a new one",
        )
    return services
