"""Raw files, written beside and renamed, so that nothing half-written is ever seen."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write(path: Path, content: bytes) -> Path:
    """Write these bytes and give the path."""
    with _beside(path) as raw:
        raw.write(content)
    return path


def write_parts(path: Path, parts: Iterable[bytes]) -> Path:
    """Write the parts one after another, as gzip where the name ends in .gz, and give the path."""
    with _beside(path) as raw:
        if path.suffix == ".gz":
            with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
                packed.writelines(parts)
        else:
            raw.writelines(parts)
    return path


@contextmanager
def _beside(path: Path) -> Iterator[BinaryIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}")
    try:
        with beside.open("wb") as raw:
            yield raw
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
