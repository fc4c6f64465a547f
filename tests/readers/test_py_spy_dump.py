"""Dumps of py-spy: where the threads of a program stand that was written for it."""

from __future__ import annotations

import json

import pytest

from tests.needs import ROOT
from workbench.errors import Malformed, Unrecognized
from workbench.readers import Stream, py_spy_dump

SAMPLE = ROOT / "data" / "samples" / "py_spy_dump" / "shop.json"


def test_a_thread_is_a_row_with_its_frames_innermost_first():
    frames, stacks = py_spy_dump.read(Stream("x", SAMPLE)).frames.values()
    named = {
        thread: [(frames["function"][code], frames["file"][code], frames["line"][code]) for code in codes]
        for thread, codes in zip(stacks["thread"], stacks["frames"], strict=True)
    }
    told = {thread["thread_name"]: thread["frames"] for thread in json.loads(SAMPLE.read_text())}
    assert named.keys() == told.keys() == {"orders-1", "waiting", "MainThread"}
    for thread, listed in told.items():
        assert named[thread] == [(f["name"], f["short_filename"], f["line"]) for f in listed]
    assert ("wait", "shop.py", 16) in named["waiting"]
    assert set(stacks["type"]) == {"threads"}
    assert stacks["value"].sum() == 3


def test_labels_tell_who_runs_and_who_holds_the_gil():
    stacks = py_spy_dump.read(Stream("x", SAMPLE)).frames["stacks"]
    labels = {thread: dict(pairs) for thread, pairs in zip(stacks["thread"], stacks["labels"], strict=True)}
    assert {thread: pairs["state"] for thread, pairs in labels.items()} == {
        "orders-1": "active",
        "waiting": "idle",
        "MainThread": "idle",
    }
    assert [thread for thread, pairs in labels.items() if "gil" in pairs] == ["orders-1"]


@pytest.mark.parametrize(
    ("threads", "place"),
    [
        ([{"pid": 1}], r"x, \[0\]"),
        ([{"frames": []}, 3], r"x, \[1\]"),
        ([{"frames": [{"name": "a"}, {"name": None}]}], r"x, \[0\]\.frames\[1\]"),
    ],
)
def test_what_is_not_laid_out_as_py_spy_does_is_malformed_with_its_place(threads, place):
    with pytest.raises(Malformed, match=place):
        py_spy_dump.read(Stream("x", json.dumps(threads).encode()))


def test_other_json_is_unrecognised():
    assert not py_spy_dump.sniff(b'[{"pid": 1, "frames": []}]')
    with pytest.raises(Unrecognized, match="a JSON dict"):
        py_spy_dump.read(Stream("x", b"{}"))
