"""`compiled`: numba's njit for the twin, its cache on disk keyed by every file that such code is in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench import _compiled

_FILES = ("kernel.py", "tries.py", "visits.py", "events.py", "draws.py", "world.py", "_compiled.py")
SOURCES = tuple(Path(__file__).parent / name for name in (*_FILES, "mechanisms"))


def compiled(function: Callable[..., Any]) -> Any:
    """Compile, inlined where it is called."""
    return _compiled.compiled_with(*SOURCES, forceinline=True)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Insert where it is called, before anything is compiled: for what is called from one place."""
    return _compiled.compiled_with(*SOURCES, inline="always")(function)


def compiled_apart(function: Callable[..., Any]) -> Any:
    """Compile what is called rarely or from many places, so that it stands but once in the loop's code."""
    return _compiled.compiled_with(*SOURCES)(function)


def is_cached() -> bool:
    """True if the kernel was compiled before on this machine, so that the first call will not wait."""
    return _compiled.is_cached("loop", *SOURCES)
