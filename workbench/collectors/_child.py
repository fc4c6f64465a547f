"""Programs of others, run to their end within a bound of time."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import CollectError


def run(
    command: Sequence[str],
    *,
    where: str,
    expected: str,
    timeout_s: float,
    forbidden: str,
    out: Path | None = None,
) -> str:
    """Run a program, give what it prints (or print it to `out`), and raise CollectError unless it succeeds.

    `forbidden` says what to do where the system does not let it look into another process.
    """
    try:
        if out is None:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s
            )
        else:
            with out.open("wb") as file:
                done = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.PIPE,
                    text=True,
                    timeout=timeout_s,
                )
    except subprocess.TimeoutExpired as error:
        raise CollectError(f"not done after {error.timeout:g} s", where=where) from error
    if done.returncode == 0:
        return done.stdout or ""
    said = " ".join((done.stderr or done.stdout or "").partition("\n\tat ")[0].split())  # Java's own stack
    if "ermission" in said or "not permitted" in said:
        raise CollectError(
            "the system does not let one process look into another",
            where=where,
            expected="leave to look into processes of the same user",
            remedy=forbidden,
        )
    raise CollectError(said[:300] or f"status {done.returncode}", where=where, expected=expected)
