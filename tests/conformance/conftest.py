"""Programs around the real libraries of other languages, built once a session."""

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
    maven, machine, _ = (need_program(name, remedy) for name in ("mvn", "java", "javac"))
    folder = tmp_path_factory.mktemp("java")
    build = [maven, "-q", "-B", "compile", f"-Dtarget={folder}"]
    for offline in (["-o"], []):  # what an earlier run fetched is enough, with no network too
        built = subprocess.run(
            [*build, *offline], cwd=HERE / "java", capture_output=True, text=True, timeout=300
        )
        assert "COMPILATION ERROR" not in built.stdout, built.stdout
        if built.returncode == 0:
            break
    else:
        absent(f"the Java programs cannot be built with Maven: {built.stdout[-500:]}")
    path = os.pathsep.join([os.fspath(folder / "classes"), os.fspath(folder / "libraries" / "*")])

    def run(main_class: str, text: str) -> str:
        program = [machine, "-cp", path, main_class]
        return subprocess.run(
            program, input=text, capture_output=True, text=True, check=True, timeout=120
        ).stdout

    return run


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a program of tests/conformance/go; one that is a test has virtual time from testing/synctest."""
    compiler = need_program("go", "Install Go 1.25 or later")
    folder = tmp_path_factory.mktemp("go")

    def run(name: str, text: str) -> str:
        program, source = folder / name, HERE / "go" / name
        if not program.exists():
            fetched = subprocess.run(
                [compiler, "mod", "download"], cwd=source, capture_output=True, text=True, timeout=120
            )
            if fetched.returncode:
                absent(f"the Go modules of {name} cannot be downloaded: {fetched.stderr[-500:]}")
            verb = ["test", "-c"] if any(source.glob("*_test.go")) else ["build"]
            subprocess.run([compiler, *verb, "-o", program], cwd=source, check=True, timeout=300)
        done = subprocess.run([program], input=text, capture_output=True, text=True, check=True, timeout=120)
        return done.stdout

    return run
