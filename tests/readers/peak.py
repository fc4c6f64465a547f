"""Run by `test_streaming` in a process of its own: how far reading each file raises the memory in use.

The argument is JSON: lists of a reader's name, a small file of the format, by which it loads what it needs,
and a large one with the same rows. What it prints is JSON as well: bytes by reader and suffix.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from workbench.readers import Stream


def main() -> None:
    grown = {}
    for name, small, large in json.loads(sys.argv[1]):
        reader = importlib.import_module(f"workbench.readers.{name}")
        rows = _rows(reader.read(Stream("small", Path(small))))
        Path("/proc/self/clear_refs").write_text("5")  # the peak is now what it has
        before = _bytes_of("VmRSS")
        found = _rows(reader.read(Stream("large", Path(large))))
        grown[name + Path(large).suffix] = _bytes_of("VmHWM") - before
        if found != rows:
            raise SystemExit(f"{name}: {found} instead of {rows}")
    print(json.dumps(grown))


def _rows(parts) -> dict[str, int]:
    return {table: len(frame) for table, frame in parts.frames.items()}


def _bytes_of(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(name)).split()[1]) * 1024


if __name__ == "__main__":
    main()
