"""`compiled_with(*sources)`: numba's njit with a cache on disk that never serves code of older sources.

numba looks only at the file of the outermost function when it decides whether cached code is fresh; what is
inlined may stand in other files, so the cache's folder is named by a hash of every source that takes part.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any


@cache
def cache_folder(sources: tuple[Path, ...]) -> str:
    """Give the folder for compiled code of exactly these files, and of all below these folders."""
    digest = hashlib.sha256(version("numba").encode())
    for source in sources:
        for file in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
            digest.update(file.name.encode() + file.read_bytes())
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    for base in (Path(root), Path(tempfile.gettempdir())):
        folder = base / "workbench" / f"{sources[0].stem.strip('_')}-{digest.hexdigest()[:16]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        return str(folder)
    return ""


def compiled_with(*sources: Path, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Give a decorator that compiles in nopython mode, cached on disk; other threads run meanwhile.

    Without numba's run time for memory (`_nrt`): compiled functions can make no arrays, and in return passing
    a NamedTuple of arrays costs nothing. `options` are those of njit.
    """
    return partial(_compiled, cache_folder(sources), {"_nrt": False, **options})


def is_cached(function: str, *sources: Path) -> bool:
    """True if `function` was compiled before on this machine, from these sources: its first call is quick."""
    folder = cache_folder(sources)
    return bool(folder) and any(Path(folder).rglob(f"*.{function}-*.nbc"))


def _compiled(folder: str, options: dict[str, Any], function: Callable[..., Any]) -> Any:
    import numba

    config: Any = numba.config  # numba fills it at run time, unseen by type checkers
    before = config.CACHE_DIR
    config.CACHE_DIR = folder or before
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy", **options)(function)
    finally:
        config.CACHE_DIR = before
