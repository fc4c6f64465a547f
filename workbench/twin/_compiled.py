"""`compiled`: numba's njit for the twin, its cache on disk keyed by every source in `twin/`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench import _compiled

_SOURCES = Path(__file__).parent


def compiled(function: Callable[..., Any]) -> Any:
    """Compile, inlined into the loop that calls it."""
    return _compiled.compiled_with(_SOURCES, forceinline=(function.__name__ != "loop"))(function)


def is_cached() -> bool:
    """True if the kernel was compiled before on this machine, so that the first call will not wait."""
    return _compiled.is_cached("loop", _SOURCES)
