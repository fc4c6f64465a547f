"""jcmd: what a running JVM says of itself, and a flight recording of some seconds."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from workbench.collectors import _child, _files
from workbench.errors import CollectError
from workbench.settings import Value

_TIMEOUT_S = 60.0
_PRINT_S = 300.0
_FLAG = re.compile(r"-XX:(?:([+-])(\w+)|(\w+)=(\S*))")
_EVENTS = (  # those that the reader of recordings knows
    "jdk.ExecutionSample,jdk.NativeMethodSample,jdk.CPUTimeSample,jdk.ObjectAllocationSample,"
    "jdk.OldObjectSample,jdk.JavaMonitorEnter,jdk.JavaMonitorWait,jdk.ThreadPark,jdk.ThreadSleep,"
    "jdk.GarbageCollection,jdk.GCPhasePause,jdk.GCHeapSummary,jdk.GCCPUTime"
)


def thread_dump(pid: int, out: str | Path) -> Path:
    """Write where every thread of JVM `pid` stands, its state and locks (Thread.print); give the path.

    The JVM stops for it, for milliseconds. Raises CollectError if there is no jcmd or no such JVM.
    """
    return _say(pid, out, ["Thread.print", "-l"], "Full thread dump")


def class_histogram(pid: int, out: str | Path) -> Path:
    """Write objects and bytes by class (GC.class_histogram -all, which starts no collection); give the path.

    The JVM stops for it, up to seconds on a large heap. Raises CollectError as `thread_dump` does.
    """
    return _say(pid, out, ["GC.class_histogram", "-all"], "#instances")


def heap_info(pid: int, out: str | Path) -> Path:
    """Write how much of each heap space is in use (GC.heap_info); give the path.

    Raises CollectError as `thread_dump` does.
    """
    return _say(pid, out, ["GC.heap_info"], "used")


def flags(pid: int) -> dict[str, Value]:
    """Give the flags in force that are not at their defaults (VM.flags), such as {"MaxHeapSize": 536870912}.

    Raises CollectError as `thread_dump` does.
    """
    text = _ask(pid, ["VM.flags"], "-XX:")
    return {
        name or key: (sign == "+") if sign else int(value) if value.isdecimal() else value
        for sign, name, key, value in _FLAG.findall(text)
    }


def flight_recording(
    pid: int,
    out: str | Path,
    duration_s: float,
    *,
    settings: str = "profile",
    sleep: Callable[[float], Any] = time.sleep,
) -> Path:
    """Record JVM `pid` for some seconds, write what `jfr print --json` makes of it, and give the path.

    `settings` is "profile" or "default", or a file of the JVM's. The binary recording is removed again.
    Raises CollectError as `thread_dump` does, and where the JVM has no Flight Recorder.
    """
    name = f"workbench-{os.getpid()}-{time.monotonic_ns()}"
    with tempfile.TemporaryDirectory(prefix="workbench-jfr-") as folder:
        binary, text = Path(folder) / "recording.jfr", Path(folder) / "recording.json"
        _ask(pid, ["JFR.start", f"name={name}", f"settings={settings}"], "Started recording")
        try:
            sleep(duration_s)
            _ask(pid, ["JFR.dump", f"name={name}", f"filename={binary}"], "Dumped recording")
        finally:
            _ask(pid, ["JFR.stop", f"name={name}"], "")
        command = [_program("jfr"), "print", "--json", "--events", _EVENTS, str(binary)]
        _child.run(
            command,
            where=f"jfr print, process {pid}",
            expected="a recording",
            timeout_s=_PRINT_S,
            forbidden="run it as the user of that JVM",
            out=text,
        )
        return _files.write_parts(Path(out), _blocks(text))


def _say(pid: int, out: str | Path, command: list[str], mark: str) -> Path:
    text = _ask(pid, command, mark)
    return _files.write_parts(Path(out), [text.removeprefix(f"{pid}:\n").encode("utf-8", "backslashreplace")])


def _ask(pid: int, command: list[str], mark: str) -> str:
    """Give what a command prints; without `mark` in it the command failed, whatever its status."""
    where = f"jcmd {command[0]}, process {pid}"
    text = _child.run(
        [_program("jcmd"), str(pid), *command],
        where=where,
        expected="a running JVM of this machine with that command",
        timeout_s=_TIMEOUT_S,
        forbidden="run it as the user of that JVM, in its container",
    )
    if mark not in text:
        said = " ".join(text.removeprefix(f"{pid}:\n").split())
        raise CollectError(
            said[:300] or "it printed nothing", where=where, expected=f"an answer with {mark!r}"
        )
    return text


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1024 * 1024):
            yield block


def _program(name: str) -> str:
    folders = [os.path.join(os.environ.get("JAVA_HOME", ""), "bin"), os.environ.get("PATH", "")]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        raise CollectError("not installed", where=name, remedy="install a JDK, or set JAVA_HOME to one")
    return found
