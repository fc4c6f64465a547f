from __future__ import annotations

import ast
import json
import re
import time

import pytest

from tests.needs import ROOT
from tests.readers import corpus
from workbench.errors import Unrecognized
from workbench.readers import Parts, Stream
from workbench.readers import cpython_debug_gc as reader

SAMPLES = ROOT / "data" / "samples" / "cpython_debug_gc"
ONE = """gc: collecting generation 1...
gc: objects in each generation: 2337 7872 0
gc: objects in permanent generation: 0
gc: done, 1318 unreachable, 2 uncollectable, 0.0003s elapsed
"""


def read(text: str) -> Parts:
    return reader.read(Stream("log", text.encode()))


def test_collections_are_as_many_as_gc_callbacks_saw_and_found_as_much():
    checked = 0
    for path, file in corpus.of_family("gc", "python-gc").items():
        known = {
            k.removeprefix("python gc.callbacks: "): v.value for k, v in corpus.expected("gc")[path].items()
        }
        parts = reader.read(Stream(path, file))
        kinds = parts.frames["collections"]["kind"].value_counts()
        assert kinds.sum() == int(known["number of collections"])
        # gc.get_stats counts one that came before its program switched the output on
        early = {"gen0": 1} if "3.11" in path else {}
        for generation in ("0", "1", "2"):
            count = int(known[f"generation {generation} collections"])
            assert kinds[f"gen{generation}"] == count - early.get(f"gen{generation}", 0)
        assert parts.notes[0].startswith(f"objects unreachable: {int(known['objects collected']):,}, ")
        checked += 1
    assert checked == 3


def test_each_pause_is_shorter_than_the_callbacks_around_it_have_it():
    log = corpus.corpus("gc", "generated", "python3.13-gc-debug-stats.log")
    truth = json.loads(corpus.corpus("gc", "generated", f"{log.stem}.callbacks.json").read_text())
    events = truth["events_gen_collected_uncollectable_ms"]
    pauses = reader.read(Stream("", log)).frames["pauses"]
    assert list(pauses["kind"]) == [f"gc gen{generation}" for generation, *_ in events]
    longer = [ours * 1e3 - theirs[3] for ours, theirs in zip(pauses["duration_s"], events, strict=True)]
    assert max(longer) <= 0.05  # the log rounds to a tenth of a millisecond


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.log")), ids=lambda path: path.name)
def test_our_own_samples_agree_with_the_counts_printed_at_their_end(path):
    counts, objects = re.fullmatch(r"(\{.*\}) (\d+)", path.read_text().splitlines()[-1]).groups()
    parts = reader.read(Stream("", path))
    kinds = parts.frames["collections"]["kind"].value_counts().to_dict()
    assert kinds == {f"gen{generation}": count for generation, count in ast.literal_eval(counts).items()}
    assert parts.notes == [f"objects unreachable: {int(objects):,}, of them uncollectable: 0"]


def test_a_collection_is_a_pause_without_a_start():
    frames = read(ONE).frames
    (pause,) = frames["pauses"].to_dict("records")
    assert (pause["kind"], pause["duration_s"], pause["collector"]) == ("gc gen1", 0.0003, "CPython")
    assert frames["pauses"][["start", "uptime_s"]].isna().all(axis=None)
    assert list(frames["collections"]["pauses"]) == [1]
    assert read(ONE).notes == ["objects unreachable: 1,318, of them uncollectable: 2"]


def test_python_before_3_9_may_leave_out_what_it_found():
    text = (
        "gc: collecting generation 2...\ngc: objects in each generation: 1 2 3\ngc: done, 0.0107s elapsed\n"
    )
    assert list(read(text).frames["pauses"]["duration_s"]) == [0.0107]


def test_lines_of_the_program_and_of_collected_objects_change_nothing():
    noisy = ONE.replace("gc: done", "hello\ngc: collectable <dict 0x7f>\nlogged: gc: done")
    assert read(noisy).frames["pauses"].equals(read(ONE).frames["pauses"])
    assert read(noisy).skipped == {"lines of the program": 1}


def test_collections_without_begin_or_end_are_counted():
    done = ONE.splitlines()[-1]
    parts = read(f"{done}\n{ONE}gc: collecting generation 0...\n{ONE}gc: done, 13")
    assert len(parts.frames["pauses"]) == 2
    assert parts.skipped == {
        "collections without a begin": 1,
        "collections without an end": 1,
        "cut lines": 1,
    }
    assert read(f"{ONE}gc: collecting generation 0...").skipped == {"collections without an end": 1}


def test_what_is_no_such_output_is_refused():
    with pytest.raises(Unrecognized):
        read("gc: hello\n")


@pytest.mark.parametrize(
    "unit", ["gc: done, ", "gc: collecting generation 1", "1", "gc: done, 1 unreachable, ", " "]
)
def test_reading_takes_time_in_proportion_to_the_length_of_a_line(unit):
    def seconds(size: int) -> float:
        line = (unit * (size // len(unit))).encode()
        began = time.process_time()
        reader.sniff(line)
        reader.read(Stream("", ONE.encode() + line))
        return time.process_time() - began

    assert seconds(400_000) < 16 * max(seconds(50_000), 0.02)
