"""pprof: what google/pprof's own parser says of the corpus' files, and what a broken profile gives."""

from __future__ import annotations

import functools
import gzip
import random

import numpy as np
import pytest

from tests.needs import ROOT
from tests.readers.corpus import expected, of_family
from workbench import tables
from workbench.errors import Malformed, Unrecognized
from workbench.readers import Parts, Stream, _pprof_samples, _pprof_schema, pprof

FOLDERS = ("profiles", "generated")
OF_THE_PARSER = "reference parser"


@pytest.mark.parametrize("folder", FOLDERS)
def test_sample_counts_totals_and_types_are_those_of_the_reference_parser(folder):
    differing = {}
    for path, known in _profiles(folder).items():
        stacks = _read(folder, path).frames["stacks"]
        totals = stacks.groupby(["type", "unit"], sort=False)["value"].sum()
        types = max(len(totals), 1)
        ours = {f"total[{kind}/{unit}]": value for (kind, unit), value in totals.items()}
        ours["n_samples"] = len(stacks) / types
        ours["negative_values"] = (stacks["value"] < 0).sum()
        for quantity, value in known.items():
            if quantity in ours and float(value.value) != ours[quantity]:
                differing[path, quantity] = (float(value.value), ours[quantity])
        assert set(ours) - set(known) <= {"negative_values"}, path
    assert differing == {}


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_default_sample_type_stands_last(folder):
    found = 0
    for path, known in _profiles(folder).items():
        stacks = _read(folder, path).frames["stacks"]
        default = known["default_sample_type"].value
        if not default and "sample_types" in known:
            default = known["sample_types"].value.split("|")[-1].partition("/")[0]
        if default and len(stacks):
            found += 1
            assert stacks["type"].iloc[-1] == default, path
    assert found


@pytest.mark.parametrize("folder", FOLDERS)
def test_stacks_are_as_deep_as_the_reference_parser_says_when_inlined_frames_are_not_counted(folder):
    found = 0
    for path, known in _profiles(folder).items():
        if "max_depth_locations" not in known:
            continue
        frames, stacks = _read(folder, path).frames.values()
        codes = stacks["frames"].list.flatten().to_numpy(np.int64)
        owners = np.repeat(np.arange(len(stacks)), stacks["frames"].list.len().to_numpy(np.int64))
        inlined = frames["inlined"].to_numpy(bool)[codes]
        depth = np.bincount(owners[~inlined], minlength=1).max()
        assert depth == int(known["max_depth_locations"].value), path
        assert inlined.any() == (int(known.get("inlined_locations", ("0",))[0]) > 0), path
        found += 1
    assert found or folder == "generated"


@pytest.mark.parametrize("folder", FOLDERS)
def test_labels_have_the_keys_and_stand_on_the_samples_that_the_reference_parser_says(folder):
    found = 0
    for path, known in _profiles(folder).items():
        stacks = _read(folder, path).frames["stacks"]
        rows = [dict(pairs) for pairs in stacks["labels"]]
        keys = {key for row in rows for key in row}
        assert keys == {k.lstrip("#") for k in known.get("label_keys", ("",))[0].split("|")} - {""}, path
        words, numbers = (int(known.get(f"samples_with_{kind}", ("0",))[0]) for kind in ("label", "numlabel"))
        types = max(len(stacks[["type", "unit"]].drop_duplicates()), 1)
        assert max(words, numbers) <= sum(map(bool, rows)) / types <= words + numbers, path
        found += bool(keys)
    assert found


def test_older_text_and_binary_kinds_are_not_claimed():
    claimed = {p for p, f in of_family("profiles", "pprof").items() if pprof.sniff(Stream(p, f).head())}
    assert {path.rpartition("/")[2] for path in claimed} == {
        "cppbench.cpu_no_samples_type",
        "go.nomappings.crash",
        "large.cpu",
        "sample.cpu",
    }
    for path, known in expected("profiles").items():
        if "parse_error" in known:
            with pytest.raises(Unrecognized):
                _read("profiles", path)


def test_a_location_of_three_lines_is_three_frames_innermost_first():
    profile = _small()
    (location,) = profile.location
    location.line.add(function_id=1, line=30)
    location.line.add(function_id=2, line=7)
    frames, stacks = _parts(profile).frames.values()
    named = frames.set_index("frame")
    (codes,) = stacks["frames"]
    assert [named["function"][c] for c in codes] == ["work", "work", "main"]
    assert [named["line"][c] for c in codes] == [12, 30, 7]
    assert [named["inlined"][c] for c in codes] == [True, True, False]


def test_every_sample_type_has_its_rows_and_the_named_default_comes_last():
    profile = _small()
    profile.string_table.extend([b"alloc", b"bytes"])
    profile.sample_type.add(type=7, unit=8)
    profile.sample[0].value.append(-512)
    profile.default_sample_type = 1
    stacks = _parts(profile).frames["stacks"]
    assert stacks["type"].tolist() == ["alloc", "cpu"]
    assert stacks["unit"].tolist() == ["bytes", "nanoseconds"]
    assert stacks["value"].tolist() == [-512, 3]


def test_ids_need_not_be_dense_and_a_sample_need_not_have_a_stack():
    profile = _small()
    profile.location[0].id = profile.sample[0].location_id[0] = 2**63 + 11
    profile.sample.add(value=[5])
    stacks = _parts(profile).frames["stacks"]
    assert [list(codes) for codes in stacks["frames"]] == [[0], []]
    assert stacks["value"].tolist() == [3, 5]


def test_names_that_are_not_utf8_are_kept_apart():
    profile = _small()
    profile.string_table[3], profile.string_table[4] = b"f\xff", b"f\xfe"
    profile.location[0].line.add(function_id=2)
    assert _parts(profile).frames["frames"]["function"].tolist() == ["f\\xff", "f\\xfe"]


def test_labels_are_text_and_numbers_carry_their_unit():
    profile = _small()
    profile.string_table.extend([b"route", b"/pay", b"size", b"bytes", b"/buy"])
    profile.sample[0].label.add(key=7, str=8)
    profile.sample[0].label.add(key=7, str=11)
    profile.sample[0].label.add(key=9, num=4096, num_unit=10)
    (labels,) = _parts(profile).frames["stacks"]["labels"]
    assert dict(labels) == {"route": "/pay, /buy", "size": "4096 bytes"}


def test_a_location_without_symbols_is_named_by_its_binary():
    profile = _small()
    profile.string_table.append(b"/usr/lib/libc.so.6")
    profile.mapping.add(id=4, filename=7)
    profile.location.add(id=8, mapping_id=4)
    profile.location.add(id=9)
    profile.sample[0].location_id.extend([8, 9])
    frames = _parts(profile).frames["frames"]
    assert frames["function"].tolist() == ["work", "[libc.so.6]", "<unknown>"]
    assert frames["file"].fillna("").tolist() == ["shop.go", "/usr/lib/libc.so.6", ""]


def _zero_location(profile):
    profile.location[0].id = 0


def _zero_function(profile):
    profile.function[0].id = 0


def _same_function(profile):
    profile.function[1].id = 1


def _no_such_location(profile):
    profile.sample[0].location_id.append(77)


def _too_many_values(profile):
    profile.sample[0].value.append(1)


def _no_such_string(profile):
    profile.function[0].name = 99


def _no_first_string(profile):
    profile.string_table[0] = b"x"


@pytest.mark.parametrize(
    ("broken", "where", "found"),
    [
        (_zero_location, "location 0", "id 0"),
        (_zero_function, "function 0", "id 0"),
        (_same_function, "function", "id 1 stands twice"),
        (_no_such_location, "sample 0", "location 77"),
        (_too_many_values, "sample 0", "2 values for 1 sample types"),
        (_no_such_string, "function", "string 99 of 7"),
        (_no_first_string, "string_table", "begins with 'x'"),
    ],
)
def test_a_profile_that_contradicts_itself_is_malformed_at_a_named_place(broken, where, found):
    profile = _small()
    broken(profile)
    with pytest.raises(Malformed) as caught:
        _parts(profile)
    assert where in caught.value.where
    assert found in caught.value.found


def test_a_cut_profile_is_malformed_and_not_foreign():
    content = (ROOT / "data" / "samples" / "pprof" / "shop-cpu.pb.gz").read_bytes()
    with pytest.raises(Malformed, match="cut off"):
        pprof.read(Stream("cut", gzip.decompress(content)[:9000]))
    with pytest.raises(Malformed, match="archive"):
        pprof.read(Stream("cut", content[:5000]))


@pytest.mark.parametrize(
    "foreign",
    [
        b"",
        b"\x0a\x00",  # one empty message
        b"\x0a\x05hello\x0a\x05world",  # repeated string, as of a FileDescriptorSet
        b"\x0a\x10\x0a\x0e\x0a\x0c\x0a\x04name\x12\x04\x0a\x02me",  # OTLP: resource with an attribute
        b"\x08\x96\x01",  # a number
        b"--- heapz 1 ---\n",
    ],
)
def test_an_empty_or_foreign_protobuf_is_not_claimed(foreign):
    assert not pprof.sniff(foreign)
    with pytest.raises(Unrecognized):
        pprof.read(Stream("foreign", foreign))


def test_our_sample_holds_what_go_tool_pprof_says_of_it():
    # go tool pprof (Go 1.26) -top, -tags and -raw: 120 samples in 2.99 s, /orders 730 ms, /payments 450 ms
    parts = pprof.read(Stream("cpu", ROOT / "data" / "samples" / "pprof" / "shop-cpu.pb.gz"))
    stacks = parts.frames["stacks"]
    routes = stacks.assign(route=[dict(pairs).get("route", "") for pairs in stacks["labels"]])
    by = routes[routes["type"] == "cpu"].groupby("route")["value"].sum().to_dict()
    assert by == {"": 20e6, "/orders": 730e6, "/payments": 450e6}
    assert stacks.loc[stacks["type"] == "samples", "value"].sum() == 120
    assert parts.notes[0].startswith("taken at 2026-11-20 10:12:13 UTC over 2.99856 s")


def _varint(number):
    parts = []
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def _encoded(luck, ids, values, labels):
    """Lay a sample out as some encoder might: packed or single, in any order, in several pieces."""
    pieces = [b"\x1a\x04\x08\x07\x10\x08"] * labels
    for field, numbers in ((1, ids), (2, values)):
        at = 0
        while at < len(numbers):
            size = luck.choice([1, 2, len(numbers)])
            chosen = [_varint(number % 2**64) for number in numbers[at : at + size]]
            if luck.random() < 0.5:
                body = b"".join(chosen)
                pieces.append(bytes([field << 3 | 2]) + _varint(len(body)) + body)
            else:
                pieces.extend(bytes([field << 3]) + number for number in chosen)
            at += size
    return pieces


def test_samples_in_any_layout_are_read_at_once_as_they_are_one_by_one():
    luck = random.Random(3)
    for _ in range(60):
        messages = []
        for _ in range(luck.randrange(0, 12)):
            ids = [luck.choice([1, 127, 128, 2**35, 2**64 - 1]) for _ in range(luck.randrange(0, 9))]
            values = [luck.choice([0, 1, -1, 2**63 - 1, -(2**63)]) for _ in range(2)]
            messages.append(b"".join(_encoded(luck, ids, values, luck.randrange(3))))
        at_once, one_by_one = _pprof_samples.at_once(messages), _pprof_samples.one_by_one(messages, "x")
        assert at_once is not None
        for name in ("depths", "sizes"):
            assert getattr(at_once, name).tolist() == getattr(one_by_one, name).tolist()
        assert at_once.ids.astype(np.uint64).tolist() == one_by_one.ids.tolist()
        assert at_once.values.astype(np.int64).tolist() == one_by_one.values.tolist()
        assert at_once.labelled == one_by_one.labelled


def test_samples_that_are_cut_or_have_foreign_fields_are_not_read_at_once():
    for message in (
        b"\x0a\x05\x01",
        b"\x0a\x01\x80",
        b"\x08\x80",
        b"\x28\x01",
        b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ):
        assert _pprof_samples.at_once([b"\x08\x01\x10\x01", message]) is None


def _profiles(folder):
    """Give what the reference parser knows of each profile.proto file of the corpus."""
    found = {}
    for path, known in expected(folder).items():
        if "n_samples" in known and known["n_samples"].source.startswith(OF_THE_PARSER):
            file = of_family(folder, "pprof", "pprof-synthetic", "mixed").get(path)
            if file is not None and pprof.sniff(Stream(path, file).head()):
                found[path] = known
    assert found
    return found


@functools.cache
def _read(folder, path) -> Parts:
    return pprof.read(Stream(path, of_family(folder, "pprof", "pprof-synthetic", "mixed")[path]))


def _small():
    """Make a profile of one sample: 3 ns of cpu in work, shop.go:12."""
    profile = _pprof_schema.message()()
    profile.string_table.extend([b"", b"cpu", b"nanoseconds", b"work", b"main", b"shop.go", b"main.go"])
    profile.sample_type.add(type=1, unit=2)
    profile.function.add(id=1, name=3, filename=5)
    profile.function.add(id=2, name=4, filename=6)
    profile.location.add(id=5).line.add(function_id=1, line=12)
    profile.sample.add(location_id=[5], value=[3])
    return profile


def _parts(profile) -> Parts:
    parts = pprof.read(Stream("small", profile.SerializeToString()))
    for name, frame in parts.frames.items():
        tables.TABLES[name].check(frame)
    return parts


def test_samples_read_in_several_goes_are_the_same_and_keep_their_numbers(monkeypatch):
    profile = _small()
    for value in range(4, 12):
        profile.sample.add(location_id=[5] * (value % 3), value=[value]).label.add(key=3, num=value)
    whole = _parts(profile)
    monkeypatch.setattr(pprof, "_AT_ONCE", 2)
    again = _parts(profile)
    for name, frame in whole.frames.items():
        assert again.frames[name].equals(frame)
    profile.sample[6].location_id.append(77)
    with pytest.raises(Malformed, match="sample 6: location 77"):
        _parts(profile)
