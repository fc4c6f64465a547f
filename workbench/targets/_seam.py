"""What every target is given and gives back, and what they share: numbers in plain digits, and provenance.

Where a value came from stands in a comment above it, replaced when the value changes again:

    # workbench orders/workers: 8 → 16, predicted P99 0.41 → 0.19 s
    workers: 16
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value, find

MARK = "# workbench"


class Target(Protocol):
    """A module in `targets/`.

    FORMAT is its name in words, SYSTEMS the modules in `knobs/` whose knobs it writes (none: the knobs that
    were tuned, of whatever system), FILENAME the name of a new file, ENCODING what the format's own reader
    takes a file for. A file that holds the settings of one service has a FILENAME that begins with
    "{service}/", and its target is given the knobs of one service at a time.
    """

    FORMAT: str
    SYSTEMS: tuple[str, ...]
    FILENAME: str
    ENCODING: str

    def blank(self, knobs: Iterable[Knob]) -> str:
        """Give the text to begin with where there is no file yet."""
        ...

    def current(self, text: str, knobs: Iterable[Knob], *, where: str = ...) -> Settings:
        """Give what the text sets of these knobs, within bounds or not; what it leaves unset is absent."""
        ...

    def edit(
        self,
        text: str,
        settings: Mapping[str, Value],
        knobs: Iterable[Knob],
        *,
        why: Mapping[str, str],
        where: str = ...,
    ) -> str:
        """Give the text with these settings and all else as it was; `why` by key becomes a comment."""
        ...


def changed(
    settings: Mapping[str, Value], now: Mapping[str, Value], knobs: Iterable[Knob]
) -> dict[Knob, float | str]:
    """Give what is not so yet, by knob; raise SettingError for an unknown key or a value out of bounds."""
    known = list(knobs)
    asked = {find(known, key): value for key, value in settings.items()}
    checked = {knob: knob.check(value) for knob, value in asked.items()}
    return {knob: value for knob, value in checked.items() if now.get(knob.key) != value}


def refuse_side_effects(
    after: Mapping[str, object], wanted: Mapping[str, object], *, where: str, expected: str, remedy: str
) -> None:
    """Raise TargetError if what a file sets after an edit is not what it is to set."""
    if after != wanted:
        raise TargetError(
            "the edit would change other settings too", where=where, expected=expected, remedy=remedy
        )


def plain(value: float | str) -> str:
    """Write a number in digits without an exponent, which YAML 1.1 would take for text; a word as it is."""
    return value if isinstance(value, str) else format(Decimal(repr(value)), "f")


def said(text: str, knob: Knob, where: str) -> float | str:
    """Give the value that a text says, within bounds or not, or raise TargetError if it is no number."""
    if knob.choices:
        return text
    if not re.fullmatch(r"[+-]?\d+" if knob.whole else r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        raise TargetError(
            f"{text!r}" if text else "no value", where=f"{where}, {knob.key}", expected=knob.bounds
        )
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)


def one_service(knobs: Iterable[Knob], where: str) -> list[Knob]:
    """Give the knobs as a list, or raise TargetError if they are of several services."""
    known = list(knobs)
    services = list(dict.fromkeys(knob.service for knob in known))
    if len(services) > 1:
        raise TargetError(
            f"knobs of {len(services)} services, {', '.join(services)}",
            where=where,
            expected="one service to a file",
            remedy="export the settings of one service at a time",
        )
    return known


def provenance(key: str, why: str) -> str:
    """Give the comment for a key: one line of printable characters, whatever the texts hold."""
    return one_line(f"{mark_of(key)}{why}")


def mark_of(key: str) -> str:
    """Give what the comment of a key begins with."""
    return one_line(f"{MARK} {key}:") + " "


def line_end(text: str) -> str:
    """Give the line end that a text uses."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def natural_lines(text: str) -> list[str]:
    """Split at line feeds and carriage returns alone, ends kept."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


def comments_above(lines: list[str], line: int, key: str) -> list[int]:
    """Give the indices of the key's own comments in the block of comments right above a line."""
    found = []
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        if f"{lines[line].strip()} ".startswith(mark_of(key)):
            found.append(line)
    return found


def one_line(text: str) -> str:
    """Give a text as one line of printable characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
