from __future__ import annotations

import json
import re
import time

import pandas as pd
import pytest

from tests.needs import ROOT
from tests.readers import corpus
from workbench.errors import Unrecognized
from workbench.readers import Parts, Stream
from workbench.readers import v8_gc as reader

MIB = 1024**2
SAMPLES = ROOT / "data" / "samples" / "v8_gc"
PEER = "aliyun-node+v8-gc-log-parser/test/data/"


def read(text: str) -> Parts:
    return reader.read(Stream("log", text.encode()))


def read_corpus(path: str) -> Parts:
    return reader.read(Stream(path, corpus.corpus("gc", path)))


# Against perf_hooks of the same run


@pytest.mark.parametrize(("node", "later"), [("18", 0), ("20", 0), ("24", 0), ("14", 1), ("10", 2)])
def test_collections_are_as_many_as_perf_hooks_saw_and_as_long(node, later):
    path = f"generated/v8-node{node}-trace-gc.log"
    truth = json.loads(corpus.corpus("gc", path.replace(".log", ".perfhooks.json")).read_text())["byKind"]
    kinds = read_corpus(path).frames["collections"].groupby("kind")["pause_s"].agg(["count", "sum"])
    # A log goes on after its program has asked perf_hooks; node 10 and 14 give major collections other names.
    minor, minor_ms = truth["scavenge"]
    assert kinds.loc["young", "count"] == minor + later
    assert kinds.loc["young", "sum"] * 1e3 == pytest.approx(minor_ms, rel=0.03)
    if later:
        assert kinds.loc["full", "count"] == truth["minor_mark_compact"][0]
    else:
        major, major_ms = truth["mark_sweep_compact"]
        assert kinds.loc["full", "count"] == major
        assert kinds.loc["full", "sum"] * 1e3 == pytest.approx(major_ms, rel=0.03)


def test_pauses_begin_where_perf_hooks_has_them_but_for_the_isolates_later_clock():
    path = "generated/v8-node20-trace-gc.log"
    events = json.loads(corpus.corpus("gc", path.replace(".log", ".perfhooks.json")).read_text())["events"]
    truth = sorted(start / 1e3 for start, _, kind, *_ in events if kind == "scavenge")
    pauses = read_corpus(path).frames["pauses"]
    later = pd.Series(truth) - pauses.loc[pauses["kind"] == "Scavenge", "uptime_s"].reset_index(drop=True)
    assert later.max() - later.min() < 0.003  # whole milliseconds, and the hooks' own work


@pytest.mark.parametrize("name", ["trace", "nvp"])
def test_our_own_samples_agree_with_the_counts_printed_at_their_end(name):
    text = (SAMPLES / f"{name}.log").read_text()
    truth = json.loads(text.splitlines()[-1])
    kinds = read(text).frames["collections"].groupby("kind")["pause_s"].agg(["count", "sum"])
    for kind, known in (("young", "minor"), ("full", "major")):
        count, total_ms = truth[known]
        assert kinds.loc[kind, "count"] == count
        assert kinds.loc[kind, "sum"] * 1e3 == pytest.approx(total_ms, rel=0.05)


# Against a peer


def test_events_are_as_many_as_a_peer_has_but_for_its_entries_of_heap_statistics():
    checked = 0
    for path in corpus.of_family("gc", "v8"):
        if not path.startswith(PEER) or path not in corpus.expected("gc"):
            continue
        peer = json.loads(corpus.corpus("gc", path.removesuffix(".in") + ".out").read_text())
        pauses = read_corpus(path).frames["pauses"]
        events = [entry for entry in peer if entry["type"] != "verbose"]
        assert len(pauses) == len(events), path
        for (_, pause), entry in zip(pauses.iterrows(), events, strict=True):
            assert pause["duration_s"] * 1e3 == pytest.approx(entry["data"]["pause"])
            began_ms = entry["time_since_init"] - entry["data"]["pause"]
            assert pause["uptime_s"] * 1e3 == pytest.approx(max(0.0, began_ms), abs=1e-6)
        checked += len(events)
    assert checked > 40


def test_what_is_too_broken_for_the_peer_gives_no_pause_here_either():
    for name in ("ill_formed_trace.in", "ill_formed_verbose.in", "verbose_misc.in"):
        assert read_corpus(PEER + name).frames["pauses"].empty
    for name in ("ill_formed_nvp.in", "oom.in"):
        assert not reader.sniff(corpus.corpus("gc", PEER, name).read_bytes())
        with pytest.raises(Unrecognized):
            read_corpus(PEER + name)


# Line by line


LINES = {
    "0.12": "[88872]   111427 ms: Scavenge 58.8 (95.9) -> 51.0 (96.9) MB, 38.7 ms [last resort gc].",
    "6": "[2:0x45]   111427 ms: Scavenge 58.8 (95.9) -> 51.0 (96.9) MB, 38.7 / 0.0 ms [last resort gc].",
    "10": "[2:0x45]   111427 ms: Scavenge 58.8 (95.9) -> 51.0 (96.9) MB, 38.7 / 0.0 ms  "
    "(average mu = 0.981, current mu = 0.986) last resort gc ",
    "20": "[2:0x45]   111427 ms: Scavenge 58.8 (95.9) -> 51.0 (96.9) MB, 38.70 / 0.00 ms  "
    "(average mu = 0.981, current mu = 0.986) last resort gc; ",
    "24": "[2:0x45:3]   111427 ms: Scavenge 58.8 (95.9) -> 51.0 (96.9) MB, pooled: 0 MB, 38.70 / 0.00 ms  "
    "(average mu = 0.981, current mu = 0.986) last resort gc; ",
}


@pytest.mark.parametrize("prefix", ["", "app-1  | ", "2026-11-20T08:05:28.123456789Z stdout F "])
@pytest.mark.parametrize("version", LINES)
def test_a_line_of_any_version_is_read(version, prefix):
    frames = read(prefix + LINES[version]).frames
    (pause,) = frames["pauses"].to_dict("records")
    assert pause["uptime_s"] == pytest.approx(111.427 - 0.0387)
    assert pause["duration_s"] == pytest.approx(0.0387)
    assert (pause["kind"], pause["cause"], pause["collector"]) == ("Scavenge", "last resort gc", "V8")
    heap = [pause[f"heap_{which}_bytes"] for which in ("before", "after", "capacity")]
    assert heap == [round(58.8 * MIB), 51 * MIB, round(96.9 * MIB)]
    assert list(frames["collections"]["kind"]) == ["young"]


def test_a_full_collection_runs_from_the_start_of_marking_and_pauses_at_its_end():
    parts = read(
        "[1:0x2]     7235 ms: Mark-Compact (reduce) 110.6 (137.0) -> 29.6 (129.7) MB, 15.64 / 0.00 ms  "
        "(+ 32.8 ms in 85 steps since start of marking, biggest step 13.6 ms, walltime since start of "
        "marking 52 ms) (average mu = 0.935, current mu = 0.930) "
        "finalize incremental marking via stack guard; GC in old space requested"
    )
    (cycle,) = parts.frames["collections"].to_dict("records")
    (pause,) = parts.frames["pauses"].to_dict("records")
    assert (cycle["kind"], cycle["pauses"], cycle["pause_s"]) == ("full", 1, pytest.approx(0.01564))
    assert (cycle["uptime_s"], cycle["duration_s"]) == (pytest.approx(7.183), pytest.approx(0.052))
    assert pause["uptime_s"] == pytest.approx(7.235 - 0.01564)
    assert pause["kind"] == "Mark-Compact (reduce)"
    assert pause["cause"] == "finalize incremental marking via stack guard GC in old space requested"
    assert parts.notes == ["incremental marking: 0.033 s in 85 steps beside the pauses"]


def test_name_value_pairs_give_sizes_to_the_byte_and_what_was_promoted():
    (cycle,) = (
        read(
            "[9:0x1]       30 ms: pause=0.6 mutator=3.1 gc=s reduce_memory=0 total_size_before=4071536 "
            "total_size_after=3302048 allocated=4071536 promoted=17 new_space_survived=241392\n"
        )
        .frames["collections"]
        .to_dict("records")
    )
    assert (cycle["heap_before_bytes"], cycle["heap_after_bytes"]) == (4071536, 3302048)
    assert (cycle["promoted_bytes"], cycle["kind"]) == (17, "young")
    assert pd.isna(cycle["heap_capacity_bytes"])


def test_two_writers_on_one_line_give_both_pauses_and_isolates_are_told():
    parts = read(LINES["20"] + LINES["24"] + "\n")
    assert len(parts.frames["pauses"]) == 2
    assert parts.notes == ["2 isolates, each with a clock and pauses of its own"]


def test_other_lines_are_counted_by_what_they_are():
    log = f"{LINES['20']}\n[2:0x45] Memory allocator,       used:   5096 KB\nhello\n{LINES['20'][:60]}\n"
    assert read(log).skipped == {"lines of heap details": 1, "lines of the program": 1, "cut lines": 1}


def test_what_docker_escapes_is_read():
    line = '{"log":"' + LINES["20"].replace(">", "\\u003e") + '\\n","stream":"stdout"}'
    assert len(read(line).frames["pauses"]) == 1


def test_what_is_no_such_log_is_refused():
    with pytest.raises(Unrecognized):
        read("hello\n[1] 12 ms: world\n")


@pytest.mark.parametrize(
    "unit", ["[1", "[1:0x2]", "[1] ", " ", "1 ms: ", "(", "(a", "a=1 ", "-> ", "(+ 1 ms in ", "\0"]
)
@pytest.mark.parametrize("before", ["", LINES["20"], "[1:0x2]    12 ms: pause=0.6 "])
def test_reading_takes_time_in_proportion_to_the_length_of_a_line(before, unit):
    def seconds(size: int) -> float:
        line = (before + unit * (size // len(unit))).encode()
        began = time.process_time()
        reader.sniff(line)
        reader.read(Stream("", LINES["20"].encode() + b"\n" + line))
        return time.process_time() - began

    assert seconds(400_000) < 16 * max(seconds(50_000), 0.02)


def test_every_pause_of_the_corpus_is_a_line_that_a_plain_search_finds():
    for path in corpus.of_family("gc", "v8"):
        if path.startswith("generated/"):
            text = corpus.corpus("gc", path).read_text()
            lines = re.findall(r"^\[\d+:0x\w+\] +\d+ ms: (?:Scavenge|Mark-|pause=)", text, re.MULTILINE)
            assert len(read_corpus(path).frames["pauses"]) == len(lines) > 100
