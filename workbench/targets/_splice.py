"""Text edited by replacing what stands at known places, each replacement with its reason above its line."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from workbench.targets._seam import comments_above, line_end, natural_lines, one_line, provenance


@dataclass(frozen=True)
class Splice:
    """A text to put in place of the characters from `start` to `end`, and why.

    The reason stands above the line that holds `above` (else `start`), in place of the key's last one;
    without `why` there is none any more, and without `key` nothing is said.
    """

    start: int
    end: int
    text: str
    key: str = ""
    why: str = ""
    above: int | None = None


def splice(text: str, splices: Iterable[Splice], *, spelled: Callable[[str], str] = str) -> str:
    """Give the text with each splice made; `spelled` turns a comment into what the file's encoding holds."""
    nl, lines = line_end(text), natural_lines(text)
    starts = [0, *itertools.accumulate(map(len, lines))]
    parts = []
    for one in splices:
        parts.append((one.start, one.end, one.text))
        place = one.start if one.above is None else one.above
        line = min(bisect.bisect_right(starts, place), len(lines)) - 1
        if one.key:
            stale = comments_above(lines, line, spelled(one.key))
            parts += [(starts[i], starts[i + 1], "") for i in stale]
        if one.key and one.why:
            indent = lines[line][: len(lines[line]) - len(lines[line].lstrip(" \t"))]
            comment = indent + spelled(provenance(one.key, one.why)) + nl
            parts.append((starts[line], starts[line], comment))
    done, made = 0, []
    for start, end, new in sorted(parts, key=lambda part: part[:2]):
        made += [text[done:start], new]
        done = max(done, end)
    return "".join([*made, text[done:]])


def extended(text: str, added: Iterable[tuple[str, str, str]], *, spelled: Callable[[str], str] = str) -> str:
    """Give the text with lines at its end: (line, key, why), each below its reason if it has one."""
    lines = [
        part for line, key, why in added for part in (*([spelled(provenance(key, why))] if why else []), line)
    ]
    nl = line_end(text)
    ended = not lines or not text or text.endswith(("\n", "\r"))
    return text + ("" if ended else nl) + "".join(line + nl for line in lines)


def ascii_only(text: str) -> str:
    """Give a text in ASCII, typographic signs as their nearest and all else as escapes."""
    return one_line(text).translate(_ASCII).encode("ascii", "backslashreplace").decode()


_ASCII = str.maketrans({"→": "->", "–": "-", "−": "-", "…": "...", "×": "x", "·": "*"})
