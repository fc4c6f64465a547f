"""rabbitmq.conf of one broker.

channel_max = 2047
vm_memory_high_watermark.relative = 0.4
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

from workbench.settings import Knob
from workbench.targets import _directives
from workbench.targets._seam import one_line

FORMAT = "rabbitmq.conf"
SYSTEMS = ("rabbitmq",)
FILENAME = "{service}/rabbitmq.conf"
ENCODING = "utf-8"

# cuttlefish takes 1 for no float.
_FORM = _directives.Format(
    re.compile(r"[ \t]*([\w.-]+)[ \t]*=[ \t]*([^#\r\n]*?)[ \t]*(?:#.*)?"), " = ", fractions=True
)


def blank(knobs: Iterable[Knob]) -> str:
    """Give a heading: settings are appended as they are asked for."""
    services = dict.fromkeys(knob.service for knob in knobs)
    return one_line(f"# RabbitMQ of {', '.join(services)}; a file for its conf.d.") + "\n"


current = partial(_directives.current, _FORM, where=FILENAME)
edit = partial(_directives.edit, _FORM, where=FILENAME)
