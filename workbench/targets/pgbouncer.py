"""pgbouncer.ini: its section [pgbouncer].

[pgbouncer]
pool_mode = transaction
default_pool_size = 20
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from workbench.settings import Knob, Settings, Value
from workbench.targets import _directives
from workbench.targets._seam import one_line

FORMAT = "pgbouncer.ini"
SYSTEMS = ("pgbouncer",)
FILENAME = "{service}/pgbouncer.ini"
ENCODING = "utf-8"

# A value goes on to the end of its line; comments stand on lines of their own.
_FORM = _directives.Format(re.compile(r"[ \t]*([\w.-]+)[ \t]*=[ \t]*(.*?)[ \t]*"), " = ", section="pgbouncer")


def blank(knobs: Iterable[Knob]) -> str:
    """Give an empty section: settings are appended as they are asked for."""
    services = dict.fromkeys(knob.service for knob in knobs)
    return one_line(f"; PgBouncer before {', '.join(services)}.") + "\n[pgbouncer]\n"


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the section sets of these knobs, which are of one service: a file is one PgBouncer."""
    return _directives.current(_FORM, text, knobs, where=where)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the file with these settings, missing ones at the end of the section."""
    return _directives.edit(_FORM, text, settings, knobs, why=why, where=where)
