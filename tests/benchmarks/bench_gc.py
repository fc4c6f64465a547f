"""G1 logs of 100 MB: against GCToolKit and GCViewer on one core, and against splitting lines.

The logs are real: a JVM on this machine writes some MB of them under an allocation load, with -Xlog:gc* and
safepoints, or with -Xlog:gc*=debug. What it wrote is repeated up to 100 MB, with clocks and cycle numbers
moved on by as much as it covers each time. Logs and programs are kept in the user's cache.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from tests.benchmarks import Absent, Row
from tests.benchmarks._timing import medians
from workbench.readers import Stream, hotspot_unified

SIZE = 100_000_000
LOGS = {"gc*,safepoint": 6_000_000, "gc*=debug": 600_000}  # what is logged of how many allocations
JAVA = Path(__file__).parent / "java"
_STAMP = re.compile(rb"\[(\d{4}-\d\d-\d\dT[^\]]+)\]\[(\d+\.\d+)s\]")


def run() -> list[Row | Absent]:
    """Give our whole reading to a checked table against each, all of them on one core."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "workbench" / "benchmarks"
    cache.mkdir(parents=True, exist_ok=True)
    missing = [name for name in ("java", "javac", "mvn", "taskset") if shutil.which(name) is None]
    if missing:
        return [Absent("G1 log, 100 MB", f"no {missing[0]}: apt-get install default-jdk-headless maven")]
    try:
        programs = _programs(cache)
    except subprocess.CalledProcessError as error:
        return [Absent("G1 log, 100 MB", f"Maven has no GCToolKit or GCViewer: {error.stdout[-200:]}")]
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # and what it starts
    try:
        return [row for what in LOGS for row in _rows(what, _log(cache, what), programs)]
    finally:
        os.sched_setaffinity(0, cores)


def _rows(what: str, log: Path, programs: Path) -> list[Row | Absent]:
    work = f"G1 log, 100 MB, {what}"
    classes = os.pathsep.join([str(programs), f"{programs}/*"])
    viewer = ["java", "-Djava.awt.headless=true", "-cp", classes, "com.tagtraum.perf.gcviewer.GCViewer"]
    peers: dict[str, tuple[Callable[[], object], int]] = {
        "splitlines": (lambda: log.read_bytes().splitlines(), 5),
        "GCViewer 1.36": (lambda: _run([*viewer, str(log), str(log.with_suffix(".csv"))]), 1),
        "GCToolKit 3.5": (lambda: _run(["java", "-cp", classes, "Toolkit", str(log)]), 1),
    }

    def ours() -> object:
        return hotspot_unified.read(Stream(log.name, log))

    rows: list[Row | Absent] = []
    for peer, (theirs, times) in peers.items():
        ours_s, theirs_s = medians(ours, theirs, times=times)
        rows.append(Row(work, ours_s, peer, theirs_s))
    return rows


def _programs(cache: Path) -> Path:
    """Give the folder of the peers' jars and of our programs around them."""
    folder = cache / "gc-readers"
    if not (folder / "Toolkit.class").exists():
        copy = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
        _run([*copy, "-f", str(JAVA / "pom.xml")])
        _run(["javac", "-cp", f"{folder}/*", "-d", str(folder), *map(str, JAVA.glob("*.java"))])
    return folder


def _log(cache: Path, what: str) -> Path:
    path = cache / f"g1-{re.sub('[^a-z]+', '-', what)}.log"
    if not path.exists() or path.stat().st_size != SIZE:
        short = path.with_suffix(".short")
        place = f"-Xlog:{what}:file={short}:time,uptime,level,tags:filecount=0"
        options = ["-XX:+UseG1GC", "-Xmx96m", "-Xms96m", place, "-cp", str(_programs(cache))]
        _run(["java", *options, "Allocate", str(LOGS[what]), "5000"])
        path.write_bytes(_grown(short.read_bytes(), SIZE))
    return path


def _grown(log: bytes, size: int) -> bytes:
    """Repeat a log up to a size, as if the JVM had gone on."""
    cycles = 1 + max(int(number) for number in re.findall(rb"GC\((\d+)\)", log))
    covers_s = 1 + float(_STAMP.findall(log)[-1][1])
    parts: list[bytes] = []
    while sum(map(len, parts)) < size:
        times = len(parts)

        def later(stamp: re.Match[bytes], by_s: float = times * covers_s) -> bytes:
            date = datetime.fromisoformat(stamp[1].decode()) + timedelta(seconds=by_s)
            day = f"{date:%Y-%m-%dT%H:%M:%S}.{date.microsecond // 1000:03}{date:%z}"
            return f"[{day}][{float(stamp[2]) + by_s:.3f}s]".encode()

        def renumbered(cycle: re.Match[bytes], by: int = times * cycles) -> bytes:
            return b"GC(%d)" % (int(cycle[1]) + by)

        parts.append(re.sub(rb"GC\((\d+)\)", renumbered, _STAMP.sub(later, log)))
    return b"".join(parts)[:size]


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
