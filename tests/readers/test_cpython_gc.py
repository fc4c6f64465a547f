from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest

from tests.needs import ROOT
from workbench.errors import Malformed, Unrecognized
from workbench.readers import Parts, Stream
from workbench.readers import cpython_gc as reader

LOG = """# cpython gc.callbacks 1 python=3.11.7
2026-11-20T10:00:00.123456Z gc gen=2 pause_ms=1.234 collected=10 uncollectable=0 count=(12,3,1)
2026-11-20T10:00:01.000000Z gc gen=0 pause_ms=0.050 collected=0 uncollectable=0 count=(701,3,1)
"""
COLLECT = """
import gc, json, sys
from pathlib import Path
from workbench.lab.gclog import log_collections
counts = lambda: [generation["collections"] for generation in gc.get_stats()]
log_collections(Path(sys.argv[1]))
before = counts()
kept = []
for i in range(40000):
    ring = [i]
    ring.append(ring)
    kept += [ring] * (i % 50 == 0)
gc.collect()
gc.disable()
print(json.dumps([after - b for after, b in zip(counts(), before)]))
"""


def read(text: str) -> Parts:
    return reader.read(Stream("log", text.encode()))


def test_a_collection_is_one_pause_at_the_time_that_the_line_names():
    frames = read(LOG).frames
    pauses, collections = frames["pauses"], frames["collections"]
    assert list(pauses["start"]) == [
        pd.Timestamp("2026-11-20T10:00:00.123456Z"),
        pd.Timestamp("2026-11-20T10:00:01Z"),
    ]
    assert list(pauses["duration_s"]) == pytest.approx([1.234e-3, 0.05e-3])
    assert list(pauses["kind"]) == ["gc gen2", "gc gen0"]
    assert list(collections["kind"]) == ["gen2", "gen0"]
    assert list(collections["pauses"]) == [1, 1]
    assert list(collections["pause_s"]) == list(pauses["duration_s"])
    assert pauses["heap_after_bytes"].isna().all()
    assert set(pauses["collector"]) == {"CPython"}


def test_the_interpreter_counts_as_many_collections_by_generation(tmp_path):
    log = tmp_path / "gc.log"
    run = subprocess.run(
        [sys.executable, "-c", COLLECT, str(log)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    counted = json.loads(run.stdout)
    kinds = reader.read(Stream("", log)).frames["collections"]["kind"].value_counts()
    assert [kinds.get(f"gen{generation}", 0) for generation in range(3)] == counted


def test_a_file_that_lost_its_first_line_is_known_by_the_others():
    assert reader.sniff(LOG.encode())
    assert reader.sniff(LOG.partition("\n")[2].encode())
    assert not reader.sniff(b"gc: collecting generation 2...\ngc: objects in each generation: 304 0 4918\n")


def test_cut_lines_foreign_lines_and_impossible_dates_are_skipped_and_counted():
    parts = read(
        LOG + LOG.splitlines()[1][:50] + "\nhello\n" + LOG.splitlines()[1].replace("-11-20", "-13-40")
    )
    assert len(parts.frames["pauses"]) == 2
    assert parts.skipped == {
        "cut lines": 1,
        "lines of other programs": 1,
        "lines with an impossible date": 1,
    }


def test_a_version_that_is_not_known_is_refused_with_its_place():
    with pytest.raises(Malformed, match="log:1: version 2; expected version 1"):
        read(LOG.replace("callbacks 1", "callbacks 2"))


def test_what_is_no_such_log_is_refused():
    with pytest.raises(Unrecognized):
        read("hello\n")


def test_a_log_without_a_collection_yet_has_no_rows():
    assert {name: len(frame) for name, frame in read(LOG.splitlines()[0]).frames.items()} == {
        "pauses": 0,
        "collections": 0,
    }
