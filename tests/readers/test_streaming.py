"""A file ten times the memory that reading it may take, plain and compressed."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from tests.needs import ROOT

BUDGET_BYTES = 8 * 1024**2
LINES = 10 * BUDGET_BYTES // 4000 + 20  # of 4,000 bytes
OF_FORMATS = {  # a line that counts, and how one begins that does not; else blanks
    "hotspot_unified": (
        "[0.1s][info][gc] GC(0) Pause Remark 6M->1M(130M) 1.7ms",
        "[0.1s][info][gc] GC(0) Other ",
    ),
    "hotspot_legacy": ("0.1: [GC 78656K->8514K(122368K), 0.0044 secs]", "Adaptive "),
    "folded": ("main;work 3", "# a comment "),
    "prometheus_text": ("# TYPE up gauge\nup 1", "# a comment "),
    "access_log": ('10.0.0.1 - - [20/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 12', ""),
    "json_lines_log": ('{"time":"2026-11-20T10:00:00Z","level":"info","msg":"hello"}', ""),
}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks of memory are Linux' to tell")
def test_line_formats_are_read_in_a_tenth_of_the_files_size(tmp_path):
    work = []
    for name, (line, begin) in OF_FORMATS.items():
        small, large = tmp_path / f"{name}.small", tmp_path / f"{name}.plain"
        small.write_text(f"{line}\n")
        _write(large, line, begin)
        work.append((name, str(small), str(large)))
    unified, small, plain = work[0]
    for suffix, packed in (("gz", _gzip), ("zst", _zstd)):
        path = tmp_path / f"packed.{suffix}"
        with packed(path) as file, open(plain, "rb") as content:
            while part := content.read(1024**2):
                file.write(part)
        assert path.stat().st_size < BUDGET_BYTES
        work.append((unified, small, str(path)))
    command = [sys.executable, "-m", "tests.readers.peak", json.dumps(work)]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert child.returncode == 0, child.stderr
    grown = json.loads(child.stdout)
    assert len(grown) == len(work)
    assert {name: size for name, size in grown.items() if size > BUDGET_BYTES} == {}


def _gzip(path: Path):
    return gzip.open(path, "wb", compresslevel=1)


def _zstd(path: Path):
    return pa.CompressedOutputStream(pa.OSFile(str(path), "wb"), "zstd")


def _write(path: Path, line: str, begin: str) -> None:
    """Write the line that counts before many that do not."""
    luck = random.Random(1)
    words = [luck.randbytes(100).hex() for _ in range(LINES // 20)]
    padding = "".join(f"{begin}{word * 20}\n" if begin else " " * 4000 + "\n" for word in words)
    with path.open("w") as file:
        file.write(f"{line}\n")
        for _ in range(20):
            file.write(padding)
    assert path.stat().st_size > 10 * BUDGET_BYTES
