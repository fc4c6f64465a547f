"""Programs in other languages around the real libraries, built once a session in a folder that is then gone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.needs import absent, need_program

HERE = Path(__file__).parent
Run = Callable[..., str]  # name of a program, its input; gives what it prints


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a main class of tests/conformance/java."""
    remedy = "apt-get install maven default-jdk-headless (Java 17 or later)"
    maven, compiler, machine = (need_program(name, remedy) for name in ("mvn", "javac", "java"))
    folder = tmp_path_factory.mktemp("java")
    libraries = [
        maven,
        "-q",
        "-B",
        "dependency:copy-dependencies",
        f"-DoutputDirectory={folder / 'libraries'}",
    ]
    for offline in (["-o"], []):  # what an earlier run fetched is enough, with no network too
        fetched = subprocess.run(
            [*libraries, *offline], cwd=HERE / "java", capture_output=True, text=True, timeout=300
        )
        if fetched.returncode == 0:
            break
    else:
        absent(f"the Java libraries cannot be fetched with Maven: {fetched.stdout[-500:]}")
    path = os.pathsep.join([os.fspath(folder / "classes"), os.fspath(folder / "libraries" / "*")])
    sources = sorted((HERE / "java").rglob("*.java"))
    subprocess.run(
        [compiler, "--release", "17", "-cp", path, "-d", folder / "classes", *sources],
        check=True,
        timeout=120,
    )

    def run(main_class: str, text: str) -> str:
        program = [machine, "-cp", path, main_class]
        return subprocess.run(
            program, input=text, capture_output=True, text=True, check=True, timeout=120
        ).stdout

    return run


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a program of tests/conformance/go."""
    compiler = need_program("go", "Install Go 1.23 or later")
    folder = tmp_path_factory.mktemp("go")

    def run(name: str, text: str) -> str:
        program, source = folder / name, HERE / "go" / name
        if not program.exists():
            fetched = subprocess.run(
                [compiler, "mod", "download"], cwd=source, capture_output=True, text=True, timeout=120
            )
            if fetched.returncode:
                absent(f"the Go modules of {name} cannot be downloaded: {fetched.stderr[-500:]}")
            subprocess.run([compiler, "build", "-o", program], cwd=source, check=True, timeout=300)
        done = subprocess.run([program], input=text, capture_output=True, text=True, check=True, timeout=120)
        return done.stdout

    return run
