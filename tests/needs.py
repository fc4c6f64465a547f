"""What a test needs from the machine: skipped where it is absent, failed where WORKBENCH_REQUIRE=1 is set.

prometheus = need_program("prometheus", "apt-get install prometheus")
log = corpus("gc", "g1.log")
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT.parent / "shared" / "corpus"


def need_program(name: str, remedy: str) -> str:
    """The path of a program on the PATH; `remedy` says how to get it."""
    path = shutil.which(name)
    if path is None:
        absent(f"{name} is not on the PATH. {remedy}")
    return path


def corpus(*parts: str) -> Path:
    """A file or folder of the shared corpus, which lies beside the project and is no part of it."""
    path = CORPUS.joinpath(*parts)
    if not path.exists():
        absent(f"{Path('..', 'shared', 'corpus', *parts)} is not there")
    return path


def absent(what: str) -> NoReturn:
    """Skip this test because `what` is missing, or fail it where nothing may be missing."""
    if os.environ.get("WORKBENCH_REQUIRE") == "1":
        pytest.fail(f"{what} (WORKBENCH_REQUIRE=1 makes this a failure)", pytrace=False)
    pytest.skip(what)
