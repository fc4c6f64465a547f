"""Settings that each stand at a place of a YAML file: a document's number, keys and list positions."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _yaml
from workbench.targets._seam import changed, one_service, plain

Place = Callable[[tuple[_yaml.Node, ...], Knob], tuple[_yaml.Step, ...]]
Read = Callable[[_yaml.Node, Knob, str], "float | str"]
Write = Callable[["float | str", Knob], str]


def below(*keys: str) -> Place:
    """Give the place of a knob's dotted name below some keys of a file of one document."""
    return lambda _, knob: (0, *keys, *knob.name.split("."))


def number(node: _yaml.Node, knob: Knob, where: str) -> float | str:
    """Give a number as YAML has it, which quotes make a text; or the word of a knob that has words."""
    text, quoted = _yaml.scalar(node), getattr(node, "style", None) is not None
    if knob.choices and text:
        return text
    try:
        value = math.nan if quoted else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TargetError(
            f"{text!r}" if text else "no number",
            where=f"{where}:{_yaml.line_of(node)}, {knob.key}",
            expected=knob.bounds,
        )
    return int(value) if re.fullmatch(r"[+-]?\d+", text) else value


def current(text: str, knobs: Iterable[Knob], place: Place, *, where: str, read: Read = number) -> Settings:
    """Give what the file sets of these knobs."""
    documents = _documents(text, where)
    found: dict[str, Value] = {}
    for knob in knobs:
        document, *steps = place(documents, knob)
        node = _yaml.find(documents[int(document)], *steps)
        if node is not None:
            found[knob.key] = read(node, knob, where)
    return Settings(found)


def current_of_one(
    text: str, knobs: Iterable[Knob], place: Place, *, where: str, read: Read = number
) -> Settings:
    """Give what the file sets of these knobs, which are of one service."""
    return current(text, one_service(knobs, where), place, where=where, read=read)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    place: Place,
    *,
    why: Mapping[str, str],
    where: str,
    read: Read = number,
    write: Write = lambda value, _: plain(value),
) -> str:
    """Give the file with these settings, missing ones added."""
    known = list(knobs)
    wanted = changed(settings, current(text, known, place, where=where, read=read), known)
    documents = _documents(text, where)
    changes = [
        _yaml.Change(place(documents, knob), write(value, knob), knob.key, why.get(knob.key, ""))
        for knob, value in wanted.items()
    ]
    return _yaml.write(text, changes, where=where)


def blank(title: str, knobs: Iterable[Knob], *, keys: Callable[[Knob], str]) -> str:
    """Give a heading and the keys below which settings are added as they are asked for."""
    known = list(knobs)
    names = dict.fromkeys(map(keys, known))
    return f"# {title}\n" + "".join(f"{_yaml.quoted(name)}:\n" for name in names)


def _documents(text: str, where: str) -> tuple[_yaml.Node, ...]:
    documents = _yaml.parse(text, where=where)
    if not documents:
        raise TargetError(
            "no keys",
            where=where,
            expected="keys and values",
            remedy="export without a file to begin with, which writes a new one",
        )
    return documents
