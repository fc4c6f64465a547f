"""V8's profiles: the files' own totals, stacks as speedscope reads them, trees that are none."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from tests.needs import ROOT, corpus
from tests.readers.corpus import expected, manifest
from workbench.errors import Malformed, Unrecognized
from workbench.readers import Parts, Stream, v8_cpuprofile

SPEEDSCOPE = "jlfwong+speedscope/sample/profiles/"


def read(document: object) -> Parts:
    return v8_cpuprofile.read(Stream("x", json.dumps(document).encode()))


def node(number: int, name: str, children: tuple[int, ...] = (), **more: object) -> dict:
    frame = {"functionName": name, "scriptId": "1", "url": "file:///a.js", "lineNumber": 4, "columnNumber": 0}
    return {"id": number, "callFrame": frame, "hitCount": 0, "children": list(children), **more}


def tree(**changed: object) -> dict:
    nodes = [node(1, "(root)", (2, 4)), node(2, "main", (3,)), node(3, "loop"), node(4, "(idle)")]
    whole = {
        "nodes": nodes,
        "startTime": 100,
        "endTime": 200,
        "samples": [3, 2, 4],
        "timeDeltas": [10, 20, 30],
    }
    return {k: v for k, v in {**whole, **changed}.items() if v is not None}


def test_samples_and_time_are_those_that_the_file_tells():
    known = expected("generated")["node/busy.cpuprofile"]
    file = corpus("generated", "node", "busy.cpuprofile")
    stacks = v8_cpuprofile.read(Stream("busy", file)).frames["stacks"]
    first = json.loads(file.read_bytes())["timeDeltas"][0]  # before which there was no sample
    assert len(stacks) == int(known["n_samples"].value)
    assert stacks["value"].sum() == int(known["duration"].value) - first
    assert stacks["unit"].unique().tolist() == ["microseconds"]


def test_bytes_of_a_heap_profile_are_the_sum_of_its_nodes():
    def total(each: dict) -> int:
        return each["selfSize"] + sum(map(total, each["children"]))

    paths = [corpus("generated", "node", "busy.heapprofile")]
    paths += [corpus("profiles", p) for p in manifest("profiles") if p.endswith(".heapprofile")]
    for path in paths:
        stacks = v8_cpuprofile.read(Stream("heap", path)).frames["stacks"]
        assert stacks["value"].sum() == total(json.loads(path.read_bytes())["head"]), path
        assert set(stacks["type"]) == {"inuse_space"}
    assert len(paths) == 3


def test_own_time_and_bytes_of_each_function_are_those_that_speedscope_reads():
    shots = json.loads(corpus("profiles", "EXPECTED_speedscope_snapshots.json").read_text("utf-8"))
    checked = 0
    for path, found in shots.items():
        if not path.endswith((".cpuprofile", ".heapprofile")):
            continue
        theirs: Counter[str] = Counter()
        for frame in found["1"]["frames"]:
            theirs[frame["name"].partition(" ")[0].replace("(anonymous)", "(anonymous")] += frame[
                "selfWeight"
            ]
        frames, stacks = v8_cpuprofile.read(Stream(path, corpus("profiles", path))).frames.values()
        ours: Counter[str] = Counter()
        for codes, value in zip(stacks["frames"], stacks["value"], strict=True):
            name = frames["function"][codes[0]] if len(codes) else "(root)"
            ours[name.partition(" ")[0].replace("(anonymous)", "(anonymous")] += value
        for name in ("(program)", "(idle)", "(garbage"):  # which are no frames to speedscope
            ours.pop(name, None)
        if "cpuprofile" in path:  # where the last sample lasts no time to speedscope
            last = stacks.iloc[-1]
            ours[frames["function"][last["frames"][0]]] -= last["value"] if len(last["frames"]) else 0
        assert {k: v for k, v in ours.items() if v} == {k: v for k, v in theirs.items() if v}, path
        checked += 1
    assert checked == 4


def test_a_sample_lasts_until_the_next_and_the_last_until_the_end():
    frames, stacks = read(tree()).frames.values()
    named = [[frames["function"][code] for code in codes] for codes in stacks["frames"]]
    assert named == [["loop", "main"], ["main"], ["(idle)"]]
    assert stacks["value"].tolist() == [20, 30, 40]
    assert frames["line"].unique().tolist() == [5]  # V8 counts from 0


def test_samples_that_come_late_are_put_in_order():
    parts = read(tree(timeDeltas=[10, 20, -15]))
    assert parts.frames["stacks"]["value"].tolist() == [5, 15, 70]
    assert "1 samples came late" in parts.notes[0]


def test_without_samples_the_ticks_of_each_place_are_told():
    nodes = [node(1, "(root)", (2,)), node(2, "", (), hitCount=7)]
    frames, stacks = read({"nodes": nodes}).frames.values()
    assert (frames["function"].tolist(), stacks["value"].tolist()) == (["(anonymous)"], [7])
    assert stacks["unit"].tolist() == ["count"]


def test_the_first_generation_nests_its_nodes_and_has_a_time_more_than_samples():
    inner = {"functionName": "a", "url": "", "lineNumber": 0, "id": 2, "hitCount": 1, "children": []}
    head = {**inner, "functionName": "(root)", "id": 1, "children": [inner]}
    stacks = read({"head": head, "startTime": 1, "endTime": 2, "samples": [2, 2], "timestamps": [5, 9, 11]})
    assert stacks.frames["stacks"]["value"].tolist() == [4, 2]


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (tree(samples=[3, 9, 4]), "samples"),
        (tree(samples=[3]), "x"),
        (tree(timeDeltas=None), "timeDeltas"),
        (tree(timeDeltas=[1, "2", 3]), "timeDeltas[1]"),
        (tree(nodes=[node(1, "(root)", (2,)), node(2, "a", (2,))], samples=[2, 2, 2]), "node 1"),
        (tree(nodes=[node(1, "a", (2,)), node(2, "b", (1,))], samples=[2, 2, 2]), "node"),
        (tree(nodes=[node(1, "a", (7,))], samples=[1, 1, 1]), "node 0"),
        (tree(nodes=[{"id": 1, "callFrame": {}}], samples=[1, 1, 1]), "node 0"),
    ],
)
def test_what_is_no_tree_of_samples_is_malformed_at_a_place(document, where):
    with pytest.raises(Malformed) as caught:
        read(document)
    assert where in caught.value.where


def test_a_deep_tree_with_many_samples_is_refused_before_it_fills_memory():
    deep = 20_000
    nodes = [node(i, f"f{i}", (i + 1,) if i < deep else ()) for i in range(1, deep + 1)]
    samples = list(range(1, deep + 1))
    with pytest.raises(Malformed, match="frames over all samples"):
        read({"nodes": nodes, "startTime": 0, "endTime": 1, "samples": samples, "timeDeltas": [1] * deep})


@pytest.mark.parametrize("content", [b"", b"{}", b'{"nodes":[]}', b'{"head":{}}', b'{"nodes":[{"id":1}]}'])
def test_other_json_is_not_claimed(content):
    assert not v8_cpuprofile.sniff(content)
    with pytest.raises(Unrecognized):
        v8_cpuprofile.read(Stream("x", content))


def test_names_pass_through_unharmed():
    odd = "<img src=x onerror=1>\x01é漢"
    frames = read(tree(nodes=[node(1, "(root)", (2, 3, 4)), node(2, odd), node(3, "b"), node(4, "c")])).frames
    assert odd in frames["frames"]["function"].tolist()


def test_our_samples_hold_what_the_files_say():
    folder = ROOT / "data" / "samples" / "v8_cpuprofile"
    document = json.loads((folder / "busy.cpuprofile").read_bytes())
    stacks = v8_cpuprofile.read(Stream("x", folder / "busy.cpuprofile")).frames["stacks"]
    assert len(stacks) == len(document["samples"])
    times = document["startTime"] + np.cumsum(document["timeDeltas"])
    assert stacks["value"].sum() == max(document["endTime"], times.max()) - times.min()
