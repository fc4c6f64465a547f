"""What every reader promises, on our own samples and on the corpus; a new module in readers/ is held at once.

A sample is a file in data/samples/<reader>/ beside a README.md that tells how it was recorded.
"""

from __future__ import annotations

import gzip
import random

import pytest

from tests.needs import ROOT
from tests.readers import corpus
from workbench import tables
from workbench.errors import ReadError, Unrecognized
from workbench.readers import Parts, Reader, Stream, readers, recognise
from workbench.readers._seam import HEAD_BYTES

SAMPLES = [
    pytest.param(path, id=f"{path.parent.name}/{path.name}")
    for path in sorted((ROOT / "data" / "samples").glob("*/*"))
    if path.name != "README.md"
]
FAMILIES = {
    "jvm-unified-*": "hotspot_unified",
    "jvm567-*": "hotspot_legacy",
    "jvm8-*": "hotspot_legacy",
    "jvmlegacy-*": "hotspot_legacy",
    "go-gctrace": "go_gctrace",
    "go-gctrace+schedtrace": "go_gctrace",
    "go-schedtrace": "go_schedtrace",
    "python-gc": "cpython_debug_gc",
    "v8": "v8_gc",
}
OF_NO_READER = ("sidecar-*", "v8-expected-json")
WITHOUT_A_LINE = (".zip", "ill_formed_nvp.in", "oom.in")  # archives, and files in which no line is whole
FOLDERS = ("gc", "profiles", "traces", "prometheus")
MOST_BYTES = 200_000  # of a corpus file that is damaged and read again


@pytest.mark.parametrize("name", readers())
def test_every_reader_has_samples_recorded_by_ourselves(name):
    assert (ROOT / "data" / "samples" / name / "README.md").is_file()
    assert any(param.values[0].parent.name == name for param in SAMPLES)


@pytest.mark.parametrize("name", readers())
def test_a_reader_does_not_claim_nothing_or_noise(name):
    noise = random.Random(5).randbytes(4096)
    for head in (b"", b"\n", b"\0" * 100, b"hello\n", b"{}", b"[]", noise):
        assert not readers()[name].sniff(head), head[:20]


@pytest.mark.parametrize("path", SAMPLES)
def test_a_sample_is_recognised_by_its_reader_alone_without_its_name(path):
    assert _claiming(Stream("", path.read_bytes()).head()) == [path.parent.name]


@pytest.mark.parametrize("path", SAMPLES)
def test_a_sample_passes_the_table_check_and_compressed_it_reads_the_same(path):
    reader = readers()[path.parent.name]
    parts = reader.read(Stream(path.name, path))
    assert parts.frames
    packed = gzip.compress(Stream(path.name, path).content())
    again = recognise(Stream("", packed).head()).read(Stream("", packed))
    for name, frame in parts.frames.items():
        tables.TABLES[name].check(frame)
        assert len(again.frames[name]) == len(frame)
    assert again.skipped == parts.skipped


@pytest.mark.parametrize("path", SAMPLES)
def test_a_cut_sample_is_a_clear_error_or_fewer_rows(path):
    reader, whole = readers()[path.parent.name], path.read_bytes()
    for share in (0.0, 0.01, 0.1, 0.37, 0.5, 0.73, 0.9, 0.99, 0.999):
        _read_or_refuse(reader, whole[: int(len(whole) * share)])


@pytest.mark.parametrize("path", SAMPLES)
def test_a_corrupted_sample_is_a_clear_error_or_a_counted_skip(path):
    reader, whole = readers()[path.parent.name], path.read_bytes()
    for seed in range(12):
        _read_or_refuse(reader, _corrupted(whole, seed))


@pytest.mark.parametrize(("family", "name"), FAMILIES.items())
def test_files_of_a_family_are_recognised_by_its_reader_alone(family, name):
    found = {p: _claiming(Stream(p, f).head()) for p, f in corpus.of_family("gc", family).items()}
    found = {path: names for path, names in found.items() if not path.endswith(WITHOUT_A_LINE)}
    assert found
    assert {path: names for path, names in found.items() if names != [name]} == {}


@pytest.mark.parametrize("family", OF_NO_READER)
def test_what_stands_beside_logs_in_the_corpus_is_recognised_by_none(family):
    found = {p: _claiming(Stream(p, f).head()) for p, f in corpus.of_family("gc", family).items()}
    assert found
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_corpus_file_is_claimed_by_one_reader_at_most_and_damage_never_surprises(folder):
    for seed, path in enumerate(sorted(corpus.manifest(folder))):
        file = corpus.corpus(folder, path)
        claiming = _claiming(Stream(path, file).head())
        assert len(claiming) < 2, (path, claiming)
        for name in claiming:
            whole = file.read_bytes()[:MOST_BYTES]
            _read_or_refuse(readers()[name], whole[: len(whole) * 2 // 3])
            _read_or_refuse(readers()[name], _corrupted(whole, seed))


def _claiming(head: bytes) -> list[str]:
    return [name for name, reader in readers().items() if head and reader.sniff(head)]


def _read_or_refuse(reader: Reader, content: bytes) -> None:
    """Read; anything but Parts that check, or an error that says what is wrong and where, fails the test."""
    outcome = _outcome(reader, content)
    if isinstance(outcome, ReadError):
        assert outcome.found
        assert isinstance(outcome, Unrecognized) or outcome.where
        return
    assert isinstance(outcome, Parts)
    for name, frame in outcome.frames.items():
        tables.TABLES[name].check(frame)


def _outcome(reader: Reader, content: bytes) -> Parts | ReadError:
    for each in readers().values():
        assert each.sniff(content[:HEAD_BYTES]) in (True, False)
    try:
        return reader.read(Stream("damaged", content))
    except ReadError as error:
        return error


def _corrupted(content: bytes, seed: int) -> bytes:
    """Flip bytes, blank a stretch, swap two stretches or repeat one, as bad disks and writers do."""
    luck, damaged = random.Random(seed), bytearray(content)
    size = len(damaged)
    if size < 8:
        return bytes(reversed(damaged))
    at, length = luck.randrange(size), max(1, luck.randrange(max(2, size // 8)))
    how = seed % 4
    if how == 0:
        for _ in range(max(1, size // 500)):
            damaged[luck.randrange(size)] = luck.randrange(256)
    elif how == 1:
        damaged[at : at + length] = bytes(len(damaged[at : at + length]))
    elif how == 2:
        damaged[:] = damaged[at:] + damaged[:at]
    else:
        damaged[at:at] = damaged[at : at + length]
    return bytes(damaged)
