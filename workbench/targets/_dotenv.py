"""Files of environment variables, as a shell, Node or Docker Compose reads them, edited in place.

    # of the orders service
    ORDERS_WORKERS=8
    export JAVA_TOOL_OPTIONS="-Xmx512m -XX:+UseG1GC"  # quotes may span lines

Of a variable given twice the last counts. Nothing is expanded: a value that holds ${…} is what stands there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from workbench.errors import TargetError
from workbench.targets._splice import Splice, extended, splice

_NAME = re.compile(r"[ \t\ufeff]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*")
_BARE = re.compile(r"(?:(?![ \t]+(?:#|$))[^\r\n])*", re.MULTILINE)
_QUOTED = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)\"""", re.DOTALL)


@dataclass(frozen=True)
class Variable:
    """A name and its value without quotes, where that stands, and the line: number (from 1) and beginning."""

    name: str
    value: str
    start: int
    end: int
    quote: str
    line: int
    begun: int


@dataclass(frozen=True)
class Change:
    """A value to write, without a character that means something to a shell, for a key and why."""

    name: str
    value: str
    key: str
    why: str


def variables(text: str, *, where: str) -> dict[str, Variable]:
    """Read every variable, the last of each name, or raise TargetError for a quote that never ends."""
    found: dict[str, Variable] = {}
    position, line = 0, 1
    while position < len(text):
        begun, begun_line = position, line
        match = _NAME.match(text, position)
        if match:
            found[match[1]] = one = _variable(text, match, begun_line, begun, where)
            position = one.end + len(one.quote)
        position = re.compile(r"[^\r\n]*(\r\n|\r|\n|$)").match(text, position).end()  # type: ignore[union-attr]
        line += len(re.findall(r"\r\n|\r|\n", text[begun:position]))
        if position == begun:
            break
    return found


def edit(text: str, changes: Iterable[Change], *, where: str) -> str:
    """Give the file with these values, missing variables appended."""
    wanted, held = list(changes), variables(text, where=where)
    splices, added = [], []
    for one in wanted:
        if one.name in held:
            old = held[one.name]
            splices.append(Splice(old.start, old.end, one.value, one.key, one.why, above=old.begun))
        else:
            added.append((f"{one.name}={one.value}", one.key, one.why))
    after = extended(splice(text, splices), added)
    values = {name: old.value for name, old in held.items()} | {one.name: one.value for one in wanted}
    refuse_side_effects(after, values, where)
    return after


def refuse_side_effects(after: str, expected: dict[str, str], where: str) -> None:
    """Raise TargetError unless the text says these values and no others."""
    if {name: one.value for name, one in variables(after, where=where).items()} != expected:
        raise TargetError(
            "the edit would change other variables too",
            where=where,
            expected="one variable a line, as NAME=value",
            remedy="write each variable on a line of its own, then export again",
        )


def _variable(text: str, match: re.Match[str], line: int, begun: int, where: str) -> Variable:
    start = match.end()
    quote = text[start : start + 1]
    if quote not in ("'", '"'):
        end = _BARE.match(text, start).end()  # type: ignore[union-attr]
        return Variable(match[1], text[start:end], start, end, "", line, begun)
    quoted = _QUOTED.match(text, start)
    if quoted is None:
        raise TargetError(
            f"{quote} that is never closed", where=f"{where}:{line}", expected=f"{match[1]}={quote}…{quote}"
        )
    return Variable(
        match[1], text[start + 1 : quoted.end() - 1], start + 1, quoted.end() - 1, quote, line, begun
    )
