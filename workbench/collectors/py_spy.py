"""py-spy: profiles of a running Python process, taken from outside by a process of its own."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

import orjson

from workbench.collectors import _child, _files
from workbench.errors import CollectError

_FORMATS = ("raw", "speedscope", "chrometrace")
_GRACE_S = 30.0


def record(
    pid: int,
    out: str | Path,
    duration_s: float,
    rate: int = 100,
    format: str = "raw",
) -> Path:
    """Sample process `pid` and its children `rate` times a second, write the profile to `out`, give its path.

    Idle threads are left out. Raises CollectError if py-spy is not there, may not look, or finds no process.
    """
    if format not in _FORMATS:
        raise CollectError(f"format {format!r}", where="py-spy", expected=f"one of {_FORMATS}")
    target = Path(out)
    beside = target.with_name(f".{target.name}")
    options = ["--duration", str(max(1, round(duration_s))), "--rate", str(rate), "--format", format]
    try:
        _run(["record", "--pid", str(pid), *options, "--subprocesses", "--output", str(beside)], duration_s)
        if not beside.exists():
            raise CollectError("it wrote nothing", where=f"py-spy, process {pid}", expected="a profile")
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return target


def dump(pid: int, out: str | Path) -> Path:
    """Write where every thread of process `pid` stands at this moment, as py-spy's JSON, and give the path.

    Command lines, in which passwords may stand, and folders are left out. Raises CollectError as `record`
    does.
    """
    threads = orjson.loads(_run(["dump", "--pid", str(pid), "--json"], 0))
    for thread in threads:
        thread["process_info"] = None
        for frame in thread["frames"]:
            frame["filename"] = frame["short_filename"] or frame["filename"]
    return _files.write_parts(Path(out), [orjson.dumps(threads, option=orjson.OPT_INDENT_2), b"\n"])


def _run(arguments: list[str], duration_s: float) -> str:
    return _child.run(
        [_program(), *arguments],
        where=f"py-spy {arguments[0]}, process {arguments[2]}",
        expected="a running Python process",
        timeout_s=duration_s + _GRACE_S,
        forbidden="set kernel.yama.ptrace_scope to 0, give the container SYS_PTRACE, or become superuser",
    )


def _program() -> str:
    folders = [os.path.dirname(sys.executable), sysconfig.get_path("scripts"), os.environ.get("PATH", "")]
    found = shutil.which("py-spy", path=os.pathsep.join(folders))
    if found is None:
        raise CollectError("not installed", where="py-spy", remedy="pip install py-spy")
    return found
