"""The lines of a text log, in blocks: what line readers share.

A log in UTF-16 (a Windows console writes it) comes out as UTF-8, without a byte order mark.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from workbench.errors import Malformed
from workbench.readers._seam import MAX_LINE_BYTES, Stream

_BLOCK_BYTES = 4 * 1024**2
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def lines(stream: Stream) -> Iterator[bytes]:
    """Give the lines of a stream; a line of more than 64 MiB raises Malformed."""
    rest, number = b"", 1
    for block in _blocks(stream):
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
        number += len(whole)
        if len(rest) > MAX_LINE_BYTES:
            raise Malformed(f"{stream.name}:{number}", "a line of more than 64 MiB", expected="a text log")
    if rest:
        yield rest


def log_lines(stream: Stream) -> Iterator[bytes]:
    """Give the lines of a log; where docker wrapped them in JSON, each > that it escaped is one again."""
    for line in lines(stream):
        yield line.replace(b"\\u003e", b">") if b"\\u003e" in line else line


def narrow(head: bytes) -> bytes:
    """Give the beginning of a text as UTF-8 without a byte order mark."""
    if head.startswith(_WIDE):
        return head[: len(head) & ~1].decode("utf-16", "replace").encode()
    return head.removeprefix(codecs.BOM_UTF8)


def _blocks(stream: Stream) -> Iterator[bytes]:
    with stream.open() as file:
        block = file.read(_BLOCK_BYTES)
        if not block.startswith(_WIDE):
            yield block.removeprefix(codecs.BOM_UTF8)
            while block := file.read(_BLOCK_BYTES):
                yield block
            return
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
        while block:
            yield decoder.decode(block).encode("utf-8", "replace")
            block = file.read(_BLOCK_BYTES)
