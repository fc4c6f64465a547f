"""Raw files, written beside and renamed, so that nothing half-written is ever seen."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path


def write(path: Path, parts: Iterable[bytes]) -> Path:
    """Write the parts, as gzip where the name ends so, and give the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}")
    try:
        with beside.open("wb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
                    packed.writelines(parts)
            else:
                raw.writelines(parts)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path
