"""A GC log of CPython, written from gc.callbacks.

# cpython gc.callbacks 1 python=3.11.7
2026-11-20T10:00:00.123456Z gc gen=2 pause_ms=1.234 collected=10 uncollectable=0 count=(12,3,1)
"""

from __future__ import annotations

import gc
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def log_collections(path: Path) -> Callable[[], None]:
    """Append every collection of this process to `path`, dated by its start; gives the call that ends it."""
    file = path.open("a", encoding="ascii", buffering=1)
    if not file.tell():
        file.write(f"# cpython gc.callbacks 1 python={platform.python_version()}\n")
    began_at, began, count = datetime.now(UTC), 0.0, gc.get_count()

    def callback(phase: str, info: dict[str, Any]) -> None:
        nonlocal began_at, began, count
        if phase == "start":
            began_at, count, began = datetime.now(UTC), gc.get_count(), time.perf_counter()
            return
        pause_ms = (time.perf_counter() - began) * 1e3
        file.write(
            f"{began_at:%Y-%m-%dT%H:%M:%S.%f}Z gc gen={info['generation']} pause_ms={pause_ms:.3f}"
            f" collected={info['collected']} uncollectable={info['uncollectable']}"
            f" count=({count[0]},{count[1]},{count[2]})\n"
        )

    def stop() -> None:
        gc.callbacks.remove(callback)
        file.close()

    gc.callbacks.append(callback)
    return stop
