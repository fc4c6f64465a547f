"""`compiled`: numba's njit with a cache on disk that never serves code of an older twin.

numba looks only at the file of the outermost function when it decides whether cached code is fresh; the
kernel inlines mechanisms of other files, so the cache's folder is named by a hash of every source in `twin/`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

_config: Any = numba.config  # numba fills it at run time, unseen by type checkers


@cache
def cache_folder() -> str:
    """Give the folder for compiled code of exactly these sources (made on first use)."""
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    for base in (Path(root), Path(tempfile.gettempdir())):
        folder = base / "workbench" / f"twin-{digest.hexdigest()[:16]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        return str(folder)
    return ""


def compiled(function: Callable[..., Any]) -> Any:
    """Compile in nopython mode, cached on disk under `cache_folder()`; other threads run meanwhile."""
    before = _config.CACHE_DIR
    _config.CACHE_DIR = cache_folder() or before
    try:
        return numba.njit(
            cache=True, nogil=True, error_model="numpy", forceinline=(function.__name__ != "loop")
        )(function)
    finally:
        _config.CACHE_DIR = before


def is_cached() -> bool:
    """True if the kernel was compiled before on this machine, so that the first call will not wait."""
    folder = cache_folder()
    return bool(folder) and any(Path(folder).rglob("kernel.loop*.nbc"))
