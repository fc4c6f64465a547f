"""Real programs for the tests of targets: started with a file, asked, and ended."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def running(
    command: Sequence[str | Path], is_up: Callable[[], bool], *, seconds: float = 20, **how: Any
) -> Iterator[subprocess.Popen]:
    """Run a server until the block ends, once `is_up` says so; one that ends before is Refused."""
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, **how)
        try:
            deadline = time.monotonic() + seconds
            while not is_up():
                ended = child.poll() is not None
                if ended or time.monotonic() > deadline:
                    said.seek(0)
                    raise Refused(said.read().decode(errors="replace"))
                time.sleep(0.02)
            yield child
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


class Refused(AssertionError):
    """A program did not come up; its words are the message."""


@contextmanager
def folder_of(user: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with a short name, and whom to run as: many servers refuse root, so `user` for it."""
    with tempfile.TemporaryDirectory(prefix="wb") as name:
        if os.getuid() != 0:
            yield Path(name), {}
            return
        known = {one.pw_name for one in pwd.getpwall()}
        user = user if user in known else "nobody"
        shutil.chown(name, user)
        yield Path(name), {"user": user}


def said(command: Sequence[str | Path], **how: Any) -> str:
    """What a program prints, or "" if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, **how)
    return done.stdout if done.returncode == 0 else ""
