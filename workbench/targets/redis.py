"""redis.conf of one server.

maxclients 10000
maxmemory 512mb
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import partial

from workbench.settings import Knob
from workbench.targets import _directives
from workbench.targets._seam import one_line

FORMAT = "redis.conf"
SYSTEMS = ("redis",)
FILENAME = "{service}/redis.conf"
ENCODING = "utf-8"

# util.c, memtoull: in either case.
_SIZES = {"b": 1, "k": 10**3, "kb": 2**10, "m": 10**6, "mb": 2**20, "g": 10**9, "gb": 2**30}
_FORM = _directives.Format(
    re.compile(r"[ \t]*([\w-]+)[ \t]+(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'].*?))[ \t]*"),
    " ",
    units={spelled: Decimal(n) for unit, n in _SIZES.items() for spelled in (unit, unit.upper())},
    bare={"maxmemory": "b"},
)


def blank(knobs: Iterable[Knob]) -> str:
    """Give a heading: settings are appended as they are asked for."""
    services = dict.fromkeys(knob.service for knob in knobs)
    return one_line(f"# Redis of {', '.join(services)}; include it at the end of its redis.conf.") + "\n"


current = partial(_directives.current, _FORM, where=FILENAME)
edit = partial(_directives.edit, _FORM, where=FILENAME)
