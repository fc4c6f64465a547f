"""JVM options in the variable that every JVM reads at its start, one service.

JAVA_TOOL_OPTIONS="-Xmx512m -XX:+UseG1GC -XX:MaxGCPauseMillis=200"
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _dotenv, _java_options
from workbench.targets._seam import changed, line_end, one_service
from workbench.targets._splice import Splice, splice

FORMAT = "JAVA_TOOL_OPTIONS"
SYSTEMS = ("jvm",)
FILENAME = "{service}/java.env"
ENCODING = "utf-8"

_VARIABLE = "JAVA_TOOL_OPTIONS"
# Arguments::parse_options_buffer: quotes of both kinds, nothing escaped.
_WORD = re.compile(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""")


def blank(knobs: Iterable[Knob]) -> str:
    """Give an empty file."""
    return ""


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the variable sets of these knobs; sizes in MiB."""
    return _java_options.current(_words(text, where), one_service(knobs, where), where)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the file with these settings, missing ones at the end of the variable."""
    known = list(knobs)
    wanted = changed(settings, current(text, known, where=where), known)
    if not wanted:
        return text
    held = _dotenv.variables(text, where=where)
    if _VARIABLE not in held:
        nl = line_end(text)
        text += ("" if not text or text.endswith(("\n", "\r")) else nl) + f'{_VARIABLE}=""{nl}'
    variable = _dotenv.variables(text, where=where)[_VARIABLE]
    if not variable.quote and re.search(r"['\"\\$`]", variable.value):
        raise TargetError(
            f"{_VARIABLE}={variable.value}",
            where=f"{where}:{variable.line}",
            expected=f'{_VARIABLE}="…"',
            remedy="write the value in quotes, then export again",
        )
    places = _java_options.last_words(_words(text, where), known)
    quote = "" if variable.quote else '"'
    splices = [Splice(variable.start, variable.start, quote)]
    begun = bool(variable.value.strip())
    for knob, value in wanted.items():
        says = _java_options.spelled(knob, value)
        start, end = (
            (places[knob].start, places[knob].end) if knob in places else (variable.end, variable.end)
        )
        says = f" {says}" if knob not in places and begun else says
        begun = True
        splices.append(Splice(start, end, says, knob.key, why.get(knob.key, ""), above=variable.begun))
    after = splice(text, [*splices, Splice(variable.end, variable.end, quote)])
    values = {name: one.value for name, one in held.items()}
    now = _dotenv.variables(after, where=where).get(_VARIABLE, variable).value
    _dotenv.refuse_side_effects(after, values | {_VARIABLE: now}, where)
    return after


def _words(text: str, where: str) -> list[_java_options.Word]:
    variable = _dotenv.variables(text, where=where).get(_VARIABLE)
    if variable is None:
        return []
    return _java_options.split(text, _WORD, variable.start, variable.end, where=where)
