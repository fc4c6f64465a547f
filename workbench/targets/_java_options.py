"""HotSpot's options by knob: which of a command line's words says one, and how it is written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets._seam import plain, said

_BYTES = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_OTHER_NAMES = {"MaxHeapSize": "Xmx", "InitialHeapSize": "Xms"}
_BOOLEAN = ("false", "true")
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


@dataclass(frozen=True)
class Word:
    """A word of a command line without its quotes, where it stands with them, and its line (from 1)."""

    text: str
    start: int
    end: int
    line: int


def last_words(words: Iterable[Word], knobs: Iterable[Knob]) -> dict[Knob, Word]:
    """Give the word that counts for each knob that is set: the last."""
    known = {knob.name: knob for knob in knobs}
    said_by = ((known.get(_parts(word.text)[0]), word) for word in words)
    return {knob: word for knob, word in said_by if knob is not None}


def current(words: Iterable[Word], knobs: Iterable[Knob], where: str) -> Settings:
    """Give what the words set of these knobs; sizes in MiB."""
    found: dict[str, Value] = {}
    for knob, word in last_words(words, knobs).items():
        found[knob.key] = _value(_parts(word.text)[1], knob, f"{where}:{word.line}")
    return Settings(found)


def spelled(knob: Knob, value: float | str) -> str:
    """Write an option."""
    says = f"{plain(value)}m" if knob.unit == "MiB" else plain(value)
    if knob.name == "UseGC":
        return f"-XX:+Use{says}GC"
    if knob.choices == _BOOLEAN:
        return f"-XX:{'+' if value == 'true' else '-'}{knob.name}"
    return f"-{knob.name}{says}" if re.fullmatch("X[a-z]+", knob.name) else f"-XX:{knob.name}={says}"


def split(
    text: str, pattern: re.Pattern[str], start: int = 0, end: int | None = None, *, where: str
) -> list[Word]:
    """Give the words that a pattern finds, comments left out, or raise TargetError for a quote left open."""
    found: list[Word] = []
    done = start + text[start:end].startswith("\ufeff")
    end = len(text) if end is None else end
    for match in [*pattern.finditer(text, done, end), None]:
        place = match.start() if match else end
        line = len(re.findall(r"\r\n|\r|\n", text[:place])) + 1
        if text[done:place].strip():
            raise TargetError(
                "a quote that is never closed", where=f"{where}:{line}", expected="its other end"
            )
        if match and match[0].startswith("#") and found and found[-1].end == place:
            raise TargetError(  # the launcher forgets such a word
                f"{found[-1].text}{match[0]}"[:80], where=f"{where}:{line}", expected="a blank before #"
            )
        if match:
            done = match.end()
            if not match[0].startswith("#"):
                found.append(Word(_unquoted(match[0]), place, done, line))
    return found


def _unquoted(raw: str) -> str:
    def inside(match: re.Match[str]) -> str:
        return re.sub(
            r"\\(?:\r\n?|\n)[ \t\f]*|\\(.)",
            lambda m: _ESCAPES.get(m[1], m[1] or ""),
            match[0][1:-1],
            flags=re.DOTALL,
        )

    return re.sub(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""", inside, raw, flags=re.DOTALL)


def _parts(option: str) -> tuple[str, str]:
    """Give the name of the knob that an option would be of, and its value."""
    collector = re.fullmatch(r"-XX:\+Use(\w+)GC", option)
    switch = re.fullmatch(r"-XX:([+-])(\w+)", option)
    flag = re.fullmatch(r"-XX:(\w+)=(.*)", option, re.DOTALL)
    short = re.fullmatch(r"-(X(?:mx|ms|mn|ss))(.*)", option, re.DOTALL)
    if collector:
        return "UseGC", collector[1]
    if switch:
        return switch[2], _BOOLEAN[switch[1] == "+"]
    if flag:
        return _OTHER_NAMES.get(flag[1], flag[1]), flag[2]
    return (short[1], short[2]) if short else ("", "")


def _value(text: str, knob: Knob, where: str) -> float | str:
    size = re.fullmatch(r"(\d+)([kmgt]?)", text.lower())
    if size and knob.unit == "MiB":
        mib = int(size[1]) * _BYTES[size[2]] / 2**20
        return int(mib) if mib == int(mib) else mib
    if size and knob.choices:  # a size of which there are few
        return f"{int(size[1]) * _BYTES[size[2]] // 2**20}m"
    return said(text, knob, where)
