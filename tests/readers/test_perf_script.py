"""perf script: totals of perf itself and stackcollapse, stacks as speedscope reads them, odd spellings."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.needs import ROOT, corpus
from tests.readers.corpus import expected, manifest
from workbench.errors import Unrecognized
from workbench.readers import Parts, Stream, perf_script

SPEEDSCOPE = "jlfwong+speedscope/sample/profiles/linux-perf/"
HEAD = "server 21578 [001]  2670.002631:    5025125 cpu-clock:ppp: \n"


def read(text: str) -> Parts:
    return perf_script.read(Stream("x", text.encode()))


def stacks_of(parts: Parts, kind: str) -> list[tuple[str, list[str], float]]:
    names = parts.frames["frames"]["function"].tolist()
    rows = parts.frames["stacks"]
    rows = rows[rows["type"] == kind]
    return [
        (thread, [names[code] for code in codes], value)
        for thread, codes, value in zip(rows["thread"], rows["frames"], rows["value"], strict=True)
    ]


def test_samples_and_event_counts_are_those_that_perf_told():
    known = expected("generated")["perf/go_server.perf.txt"]
    for name in ("go_server.perf.txt", "go_server.header.perf.txt"):
        stacks = perf_script.read(Stream(name, corpus("generated", "perf", name))).frames["stacks"]
        by = stacks.groupby(["type", "unit"])["value"].agg(["size", "sum"])
        assert by["size"].unique().tolist() == [int(known["n_samples"].value)]
        assert by.loc[("samples", "count"), "sum"] == int(known["n_samples"].value)
        assert by.loc[("cpu-clock:ppp", "nanoseconds"), "sum"] == int(known["event_count"].value)


def test_folded_by_command_and_function_stacks_are_those_of_stackcollapse():
    parts = perf_script.read(Stream("go", corpus("generated", "perf", "go_server.perf.txt")))
    folded: Counter[str] = Counter()
    for thread, functions, value in stacks_of(parts, "cpu-clock:ppp"):
        folded[";".join([thread, *reversed(functions)])] += int(value)
    lines = corpus("generated", "perf", "go_server.folded").read_text("utf-8").splitlines()
    theirs = {stack: int(weight) for stack, _, weight in (line.rpartition(" ") for line in lines)}
    assert dict(folded) == theirs


def test_stacks_are_those_that_speedscope_reads():
    shots = json.loads(corpus("profiles", "EXPECTED_speedscope_snapshots.json").read_text("utf-8"))
    checked = 0
    for path in manifest("profiles"):
        if not path.startswith(SPEEDSCOPE) or path not in shots:
            continue
        names = {frame["name"] for shot in shots[path].values() for frame in shot["frames"]}
        rows = stacks_of(perf_script.read(Stream(path, corpus("profiles", path))), "samples")
        frames = perf_script.read(Stream(path, corpus("profiles", path))).frames["frames"]
        ours = {
            f"??? ({b})" if f == "[unknown]" else f  # as speedscope writes it
            for f, b in zip(frames["function"], frames["file"], strict=True)
        }
        assert ours == names, path
        assert rows, path
        checked += 1
    assert checked == 6


def test_every_perf_file_of_the_corpus_has_a_sample_for_each_header_line():
    files = [p for p in manifest("profiles") if p.startswith(SPEEDSCOPE)]
    for path in files:
        text = corpus("profiles", path).read_text("utf-8")
        headers = [line for line in text.splitlines() if line and line[0] not in " \t#"]
        assert len(stacks_of(read(text), "samples")) == len(headers), path
    assert len(files) == 7


def test_commands_hold_spaces_and_numbers_and_flags_may_follow_the_cpu():
    text = (
        "Web Content 12 7/9 [003] d..1. 1.000001: 7 cycles:u: \n\t ff f+0x1 (/a b)\n\n"
        ":-1    -1 2.000000:  sched:sched_switch: prev_comm=a prev_pid=1\n"
    )
    parts = read(text)
    rows = parts.frames["stacks"]
    labels = [dict(pairs) for pairs in rows["labels"]]
    assert rows["thread"].tolist() == ["Web Content 12", ":-1", "Web Content 12"]
    assert labels[0] == {"pid": "7", "tid": "9", "cpu": "003", "time_s": "1.000001"}
    assert labels[1]["fields"] == "prev_comm=a prev_pid=1"
    assert rows["type"].tolist() == ["samples", "samples", "cycles:u"]
    assert rows["unit"].tolist() == ["count"] * 3


def test_names_keep_their_parentheses_and_lose_only_the_offset():
    frames = (
        "\t   1 operator()(int) const+0x1f (/usr/lib/a b.so (deleted))\n"
        "\t   2 (anonymous namespace)::f(char*)+0x2 (/bin/x)\n"
        "\t   3 [unknown] (/bin/x)\n"
        "\t   4 small (inlined)\n"
        "\t   5 <script>alert(1)</script> (/bin/x)\n"
    )
    made = read(HEAD + frames).frames["frames"]
    assert made["function"].tolist() == [
        "operator()(int) const",
        "(anonymous namespace)::f(char*)",
        "[unknown]",
        "small",
        "<script>alert(1)</script>",
    ]
    assert made["file"].fillna("").tolist() == ["/usr/lib/a b.so (deleted)", "/bin/x", "/bin/x", "", "/bin/x"]
    assert made["inlined"].tolist() == [False, False, False, True, False]


def test_a_source_line_belongs_to_the_frame_above_it_and_one_line_may_hold_a_sample():
    parts = read(f"{HEAD}\t 1 f+0x1 (/bin/x)\n  main.c:12\n\na 1 1.000000: 5 cycles:  ff g+0x2 (/bin/y)\n")
    frames = parts.frames["frames"]
    assert frames[["function", "file", "line"]].fillna(0).to_numpy().tolist() == [
        ["f", "main.c", 12],
        ["g", "/bin/y", 0],
    ]


def test_foreign_lines_are_counted():
    parts = read(f"# captured\n{HEAD}\t 1 f (x)\n\nLost 3 events!\n")
    assert parts.skipped == {"comment": 1, "line that is neither sample nor frame": 1}


def test_long_lines_take_linear_time():
    for line in (
        "a" * 10**6,
        " 1" * 500_000,
        " 1.0001:" * 100_000,
        "(" * 10**6,
        "\t" * 10**6,
        " ff" * 300_000,
    ):
        read(HEAD + line + "\n")
        perf_script.sniff(line.encode())


@pytest.mark.parametrize(
    "text",
    ["", "a;b 1\n", "Nov 20 10:00:00 host app[1]: took 12\n", "GC(0) 12.345: pause\n", "x 1 2: y:\n"],
)
def test_other_texts_are_not_claimed(text):
    assert not perf_script.sniff(text.encode())
    with pytest.raises(Unrecognized):
        read(text)


def test_our_sample_has_the_samples_that_perf_counted():
    path = ROOT / "data" / "samples" / "perf_script" / "shop.perf.txt"
    rows = stacks_of(perf_script.read(Stream("x", path)), "samples")
    assert len(rows) == 19
    assert any("main.order" in functions for _, functions, _ in rows)
