"""A JDK argument file, one service: `java @java.args …`.

    # heap of the orders service
    -Xmx512m
    -XX:+UseG1GC -XX:MaxGCPauseMillis=200

Words are those of the java launcher (its manual, "java Command-Line Argument Files"). From `-jar`, a module
or a main class on, words are the program's.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _java_options
from workbench.targets._seam import changed, line_end, natural_lines, one_service, provenance
from workbench.targets._splice import Splice, extended, splice

FORMAT = "JDK argument file"
SYSTEMS = ("jvm",)
FILENAME = "{service}/java.args"
ENCODING = "utf-8"

_WORD = re.compile(
    r"""#[^\r\n]*|(?:[^\s'"#]|'(?:\\[^\r\n]|\\\r?\n|[^'\\\r\n])*'|"(?:\\[^\r\n]|\\\r?\n|[^"\\\r\n])*")+"""
)
_LAUNCH = ("-jar", "-m", "--module")
# The next word is theirs.
_WITH_VALUE = (
    "-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path", "--add-modules",
    "--limit-modules", "--add-exports", "--add-opens", "--add-reads", "--patch-module", "--source",
    "--enable-native-access", "-d", "--describe-module",
)  # fmt: skip


def blank(knobs: Iterable[Knob]) -> str:
    """Give an empty file."""
    return ""


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs; sizes in MiB."""
    return _java_options.current(_options(text, where)[0], one_service(knobs, where), where)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the file with these settings, missing ones on lines before the program, or at the end."""
    known = list(knobs)
    before, program = _options(text, where)
    places = _java_options.last_words(before, known)
    splices, added = [], []
    wanted = changed(settings, current(text, known, where=where), known)
    for knob, value in wanted.items():
        says, reason = _java_options.spelled(knob, value), why.get(knob.key, "")
        if knob in places:
            splices.append(Splice(places[knob].start, places[knob].end, says, knob.key, reason))
        else:
            added.append((says, knob.key, reason))
    if program is None:
        after = extended(splice(text, splices), added)
    else:
        nl, place = line_end(text), _above(text, program.start, where)
        new = "".join(
            (provenance(key, reason) + nl if reason else "") + says + nl for says, key, reason in added
        )
        splices.append(Splice(place, place, new))
        after = splice(text, splices)
    _refuse_side_effects(text, after, wanted, where)
    return after


def _options(text: str, where: str) -> tuple[list[_java_options.Word], _java_options.Word | None]:
    """Give the options, and the word with which the program begins, if one does."""
    found: list[_java_options.Word] = []
    words = _java_options.split(text, _WORD, where=where)
    taken = False
    for word in words:
        if not taken and (word.text in _LAUNCH or not word.text.startswith(("-", "@"))):
            return found, word
        taken = not taken and word.text in _WITH_VALUE
        found.append(word)
    return found, None


def _above(text: str, position: int, where: str) -> int:
    """Give the beginning of the program's line, or of the comments right above it."""
    lines = natural_lines(text)
    starts = [0, *itertools.accumulate(map(len, lines))]
    line = next(i for i, start in enumerate(starts) if start > position) - 1
    if text[starts[line] : position].strip("\ufeff \t\f"):
        raise TargetError(
            "options and the program on one line",
            where=f"{where}:{line + 1}",
            expected="the program on a line of its own",
            remedy="begin a line with what is to be run, then export again",
        )
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
    return starts[line]


def _refuse_side_effects(before: str, after: str, wanted: Mapping[Knob, float | str], where: str) -> None:
    def others(text: str) -> list[str]:
        options, program = _options(text, where)
        changed_ones = set(_java_options.last_words(options, wanted).values())
        rest = text[program.start :] if program else ""
        return [word.text for word in options if word not in changed_ones] + [rest]

    if others(before) != others(after):
        raise TargetError(
            "the edit would change other options too",
            where=where,
            expected="words that the java launcher reads alone",
            remedy="close every quote and write one option a line, then export again",
        )
