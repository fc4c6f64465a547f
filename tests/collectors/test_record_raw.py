"""What other collectors wrote becomes a part of a recording."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import workbench
from tests.needs import ROOT
from workbench.collectors.record import Evidence, record
from workbench.errors import CollectError

START, END = datetime(2026, 11, 20, 10, tzinfo=UTC), datetime(2026, 11, 20, 11, tzinfo=UTC)
SAMPLES = ROOT / "data" / "samples"
DUMP = SAMPLES / "thread_dump" / "openjdk17.txt"
HEAP = SAMPLES / "pprof" / "shop-heap.pb.gz"


def test_files_of_other_collectors_are_kept_as_they_are_and_read_as_their_instances(tmp_path):
    files = [
        Evidence(DUMP, "raw", "orders", "orders-0"),
        Evidence(DUMP, "raw", "orders", "orders-1"),
        Evidence(HEAP, "raw", "stock"),
    ]
    folder = record(tmp_path / "capture", start=START, end=END, files=files)
    assert (folder / "raw" / "orders-1.openjdk17.txt").read_bytes() == DUMP.read_bytes()
    assert (folder / "raw" / "shop-heap.pb.gz").read_bytes() == HEAP.read_bytes()
    stacks = workbench.read(folder).stacks
    threads = stacks[stacks["type"] == "threads"]
    assert set(zip(threads["service"], threads["instance"], strict=True)) == {
        ("orders", "orders-0"),
        ("orders", "orders-1"),
    }
    assert set(stacks.loc[stacks["type"] == "inuse_space", "service"]) == {"stock"}


def test_two_files_of_one_name_are_an_error_and_leave_nothing(tmp_path):
    with pytest.raises(CollectError, match=r"raw/openjdk17\.txt: two files of one name"):
        record(tmp_path / "capture", start=START, end=END, files=[Evidence(DUMP, "raw")] * 2)
    assert list(tmp_path.iterdir()) == []
