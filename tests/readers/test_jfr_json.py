"""Flight Recorder: counts of `jfr summary`, weights and stacks of each kind of event, pauses by cycle."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tests.needs import ROOT, corpus
from tests.readers.corpus import expected, manifest
from workbench.errors import Malformed, Unrecognized
from workbench.readers import Parts, Stream, jfr_json

SAMPLES = ROOT / "data" / "samples" / "jfr_json"


def read(*events: dict) -> Parts:
    return jfr_json.read(Stream("x", json.dumps({"recording": {"events": list(events)}}).encode()))


def event(kind: str, **values: object) -> dict:
    return {"type": f"jdk.{kind}", "values": {"startTime": "2026-11-20T10:00:00.123456789+01:00", **values}}


def trace(*methods: tuple[str, str, int, str]) -> dict:
    frames = [
        {"method": {"type": {"name": owner}, "name": name}, "lineNumber": line, "type": how}
        for owner, name, line, how in methods
    ]
    return {"truncated": False, "frames": frames}


def test_events_are_those_that_jfr_counts():
    known = expected("generated")["java/busy.jfr"]
    for path in manifest("generated"):
        if path.startswith("java/busy.jfr.") and ".json" in path:
            stacks = jfr_json.read(Stream(path, corpus("generated", path))).frames["stacks"]
            kind = path.split(".")[2]
            assert len(stacks) == int(known[f"events[jdk.{kind}]"].value), path
            assert {dict(pairs)["event"] for pairs in stacks["labels"]} == {f"jdk.{kind}"}


def test_weights_are_those_that_the_file_holds():
    text = corpus("generated", "java", "busy.jfr.JavaMonitorEnter.json").read_text("utf-8")
    seconds = [
        float(line.split('"')[3].removeprefix("PT").removesuffix("S"))
        for line in text.splitlines()
        if '"duration"' in line
    ]
    stacks = jfr_json.read(Stream("x", text.encode())).frames["stacks"]
    assert stacks["value"].tolist() == seconds
    assert set(stacks["type"]) == {"lock"}
    assert set(stacks["unit"]) == {"seconds"}


def test_a_binary_recording_is_refused_with_advice():
    path = corpus("generated", "java", "busy.jfr")
    assert jfr_json.sniff(Stream("x", path).head())
    with pytest.raises(Unrecognized, match="jfr print --json"):
        jfr_json.read(Stream("busy.jfr", path))


def test_frames_have_class_and_method_innermost_first():
    at = trace(("shop/Orders", "pay", 12, "Inlined"), ("<x>", "漢<b>", -1, "JIT compiled"))
    parts = read(event("ExecutionSample", sampledThread={"javaName": "a \x01"}, stackTrace=at, state="RUN"))
    frames, stacks = parts.frames["frames"], parts.frames["stacks"]
    assert frames["function"].tolist() == ["shop.Orders.pay", "<x>.漢<b>"]
    assert frames["line"].fillna(0).tolist() == [12, 0]
    assert frames["inlined"].tolist() == [True, False]
    row = stacks.iloc[0]
    assert (row["thread"], row["type"], row["value"], row["unit"]) == ("a \x01", "samples", 1, "count")
    assert row["start"] == pd.Timestamp("2026-11-20T09:00:00.123456789Z")


def test_allocations_weigh_bytes_and_unknown_events_with_a_stack_their_duration():
    parts = read(
        event("ObjectAllocationSample", weight=512, objectClass={"name": "java/lang/String"}),
        event("ObjectAllocationInNewTLAB", tlabSize=1024, allocationSize=16, stackTrace=trace()),
        event("FileRead", duration="PT1M2.5S", stackTrace=trace()),
        event("Mine", stackTrace=trace()),
        event("CPULoad", machineTotal=0.5),
    )
    stacks = parts.frames["stacks"]
    assert stacks[["type", "value", "unit"]].to_numpy().tolist() == [
        ["alloc_space", 512, "bytes"],
        ["alloc_space", 1024, "bytes"],
        ["FileRead", 62.5, "seconds"],
        ["Mine", 1, "count"],
    ]
    assert dict(stacks["labels"][0])["objectClass"] == "java.lang.String"
    assert parts.skipped == {"event jdk.CPULoad": 1}


def test_pauses_belong_to_their_cycle_and_have_its_heap():
    def heap(when: str, used: int) -> dict:
        return event("GCHeapSummary", gcId=3, when=when, heapUsed=used, heapSpace={"committedSize": 99})

    parts = read(
        event("GCPhasePause", gcId=3, name="Initial Mark", duration="PT0.002S"),
        event("GCPhasePause", gcId=3, name="Remark", duration="PT0.003S"),
        event(
            "GarbageCollection",
            gcId=3,
            name="G1Old",
            cause="G1 Humongous",
            sumOfPauses="PT0.005S",
            duration="PT1S",
        ),
        heap("Before GC", 70),
        heap("After GC", 30),
        event("GCCPUTime", gcId=3, userTime="PT0.01S", systemTime="PT0S"),
    )
    pauses, cycles = parts.frames["pauses"], parts.frames["collections"]
    assert pauses["duration_s"].tolist() == [0.002, 0.003]
    assert pauses["cycle"].tolist() == [3, 3]
    row = cycles.iloc[0]
    assert (row["pauses"], row["pause_s"], row["duration_s"]) == (2, 0.005, 1.0)
    assert (row["collector"], row["heap_before_bytes"], row["heap_after_bytes"]) == ("G1", 70, 30)
    assert row["user_s"] == 0.01


def test_without_pause_events_a_collection_tells_its_pauses_as_a_sum():
    parts = read(
        event("GarbageCollection", gcId=1, name="DefNew", sumOfPauses="PT0.004S", duration="PT0.004S")
    )
    assert parts.frames["pauses"]["duration_s"].tolist() == [0.004]
    assert parts.frames["collections"]["pauses"].isna().all()
    assert "as their sum" in parts.notes[0]


def test_our_sample_has_the_events_that_jfr_counted():
    parts = jfr_json.read(Stream("x", SAMPLES / "busy.json.gz"))
    kinds = parts.frames["stacks"]["type"].value_counts().to_dict()
    assert kinds["samples"] == 41
    assert kinds["lock"] == 25
    assert len(parts.frames["pauses"]) == len(parts.frames["collections"]) == 5
    assert set(parts.frames["pauses"]["collector"]) == {"Serial"}
    assert len(jfr_json.read(Stream("x", SAMPLES / "busy-allocations.json.gz")).frames["stacks"]) == 371


@pytest.mark.parametrize(
    ("events", "where"),
    [
        ([7], "events[0]"),
        ([{"type": "jdk.ExecutionSample"}], "events[0]"),
        ([event("ExecutionSample", stackTrace={"frames": [{}]})], "ExecutionSample 0"),
        ([event("ExecutionSample", startTime="noon")], "startTime"),
    ],
)
def test_a_broken_event_is_malformed_at_a_place(events, where):
    with pytest.raises(Malformed) as caught:
        read(*events)
    assert where in caught.value.where


def test_no_events_are_no_rows():
    assert len(read().frames["stacks"]) == 0
