"""Objects on a JVM's heap by class, as jcmd GC.class_histogram and jmap -histo print them.

 num     #instances         #bytes  class name (module)
-------------------------------------------------------
   1:        141247        9798320  [B (java.base@17.0.15)
"""

from __future__ import annotations

import re

import numpy as np

from workbench.errors import Unrecognized
from workbench.readers import _lines
from workbench.readers._seam import Parts, Stream
from workbench.readers._series import UNDATED, SeriesColumns

FORMAT = "JVM class histogram (jcmd GC.class_histogram, jmap -histo)"

_HEADING = re.compile(rb"\s*num\s+#instances\s+#bytes\s+class name(?: \(module\))?\s*")
_CLASS = re.compile(rb"\s*\d{1,9}:\s+(\d{1,18})\s+(\d{1,18})\s+(\S+)(?: \((\S+)\))?\s*")
_RULES = (b"---", b"Total")
_CONTEXT_LINES = 3  # that may stand before the heading: the process id, an empty one


def sniff(head: bytes) -> bool:
    """True if one of the first lines is the heading."""
    lines = _lines.narrow(head[:4096]).split(b"\n")[:_CONTEXT_LINES]
    return any(map(_HEADING.fullmatch, lines))


def read(*streams: Stream) -> Parts:
    """Read histograms: metrics `jvm_class_instances` and `jvm_class_bytes` by class and module, undated."""
    found = SeriesColumns()
    codes: list[int] = []
    values: list[int] = []
    for stream in streams:
        if not sniff(stream.head()):
            raise Unrecognized("not a class histogram", where=stream.name, expected=FORMAT)
        for line in _lines.lines(stream):
            if match := _CLASS.fullmatch(line):
                labels = {"class": _text(match[3])} | ({"module": _text(match[4])} if match[4] else {})
                codes += found.code("jvm_class_instances", labels), found.code("jvm_class_bytes", labels)
                values += int(match[1]), int(match[2])
            elif line.strip() and not line.startswith(_RULES) and not _HEADING.fullmatch(line):
                found.skipped["line that is no class"] += 1
    found.add_exact(np.array(codes, "int64"), np.full(len(codes), UNDATED), np.array(values, "float64"))
    return found.parts(", ".join(stream.name for stream in streams))


def _text(content: bytes) -> str:
    return content.decode("utf-8", "backslashreplace")
