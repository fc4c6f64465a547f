"""HotSpot takes the exported options and says that they are in force, and reads argument files as we do."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.needs import need_program
from tests.targets.shop import at, knobs_of, sample
from workbench.errors import TargetError
from workbench.targets import jvm_args, jvm_env

KNOBS = knobs_of("jvm_args")
GONE = {"CMSInitiatingOccupancyFraction"}  # with CMS, in JDK 14
# What a machine of a few GiB can start with, in every collector at once.
SET = {
    "Xmx": 256, "Xms": 64, "Xmn": 24, "Xss": 2, "SoftMaxHeapSize": 200, "MaxMetaspaceSize": 96,
    "MetaspaceSize": 40, "MaxDirectMemorySize": 33, "ReservedCodeCacheSize": 64, "MaxRAMPercentage": 40,
    "InitialRAMPercentage": 2.5, "MaxGCPauseMillis": 123, "G1HeapRegionSize": "2m",
    "InitiatingHeapOccupancyPercent": 37, "G1ReservePercent": 12, "G1MixedGCCountTarget": 5,
    "G1PeriodicGCInterval": 6000, "NewRatio": 3, "SurvivorRatio": 6, "MaxTenuringThreshold": 7,
    "GCTimeRatio": 19, "ParallelGCThreads": 2, "ConcGCThreads": 1, "ActiveProcessorCount": 2,
    "ZAllocationSpikeTolerance": 3.5, "ShenandoahGCHeuristics": "compact", "UseAdaptiveSizePolicy": "false",
    "UseStringDeduplication": "true", "AlwaysPreTouch": "false", "UseNUMA": "false",
    "UseCompressedOops": "false",
}  # fmt: skip
FLAGS = {"Xmx": "MaxHeapSize", "Xms": "InitialHeapSize", "Xmn": "MaxNewSize", "Xss": "ThreadStackSize"}
# What a collector sets by itself, whatever is asked for.
OWN: dict[str, set[str]] = {
    "Serial": {"G1HeapRegionSize", "UseStringDeduplication"},
    "Parallel": {"G1HeapRegionSize", "UseStringDeduplication", "SurvivorRatio"},
    "G1": set(),
    "Z": {"G1HeapRegionSize", "UseStringDeduplication", "UseCompressedOops", "Xmn"},
    "Shenandoah": {"G1HeapRegionSize", "Xmn"},
}


@pytest.fixture(scope="module")
def java() -> str:
    return need_program("java", "apt-get install openjdk-17-jdk-headless")


def beside(java: str) -> list[str]:
    """The JVMs of this machine: the one on the PATH and those installed beside it."""
    found = [Path(java), *sorted(Path(java).resolve().parents[2].glob("*/bin/java"))]
    return list({path.resolve(): os.fspath(path) for path in found}.values())


def flags(program: list[str], **more: str) -> dict[str, str]:
    """The final values of the flags as the JVM prints them, or what it says when it refuses."""
    done = subprocess.run(
        [*program, "-XX:+PrintFlagsFinal", "-version"],
        capture_output=True, text=True, timeout=60, env={**os.environ, **more},
    )  # fmt: skip
    if done.returncode:
        return {"refused": done.stdout + done.stderr}
    return dict(re.findall(r"^ *\S+ (\w+) += (\S*)", done.stdout, re.MULTILINE))


def in_bytes(name: str, value: float | str) -> float | str:
    """A setting as PrintFlagsFinal says it."""
    unit = next(k.unit for k in KNOBS if k.name == name)
    if name == "G1HeapRegionSize":
        return 2 * 2**20
    if unit == "MiB":
        return value * 2**10 if name == "Xss" else value * 2**20
    return value


def agree(found: dict[str, str], wanted: dict[str, float | str]) -> None:
    assert "refused" not in found, found["refused"]
    known = {name: found[FLAGS.get(name, name)] for name in wanted}
    number = {k: float(v) if re.fullmatch(r"[\d.]+", v) else v for k, v in known.items()}
    assert number == {name: in_bytes(name, value) for name, value in wanted.items()}


def test_every_knob_is_among_those_that_are_tried():
    assert {knob.name for knob in KNOBS} == {"UseGC", *SET, *GONE}


@pytest.mark.parametrize("collector", OWN)
def test_the_options_of_an_argument_file_are_in_force(java, tmp_path, collector):
    wanted = {name: value for name, value in SET.items() if name not in OWN[collector]}
    settings = {f"orders/{name}": value for name, value in {**wanted, "UseGC": collector}.items()}
    path = tmp_path / "java.args"
    path.write_text(jvm_args.edit("", settings, KNOBS, why=dict.fromkeys(settings, "é → it's #1")))
    for machine in beside(java):
        found = flags([machine, f"@{path}"])
        agree(found, wanted)
        assert found[f"Use{collector}GC"] == "true"


def test_the_options_of_the_variable_are_in_force(java):
    settings = {f"orders/{name}": value for name, value in {**SET, "UseGC": "G1"}.items()}
    text = jvm_env.edit("", settings, KNOBS, why=dict.fromkeys(settings, "because"))
    shell = f"{text}\nexport JAVA_TOOL_OPTIONS\nexec {java} -XX:+PrintFlagsFinal -version"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, timeout=60)
    agree(dict(re.findall(r"^ *\S+ (\w+) += (\S*)", done.stdout, re.MULTILINE)), SET)


def test_the_files_in_use_are_taken_after_an_edit(java, tmp_path):
    settings = {"orders/Xmx": 300, "orders/UseGC": "Serial", "orders/NewRatio": 3, "orders/Xms": 100}
    program = tmp_path / "java.args"
    text = sample("jvm_args").split("com.shop.Orders")[0].replace("/var/log/orders", str(tmp_path))
    program.write_text(jvm_args.edit(text, settings, KNOBS, why=dict.fromkeys(settings, "it's")))
    found = flags([java, f"@{program}"])
    agree(found, {"Xmx": 300, "NewRatio": 3, "Xms": 100, "MaxGCPauseMillis": 200})
    assert found["UseSerialGC"] == "true"
    assert found["UseParallelGC"] == "false"


@pytest.mark.parametrize(
    "text",
    [
        "-XX:MaxTenuringThreshold=99",
        "-XX:G1HeapRegionSize=3t -XX:+UseG1GC",
        "-Xmx1",
        "-XX:+UseConcMarkSweepGC",
        "-XX:MaxGCPauseMilis=200",
    ],
)
def test_the_jvm_refuses_what_is_wrong(java, tmp_path, text):
    path = tmp_path / "java.args"
    path.write_text(text)
    assert "refused" in flags([java, f"@{path}"])


PROGRAM = """
import java.lang.management.*;
public class Said { public static void main(String[] words) {
  for (String word : ManagementFactory.getRuntimeMXBean().getInputArguments()) System.out.println("o" + word);
  for (String word : words) System.out.println("p" + word);
} }
"""
FILES = {
    "comments": "-Da=1 # -Db=2\n#-Dc=3\n -Dd=4 #e\n#",
    "quotes": '-Da="x y" \'-Db=z w\' -Dc=a\'b c\'d"e f" -Dd=\'"\' -De="#"\n',
    "escapes": '-Da="x\\ty" -Db=\'c:\\\\d\' -Dc=\\t -Dd="\\q\\\'"\n',
    "ends of lines": "-Da=1\r\n-Db=2\r-Dc=3\n\n\t -Dd=4",
    "a quote over lines": '-Da="one \\\n   two"\n-Db=1\n',
}


def test_the_launcher_reads_argument_files_as_we_do(java, tmp_path):
    compiler = need_program("javac", "apt-get install openjdk-17-jdk-headless")
    (tmp_path / "Said.java").write_text(PROGRAM)
    subprocess.run([compiler, "Said.java"], cwd=tmp_path, check=True, timeout=60)
    for text in [*FILES.values(), *damaged("".join(FILES.values()))]:
        try:
            ours, program = jvm_args._options(text, "it")
        except TargetError:
            continue
        if program is None and all(word.text.startswith("-D") for word in ours):
            assert [word.text for word in ours] == launched(java, tmp_path, text), text


def damaged(text: str) -> list[str]:
    """The text with one place cut out or something put in, here and there."""
    return [
        text[:place] + put + text[place + cut :]
        for place in range(0, len(text), 37)
        for put, cut in (("\\", 0), ("\n", 1), ("'", 0))
    ]


def launched(java: str, folder: Path, text: str) -> list[str]:
    path = folder / "it.args"
    path.write_bytes(text.encode())
    done = subprocess.run(
        [java, f"@{path}", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", str(folder), "Said"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    lines = [line[1:] for line in done.stdout.split("\n") if line.startswith("o")]
    return [line for line in lines if not line.startswith(("-Xshare", "-XX:Tiered"))]


@pytest.mark.parametrize(
    "text", ["-Da='x\n-Xmx1g\n", "-Xmx1g#\n", '-Xmx1g "', "-Xmx1g -jar a.jar -Xms1g", "-Xmx1g app.Main x"]
)
def test_what_cannot_be_edited_alone_is_refused(text):
    with pytest.raises(TargetError) as error:
        jvm_args.edit(text, {"orders/NewRatio": 3}, KNOBS, why={})
    assert error.value.where.startswith("{service}/java.args")


def test_options_come_before_the_program_and_its_comment():
    text = "-Xmx1g\n\n# what runs\n-jar app.jar -Xmx5g\n"
    after = jvm_args.edit(
        text, {"orders/NewRatio": 3, "orders/Xmx": 512}, KNOBS, why={"orders/NewRatio": "so"}
    )
    assert after == (
        "-Xmx512m\n\n# workbench orders/NewRatio: so\n-XX:NewRatio=3\n# what runs\n-jar app.jar -Xmx5g\n"
    )


def test_a_long_name_of_a_short_option_is_the_same_setting():
    text = "-XX:MaxHeapSize=1073741824 -XX:InitialHeapSize=512k\n"
    assert jvm_args.current(text, KNOBS) == {"orders/Xmx": 1024, "orders/Xms": 0.5}
    assert jvm_args.edit(text, {"orders/Xmx": 64}, KNOBS, why={}) == "-Xmx64m -XX:InitialHeapSize=512k\n"


def test_a_variable_without_quotes_gets_them():
    after = jvm_env.edit("JAVA_TOOL_OPTIONS=-Xmx1g # it\n", {"orders/Xms": 64}, KNOBS, why={})
    assert after == 'JAVA_TOOL_OPTIONS="-Xmx1g -Xms64m" # it\n'


def test_every_word_of_a_choice_is_written_as_an_option():
    for knob in KNOBS:
        for share in (0, 0.5, 1) if knob.choices else ():
            text = jvm_args.edit("", {knob.key: at(knob, share)}, KNOBS, why={})
            assert text.startswith("-XX:")
