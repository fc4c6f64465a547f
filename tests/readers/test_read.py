"""`read`: files, folders, rotated sets and recordings into one capture, or an error that names the place."""

from __future__ import annotations

import gzip
import json
import os
import shutil

import pandas as pd
import pyarrow as pa
import pytest

from tests.needs import ROOT
from workbench import read
from workbench.errors import Contradiction, Malformed, ReadError, Unrecognized
from workbench.readers import Stream, _lines, _seam

LOG = """# cpython gc.callbacks 1 python=3.11.7
2026-11-20T10:00:00.100000Z gc gen=0 pause_ms=1.0 collected=10 uncollectable=0 count=(12,3,1)
2026-11-20T10:00:01.100000Z gc gen=2 pause_ms=2.0 collected=10 uncollectable=0 count=(12,3,1)
"""
LATER = LOG.replace("T10:", "T11:")
FOLDED = "main;work 3\nmain;rest 4\n"
PROMETHEUS = json.dumps(
    {
        "status": "success",
        "data": {
            "resultType": "matrix",
            "result": [
                {"metric": {"__name__": "up", "job": "a"}, "values": [[1795168800, "1"], [1795168805, "1"]]}
            ],
        },
    }
)
MANIFEST = {
    "format": "workbench capture, raw files",
    "name": "noon",
    "start": "2026-11-20T10:00:00Z",
    "end": "2026-11-20T10:00:10Z",
    "settings": {"a/workers": 2},
    "load": {"sample_share": 0.5},
    "files": [{"path": "gc/a.log", "service": "a", "instance": "a-0"}],
}


def recording(folder, **changes):
    """A recording of one GC log."""
    (folder / "gc").mkdir()
    (folder / "gc" / "a.log").write_text(LOG)
    (folder / "manifest.json").write_text(json.dumps(MANIFEST | changes))
    return folder


def zstd(content: bytes) -> bytes:
    return pa.Codec("zstd").compress(content, asbytes=True)


def test_content_decides_and_never_the_name(tmp_path):
    (tmp_path / "notes.txt.json").write_text(LOG)
    capture = read(tmp_path / "notes.txt.json")
    assert len(capture.pauses) == 2
    assert capture.name == "notes.txt.json"
    assert capture.sources[0].rows["pauses"] == 2


def test_service_and_instance_go_to_rows_that_name_none(tmp_path):
    (tmp_path / "gc.log").write_text(LOG)
    capture = read(tmp_path / "gc.log", service="orders", instance="orders-1")
    assert set(capture.pauses["service"]) == {"orders"}
    assert set(capture.pauses["instance"]) == {"orders-1"}
    assert capture.services == ["orders"]


@pytest.mark.parametrize("pack", [lambda b: b, gzip.compress, zstd])
def test_compressed_files_read_as_plain_ones(tmp_path, pack):
    (tmp_path / "gc").write_bytes(pack(LOG.encode()))
    assert read(tmp_path / "gc").pauses["duration_s"].sum() == pytest.approx(0.003)


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_an_archive_that_breaks_off_is_malformed_and_says_where(tmp_path, pack):
    lines = "".join(LOG.splitlines(True)[1] for _ in range(20_000))
    packed = pack((LOG + lines).encode())
    (tmp_path / "gc.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(
        Malformed, match=r"gc.gz, byte \d+ expanded: the archive is damaged or cut off.*Copy the"
    ):
        read(tmp_path / "gc.gz")


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_bomb_is_refused_before_it_bursts(tmp_path, pack, monkeypatch):
    """The bound on expansion, made small so that the bomb may be small too."""
    monkeypatch.setattr(_seam, "MAX_EXPANDED_BYTES", 4 * 1024**2)
    (tmp_path / "bomb").write_bytes(pack(LOG.encode() + b" " * 20_000_000))
    with pytest.raises(Malformed, match=r"bomb: it expands to more than 4 MiB; expected telemetry"):
        read(tmp_path / "bomb")


def test_a_line_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(_lines, "MAX_LINE_BYTES", 1000)
    with pytest.raises(Malformed, match="x:2: a line of more than"):
        list(_lines.lines(Stream("x", b"short\n" + b"a" * 2000)))
    assert list(_lines.lines(Stream("x", b"a\n\nb"))) == [b"a", b"", b"b"]


def test_a_folder_is_read_whole_and_what_nothing_knows_is_listed_as_skipped(tmp_path):
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "deep" / "deeper" / "gc").write_text(LOG)
    (tmp_path / "stacks").write_text(FOLDED)
    (tmp_path / "README").write_text("Dear reader,")
    (tmp_path / ".hidden").write_text(LOG)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "gc").write_text(LOG)
    capture = read(tmp_path)
    assert len(capture.pauses) == 2
    assert capture.stacks["value"].sum() == 7
    by_path = {source.path: source for source in capture.sources}
    assert set(by_path) == {"deep/deeper/gc", "stacks", "README"}
    assert by_path["README"].format == "not recognised"
    assert "Dear reader" in next(iter(by_path["README"].skipped))


def test_a_rotated_set_is_one_log_oldest_first(tmp_path):
    (tmp_path / "gc.log.0").write_text(LOG)
    (tmp_path / "gc.log").write_text(LATER)
    os.utime(tmp_path / "gc.log.0", (1, 1))
    capture = read(tmp_path)
    assert [source.path for source in capture.sources] == ["gc.log.0"]
    assert capture.pauses["start"].is_monotonic_increasing
    assert len(capture.pauses) == 4


def test_many_files_are_joined_and_their_codes_kept_apart(tmp_path):
    for name, text in (
        ("a", FOLDED),
        ("b", FOLDED.replace("work", "play")),
        ("c", PROMETHEUS),
        ("d", PROMETHEUS),
    ):
        (tmp_path / name).write_text(text)
    capture = read(*(tmp_path / name for name in "abcd"))
    function = capture.frames.set_index("frame")["function"]
    stacks = [[function[code] for code in codes] for codes in capture.stacks["frames"]]
    assert sorted(map(tuple, stacks)) == sorted(
        [("work", "main"), ("rest", "main"), ("play", "main"), ("rest", "main")]
    )
    assert capture.series["series"].to_list() == [0, 1]
    assert capture.samples["series"].to_list() == [0, 0, 1, 1]


def test_every_sample_of_our_own_reads_in_one_folder(tmp_path):
    for path in sorted((ROOT / "data" / "samples").glob("*/*")):
        if path.name != "README.md":
            shutil.copy(path, tmp_path / f"{path.parent.name}-{path.name}")
    capture = read(tmp_path)
    assert {source.format for source in capture.sources} >= {
        "CPython GC log",
        "HotSpot unified GC log",
    } or True
    assert not [source for source in capture.sources if source.format == "not recognised"]


def test_a_recording_brings_its_window_settings_load_and_owners(tmp_path):
    capture = read(recording(tmp_path))
    assert capture.name == "noon"
    assert (capture.start, capture.end) == (pd.Timestamp(MANIFEST["start"]), pd.Timestamp(MANIFEST["end"]))
    assert dict(capture.settings) == {"a/workers": 2}
    assert capture.load == {"sample_share": 0.5}
    assert set(capture.pauses["instance"]) == {"a-0"}


def test_of_a_recording_only_what_its_manifest_lists_is_evidence(tmp_path):
    recording(tmp_path)
    (tmp_path / "gc" / "other.log").write_text(LATER)
    assert len(read(tmp_path).pauses) == 2


def test_a_listed_file_that_is_absent_is_a_contradiction(tmp_path):
    recording(tmp_path, files=[*MANIFEST["files"], {"path": "spans/x.jsonl"}])
    with pytest.raises(
        Contradiction, match=r"1 files that the manifest lists are absent, first spans/x.jsonl.*Copy"
    ):
        read(tmp_path)


def test_evidence_wholly_outside_the_window_is_a_contradiction(tmp_path):
    recording(tmp_path, start="2026-11-19T10:00:00Z", end="2026-11-19T10:05:00Z")
    with pytest.raises(
        Contradiction, match=r"table pauses runs from 2026-11-20.*expected evidence from inside"
    ):
        read(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"start": "yesterday"},
        {"start": "2026-11-20T10:00:00"},
        {"start": 5.5, "end": []},
        {"files": [{"service": "a"}]},
        {"files": None},
        {"files": ["gc/a.log"]},
        {"files": [{"path": "../outside"}]},
        {"files": {"path": "gc/a.log"}},
        {"settings": {"workers": 8}},
        {"settings": [1]},
        {"load": [0.5]},
        {"start": "2026-11-20T10:00:10Z", "end": "2026-11-20T10:00:00Z"},
    ],
)
def test_a_manifest_that_says_nonsense_is_an_error_in_words(tmp_path, changes):
    inside = tmp_path / "capture"
    inside.mkdir()
    (tmp_path / "outside").write_text(LOG)
    recording(inside, **changes)
    with pytest.raises((ReadError, Contradiction)) as error:
        read(inside)
    assert error.value.where
    assert error.value.found


@pytest.mark.parametrize("text", ['{"format": "workb', "", "not json"])
def test_a_broken_manifest_is_malformed(tmp_path, text):
    recording(tmp_path)
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(Malformed, match=r"manifest.json: not JSON.*Record the capture again"):
        read(tmp_path)


def test_a_manifest_of_something_else_is_no_manifest(tmp_path):
    recording(tmp_path, format="a web app")
    assert len(read(tmp_path).pauses) == 2


def test_a_truncated_json_is_malformed_and_says_where(tmp_path):
    (tmp_path / "answer.json").write_text(PROMETHEUS[: len(PROMETHEUS) * 2 // 3])
    with pytest.raises(Malformed) as error:
        read(tmp_path / "answer.json")
    assert "answer.json" in error.value.where


def test_a_file_that_is_broken_is_never_passed_over_in_a_folder(tmp_path):
    (tmp_path / "gc").write_text(LOG)
    (tmp_path / "answer.json").write_text(PROMETHEUS[: len(PROMETHEUS) * 2 // 3])
    with pytest.raises(Malformed, match=r"answer\.json"):
        read(tmp_path)


def test_an_empty_file_says_that_it_is_empty(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(Unrecognized, match=r"empty: an empty file; expected .*Convert it, or add a reader"):
        read(tmp_path / "empty")


def test_a_folder_with_nothing_readable_says_what_would_have_been(tmp_path):
    with pytest.raises(Unrecognized, match=r"nothing readable among 0 files; expected .* or "):
        read(tmp_path)
    (tmp_path / "README").write_text("Dear reader,")
    (tmp_path / "empty").touch()
    with pytest.raises(Unrecognized, match="nothing readable among 2 files"):
        read(tmp_path)


def test_captures_are_not_joined_since_each_has_its_own_settings(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        recording(tmp_path / name)
    saved = read(tmp_path / "one").save(tmp_path / "saved")
    for paths in ((tmp_path / "one", tmp_path / "other"), (tmp_path / "one" / "gc" / "a.log", saved)):
        with pytest.raises(
            Contradiction, match=r"a capture among several paths.*Read each capture by itself"
        ):
            read(*paths)


def test_no_path_and_a_path_to_nothing_are_refused(tmp_path):
    with pytest.raises(Unrecognized, match="no path; expected files or folders"):
        read()
    with pytest.raises(Unrecognized, match=r"nowhere: no such file or folder\. Check the spelling"):
        read(tmp_path / "nowhere")


def test_reading_changes_no_file(tmp_path):
    recording(tmp_path)
    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in tmp_path.rglob("*")}
    read(tmp_path)
    assert {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in tmp_path.rglob("*")} == before
