"""The reader of Chrome trace events, against counts of the recorders' files and events by hand."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.needs import ROOT
from tests.readers.corpus import expected, of_family
from workbench.errors import Malformed
from workbench.readers import Parts, Stream, chrome_trace, recognise

SAMPLES = ROOT / "data" / "samples" / "chrome_trace"


def read(document: object) -> Parts:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return chrome_trace.read(Stream("trace.json", content))


def event(phase: str, ts: float, name: str = "work", **more: object) -> dict:
    return {"ph": phase, "ts": ts, "name": name, "pid": 1, "tid": 1, "cat": "c", **more}


def tree(parts: Parts) -> dict[str, tuple]:
    """Give (start, duration, name of the parent) in microseconds by name."""
    spans = parts.frames["spans"]
    names = dict(zip(spans["span_id"], spans["name"], strict=True))
    return {
        row.name_: (row.start.value / 1000, round(row.duration_s * 1e6, 3), names.get(row.parent_id))
        for row in spans.rename(columns={"name": "name_"}).itertuples()
    }


def test_begins_and_ends_are_the_counts_of_the_corpus():
    for path, known in expected("generated").items():
        if "events" not in known or not path.endswith(".json"):
            continue
        file = of_family("generated", "py-spy", "v8")[path]
        counts = {k: int(v) for k, v in (pair.split("=") for pair in known["events"].value.split(";"))}
        stream = Stream(path, file)
        assert recognise(stream.head()) is chrome_trace
        parts = chrome_trace.read(stream)
        begun = counts.get("B", 0) + counts.get("b", 0) + counts.get("X", 0)
        assert len(parts.frames["spans"]) + parts.skipped["span that had not ended"] == begun, path
        assert parts.skipped["span that had not ended"] == counts.get("b", 0) - counts.get("e", 0)
        if pairs := known.get("pid_tid_pairs"):
            stacks = parts.frames["stacks"]
            assert len(stacks.groupby(["instance", "thread"])) == int(pairs.value)


def test_a_profile_of_py_spy_weighs_stacks_by_time():
    for file in (SAMPLES / "pyspy.json", *of_family("generated", "py-spy").values()):
        if "chrometrace" not in file.name and file.parent != SAMPLES:
            continue
        events = json.loads(file.read_bytes())
        top: Counter[str] = Counter()
        depth: Counter[tuple] = Counter()
        for one in events:  # the outermost frames of each thread cover what its stacks weigh
            thread = one["pid"], one["tid"]
            if one["ph"] == "B":
                top[thread] -= one["ts"] if not depth[thread] else 0
                depth[thread] += 1
            else:
                depth[thread] -= 1
                top[thread] += one["ts"] if not depth[thread] else 0
        stacks = read(file.read_bytes()).frames["stacks"]
        weights = stacks.groupby(["instance", "thread"])["value"].sum()
        assert {(int(pid), int(tid)): weight for (pid, tid), weight in weights.items()} == dict(top)


def test_stacks_are_innermost_first():
    begin = [
        event("B", 1, "a", cat="py-spy"),
        event("B", 1, "b", cat="py-spy", args={"filename": "x.py", "line": 3}),
    ]
    frames = read([*begin, event("E", 5, "b"), event("E", 9, "a")]).frames
    functions = frames["frames"]["function"].tolist()
    stacks = [([functions[code] for code in row.frames], row.value) for row in frames["stacks"].itertuples()]
    assert stacks == [(["b", "a"], 4), (["a"], 4)]
    assert frames["frames"].iloc[1][["file", "line"]].tolist() == ["x.py", 3]


def test_begin_and_end_nest_on_their_thread():
    parts = read(
        [
            event("B", 10, "a", args={"x": 1}),
            event("B", 11, "other", tid=2),
            event("B", 12, "b"),
            event("E", 15),
            event("E", 19, "other", tid=2),
            event("E", 20, args={"y": [2]}),
        ]
    )
    assert tree(parts) == {"a": (10, 10, None), "other": (11, 8, None), "b": (12, 3, "a")}
    attributes = dict(parts.frames["spans"]["attributes"][0])
    assert attributes == {"x": "1", "y": "[2]", "cat": "c", "thread.id": "1"}


def test_complete_events_nest_by_containment_in_any_order():
    parts = read(
        [
            event("X", 12, "grandchild", dur=1),
            event("X", 11, "child", dur=4),
            event("X", 10, "parent", dur=10),
            event("X", 15.5, "next", dur=4.5),
            event("X", 16, "elsewhere", dur=1, tid=2),
        ]
    )
    assert tree(parts) == {
        "parent": (10, 10, None),
        "child": (11, 4, "parent"),
        "grandchild": (12, 1, "child"),
        "next": (15.5, 4.5, "parent"),
        "elsewhere": (16, 1, None),
    }


def test_asynchronous_operations_pair_by_id_and_nest():
    parts = read(
        [
            event("b", 1, "fetch", id="0x1"),
            event("b", 2, "fetch", id="0x2", tid=7),
            event("b", 3, "dns", id="0x1"),
            event("n", 4, "found", id="0x1", args={"ip": "::1"}),
            event("e", 5, "dns", id="0x1", tid=9),
            event("e", 8, "fetch", id="0x1"),
            event("e", 9, "fetch", id="0x3"),
            event("S", 1, "old", id=4),
            event("F", 3, "old", id=4),
        ]
    )
    assert tree(parts) == {"fetch": (1, 7, None), "dns": (3, 2, "fetch"), "old": (1, 2, None)}
    assert parts.frames["events"][["name"]].to_numpy().tolist() == [["found"]]
    assert parts.skipped == {"end without a begin": 1, "span that had not ended": 1}


def test_flows_are_links_back_to_where_they_began():
    parts = read(
        [
            event("X", 0, "send", dur=5),
            event("s", 1, "message", id=1),
            event("X", 10, "route", dur=5, tid=2),
            event("t", 11, "message", id=1, tid=2),
            event("f", 19, "message", id=1, tid=3),
            event("X", 20, "receive", dur=5, tid=3),
            event("f", 21, "lost", id=2, tid=3, bp="e"),
        ]
    )
    names = dict(parts.frames["spans"][["span_id", "name"]].to_numpy().tolist())
    links = parts.frames["links"]
    found = [(names[a], names[b]) for a, b in zip(links["span_id"], links["linked_span_id"], strict=True)]
    assert found == [("route", "send"), ("receive", "route")]
    assert parts.skipped == {"flow without a begin": 1}


def test_names_of_processes_and_threads_are_kept():
    names = [
        {"ph": "M", "name": "process_name", "pid": 1, "args": {"name": "shop"}},
        {"ph": "M", "name": "thread_name", "pid": 1, "tid": 1, "args": {"name": "main"}},
    ]
    row = read({"traceEvents": [event("X", 1, dur=1), *names]}).frames["spans"].iloc[0]
    assert (row["service"], row["instance"], row["kind"]) == ("shop", "1", "internal")
    assert dict(row["attributes"])["thread.name"] == "main"


def test_instants_are_events_of_the_slice_around_them():
    parts = read([event("i", 0, "early"), event("X", 1, dur=5), event("I", 3, "gc", args={"freed": 7})])
    told = parts.frames["events"].iloc[0]
    assert (told["name"], told["time"].value, dict(told["attributes"])) == ("gc", 3000, {"freed": "7"})
    assert parts.skipped == {"instant outside of every slice": 1}


def test_a_list_that_was_never_closed_is_legal():
    whole = json.dumps(
        [event("X", 1, "a", dur=1), event("X", 2, "b", dur=1, args={"deep": {"er": 1}})]
    ).encode()
    for end, spans in ((len(whole), 2), (len(whole) - 1, 2), (len(whole) - 2, 1), (len(whole) - 20, 1)):
        parts = read(whole[:end])
        assert len(parts.frames["spans"]) == spans
        assert parts.skipped["event that is cut off"] == (spans == 1)
    assert len(read(whole[:-1] + b",\n").frames["spans"]) == 2
    assert len(read(b'{"traceEvents":' + whole[:-1]).frames["spans"]) == 2


def test_times_may_be_text_and_dates_are_told_from_uptimes():
    dated = read([event("X", "1795162145757229", dur="2")])
    assert dated.frames["spans"]["start"][0].value == 1_795_162_145_757_229_000
    assert not dated.notes
    assert read([event("X", 5, dur=1)]).notes == ["its clock has no date: times count from 1970"]


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"{}",
        b'[{"ph":"X"}]',
        b'{"traceEvents":[]}',
        b'[{"name":"a","pid":3}]',
        b'{"phases":[{"ph":"X"}]}',
    ],
)
def test_other_json_is_not_claimed(content: bytes):
    assert not chrome_trace.sniff(content)


@pytest.mark.parametrize("bad", [event("X", "noon"), {"ph": "X", "pid": 1}, 7, event("B", None)])
def test_a_broken_event_is_refused_with_its_place(bad: object):
    with pytest.raises(Malformed) as caught:
        read([event("X", 1, dur=1), bad])
    assert caught.value.where == "trace.json, event 1"


def test_damage_that_is_no_cut_is_refused_with_its_byte():
    content = json.dumps([event("X", 1, dur=1), event("X", 2, dur=1)]).encode().replace(b'"ts": 2', b'"ts" 2')
    with pytest.raises(Malformed, match="byte"):
        read(content)


def test_a_deep_stack_takes_linear_time():
    begins = [event("B", n, str(n)) for n in range(50_000)]
    ends = [event("E", 50_000 + n) for n in range(50_000)]
    spans = read([*begins, *ends]).frames["spans"]
    assert len(spans) == 50_000
    assert spans["parent_id"].isna().sum() == 1


def test_the_sample_of_node_has_five_callbacks_inside_their_timer():
    parts = read((SAMPLES / "node.json").read_bytes())
    spans = parts.frames["spans"].set_index("span_id")
    callbacks = spans[spans["name"] == "Timeout_CALLBACK"]
    assert len(callbacks) == 5
    assert spans.loc[callbacks["parent_id"].unique(), "name"].tolist() == ["Timeout"]


def test_other_events_among_those_of_py_spy_are_left_out_of_its_stacks():
    name = {"ph": "M", "name": "process_name", "pid": 1, "args": {"name": "shop"}}
    frames = read([event("B", 1, cat="py-spy"), name, event("X", 2, dur=1), event("E", 5)]).frames
    assert frames["stacks"]["value"].tolist() == [4]
    assert len(frames["spans"]) == 2


def test_the_innermost_512_frames_of_a_stack_are_kept():
    begins = [event("B", n, str(n), cat="py-spy") for n in range(600)]
    stacks = read([*begins, *(event("E", 600 + n) for n in range(600))]).frames["stacks"]
    assert stacks["frames"].list.len().max() == 512
