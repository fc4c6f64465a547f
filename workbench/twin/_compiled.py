"""numba's njit for the twin, in the ways that its functions need: most are only ever called by compiled code.

The cache on disk is keyed by every source that takes part.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench import _compiled

_NAMES = ("kernel.py", "visits.py", "tries.py", "events.py", "world.py", "draws.py", "mechanisms")
SOURCES = (Path(__file__), *(Path(__file__).with_name(name) for name in _NAMES))
_UNSEEN = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # a third of the time to compile


def exposed(function: Callable[..., Any]) -> Any:
    """Compile for calls from Python as well; inlined where compiled code calls it."""
    return _compiled.compiled_with(*SOURCES, forceinline=True)(function)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile, inlined where compiled code calls it; Python must not, and would crash."""
    return _compiled.compiled_with(*SOURCES, forceinline=True, **_UNSEEN)(function)


def compiled_apart(function: Callable[..., Any]) -> Any:
    """Compile what is called rarely or from many places, so that it stands but once in the loop's code."""
    return _compiled.compiled_with(*SOURCES, **_UNSEEN)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Insert where it is called, before anything is compiled: for what is called from one place."""
    return _compiled.compiled_with(*SOURCES, inline="always")(function)


def is_cached() -> bool:
    """True if the kernel was compiled before on this machine, so that the first call will not wait."""
    return _compiled.is_cached("loop", *SOURCES)
