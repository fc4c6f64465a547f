"""Heap spaces, in bytes, of every collector of two JDKs; the samples are of heaps of 64 MiB."""

from __future__ import annotations

import pytest

from tests.needs import ROOT
from workbench.errors import Unrecognized
from workbench.readers import Stream, heap_info

SAMPLES = ROOT / "data" / "samples" / "heap_info"


def sizes(name: str) -> dict[tuple[str, str], float]:
    series, samples = heap_info.read(Stream(name, SAMPLES / name)).frames.values()
    joined = series.merge(samples, on="series")
    assert set(joined["metric"]) == {"jvm_heap_info_bytes"}
    assert joined["time"].isna().all()
    keys = [(dict(labels)["space"], dict(labels)["size"]) for labels in joined["labels"]]
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, joined["value"], strict=True))


@pytest.mark.parametrize(
    ("name", "heap", "used_kib"),  # as the files say
    [
        ("openjdk17-g1.txt", {("garbage-first heap", "total")}, 1808),
        ("openjdk17-serial.txt", {("def new generation", "total"), ("tenured generation", "total")}, 2804),
        ("openjdk17-parallel.txt", {("PSYoungGen", "total"), ("ParOldGen", "total")}, 2622),
        ("openjdk17-z.txt", {("ZHeap", "capacity")}, 4096),
        ("openjdk17-shenandoah.txt", {("Shenandoah Heap", "committed")}, 2304),
        ("temurin25-g1.txt", {("garbage-first heap", "committed")}, 3501),
        ("temurin25-serial.txt", {("DefNew", "total"), ("Tenured", "total")}, 2811 + 1166),
        ("temurin25-parallel.txt", {("PSYoungGen", "total"), ("ParOldGen", "total")}, 2949 + 1166),
        ("temurin25-z.txt", {("ZHeap", "capacity")}, 4096),
        ("temurin25-shenandoah.txt", {("Shenandoah Heap", "committed")}, 3328),
    ],
)
def test_spaces_make_up_the_heap_that_the_jvm_was_given(name, heap, used_kib):
    found = sizes(name)
    # A generation's total leaves out one survivor space, of 2,176 or 2,560 KiB here.
    assert 61 * 1024**2 <= sum(found[key] for key in heap) <= 64 * 1024**2
    assert sum(found[space, "used"] for space, _ in heap) == used_kib * 1024


def test_metaspace_is_a_space_of_its_own():
    assert sizes("openjdk17-g1.txt")["Metaspace", "reserved"] == 1114112 * 1024


def test_a_log_with_such_a_line_in_it_is_unrecognised():
    assert heap_info.sniff(b"4711:\n ZHeap           used 4M, capacity 64M, max capacity 64M\n")
    text = b"{Heap before GC invocations=0 (full 0):\n garbage-first heap   total 65536K, used 1808K [0x1)\n"
    assert not heap_info.sniff(text)
    with pytest.raises(Unrecognized, match="no heap spaces"):
        heap_info.read(Stream("x", text))
