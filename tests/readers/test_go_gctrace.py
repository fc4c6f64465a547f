from __future__ import annotations

import re

import pandas as pd
import pytest

from tests.needs import ROOT
from tests.readers import corpus
from workbench.errors import Unrecognized
from workbench.readers import Parts, Stream
from workbench.readers import go_gctrace as reader

MIB = 1024**2
SAMPLE = ROOT / "data" / "samples" / "go_gctrace" / "gctrace-schedtrace.log"
LINE_1_5 = (
    "gc 12 @0.191s 1%: 0.019+1.4+0.058+1.3+0.24 ms clock, 0.076+1.4+0+0.28/1.1/0+0.96 ms cpu, "
    "4->5->1 MB, 5 MB goal, 4 P"
)
LINE_1_6 = "gc 3 @2.5s 6%: 0.1+2.0+0.3 ms clock, 0.2+0.5/1.0/0.25+0.6 ms cpu, 7->9->3 MB, 8 MB goal, 2 P"
LINE_1_19 = LINE_1_6.replace("goal, ", "goal, 0 MB stacks, 1 MB globals, ") + " (forced)"


def read(text: str) -> Parts:
    return reader.read(Stream("log", text.encode()))


def read_corpus(path: str) -> Parts:
    return reader.read(Stream(path, corpus.corpus("gc", path)))


def test_cycles_are_as_many_as_the_runtime_counted_and_pauses_a_little_shorter():
    checked = 0
    for path in corpus.of_family("gc", "go-gctrace", "go-gctrace+schedtrace"):
        known = corpus.expected("gc").get(path, {})
        if "go:runtime.MemStats.NumGC" not in known:
            continue
        frames = read_corpus(path).frames
        collections, pauses = frames["collections"], frames["pauses"]
        # A program that goes on after it asked for MemStats may finish a few cycles more.
        assert 0 <= len(collections) - int(known["go:runtime.MemStats.NumGC"].value) <= 2
        assert (collections["cause"] == "forced").sum() == int(known["go:NumForcedGC"].value)
        total_s = int(known["go:runtime.MemStats.PauseTotalNs"].value) / 1e9
        short_pauses = total_s / len(collections) < 1e-4  # then rounding to 1 µs weighs more
        assert (0.92 if short_pauses else 0.975) * total_s < pauses["duration_s"].sum() < 1.0 * total_s
        assert pauses["duration_s"].sum() == pytest.approx(collections["pause_s"].sum())
        checked += 1
    assert checked >= 6


def test_our_own_sample_agrees_with_the_counts_printed_at_its_end():
    last = SAMPLE.read_text().splitlines()[-1]
    count, forced, total_ns = map(int, re.findall(r"\d+", last))
    collections = reader.read(Stream("", SAMPLE)).frames["collections"]
    assert len(collections) == count
    assert (collections["cause"] == "forced").sum() == forced
    assert 0.9 * total_ns < collections["pause_s"].sum() * 1e9 <= total_ns


def test_a_peer_finds_as_many_cycles_and_skips_as_many_lines():
    path = "tebeka+gctrace/testdata/map.gctrace"
    known, parts = corpus.expected("gc")[path], read_corpus(path)
    cycles = int(known["gctrace:number of gc lines"].value)
    assert len(parts.frames["collections"]) == cycles
    lines = int(known["gctrace:number of lines (non-gc lines must be skipped)"].value)
    assert sum(parts.skipped.values()) == lines - cycles


def test_a_cycle_of_go_1_5_stops_the_world_at_its_first_and_last_phase():
    frames = read(LINE_1_5).frames
    assert list(frames["pauses"]["duration_s"]) == pytest.approx([19e-6, 240e-6])
    assert list(frames["pauses"]["uptime_s"]) == pytest.approx([0.191, 0.191 + 2.777e-3])
    assert list(frames["pauses"]["cycle"]) == [12, 12]


@pytest.mark.parametrize("line", [LINE_1_6, LINE_1_19, "app-1  | " + LINE_1_19])
def test_a_cycle_since_go_1_6_has_three_phases_and_its_heap(line):
    frames = read(line).frames
    (cycle,) = frames["collections"].to_dict("records")
    assert cycle["duration_s"] == pytest.approx(2.4e-3)
    assert cycle["pause_s"] == pytest.approx(0.4e-3)
    assert cycle["user_s"] == pytest.approx(2.55e-3)
    heap = [cycle[f"heap_{which}_bytes"] for which in ("before", "after", "capacity")]
    assert heap == [7 * MIB, 3 * MIB, 8 * MIB]
    assert pd.isna(cycle["start"])
    assert cycle["cause"] == "forced" if "forced" in line else pd.isna(cycle["cause"])


def test_other_lines_are_skipped_and_counted_by_what_they_are():
    log = f"""SCHED 0ms: gomaxprocs=2 idleprocs=1 threads=4 spinningthreads=0 idlethreads=2 runqueue=0 [0 0]
{LINE_1_6}
worker 3: iteration 9, 4->4->4 MB done
pacer: assist ratio=+1.367871e+000 (scan 0 MB in 3->4 MB) workers=0++2.500000e-001
{LINE_1_6[:60]}"""
    parts = read(log)
    assert len(parts.frames["collections"]) == 1
    assert parts.skipped == {"lines of other runtime traces": 1, "lines of the program": 1, "cut lines": 1}
    assert list(parts.frames["samples"]["series"]) == list(range(9))  # the one line of the scheduler's state


def test_a_trace_of_the_scheduler_alone_is_not_ours():
    for path, file in corpus.of_family("gc", "go-schedtrace").items():
        assert not reader.sniff(Stream(path, file).head())
        with pytest.raises(Unrecognized):
            read_corpus(path)


def test_what_docker_escapes_is_read():
    line = '{"log":"' + LINE_1_19.replace(">", "\\u003e") + '\\n","stream":"stderr"}'
    assert list(read(line).frames["collections"]["heap_after_bytes"]) == [3 * MIB]


def test_numbers_that_begin_again_are_another_run():
    parts = read("\n".join([LINE_1_6, LINE_1_6.replace("gc 3", "gc 4"), LINE_1_6.replace("gc 3", "gc 1")]))
    assert parts.notes == ["2 runs of the program, cycles numbered from 1 in each"]


def test_a_line_with_impossible_figures_is_counted_as_cut():
    broken = LINE_1_6.replace("0.1+2.0+0.3", "0.1.1+2.0+0.3")
    assert read(f"{LINE_1_6}\n{broken}\n{LINE_1_6.replace('+0.3', '')}").skipped == {"cut lines": 2}
