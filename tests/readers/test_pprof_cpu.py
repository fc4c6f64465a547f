"""gperftools' CPU profiles: every value of pprof's own parser, words of every kind, and cut files."""

from __future__ import annotations

import struct

import pytest

from tests.needs import ROOT, corpus
from tests.readers.corpus import expected, manifest
from workbench.errors import Malformed, Unrecognized
from workbench.readers import Stream, pprof_cpu

LEGACY = "google+pprof/"
SAMPLE = ROOT / "data" / "samples" / "pprof_cpu" / "sha.prof"


def profile(*words: int, kind: str = "<Q", text: bytes = b"") -> bytes:
    whole = (0, 3, 0, 10_000, 0, *words, 0, 1, 0)
    return b"".join(struct.pack(kind, word) for word in whole) + text


def test_totals_and_stacks_are_those_of_pprofs_own_parser():
    checked = 0
    for path, known in expected("profiles").items():
        if not path.startswith(LEGACY) or "n_samples" not in known or path not in manifest("profiles"):
            continue
        file = corpus("profiles", path)
        if not pprof_cpu.sniff(Stream(path, file).head()):
            continue
        _, stacks = pprof_cpu.read(Stream(path, file)).frames.values()
        totals = stacks.groupby("type")["value"].sum()
        assert totals["samples"] == int(known["total[samples/count]"].value), path
        assert totals["cpu"] == int(known["total[cpu/nanoseconds]"].value), path
        assert len(stacks) == 2 * int(known["n_samples"].value), path
        assert stacks["frames"].list.len().max() == int(known["max_depth_locations"].value), path
        checked += 1
    assert checked >= 4


@pytest.mark.parametrize("kind", ["<Q", "<I", ">Q", ">I"])
def test_words_have_four_or_eight_bytes_in_either_order(kind):
    text = b"\n00001000-00002000 r-xp 00000000 00:00 0 /usr/bin/shop\n"
    content = profile(7, 2, 0x1010, 0x3000, 5, 2, 0x3000, 0x1010, kind=kind, text=text)
    assert pprof_cpu.sniff(content)
    frames, stacks = pprof_cpu.read(Stream("x", content)).frames.values()
    assert frames[["function", "file"]].fillna("").to_numpy().tolist() == [
        ["0x1010", "/usr/bin/shop"],
        ["0x3000", ""],
    ]
    assert stacks["value"].tolist() == [7, 5, 7 * 10_000_000, 5 * 10_000_000]


def test_a_leaf_that_was_recorded_twice_and_the_signals_frame_are_taken_out():
    content = profile(1, 3, 16, 99, 32, 1, 4, 48, 99, 48, 64)
    frames, stacks = pprof_cpu.read(Stream("x", content)).frames.values()
    named = [[frames["function"][code] for code in codes] for codes in stacks["frames"][:2]]
    assert named == [["0x10", "0x20"], ["0x30", "0x40"]]


@pytest.mark.parametrize("words", [(1, 2**40), (5, 9, 1, 2), (1, 3, 5)])
def test_a_cut_or_lying_profile_is_malformed_at_a_word(words):
    with pytest.raises(Malformed, match="cut off"):
        pprof_cpu.read(Stream("x", profile(*words)[:-24] + bytes(8)))


def test_our_sample_has_the_interrupts_that_the_profiler_counted():
    stacks = pprof_cpu.read(Stream("x", SAMPLE)).frames["stacks"]
    assert stacks[stacks["type"] == "samples"]["value"].sum() == 22  # libprofiler printed: interrupts = 22


@pytest.mark.parametrize("content", [b"", bytes(100), b"a" * 100, struct.pack("<8Q", 0, 3, 5, 1, 0, 0, 1, 0)])
def test_other_bytes_are_not_claimed(content):
    assert not pprof_cpu.sniff(content)
    with pytest.raises(Unrecognized):
        pprof_cpu.read(Stream("x", content))
