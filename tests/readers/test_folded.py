"""Folded stacks: counts of py-spy's own log, sums by other tools, and texts that only look alike."""

from __future__ import annotations

import json

import pytest

from tests.needs import ROOT, corpus
from tests.readers.corpus import expected, manifest, of_family
from workbench.errors import Unrecognized
from workbench.readers import Stream, folded

STACKCOLLAPSE = "jlfwong+speedscope/sample/profiles/stackcollapse/"


def test_samples_of_py_spy_files_are_those_of_its_own_log():
    checked = 0
    for path, file in of_family("generated", "py-spy").items():
        known = expected("generated").get(path, {})
        if path.endswith("raw.txt"):
            stacks = folded.read(Stream(path, file)).frames["stacks"]
            assert stacks["value"].sum() == int(known["n_samples"].value), path
            empty = int(known["lines_with_empty_stack"].value) if "lines_with_empty_stack" in known else 0
            assert (stacks["frames"].list.len() == 0).sum() == empty, path
            checked += 1
    assert checked == 5


def test_totals_of_perf_are_those_of_stackcollapse():
    known = expected("generated")["perf/go_server.folded"]
    stacks = folded.read(Stream("perf", corpus("generated", "perf", "go_server.folded"))).frames["stacks"]
    assert stacks["value"].sum() == int(known["total"].value)
    assert len(stacks) == int(known["n_stacks"].value)


def test_stacks_and_weights_are_those_that_speedscope_reads():
    snapshots = json.loads(corpus("profiles", "EXPECTED_speedscope_snapshots.json").read_text("utf-8"))
    found = {path: shots["1"] for path, shots in snapshots.items() if path.startswith(STACKCOLLAPSE)}
    assert len(found) == 5  # among them CRLF, UTF-16 of both orders, and one with comments and invalid lines
    for path, shot in found.items():
        frames, stacks = folded.read(Stream(path, corpus("profiles", path))).frames.values()
        assert sorted(frames["function"]) == sorted(frame["name"] for frame in shot["frames"]), path
        runs = []  # speedscope joins equal neighbours
        for codes, value in zip(stacks["frames"], stacks["value"], strict=True):
            text = ";".join(frames["function"][code] for code in reversed(codes))
            if runs and runs[-1][0] == text:
                runs[-1][1] += value
            else:
                runs.append([text, value])
        assert [f"{text} {value:g}" for text, value in runs] == shot["stacks"], path


def test_every_stackcollapse_file_sums_to_its_last_column():
    for path in manifest("profiles"):
        if path.startswith(STACKCOLLAPSE) and "utf16" not in path and "invalids" not in path:
            file = corpus("profiles", path)
            weights = [int(line.split()[-1]) for line in file.read_text("utf-8").splitlines()]
            stacks = folded.read(Stream(path, file)).frames["stacks"]
            assert (len(stacks), stacks["value"].sum()) == (len(weights), sum(weights)), path


def test_nothing_else_in_the_corpus_is_claimed():
    for folder in ("gc", "prometheus", "traces", "profiles", "generated"):
        for path in manifest(folder):
            if path.startswith(STACKCOLLAPSE) or path.endswith("raw.txt") or ".folded" in path:
                continue
            file = corpus(folder, path)
            if not path.endswith((".gz", ".zip")):
                assert not folded.sniff(Stream(path, file).head()), path


def test_frames_of_py_spy_have_function_file_and_line_innermost_first():
    text = "<module> (shop.py:41);loads (json/__init__.py:346);été (<frozen x>:7);malloc (libc.so.6) 12\n"
    frames, stacks = folded.read(Stream("x", text.encode())).frames.values()
    (codes,) = stacks["frames"]
    rows = frames.set_index("frame").loc[list(codes)]
    assert rows["function"].tolist() == ["malloc", "été", "loads", "<module>"]
    assert rows["file"].tolist() == ["libc.so.6", "<frozen x>", "json/__init__.py", "shop.py"]
    assert rows["line"].fillna(0).tolist() == [0, 7, 346, 41]
    assert stacks["value"].tolist() == [12]


def test_parentheses_of_other_languages_stay_in_the_name():
    text = b"main;operator() (int);foo(char) (.isra.0);(anonymous namespace)::f(int, long) 3\n"
    frames = folded.read(Stream("x", text)).frames["frames"]
    assert frames["function"].tolist() == [
        "main",
        "operator() (int)",
        "foo(char) (.isra.0)",
        "(anonymous namespace)::f(int, long)",
    ]
    assert frames["file"].isna().all()


def test_py_spys_threads_are_named_by_name_or_id_and_leave_the_stack():
    text = (
        b"thread (7): pay;a (x.py:1) 2\nthread (0x8F);a (x.py:1);b (x.py:2) 3\nthread (9) 1\na (x.py:1) 4\n"
    )
    stacks = folded.read(Stream("x", text)).frames["stacks"]
    assert stacks["thread"].fillna("-").tolist() == ["pay", "0x8F", "9", "-"]
    assert [len(codes) for codes in stacks["frames"]] == [1, 2, 0, 1]


def test_comments_and_other_lines_are_skipped_and_counted():
    parts = folded.read(Stream("x", b"# by perf\na;b 1\na;c 2\n\nnot a stack\na;b;c 0.5\n"))
    assert parts.skipped == {"comment": 1, "line that is no stack and weight": 1}
    assert parts.frames["stacks"]["value"].sum() == 3.5


def test_a_file_whose_head_is_folded_survives_bytes_that_are_not_utf8():
    frames = folded.read(Stream("x", b"a;f\xff 1\na;f\xfe 1\n")).frames["frames"]
    assert frames["function"].tolist() == ["a", "f\\xff", "f\\xfe"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "one line of prose; with a semicolon\n",
        "12 34 56\n78 90 12\n",
        "10.0.0.1 - - [20/Nov/2026:10:00:00 +0000] GET /a;b 200 1234\n" * 5,
        "2026-11-20 10:00:00 INFO a;b took 12\n" * 5,
        "Nov 20 10:00:00 host app[1]: a;b took 12\n" * 5,
        '{"a;b": 12, "c": 13} 4\n' * 5,
        "servers.cpu;host=a 12 1700000000\n" * 5,  # carbon's tagged lines
        'http_requests_total{path="/a"} 12\nup 1\nprocess_cpu_seconds_total 3.5\n',
        "[0.037s][info][gc] GC(0) Pause Young (Normal) 24M->4M(256M) 3.456ms\n" * 5,
        "gc 1 @0.002s 6%: 0.036+0.39+0.050 ms clock, 0.072+0.16/0.069/0+0.10 ms cpu, 4 MB goal, 2 P\n",
        "name; age; 12\nada; byron; 36\n",
        "int a; int b; return 3\n" * 3,
    ],
)
def test_other_text_is_not_claimed(text):
    assert not folded.sniff(text.encode())
    with pytest.raises(Unrecognized):
        folded.read(Stream("x", text.encode()))


@pytest.mark.parametrize(("name", "samples"), [("shop.raw.txt", 609), ("shop-threads.raw.txt", 528)])
def test_our_samples_hold_as_many_samples_as_py_spy_said(name, samples):
    stacks = folded.read(Stream(name, ROOT / "data" / "samples" / "folded" / name)).frames["stacks"]
    assert stacks["value"].sum() == samples
