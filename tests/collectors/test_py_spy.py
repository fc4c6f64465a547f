import subprocess
import sys

import pytest

import workbench
from tests.needs import need_program
from workbench.collectors import py_spy
from workbench.errors import CollectError

BUSY = """
import sys
def busy():
    while True:
        sum(range(1000))
print("up", flush=True)
busy()
"""


@pytest.fixture
def busy():
    child = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE)
    child.stdout.readline()
    child.stdout.close()
    yield child.pid
    child.kill()
    child.wait()


def or_skip(call, *args, **kwargs):
    try:
        return call(*args, **kwargs)
    except CollectError as error:
        if "does not let" in str(error):
            need_program("a system that lets py-spy look", "set kernel.yama.ptrace_scope to 0")
        raise


def test_a_profile_shows_the_function_that_runs(busy, tmp_path):
    path = or_skip(py_spy.record, busy, tmp_path / "profile.txt", 1)
    lines = path.read_text().splitlines()
    assert sum(int(line.rpartition(" ")[2]) for line in lines if "busy (" in line) > 20
    assert [p.name for p in tmp_path.iterdir()] == ["profile.txt"]


def test_a_dump_shows_where_every_thread_stands(busy, tmp_path):
    capture = workbench.read(or_skip(py_spy.dump, busy, tmp_path / "dump.json"))
    assert "busy" in set(capture.frames["function"])
    assert len(capture.stacks) == 1
    assert not any("/" in file for file in capture.frames["file"] if file != "<string>")
    assert [p.name for p in tmp_path.iterdir()] == ["dump.json"]


def test_a_process_that_is_not_there_is_named_and_leaves_no_file(tmp_path):
    with pytest.raises(CollectError, match="py-spy record, process 999999999"):
        py_spy.record(999_999_999, tmp_path / "x.txt", 1)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(CollectError, match=r"format 'svg'.*speedscope"):
        py_spy.record(1, tmp_path / "x.svg", 1, format="svg")


def test_a_system_that_forbids_it_is_explained(tmp_path, monkeypatch):
    def forbidden(*_, **__):
        return subprocess.CompletedProcess([], 1, "", "Error: Permission Denied: Try running again with sudo")

    monkeypatch.setattr(subprocess, "run", forbidden)
    with pytest.raises(CollectError, match="ptrace_scope"):
        py_spy.dump(1, tmp_path / "x.json")
