"""pgbouncer.ini: its section [pgbouncer].

[pgbouncer]
pool_mode = transaction
default_pool_size = 20
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

from workbench.settings import Knob
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


current = partial(_directives.current, _FORM, where=FILENAME)
edit = partial(_directives.edit, _FORM, where=FILENAME)
