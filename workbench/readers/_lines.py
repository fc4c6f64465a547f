"""The lines of a text log, in blocks: what line readers share.

A log in UTF-16 (a Windows console writes it) comes out as UTF-8, without a byte order mark. However large the
file, no more of it is held than a block and the line that goes on after it.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from workbench.errors import Malformed
from workbench.readers._seam import MAX_LINE_BYTES, Stream

_BLOCK_BYTES = 1024 * 1024
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def blocks(stream: Stream) -> Iterator[bytes]:
    """Give whole lines, about a MiB of them at a time, each with its end; the file's last may have none.

    A line of more than 64 MiB raises Malformed.
    """
    begun: list[bytes] = []  # of a line whose end is still to come
    size, given = 0, 0
    for part in _parts(stream):
        cut = part.rfind(b"\n") + 1
        if cut:
            yield b"".join([*begun, part[:cut]])
            begun, size, given = [], 0, given + size + cut
        begun.append(part[cut:])
        size += len(part) - cut
        if size > MAX_LINE_BYTES:
            line = _lines_within(stream, given) + 1
            raise Malformed(f"{stream.name}:{line}", "a line of more than 64 MiB", expected="a text log")
    if size:
        yield b"".join(begun)


def log_blocks(stream: Stream) -> Iterator[bytes]:
    """Give the lines of a log in blocks; where docker wrapped them in JSON, each > that it escaped is one."""
    for block in blocks(stream):
        yield block.replace(b"\\u003e", b">") if b"\\" in block else block


def lines(stream: Stream) -> Iterator[bytes]:
    """Give the lines of a stream, without their ends; a line of more than 64 MiB raises Malformed."""
    for block in blocks(stream):
        yield from block.removesuffix(b"\n").split(b"\n")


def log_lines(stream: Stream) -> Iterator[bytes]:
    """Give the lines of a log as `log_blocks` does, without their ends."""
    for block in log_blocks(stream):
        yield from block.removesuffix(b"\n").split(b"\n")


def narrow(head: bytes) -> bytes:
    """Give the beginning of a text as UTF-8 without a byte order mark."""
    if head.startswith(_WIDE):
        return head[: len(head) & ~1].decode("utf-16", "replace").encode()
    return head.removeprefix(codecs.BOM_UTF8)


def _lines_within(stream: Stream, size: int) -> int:
    count = 0
    for part in _parts(stream):
        count += part[:size].count(b"\n")
        size -= len(part)
        if size <= 0:
            break
    return count


def _parts(stream: Stream) -> Iterator[bytes]:
    with stream.open() as file:
        part = file.read(_BLOCK_BYTES)
        if not part.startswith(_WIDE):
            yield part.removeprefix(codecs.BOM_UTF8)
            while part := file.read(_BLOCK_BYTES):
                yield part
            return
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
        while part:
            yield decoder.decode(part).encode("utf-8", "replace")
            part = file.read(_BLOCK_BYTES)
