"""Settings → configuration files: one module per format, found by discovery.

A module here that has what `_seam.Target` names is a target; nothing else needs to know of it. Spelling is
the knob's, layout the target's. A target works on text; `read` and `encode` lead from files to text and back
with every byte kept.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil
from pathlib import Path

from workbench.errors import TargetError
from workbench.targets._seam import Target

__all__ = ["Target", "encode", "read", "target", "targets"]


@functools.cache
def targets() -> dict[str, Target]:
    """Every target by module name."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}  # type: ignore[misc]


def target(name: str) -> Target:
    """Give a target by name, or raise TargetError naming near ones."""
    if name not in targets():
        near = difflib.get_close_matches(name, targets(), n=3)
        raise TargetError(
            f"no target {name!r}",
            expected=f"one of {near or sorted(targets())}",
            remedy="add one: README, 'Add a target'",
        )
    return targets()[name]


def read(target: Target, path: str | Path) -> str:
    """Read a file for a target, its line ends and any byte order mark kept, or raise TargetError."""
    try:
        return Path(path).read_bytes().decode(target.ENCODING)
    except OSError as error:
        raise TargetError(
            f"cannot be read: {error.strerror}", where=str(path), expected=f"a file of {target.FORMAT}"
        ) from error
    except UnicodeDecodeError as error:
        raise TargetError(
            f"byte {error.start} is not {target.ENCODING}",
            where=str(path),
            expected=f"a file of {target.FORMAT}",
            remedy=f"convert the file to {target.ENCODING}",
        ) from error


def encode(target: Target, text: str) -> bytes:
    """Give the bytes to write for a text that `read` or `blank` gave and `edit` changed."""
    return text.encode(target.ENCODING)
