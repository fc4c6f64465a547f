from __future__ import annotations

import re
import time

import pandas as pd
import pytest

from tests.needs import ROOT
from tests.readers import corpus
from workbench.errors import Unrecognized
from workbench.readers import Parts, Stream
from workbench.readers import go_schedtrace as reader

SAMPLES = ROOT / "data" / "samples" / "go_schedtrace"
LINES = {
    "1.5": "SCHED 1004ms: gomaxprocs=2 idleprocs=1 threads=5 spinningthreads=0 idlethreads=2 runqueue=3 "
    "[1 0]",
    "1.27": "SCHED 1004ms: gomaxprocs=2 idleprocs=1 threads=5 spinningthreads=0 needspinning=0 "
    "idlethreads=2 runqueue=3 [ 1 0 ] schedticks=[ 369201 288966 ]",
}
GC_LINE = "gc 3 @2.5s 6%: 0.1+2.0+0.3 ms clock, 0.2+0.5/1.0/0.25+0.6 ms cpu, 7->9->3 MB, 8 MB goal, 2 P"


def read(text: str) -> Parts:
    return reader.read(Stream("log", text.encode()))


def values(parts: Parts) -> dict[str, list[float]]:
    """Give the values of each series under its name and labels, in order."""
    series = parts.frames["series"].set_index("series")
    found: dict[str, list[float]] = {}
    for row in parts.frames["samples"].itertuples():
        name, labels = series.loc[row.series, "metric"], dict(series.loc[row.series, "labels"])
        found.setdefault(name + (f"[{labels['p']}]" if labels else ""), []).append(row.value)
    return found


def test_every_whole_line_of_the_corpus_is_a_sample_of_every_series():
    for path, file in corpus.of_family("gc", "go-schedtrace", "go-gctrace+schedtrace").items():
        known = int(corpus.expected("gc")[path]["go:number of SCHED lines (grep)"].value)
        found = values(reader.read(Stream(path, file)))
        assert len(found["go_sched_uptime_seconds"]) == known
        assert {len(each) for each in found.values()} == {known}
        said = re.findall(
            r"^SCHED (\d+)ms: .*threads=(\d+) spin.*runqueue=(\d+)", file.read_text(), re.MULTILINE
        )
        assert found["go_sched_uptime_seconds"] == [int(each[0]) / 1e3 for each in said]
        assert found["go_sched_threads"] == [float(each[1]) for each in said]
        assert found["go_sched_runqueue"] == [float(each[2]) for each in said]


@pytest.mark.parametrize("version", LINES)
def test_a_line_of_any_version_is_read(version):
    parts = read(LINES[version])
    found = values(parts)
    assert found["go_sched_gomaxprocs"] == [2]
    assert found["go_sched_idleprocs"] == [1]
    assert found["go_sched_runqueue"] == [3]
    assert (found["go_sched_local_runqueue[0]"], found["go_sched_local_runqueue[1]"]) == ([1], [0])
    assert parts.frames["samples"]["time"].isna().all()
    if version == "1.27":
        assert found["go_sched_schedticks[1]"] == [288966]
        assert found["go_sched_needspinning"] == [0]


def test_scheddetail_gives_the_queues_of_processors_and_its_other_lines_are_counted():
    text = (SAMPLES / "scheddetail.log").read_text()
    parts, lines = read(text), text.splitlines()
    processors = [line for line in lines if line.startswith("  P")]
    sizes = [float(re.search(r"runqsize=(\d+)", line)[1]) for line in processors if line.startswith("  P1")]
    assert values(parts)["go_sched_local_runqueue[1]"] == sizes
    assert values(parts)["go_sched_gcwaiting"] == [0.0] * (len(sizes))
    others = sum(line.startswith(("  M", "  G")) for line in lines)
    assert parts.skipped == {"lines of other runtime traces": others}


def test_a_date_that_a_container_puts_before_a_line_is_the_time_of_its_samples():
    parts = read("2026-11-20T08:05:28.123456789Z stdout F " + LINES["1.27"])
    assert set(parts.frames["samples"]["time"]) == {pd.Timestamp("2026-11-20T08:05:28.123456Z")}


def test_a_stream_with_gc_cycles_is_not_ours_but_cycles_that_come_late_are_read():
    assert reader.sniff(LINES["1.27"].encode())
    assert not reader.sniff((LINES["1.27"] + "\n" + GC_LINE).encode())
    frames = read(LINES["1.27"] + "\n" + GC_LINE).frames
    assert len(frames["collections"]) == 1


def test_cut_lines_are_counted():
    parts = read(
        f"{LINES['1.27']}\nSCHED 10046ms: gomaxprocs=2 idleprocs=0 threads=5 spinningthreads=0 needs\nhello"
    )
    assert parts.skipped == {"cut lines": 1, "lines of the program": 1}
    with pytest.raises(Unrecognized):
        read(LINES["1.5"][:70])


@pytest.mark.parametrize(
    "unit", ["a=1 ", "1 ", "[", "SCHED 1ms: ", "SCHED 1ms: gomaxprocs=", "a", "  P1: status=1 "]
)
@pytest.mark.parametrize("before", ["", LINES["1.5"][:80] + " ", LINES["1.5"][:-1] + " "])
def test_reading_takes_time_in_proportion_to_the_length_of_a_line(before, unit):
    def seconds(size: int) -> float:
        line = (before + unit * (size // len(unit))).encode()
        began = time.process_time()
        reader.sniff(line)
        reader.read(Stream("", LINES["1.5"].encode() + b"\n" + line))
        return time.process_time() - began

    assert seconds(400_000) < 16 * max(seconds(50_000), 0.02)
