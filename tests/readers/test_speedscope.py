"""speedscope files: py-spy's own sums, hand-made evented profiles, and what is refused with its place."""

from __future__ import annotations

import copy
import json

import pytest

from tests.needs import ROOT, corpus
from tests.readers.corpus import expected, manifest, of_family
from workbench.errors import Malformed, Unrecognized
from workbench.readers import Stream, speedscope

OWN = "jlfwong+speedscope/sample/profiles/speedscope/"
SCHEMA = "https://www.speedscope.app/file-format-schema.json"
SAMPLED = {
    "type": "sampled",
    "name": "t",
    "unit": "seconds",
    "samples": [[0, 1], [0]],
    "weights": [0.25, 0.5],
}
EVENTS = [("O", 0, 1), ("O", 1, 1), ("C", 1, 3), ("C", 0, 6), ("O", 1, 8), ("C", 1, 9)]
EVENTED = {
    "type": "evented",
    "name": "t",
    "unit": "milliseconds",
    "events": [{"type": kind, "frame": frame, "at": at} for kind, frame, at in EVENTS],
}


def test_samples_weights_and_threads_are_those_of_py_spys_log():
    checked = 0
    for path, file in of_family("generated", "py-spy").items():
        if not path.endswith("speedscope.json"):
            continue
        known = expected("generated")[path]
        stacks = speedscope.read(Stream(path, file)).frames["stacks"]
        assert len(stacks) == int(known["n_samples"].value), path
        assert stacks["value"].sum() == pytest.approx(float(known["sum_weights"].value)), path
        names = [name.split('"')[1] for name in known["profile_names"].value.split("|")]
        ids = [name.split()[1] for name in known["profile_names"].value.split("|")]
        assert [*stacks["thread"].unique()] == [n or i for n, i in zip(names, ids, strict=True)], path
        assert {dict(labels)["thread_id"] for labels in stacks["labels"]} == set(ids), path
        checked += 1
    assert checked == 3


def test_old_sampled_and_evented_files_hold_the_same_stacks():
    # simple.txt: a;b;c 2, a;b;d 4, a;b;c 3, a;b 5, as speedscope's own snapshot of the folded file says
    wanted = [("a;b;c", 2), ("a;b;d", 4), ("a;b;c", 3), ("a;b", 5)]
    for name in ("0.0.1/simple.speedscope.json", "0.0.1/simple-no-pretty-print.speedscope.json"):
        read = _read_corpus(OWN + name)
        assert _folded(read) == wanted
        assert set(read["stacks"]["unit"]) == {""}  # no unit in old files
    halves = [("a;b;c", 1), ("a;b;c", 1), *wanted[1:]]
    assert _folded(_read_corpus(OWN + "0.1.2/simple-sampled.speedscope.json")) == halves
    two = _read_corpus(OWN + "0.6.0/two-sampled.speedscope.json")
    assert _folded(two) == halves * 2
    assert two["stacks"]["thread"].unique().tolist() == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "where"),
    [("incomplete-trace.json", "profiles[0]"), ("out-of-order-events.json", "profiles[0].events[6]")],
)
def test_files_that_speedscope_calls_invalid_are_malformed(name, where):
    with pytest.raises(Malformed) as caught:
        _read_corpus(OWN + "invalid/" + name)
    assert caught.value.where.endswith(where)


def test_no_other_file_of_the_corpus_is_claimed():
    for folder in ("profiles", "generated", "traces", "prometheus"):
        for path in manifest(folder):
            if not path.endswith(("speedscope.json", ".gz")) and not path.startswith(OWN):
                assert not speedscope.sniff(Stream(path, corpus(folder, path)).head()), path


def test_an_evented_profile_weighs_the_time_between_events_and_nothing_while_no_frame_is_open():
    read = _read(EVENTED)
    assert _folded(read) == [("main;loads", 2), ("main", 3), ("loads", 1)]
    assert set(read["stacks"]["unit"]) == {"milliseconds"}
    assert set(read["stacks"]["type"]) == {"time"}


def test_frames_keep_file_and_line_where_they_are_known():
    frames = _read(SAMPLED)["frames"]
    assert frames["function"].tolist() == ["main", "loads"]
    assert frames["file"].fillna("-").tolist() == ["shop.py", "-"]
    assert frames["line"].fillna(-1).tolist() == [7, -1]


def _drop(*path):
    def change(document):
        *inner, last = path
        for key in inner:
            document = document[key]
        del document[last]

    return change


def _put(value, *path):
    def change(document):
        *inner, last = path
        for key in inner:
            document = document[key]
        document[last] = value

    return change


@pytest.mark.parametrize(
    ("profile", "change", "where", "found"),
    [
        (SAMPLED, _drop("shared"), ".shared", "absent"),
        (SAMPLED, _put([{}], "shared", "frames"), "shared.frames[0].name", "absent"),
        (SAMPLED, _put([], "profiles", 0, "weights"), "profiles[0]", "2 samples and 0 weights"),
        (SAMPLED, _put(["x", 1], "profiles", 0, "weights"), "profiles[0].weights[0]", "'x'"),
        (SAMPLED, _put([[0], [5]], "profiles", 0, "samples"), "profiles[0].samples[1]", "frame 5"),
        (SAMPLED, _put([[0], [0, 0.5]], "profiles", 0, "samples"), "profiles[0].samples[1]", "frame 0.5"),
        (SAMPLED, _put([[0], 1], "profiles", 0, "samples"), "profiles[0].samples[1]", "1"),
        (SAMPLED, _put("other", "profiles", 0, "type"), "profiles[0].type", "'other'"),
        (EVENTED, _put(0.5, "profiles", 0, "events", 1, "at"), "profiles[0].events[1]", "at 0.5"),
        (EVENTED, _put(9, "profiles", 0, "events", 0, "frame"), "profiles[0].events[0]", "frame 9"),
        (EVENTED, _put(None, "profiles", 0, "events", 0, "at"), "profiles[0].events[0].at", "absent"),
        (EVENTED, _put("X", "profiles", 0, "events", 0, "type"), "profiles[0].events[0]", "'X'"),
    ],
)
def test_a_broken_file_is_malformed_at_its_json_path(profile, change, where, found):
    with pytest.raises(Malformed) as caught:
        _read(profile, change)
    assert caught.value.where.endswith(where)
    assert found in caught.value.found


def test_a_cut_file_is_malformed_and_other_json_is_foreign():
    whole = json.dumps(_document(SAMPLED)).encode()
    with pytest.raises(Malformed, match="cut off"):
        speedscope.read(Stream("x", whole[:-20]))
    with pytest.raises(Unrecognized):
        speedscope.read(Stream("x", b'{"profiles": [], "shared": {"frames": []}}'))


def test_our_sample_holds_as_many_samples_as_py_spy_said():
    path = ROOT / "data" / "samples" / "speedscope" / "shop.speedscope.json"
    stacks = speedscope.read(Stream("shop", path)).frames["stacks"]
    assert len(stacks) == 566
    assert stacks["value"].sum() == pytest.approx(566 / 50)


def _document(profile):
    frames = [{"name": "main", "file": "shop.py", "line": 7, "col": None}, {"name": "loads", "file": None}]
    return {"$schema": SCHEMA, "shared": {"frames": frames}, "profiles": [copy.deepcopy(profile)]}


def _read(profile, change=lambda document: None):
    document = _document(profile)
    change(document)
    return speedscope.read(Stream("x", json.dumps(document).encode())).frames


def _read_corpus(path):
    return speedscope.read(Stream(path, corpus("profiles", path))).frames


def _folded(read):
    named = read["frames"]["function"]
    pairs = zip(read["stacks"]["frames"], read["stacks"]["value"], strict=True)
    return [(";".join(named[code] for code in reversed(codes)), value) for codes, value in pairs]
