"""postgresql.conf of one server.

max_connections = 100                   # (change requires restart)
shared_buffers = 128MB
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import partial

from workbench.settings import Knob
from workbench.targets import _directives
from workbench.targets._seam import one_line

FORMAT = "postgresql.conf"
SYSTEMS = ("postgresql",)
FILENAME = "{service}/postgresql.conf"
ENCODING = "utf-8"

# Suffixes and the units of numbers without one: documentation, 20.1.1, and pg_settings.unit.
_SIZES = {"B": 1, "kB": 2**10, "8kB": 2**13, "MB": 2**20, "GB": 2**30, "TB": 2**40}
_TIMES = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400}
_FORM = _directives.Format(
    re.compile(r"\s*([A-Za-z_][\w.]*)(?:\s*=\s*|\s+)(?:'((?:[^'\\]|\\.)*)'|([^\s#']+))\s*(?:#.*)?"),
    " = ",
    units={unit: Decimal(str(size)) for unit, size in (_SIZES | _TIMES).items()},
    bare=dict.fromkeys(("shared_buffers", "effective_cache_size"), "8kB"),
)


def blank(knobs: Iterable[Knob]) -> str:
    """Give a heading: settings are appended as they are asked for."""
    services = dict.fromkeys(knob.service for knob in knobs)
    return (
        one_line(f"# PostgreSQL of {', '.join(services)}; include it at the end of its postgresql.conf.")
        + "\n"
    )


current = partial(_directives.current, _FORM, where=FILENAME)
edit = partial(_directives.edit, _FORM, where=FILENAME)
