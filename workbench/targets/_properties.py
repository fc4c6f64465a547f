r"""Java's properties, as java.util.Properties reads them, edited in place.

    # pool of the payments database
    maximumPoolSize = 10
    connectionTimeout: 30000

Lines are `key=value`, `key: value` or `key value`, a backslash at the end goes on in the next line, and of a
key given twice the last counts.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets._seam import changed, line_end, natural_lines, one_service, plain, said
from workbench.targets._splice import Splice, ascii_only, extended, splice

# What Properties.load takes a file for; every byte has a meaning, so UTF-8 passes unhurt.
ENCODING = "latin-1"

_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def blank(title: str, knobs: Iterable[Knob]) -> str:
    """Give a heading: properties are appended as settings ask for them."""
    services = dict.fromkeys(knob.service for knob in knobs)
    return ascii_only(f"# {title} of {', '.join(services)}.") + "\n"


def current(text: str, knobs: Iterable[Knob], *, where: str) -> Settings:
    """Give what the file sets of these knobs, which are of one service."""
    held = {one.key: one for one in properties(text, where=where)}
    known = [knob for knob in one_service(knobs, where) if knob.name in held]
    # A blank at the end of a value is part of it, and Java's parseInt takes none.
    return Settings({k.key: said(held[k.name].value, k, f"{where}:{held[k.name].line}") for k in known})


def edit(
    text: str, settings: Mapping[str, Value], knobs: Iterable[Knob], *, why: Mapping[str, str], where: str
) -> str:
    """Give the file with these settings, missing ones appended."""
    known = list(knobs)
    before = properties(text, where=where)
    held = {one.key: one for one in before}
    starts = [0, *itertools.accumulate(map(len, natural_lines(text)))]
    splices, added = [], []
    wanted = changed(settings, current(text, known, where=where), known)
    for knob, value in wanted.items():
        reason = why.get(knob.key, "")
        if knob.name in held:
            one = held[knob.name]
            begun = starts[one.line - 1]
            splices.append(Splice(one.start, one.end, plain(value), knob.key, reason, above=begun))
        else:
            added.append((f"{knob.name}{_separator(before)}{plain(value)}", knob.key, reason))
    after = splice(text, splices, spelled=ascii_only)
    after += line_end(text) if added and after and not _is_ended(after) else ""
    after = extended(after, added, spelled=ascii_only)
    written = {knob.name: plain(value) for knob, value in wanted.items()}
    _refuse_side_effects(before, properties(after, where=where), written, where)
    return after


@dataclass(frozen=True)
class Property:
    """A key and its value as Java reads them, its line (from 1), and where the raw value stands."""

    key: str
    value: str
    line: int
    start: int
    end: int
    separator: str


def properties(text: str, *, where: str) -> list[Property]:
    """Read every property in order, or raise TargetError for an escape that Java refuses."""
    found: list[Property] = []
    joined, places, begun, position = "", list[int](), 0, 0
    lines = natural_lines(text)
    for number, line in enumerate(lines, 1):
        start = len(line) - len(line.lstrip(" \t\f"))
        content = line[start:].rstrip("\r\n")
        if joined or not content.startswith(("#", "!")):
            goes_on = _goes_on(line)
            begun = begun if joined else number
            joined += content.removesuffix("\\") if goes_on else content
            places += range(position + start, position + start + len(content) - goes_on)
            if joined and (not goes_on or number == len(lines)):
                found.append(_property(joined, [*places, position + start + len(content)], begun, where))
            if not goes_on:
                joined, places = "", []
        position += len(line)
    return found


def _property(joined: str, places: list[int], line: int, where: str) -> Property:
    """Take one logical line apart; `places` says where in the file each of its characters stands."""
    match = re.match(r"((?:\\.|[^\\=: \t\f])*)([ \t\f]*[=:]?[ \t\f]*)", joined)
    assert match is not None  # both parts may be empty
    key, value = _unescape(match[1], line, where), _unescape(joined[match.end() :], line, where)
    return Property(key, value, line, places[match.end()], places[-1], match[2])


def _unescape(raw: str, line: int, where: str) -> str:
    def character(match: re.Match[str]) -> str:
        if match[1] is None:
            return _ESCAPES.get(match[2], match[2])
        if not re.fullmatch("[0-9a-fA-F]{4}", match[1]):
            raise TargetError(
                rf"escape \u{match[1]}", where=f"{where}:{line}", expected=r"four hex digits after \u"
            )
        return chr(int(match[1], 16))

    return re.sub(r"\\(?:u(.{0,4})|(.))", character, raw)


def _goes_on(line: str) -> bool:
    bare = line.rstrip("\r\n")
    return (len(bare) - len(bare.rstrip("\\"))) % 2 == 1


def _is_ended(text: str) -> bool:
    last = natural_lines(text)[-1]
    comment = last.lstrip(" \t\f").startswith(("#", "!"))
    return last.endswith(("\n", "\r")) and (comment or not _goes_on(last))


def _separator(before: list[Property]) -> str:
    spelled = [one.separator for one in before if re.fullmatch(r"[ \t]*[=:]?[ \t]*", one.separator)]
    return next((separator for separator in spelled if separator), "=")


def _refuse_side_effects(
    before: list[Property], after: list[Property], wanted: dict[str, str], where: str
) -> None:
    expected = {one.key: one.value for one in before} | wanted
    if {one.key: one.value for one in after} != expected:
        raise TargetError(
            "the edit would change other properties too",
            where=where,
            expected="lines that java.util.Properties reads alone",
            remedy="write each property on one line, then export again",
        )
