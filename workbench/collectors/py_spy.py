"""py-spy: profiles of a running Python process, taken from outside by a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from workbench.errors import CollectError

_FORMATS = ("raw", "speedscope")
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


def dump(pid: int) -> str:
    """Give the stacks of all threads of process `pid` at this moment, as py-spy prints them."""
    return _run(["dump", "--pid", str(pid)], 0)


def _run(arguments: list[str], duration_s: float) -> str:
    command = [_program(), *arguments]
    where = f"py-spy {arguments[0]}, process {arguments[2]}"
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=duration_s + _GRACE_S
        )
    except subprocess.TimeoutExpired as error:
        raise CollectError(f"not done after {error.timeout:g} s", where=where) from error
    if done.returncode == 0:
        return done.stdout
    said = " ".join((done.stderr or done.stdout).split())
    if "ermission" in said or "not permitted" in said:
        raise CollectError(
            "the system does not let one process look into another",
            where=where,
            expected="leave to trace processes of the same user",
            remedy="set kernel.yama.ptrace_scope to 0, give the container SYS_PTRACE, or become superuser",
        )
    raise CollectError(
        said[-300:] or f"status {done.returncode}", where=where, expected="a running Python process"
    )


def _program() -> str:
    folders = [os.path.dirname(sys.executable), sysconfig.get_path("scripts"), os.environ.get("PATH", "")]
    found = shutil.which("py-spy", path=os.pathsep.join(folders))
    if found is None:
        raise CollectError("not installed", where="py-spy", remedy="pip install py-spy")
    return found
