"""Spring Boot's application.yml, one service.

server:
  tomcat:
    threads: {max: 200}
spring:
  datasource:
    hikari:
      maximum-pool-size: 10
resilience4j.circuitbreaker.instances.payments:
  slidingWindowSize: 100
  waitDurationInOpenState: 5s

Keys are found as Spring's relaxed binding finds them: with dashes or capitals, several in one with dots. Of
several documents those for a profile are left alone, and of the others the last that sets a property counts.
HikariCP's properties have no dots in their names and stand below spring.datasource.hikari.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _nested, _yaml
from workbench.targets._seam import one_service, plain, said

FORMAT = "Spring Boot application.yml"
SYSTEMS = ("tomcat", "hikari", "resilience4j", "spring_task")
FILENAME = "{service}/application.yml"
ENCODING = "utf-8"

_HIKARI = "spring.datasource.hikari"
_PROFILES = ("spring.config.activate.on-profile", "spring.profiles")
# In milliseconds: org.springframework.boot.convert.DurationStyle, whose simple form has whole numbers.
_UNITS: dict[str, Decimal | int] = {
    "": 1, "ns": Decimal("1e-6"), "us": Decimal("1e-3"), "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000,
    "d": 86_400_000,
}  # fmt: skip


def blank(knobs: Iterable[Knob]) -> str:
    """Give the one key that Spring lets stand empty; properties are added as settings ask for them."""
    return "# Settings of the service.\nspring:\n"


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs; durations in milliseconds."""
    return _nested.current(text, one_service(knobs, where), _place, where=where, read=_read)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the file with these settings, missing ones added to the first document that is for no profile."""
    known = list(knobs)
    return _nested.edit(text, settings, known, _place, why=why, where=where, read=_read, write=_written)


def _property(knob: Knob) -> str:
    if "." in knob.name:
        return knob.name
    return f"{_HIKARI}.{re.sub('[A-Z]', lambda capital: '-' + capital[0].lower(), knob.name)}"


def _place(documents: tuple[_yaml.Node, ...], knob: Knob) -> tuple[_yaml.Step, ...]:
    steps = _property(knob).split(".")
    for_all = [
        i for i, node in enumerate(documents) if not any(_found(node, p.split(".")) for p in _PROFILES)
    ]
    if not for_all:
        raise TargetError(
            "documents for profiles alone",
            where=FILENAME,
            expected="one for all",
            remedy="put a document without spring.config.activate.on-profile first",
        )
    setting = [i for i in for_all if _found(documents[i], steps)]
    document = setting[-1] if setting else for_all[0]
    return (document, *_spelled(documents[document], steps))


def _found(node: _yaml.Node, steps: list[str]) -> bool:
    return _yaml.find(node, *_spelled(node, steps)) is not None


def _spelled(node: _yaml.Node | None, steps: list[str]) -> list[str]:
    """Give the steps as the file spells them as far as it has them, the rest as they are."""
    best = (len(steps), steps)  # how many steps are left over, and the whole way
    for name in _yaml.names(node):
        parts = [_uniform(part) for part in name.split(".")]
        if parts == [_uniform(step) for step in steps[: len(parts)]]:
            rest = _spelled(_yaml.find(node, name), steps[len(parts) :]) if len(parts) < len(steps) else []
            left = _left_over(_yaml.find(node, name), rest)
            best = min(best, (left, [name, *rest]), key=lambda way: way[0])
    return best[1]


def _left_over(node: _yaml.Node | None, steps: list[str]) -> int:
    for i, step in enumerate(steps):
        if step not in _yaml.names(node):
            return len(steps) - i
        node = _yaml.find(node, step)
    return 0


def _uniform(name: str) -> str:
    """Give a name as ConfigurationPropertyName compares it."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _read(node: _yaml.Node, knob: Knob, where: str) -> float | str:
    text = _yaml.scalar(node)
    simple = re.fullmatch(r"([+-]?\d+)([a-zA-Z]{0,2})", text)
    iso = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?", text.upper())
    if knob.unit == "ms" and simple and simple[2].lower() in _UNITS:
        value = Decimal(simple[1]) * _UNITS[simple[2].lower()]
    elif knob.unit == "ms" and iso and len(text) > 2:
        hours, minutes, seconds = (Decimal(part or 0) for part in iso.groups())
        value = ((hours * 60 + minutes) * 60 + seconds) * 1000
    else:
        return said(text, knob, f"{where}:{_yaml.line_of(node)}")
    return int(value) if value == int(value) else float(value)


def _written(value: float | str, knob: Knob) -> str:
    timed = knob.unit == "ms" and "." in knob.name  # HikariCP's are plain numbers
    return f"{plain(value)}ms" if timed and value != knob.off else plain(value)
