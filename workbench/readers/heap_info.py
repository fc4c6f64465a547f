"""How full each space of a JVM's heap is, as jcmd GC.heap_info prints it.

garbage-first heap   total 71680K, used 39477K [0x00000000e0000000, 0x0000000100000000)
 region size 1024K, 14 young (14336K), 5 survivors (5120K)
Metaspace       used 50255K, committed 50816K, reserved 1114112K
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from workbench.errors import Unrecognized
from workbench.readers import _lines
from workbench.readers._seam import Parts, Stream
from workbench.readers._series import UNDATED, SeriesColumns

FORMAT = "JVM heap spaces (jcmd GC.heap_info)"

_FIRST = re.compile(
    r"(?:garbage-first heap|def new generation|DefNew|par new generation|PSYoungGen|ZHeap|Epsilon Heap) "
    r" *(?:total|used|reserved|capacity).*|Shenandoah Heap"
)
_SIZE = re.compile(r"(max capacity|capacity|used|committed|reserved|total) (\d{1,15})([BKMG])\b")
_SIZE_BEFORE = re.compile(r"(\d{1,15})([BKMG]) (max|soft max|committed|used)\b")  # Shenandoah
_BYTES = {"B": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


def sniff(head: bytes) -> bool:
    """True if the first line, after at most a process id, is that of a heap."""
    text = _lines.narrow(head[:4096]).decode("utf-8", "replace")
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    lines = lines[1:] if lines and lines[0].removesuffix(":").isdecimal() else lines
    return bool(lines and _FIRST.fullmatch(lines[0]))


def read(*streams: Stream) -> Parts:
    """Read sizes: metric `jvm_heap_info_bytes`, labels `space` and `size` (used, total …), undated.

    Lines on the parts of a generation, which tell their use in whole percent, are skipped and counted.
    """
    found = SeriesColumns()
    codes: list[int] = []
    values: list[int] = []
    for stream in streams:
        if not sniff(stream.head()):
            raise Unrecognized("no heap spaces", where=stream.name, expected=FORMAT)
        for space, size, number in _sizes(stream, found):
            codes.append(found.code("jvm_heap_info_bytes", {"space": space, "size": size}))
            values.append(number)
    found.add_exact(np.array(codes, "int64"), np.full(len(codes), UNDATED), np.array(values, "float64"))
    return found.parts(", ".join(stream.name for stream in streams))


def _sizes(stream: Stream, found: SeriesColumns) -> Iterator[tuple[str, str, int]]:
    """Give space, what of it, and bytes."""
    before = ""
    for line in _lines.lines(stream):
        text = line.decode("utf-8", "backslashreplace").strip()
        if after := _SIZE_BEFORE.findall(text) if before == "Shenandoah Heap" else []:
            yield from ((before, size, int(number) * _BYTES[unit]) for number, unit, size in after)
        elif match := _SIZE.search(text):
            space = text[: match.start()].removesuffix("total ").strip()  # `total reserved` of JDK 25
            for size, number, unit in _SIZE.findall(text):
                yield space, size, int(number) * _BYTES[unit]
        elif text and text != "Shenandoah Heap" and not text.removesuffix(":").isdecimal():
            found.skipped["line that is no space with its sizes"] += 1
        before = text
