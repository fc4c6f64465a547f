"""jcmd on a real JVM that stands still, and on none."""

from __future__ import annotations

import subprocess

import pytest

import workbench
from tests.needs import need_program
from workbench.collectors import jcmd
from workbench.errors import CollectError

WAITS = """
public class Waits {
    public static void main(String[] args) throws Exception {
        System.out.println("up");
        synchronized (Waits.class) { Waits.class.wait(); }
    }
}
"""
REMEDY = "apt-get install openjdk-17-jdk-headless"


@pytest.fixture(scope="module")
def jvm(tmp_path_factory):
    need_program("jcmd", REMEDY)
    source = tmp_path_factory.mktemp("java") / "Waits.java"
    source.write_text(WAITS)
    java = [need_program("java", REMEDY), "-XX:+UseSerialGC", "-Xmx32m", "-XX:TieredStopAtLevel=1"]
    child = subprocess.Popen([*java, source], stdout=subprocess.PIPE)
    child.stdout.readline()
    child.stdout.close()
    yield child.pid
    child.kill()
    child.wait()


def test_a_thread_dump_shows_where_the_program_waits(jvm, tmp_path):
    capture = workbench.read(jcmd.thread_dump(jvm, tmp_path / "dump.txt"))
    functions = dict(zip(capture.frames["frame"], capture.frames["function"], strict=True))
    [main] = [
        (dict(labels)["state"], [functions[code] for code in frames])
        for thread, frames, labels in capture.stacks[["thread", "frames", "labels"]].to_numpy()
        if thread == "main"
    ]
    assert main[0] == "WAITING"
    assert "Waits.main" in main[1]
    assert [path.name for path in tmp_path.iterdir()] == ["dump.txt"]
    assert str(jvm) not in (tmp_path / "dump.txt").read_text().splitlines()[0]


def test_classes_and_spaces_of_the_heap_are_read(jvm, tmp_path):
    classes = workbench.read(jcmd.class_histogram(jvm, tmp_path / "classes.txt"))
    assert any(dict(labels)["class"] == "java.lang.Thread" for labels in classes.series["labels"])
    spaces = workbench.read(jcmd.heap_info(jvm, tmp_path / "heap.txt"))
    young = {dict(labels)["space"] for labels in spaces.series["labels"]}
    assert young & {"def new generation", "DefNew"}  # before JDK 25, and since


def test_flags_are_those_the_jvm_was_started_with(jvm):
    flags = jcmd.flags(jvm)
    assert (flags["UseSerialGC"], flags["MaxHeapSize"]) == (True, 32 * 1024**2)


def test_a_flight_recording_is_read_and_leaves_nothing_in_the_jvm(jvm, tmp_path):
    done = []

    def collect(seconds):
        done.append(seconds)
        subprocess.run(["jcmd", str(jvm), "GC.run"], check=True, capture_output=True)

    path = jcmd.flight_recording(jvm, tmp_path / "jfr.json.gz", 5, sleep=collect)
    capture = workbench.read(path)
    assert done == [5]
    assert "Diagnostic Command" in set(capture.pauses["cause"])
    left = subprocess.run(["jcmd", str(jvm), "JFR.check"], check=True, capture_output=True, text=True)
    assert "No available recordings" in left.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["jfr.json.gz"]


def test_a_process_that_is_not_there_is_named_and_leaves_nothing(tmp_path):
    need_program("jcmd", REMEDY)
    with pytest.raises(
        CollectError, match=r"jcmd Thread\.print, process 999999999: .*No such process; expected"
    ):
        jcmd.thread_dump(999_999_999, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_fails_and_says_that_all_is_well_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda *_, **__: "jcmd")
    answer = subprocess.CompletedProcess([], 0, "7:\nCould not start recording: no.\n", "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    with pytest.raises(CollectError, match=r"JFR\.start, process 7: Could not start recording: no\."):
        jcmd.flight_recording(7, tmp_path / "x", 1, sleep=lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_without_a_jdk_one_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(CollectError, match=r"jcmd: not installed\. Install a JDK"):
        jcmd.flags(1)
