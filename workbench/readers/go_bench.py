"""What `go test -bench` prints, plain or as `-json` events; benchstat takes the same.

BenchmarkSort/n=1000-8    21490    55821 ns/op    143.31 MB/s    8032 B/op    1 allocs/op
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

from workbench.errors import Unrecognized
from workbench.readers import _lines
from workbench.readers._load_tests import Samples
from workbench.readers._seam import Parts, Stream

FORMAT = "Go benchmark results"

_RESULT = re.compile(r"Benchmark(\S*?)(?:-(\d{1,5}))?\s+(\d{1,18})\s+(\S.*)")
_SETTING = re.compile(r"([a-z][a-z0-9_-]*): ?(.*)")
_SETTINGS = ("goos", "goarch", "pkg", "cpu")
_UNITS = {"ns/op": "ns_per_op", "B/op": "bytes_per_op", "allocs/op": "allocs_per_op", "MB/s": "mb_per_s"}
_ODD = re.compile(r"[^a-zA-Z0-9_]")
_EVENT = '"Action":"'


def sniff(head: bytes) -> bool:
    """True if a line is a benchmark's result, with a number of runs and a value with a unit."""
    lines = _lines.narrow(head).decode("utf-8", "replace").split("\n")
    return any(_result(line) is not None for line in _plain(iter(lines[:5000])))


def read(*streams: Stream) -> Parts:
    """Read results as series go_bench_ns_per_op{name, procs, pkg …}, one for each unit, and …_iterations.

    MB/s are 1e6 bytes a second. Results have no time; those of one benchmark stand in the order of its runs.
    """
    parts = Parts()
    samples = Samples("")
    for stream in streams:
        if not sniff(stream.head()):
            raise Unrecognized("no results of Go benchmarks", where=stream.name, expected=FORMAT)
        settings: dict[str, str] = {}
        texts = (line.decode("utf-8", "backslashreplace") for line in _lines.lines(stream))
        for line in _plain(texts):
            found = _result(line)
            if found:
                name, procs, runs, values = found
                labels = {"name": name, "procs": procs, **settings}
                samples.add("go_bench_iterations", float(runs), labels=labels)
                for unit, value in values.items():
                    metric = _UNITS.get(unit) or _ODD.sub("_", unit.replace("/", "_per_"))
                    samples.add(f"go_bench_{metric}", value, labels=labels)
            elif (match := _SETTING.fullmatch(line.strip())) and match[1] in _SETTINGS:
                settings[match[1]] = match[2]
            elif line.strip():
                parts.skipped["line that is no result"] += 1
    parts.frames = samples.frames(streams[0].name)
    return parts


def _result(line: str) -> tuple[str, str, int, dict[str, float]] | None:
    """Give name, processors (1 where the name has none), runs, and values by unit."""
    line = line.strip()
    match = _RESULT.fullmatch(line) if line.startswith("Benchmark") and len(line) < 10_000 else None
    if not match:
        return None
    cells = match[4].split()
    values = {}
    for text, unit in zip(cells[::2], cells[1::2], strict=False):
        try:
            values[unit] = float(text)
        except ValueError:
            return None
    whole = len(cells) % 2 == 0 and values and (match[1][:1].isupper() or not match[1][:1].isalpha())
    return (match[1], match[2] or "1", int(match[3]), values) if whole else None


def _plain(lines: Iterator[str]) -> Iterator[str]:
    """Give the lines of the log; `-json` puts them into events, and can cut a result after its name."""
    begun = ""
    for line in lines:
        if not line.startswith("{") or _EVENT not in line:
            yield line
            continue
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            yield line
            continue
        output = event.get("Output") if isinstance(event, dict) else None
        if not isinstance(output, str):
            continue
        begun += output
        if begun.endswith("\n"):
            yield begun
            begun = ""
    if begun:
        yield begun
