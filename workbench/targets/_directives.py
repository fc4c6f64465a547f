"""Configuration of one `name value` a line, in sections or not, edited in place.

A format is the pattern of a line that sets something: its first group is the name, the last group that
matched the value, without its quotes. Of a name set twice the last counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from workbench.settings import Knob, Settings, Value
from workbench.targets._quantity import Units, quantity, with_unit
from workbench.targets._seam import (
    changed,
    line_end,
    natural_lines,
    one_service,
    provenance,
    refuse_side_effects,
)
from workbench.targets._splice import Splice, splice

_SECTION = re.compile(r"\s*\[\s*([^\]\r\n]*?)\s*\]")


@dataclass(frozen=True)
class Format:
    """How a file says things: `line` sets a value, a new one has `separator`; all of it within `section`.

    `units` are the suffixes of a number by size, `bare` the unit of a number without one by name, where it is
    not the knob's. With `fractions` a number that need not be whole is written with a point.
    """

    line: re.Pattern[str]
    separator: str
    section: str = ""
    units: Units = field(default_factory=dict)
    bare: Mapping[str, str] = field(default_factory=dict)
    fractions: bool = False


def current(form: Format, text: str, knobs: Iterable[Knob], *, where: str) -> Settings:
    """Give what the file sets of these knobs, which are of one service."""
    held = _held(form, text)
    found: dict[str, Value] = {}
    for knob in one_service(knobs, where):
        if knob.name.lower() in held:
            one = held[knob.name.lower()]
            bare = form.bare.get(knob.name, knob.unit)
            found[knob.key] = quantity(one.value, knob, f"{where}:{one.line}", units=form.units, bare=bare)
    return Settings(found)


def edit(
    form: Format,
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str,
) -> str:
    """Give the file with these settings, missing ones at the end of the section."""
    known = list(knobs)
    wanted = changed(settings, current(form, text, known, where=where), known)
    held, nl = _held(form, text), line_end(text)
    splices, added, written = [], "", {}
    for knob, value in wanted.items():
        exact = float(value) if form.fractions and not (knob.whole or knob.choices) else value
        says, reason = with_unit(exact, knob, form.units), why.get(knob.key, "")
        written[knob.name.lower()] = says
        if knob.name.lower() in held:
            one = held[knob.name.lower()]
            splices.append(Splice(one.start, one.end, says, knob.key, reason))
        else:
            added += provenance(knob.key, reason) + "\n" if reason else ""
            added += f"{knob.name}{form.separator}{says}\n"
    if added:
        end, head = _end(form, text)
        splices.append(Splice(end, end, (head + added).replace("\n", nl)))
    after = splice(text, splices)
    before = {name: one.value for name, one in held.items()}
    refuse_side_effects(
        {name: one.value for name, one in _held(form, after).items()},
        before | written,
        where=where,
        expected="one setting a line",
        remedy="write each setting on a line of its own, then export again",
    )
    return after


@dataclass(frozen=True)
class _Line:
    name: str
    value: str
    line: int
    start: int
    end: int


def _lines(form: Format, text: str) -> Iterator[_Line]:
    section, begun = "", 0
    for number, line in enumerate(natural_lines(text), 1):
        bare = line.rstrip("\r\n").removeprefix("\ufeff")
        offset = begun + line.find(bare)
        header, match = _SECTION.match(bare), form.line.fullmatch(bare)
        if header and form.section:
            section = header[1]
        elif match and match.lastindex and section == form.section:
            start, end = match.span(match.lastindex)
            yield _Line(match[1].lower(), match[match.lastindex], number, offset + start, offset + end)
        begun += len(line)


def _held(form: Format, text: str) -> dict[str, _Line]:
    return {one.name: one for one in _lines(form, text)}


def _end(form: Format, text: str) -> tuple[int, str]:
    """Give where new lines go, and what must stand before them there."""
    section, begun, head = "", 0, f"[{form.section}]\n"
    end = len(text)
    for line in natural_lines(text):
        header = _SECTION.match(line.removeprefix("\ufeff"))
        section = header[1] if header else section
        begun += len(line)
        if form.section and section == form.section and line.strip():
            end, head = begun, ""
    unended = end > 0 and text[end - 1] not in "\r\n\ufeff"
    return end, ("\n" if unended else "") + (head if form.section else "")
