"""Answers kept on disk, so that an interrupted recording goes on where it stopped.

A file is one answer as it came, packed; its name is a digest of all that decides what the answer is. Of
credentials it holds nothing.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import zlib
from pathlib import Path

import orjson


def find(folder: Path, *key: str | int) -> bytes | None:
    """Give the answer kept under `key`, or None; what is damaged counts as absent."""
    try:
        return gzip.decompress(_path(folder, key).read_bytes())
    except (OSError, EOFError, zlib.error):
        return None


def keep(folder: Path, answer: bytes, *key: str | int) -> None:
    """Keep an answer under `key`, written beside and renamed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(prefix=".", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(gzip.compress(answer, 1, mtime=0))
        os.replace(beside, _path(folder, key))
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _path(folder: Path, key: tuple[str | int, ...]) -> Path:
    return folder / f"{hashlib.sha256(orjson.dumps(key)).hexdigest()}.json.gz"
