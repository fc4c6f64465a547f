"""Text profiles: every value of pprof's own parser, symbols that Go writes, lists of goroutines."""

from __future__ import annotations

import pytest

from tests.needs import ROOT, corpus
from tests.readers.corpus import expected, manifest
from workbench.errors import Malformed, Unrecognized
from workbench.readers import Parts, Stream, pprof_text

LEGACY = "google+pprof/"
SAMPLES = ROOT / "data" / "samples" / "pprof_text"


def read(text: str) -> Parts:
    return pprof_text.read(Stream("x", text.encode()))


def frames_of(parts: Parts, row: int) -> list[str]:
    names = parts.frames["frames"]["function"]
    return [names[code] for code in parts.frames["stacks"]["frames"][row]]


def test_totals_and_stacks_are_those_of_pprofs_own_parser():
    checked = 0
    for path, known in expected("profiles").items():
        if not path.startswith(LEGACY) or "n_samples" not in known or path not in manifest("profiles"):
            continue
        file = corpus("profiles", path)
        if not pprof_text.sniff(Stream(path, file).head()):
            continue
        frames, stacks = pprof_text.read(Stream(path, file)).frames.values()
        for quantity, value in known.items():
            if quantity.startswith("total["):
                kind, _, unit = quantity[6:-1].rpartition("/")
                chosen = stacks[(stacks["type"] == kind) & (stacks["unit"] == unit)]
                assert chosen["value"].abs().sum() == int(value.value), (path, quantity)
        types = known["sample_types"].value.split("|")
        assert [f"{k}/{u}" for k, u in stacks[["type", "unit"]].drop_duplicates().to_numpy()] == types, path
        assert len(stacks) == int(known["n_samples"].value) * len(types), path
        if not path.endswith("cppbench.thread.all"):  # whose creators we leave to `created by`
            assert stacks["frames"].list.len().max() == int(known["max_depth_locations"].value), path
        assert len(frames) == int(known["n_locations"].value) or ".thread" in path, path
        checked += 1
    assert checked >= 11


def test_a_sample_of_no_objects_is_malformed_as_pprof_says():
    path = "google+pprof/fuzz/testdata/7e3c92482f6f39fc502b822ded792c589849cca8"
    assert "second value must be non-zero" in expected("profiles")[path]["parse_error"].value
    with pytest.raises(Malformed, match="0 objects"):
        pprof_text.read(Stream("fuzz", corpus("profiles", path)))


def test_every_text_profile_that_go_wrote_is_read_with_its_symbols():
    counted = 0
    for path in sorted(manifest("generated")):
        if path.startswith("go1.") and "_debug" in path:
            text = corpus("generated", path).read_text("utf-8")
            frames, stacks = read(text).frames.values()
            named = frames["function"].str.startswith("0x").to_numpy()
            assert not named[-1] or named.mean() < 0.2, path
            if text.startswith("goroutine profile: total "):
                assert stacks["value"].sum() == int(text.split("\n")[0].rpartition(" ")[2]), path
            if path.endswith("debug2.txt"):
                assert len(stacks) == text.count("\ngoroutine ") + text.startswith("goroutine "), path
            counted += 1
    assert counted == 9


def test_symbols_name_the_stack_and_labels_belong_to_it():
    text = (
        "goroutine profile: total 3\n"
        "2 @ 0x10 0x20 0x30\n"
        '# labels: {"route":"/pay", "n":"<b>"}\n'
        "#\t0xf\tmain.(*shop[...]).pay+0x4\t\tshop/my shop.go:12\n"
        "#\t0x1f\tmain.main+0x20\t\t\tshop/main.go:7\n\n"
        "1 @ 0x40\n"
    )
    parts = read(text)
    frames, stacks = parts.frames.values()
    assert frames_of(parts, 0) == ["main.(*shop[...]).pay", "main.main"]
    assert frames_of(parts, 1) == ["0x40"]
    assert frames["file"].fillna("").tolist() == ["shop/my shop.go", "shop/main.go", ""]
    assert frames["line"].fillna(0).tolist() == [12, 7, 0]
    assert dict(stacks["labels"][0]) == {"route": "/pay", "n": "<b>"}
    assert stacks["value"].tolist() == [2, 1]


def test_delays_are_cycles_over_the_clock_times_the_period():
    parts = read("--- mutex:\ncycles/second=2000000000\nsampling period=5\n4000 3 @ 0x1\n")
    stacks = parts.frames["stacks"]
    assert stacks["value"].tolist() == [15, 4000 / 2 * 5]
    assert stacks["unit"].tolist() == ["count", "nanoseconds"]


def test_goroutines_have_a_row_each_with_state_and_creator():
    text = (
        "goroutine 7 [chan receive, 3 minutes, locked to thread]:\n"
        "main.(*pool).take(0xc000012, {0x1, 0x2}, ...)\n"
        "\tshop/pool.go:31 +0x1d\n"
        "main.inlined(...)\n"
        "\tshop/pool.go:9\n"
        "...12 frames elided...\n"
        "created by main.main in goroutine 1\n"
        "\tshop/main.go:12 +0x9\n\n"
        "goroutine 8 gp=0xc0 m=nil [select]:\n"
        "main.f.func1()\n"
        "\tshop/f.go:3 +0x1\n"
    )
    parts = read(text)
    frames, stacks = parts.frames.values()
    assert frames_of(parts, 0) == ["main.(*pool).take", "main.inlined"]
    assert frames["inlined"].tolist() == [False, True, False]
    assert stacks["thread"].tolist() == ["goroutine 7", "goroutine 8"]
    assert dict(stacks["labels"][0]) == {
        "state": "chan receive",
        "detail": "3 minutes, locked to thread",
        "created by": "main.main",
    }
    assert parts.skipped == {"line that is no frame": 1}


def test_addresses_are_shown_with_the_binary_that_is_mapped_there():
    parts = read(
        "heap profile: 1: 8 [1: 8] @ heapprofile\n1: 8 [1: 8] @ 0x1010 0x3000\n\nMAPPED_LIBRARIES:\n"
        "00001000-00002000 r-xp 00000000 00:00 123  /usr/bin/shop\n"
    )
    frames = parts.frames["frames"]
    assert frames[["function", "file"]].fillna("").to_numpy().tolist() == [
        ["0x1010", "/usr/bin/shop"],
        ["0x3000", ""],
    ]


def test_our_samples_are_what_go_tool_pprof_says_of_them():
    # go tool pprof -raw (Go 1.26): contentions 19, 1, 2, 1, delays of 113246919 ns and so on
    mutex = pprof_text.read(Stream("m", SAMPLES / "mutex.txt")).frames["stacks"]
    assert mutex["value"].tolist() == [19, 1, 2, 1, 1, 113246919, 8276, 2113, 1473, 1348]
    goroutine = pprof_text.read(Stream("g", SAMPLES / "goroutine.txt")).frames["stacks"]
    listed = pprof_text.read(Stream("l", SAMPLES / "goroutine-list.txt")).frames["stacks"]
    assert goroutine["value"].sum() == len(listed) == 5


def test_long_lines_take_linear_time():
    head = "goroutine profile: total 3\n1 @ 0x1\n"
    for line in ("#\t0x1\t" + "\t" * 10**6, "1 @" + " 0x1" * 200_000 + "!", "a" * 10**6, " " * 10**6 + "!"):
        read(head + line + "\n")
    read("goroutine 1 [x]:\n" + "f(" * 300_000 + ")\n\ta.go:1\n")


@pytest.mark.parametrize(
    "text", ["", "goroutine", "heap profile", "profile: total 3\n", "--- a\n", "gc 1 @0.1s\n", "panic: x\n"]
)
def test_other_texts_are_not_claimed(text):
    assert not pprof_text.sniff(text.encode())
    with pytest.raises(Unrecognized):
        read(text)
