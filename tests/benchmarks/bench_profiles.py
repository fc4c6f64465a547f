"""pprof, 200,000 samples of 40 frames: against `go tool pprof -top`, and against bare protobuf decoding.

Folded stacks of 50 MB: against Python's own splitting, which makes no table.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.benchmarks import Row
from tests.benchmarks._timing import medians
from workbench.readers import Stream, _pprof_schema, folded, pprof

SAMPLES, FRAMES, FUNCTIONS, LOCATIONS = 200_000, 40, 2_000, 5_000


def run() -> list[Row]:
    """Give our whole reading to a checked table against each."""
    content = _profile()
    work = f"pprof, {SAMPLES:,} samples × {FRAMES} frames"
    stream, message = Stream("big", content), _pprof_schema.message()

    def ours() -> object:
        return pprof.read(stream)

    def upb() -> object:
        return message.FromString(content)

    rows = []
    go = shutil.which("go")
    if go:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "big.pb"
            path.write_bytes(content)

            def top() -> object:
                command = [go, "tool", "pprof", "-top", str(path)]
                return subprocess.run(command, check=True, capture_output=True, timeout=120)

            rows.append(_row(work, ours, "go tool pprof -top", top, 3))
    return [*rows, _row(work, ours, "protobuf decoding alone", upb, 5), _of_folded()]


def _of_folded() -> Row:
    luck = random.Random(2)
    names = [f"com/example/shop/Service{n}.handle" for n in range(1500)]
    text = "".join(f"{';'.join(luck.choices(names, k=18))} {luck.randrange(1, 50)}\n" for _ in range(80_000))
    stream = Stream("folded", text.encode())

    def split() -> object:
        lines = (line.rpartition(" ") for line in text.splitlines())
        return [(stack.split(";"), int(weight)) for stack, _, weight in lines]

    work = f"folded stacks, {len(text) / 1e6:.0f} MB"
    return _row(work, lambda: folded.read(stream), "Python's split, no table", split, 5)


def _row(work: str, ours: object, other: str, theirs: object, times: int) -> Row:
    ours_s, other_s = medians(ours, theirs, times=times)  # type: ignore[arg-type]
    return Row(work, ours_s, other, other_s)


def _profile() -> bytes:
    luck, profile = random.Random(1), _pprof_schema.message()()
    names = ["", "samples", "count", "cpu", "nanoseconds", *(f"main.f{n}" for n in range(FUNCTIONS))]
    profile.string_table.extend(name.encode() for name in names)
    profile.sample_type.add(type=1, unit=2)
    profile.sample_type.add(type=3, unit=4)
    for n in range(FUNCTIONS):
        profile.function.add(id=n + 1, name=5 + n)
    for n in range(LOCATIONS):
        location = profile.location.add(id=n + 1)
        location.line.add(function_id=n % FUNCTIONS + 1, line=n % 97 + 1)
        if n % 50 == 0:  # inlined
            location.line.add(function_id=(n + 1) % FUNCTIONS + 1, line=3)
    for _ in range(SAMPLES):
        profile.sample.add(location_id=luck.choices(range(1, LOCATIONS + 1), k=FRAMES), value=[1, 10_000_000])
    return profile.SerializeToString()
