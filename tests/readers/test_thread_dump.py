"""Thread dumps of real JVMs: what each thread of the sample program does is known from its source."""

from __future__ import annotations

import time

import pytest

from tests.needs import ROOT
from workbench.errors import Unrecognized
from workbench.readers import Parts, Stream, thread_dump

SAMPLES = ROOT / "data" / "samples" / "thread_dump"
FILES = pytest.mark.parametrize("name", ["openjdk17.txt", "temurin25.txt"])


def read(text: str) -> Parts:
    return thread_dump.read(Stream("x", text.encode()))


def sample(name: str) -> tuple[dict[str, dict[str, str]], dict[str, list[str]], Parts]:
    """Labels and functions by thread, and all that was read."""
    parts = thread_dump.read(Stream(name, SAMPLES / name))
    frames, stacks = parts.frames["frames"], parts.frames["stacks"]
    labels = {thread: dict(pairs) for thread, pairs in zip(stacks["thread"], stacks["labels"], strict=True)}
    functions = [[frames["function"][code] for code in codes] for codes in stacks["frames"]]
    return labels, dict(zip(stacks["thread"], functions, strict=True)), parts


@FILES
def test_every_thread_is_a_row(name):
    text = (SAMPLES / name).read_text()
    headers = [line for line in text.splitlines() if line.startswith('"') and " os_prio=" in line]
    stacks = sample(name)[2].frames["stacks"]
    assert [f'"{thread}"' for thread in stacks["thread"]] == [h[: h.rindex('"') + 1] for h in headers]
    in_blocks = text.partition("JNI global refs")[0].count("\tat ")
    assert stacks["frames"].list.len().sum() == in_blocks


@FILES
def test_a_thread_has_the_state_that_its_program_puts_it_in(name):
    labels, functions, _ = sample(name)
    states = {thread: (pairs["state"], pairs.get("detail")) for thread, pairs in labels.items()}
    assert states["orders-1"] == ("RUNNABLE", None)
    assert states["closer"] == ("TIMED_WAITING", "sleeping")
    assert states["waiter"] == ("WAITING", "on object monitor")
    assert states["refill-1"] == ("BLOCKED", "on object monitor")
    assert states['pay "1"'] == ("WAITING", "parking")
    assert states["VM Thread"] == ("runnable", None)
    assert functions["orders-1"][0] == "Shop.order"
    assert functions["VM Thread"] == []


@FILES
def test_who_waits_for_a_lock_is_joined_to_who_holds_it(name):
    labels, _, _ = sample(name)
    assert labels["refill-1"]["waits for"] == labels["orders-1"]["holds"]
    assert labels["refill-1"]["of class"] == "java.lang.Object"
    assert labels['pay "1"']["waits for"] == labels["closer"]["holds"]  # a lock that is no monitor
    assert "holds" not in labels["waiter"]  # wait() has let go of it


def test_a_deadlock_is_a_remark_and_its_threads_stand_once():
    labels, _, parts = sample("temurin25.txt")
    assert parts.notes == ["Found one Java-level deadlock"]
    assert labels["left"]["waits for"] == labels["right"]["holds"]
    assert labels["right"]["waits for"] == labels["left"]["holds"]
    assert len(parts.frames["stacks"]) == len(labels)


def test_frames_have_file_and_line_where_the_dump_does():
    frames = sample("openjdk17.txt")[2].frames["frames"].set_index("function")
    assert tuple(frames.loc["Shop.order", ["file", "line"]]) == ("Shop.java", 10)
    assert frames.loc["java.lang.Object.wait", "file"].isna().any()  # Native Method
    assert frames.loc["java.util.concurrent.locks.LockSupport.park", "file"] == "LockSupport.java"


def test_several_dumps_in_one_log_are_told_apart_by_their_times():
    one = (SAMPLES / "openjdk17.txt").read_text()
    stacks = read(one + one.replace("2026-11-20 13:01:41", "2026-11-20 13:01:51")).frames["stacks"]
    taken = [dict(pairs)["taken"] for pairs in stacks["labels"]]
    assert set(taken) == {"2026-11-20 13:01:41", "2026-11-20 13:01:51"}
    assert taken.count("2026-11-20 13:01:51") == len(taken) / 2


def test_a_dump_of_java_6_to_8_is_read():
    parts = read(
        "2013-05-21 10:15:01\nFull thread dump Java HotSpot(TM) 64-Bit Server VM (20.8-b03 mixed mode):\n\n"
        '"http-1" daemon prio=10 tid=0x00007f0c nid=0x1b03 in Object.wait() [0x00007f0c]\n'
        "   java.lang.Thread.State: WAITING (on object monitor)\n"
        "\tat java.lang.Object.wait(Native Method)\n"
        "\t- waiting on <no object reference available>\n"
        "\tat a.B.c(B.java:7)\n"
        "\t- locked <0x00000000e0127820> (a a.B)\n\n"
        '"GC task thread#0" prio=10 tid=0x00007f0c nid=0x1b04 runnable \n\n'
        "JNI global references: 9\n"
    )
    stacks = parts.frames["stacks"]
    assert list(stacks["thread"]) == ["http-1", "GC task thread#0"]
    said = dict(stacks["labels"][0])
    assert (said["waits for"], said["of class"]) == ("0x00000000e0127820", "a.B")
    assert "holds" not in said
    assert dict(stacks["labels"][1])["state"] == "runnable"


@pytest.mark.parametrize(
    "text", ["log\nFull thread dump X:\n", "x", "12:\n13:\n14:\n15:\nFull thread dump X"]
)
def test_a_log_that_mentions_a_dump_is_none(text):
    assert not thread_dump.sniff(text.encode())
    with pytest.raises(Unrecognized, match="not a thread dump"):
        read(text)


@pytest.mark.parametrize(
    "line",
    ['" nid=' * 40_000, '"' + '" ' * 100_000, "\t- " + "<0x1> (a " * 50_000, "\tat (" + "(/:" * 70_000],
)
def test_a_long_line_takes_no_more_than_linear_time(line):
    began = time.perf_counter()
    read(f'Full thread dump X:\n"t" nid=1 runnable\n{line}\n')
    assert time.perf_counter() - began < 2
