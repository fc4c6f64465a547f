"""What every reader is given and gives back: Stream in, Parts out; and how files are opened.

gz and zst are opened in place, with a bound on how far they may expand. A reader that needs all of a file at
once asks for `content()`; one of lines reads `_lines.blocks`, and holds no more of the file than that.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pandas as pd
import pyarrow as pa

from workbench import tables
from workbench.errors import Malformed

HEAD_BYTES = 64 * 1024
MAX_EXPANDED_BYTES = 8 * 1024**3
MAX_EXPANSION = 1100  # gzip's own limit is about 1032; what claims more is made to burst
MAX_LINE_BYTES = 64 * 1024**2


@dataclass
class Parts:
    """What a reader found: frames by table name, what it skipped (reason → count), and remarks.

    Absent tables are left out. `series` and `frames` codes count from 0 within one Parts; joining many
    Parts renumbers them.
    """

    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, frame in self.frames.items():
            tables.TABLES[name].check(frame)


class Stream:
    """One file, opened when asked: its name for messages, and its bytes after decompression."""

    def __init__(self, name: str, source: Path | bytes) -> None:
        self.name = name
        self._source = source

    def open(self) -> BinaryIO:
        """Open from the start, decompressed. Reading raises Malformed for a bomb or a broken archive."""
        raw: BinaryIO = (
            io.BytesIO(self._source) if isinstance(self._source, bytes) else self._source.open("rb")
        )
        magic = raw.read(4)
        raw.seek(0)
        size = len(self._source) if isinstance(self._source, bytes) else self._source.stat().st_size
        if magic[:2] == b"\x1f\x8b":
            return _Bounded(gzip.GzipFile(fileobj=raw), raw, size, self.name)  # type: ignore[return-value]
        if magic == b"\x28\xb5\x2f\xfd":
            inner = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
            return _Bounded(inner, raw, size, self.name)  # type: ignore[return-value]
        return raw

    def head(self) -> bytes:
        """Give the first 64 KiB, or less if the file is shorter or its archive breaks off.

        An archive of which nothing can be had raises Malformed.
        """
        with self.open() as stream:
            if not isinstance(stream, _Bounded):
                return stream.read(HEAD_BYTES)
            return stream.peek_whole(HEAD_BYTES)

    def content(self) -> bytes:
        """Give all of it. A truncated archive raises Malformed."""
        with self.open() as stream:
            return stream.read()


class Reader(Protocol):
    """A module in `readers/`: FORMAT (its name, in words), `sniff`, and `read`."""

    FORMAT: str

    def sniff(self, head: bytes) -> bool:
        """True if content that begins with `head` (up to 64 KiB) is of this format."""
        ...

    def read(self, *streams: Stream) -> Parts:
        """Read one file, or a rotated set in order of age; raise Unrecognized or Malformed."""
        ...


class _Bounded(io.RawIOBase):
    """A decompressed stream that refuses to expand without bound and names its file when broken."""

    def __init__(self, inner: Any, raw: BinaryIO, compressed_bytes: int, name: str) -> None:
        self._inner, self._raw, self._name = inner, raw, name
        self._most = min(MAX_EXPANDED_BYTES, max(64 * 1024**2, compressed_bytes * MAX_EXPANSION))
        self._given = 0
        self._buffer = bytearray()
        self._ended = False

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._inner.close()
        self._raw.close()  # which GzipFile leaves open
        super().close()

    def _more(self) -> bytes:
        try:
            part = self._inner.read1(1024 * 1024)
        except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
            self._ended = True
            raise Malformed(
                f"{self._name}, byte {self._given} expanded",
                f"the archive is damaged or cut off ({error})",
                remedy="copy the file again, or unpack what can be saved with gzip or zstd",
            ) from error
        self._given += len(part)
        if self._given > self._most:
            raise Malformed(
                self._name,
                f"it expands to more than {self._most / 1024**2:,.0f} MiB",
                expected="telemetry, not a decompression bomb",
                remedy="unpack it yourself if you trust it",
            )
        return bytes(part)

    def peek_whole(self, size: int) -> bytes:
        """Read up to `size` bytes; where the archive breaks off, give what came before, if anything did."""
        try:
            self._fill(size)
        except Malformed:
            if not self._buffer:
                raise
        return bytes(self._buffer[:size])

    def _fill(self, size: int) -> None:
        while not self._ended and (size < 0 or len(self._buffer) < size):
            part = self._more()
            self._ended = not part
            self._buffer += part

    def read(self, size: int = -1) -> bytes:  # type: ignore[override]
        self._fill(size)
        size = len(self._buffer) if size < 0 else size
        with memoryview(self._buffer) as view:  # a slice of the buffer itself would be a copy more
            taken = bytes(view[:size])
        del self._buffer[:size]
        return taken
