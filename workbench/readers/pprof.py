"""pprof profiles: profile.proto, compressed or not; the older text and binary kinds are not read.

One sample is `Sample{location_id: [3, 1], value: [2, 20000000], label: [{key: 7, str: 8}]}`: all but values
point into tables of locations and strings.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench import tables
from workbench.errors import Malformed, Unrecognized
from workbench.readers import _stacks
from workbench.readers._protobuf import varint
from workbench.readers._seam import HEAD_BYTES, Parts, Stream

FORMAT = "pprof profile (profile.proto)"

# Field number, name and type of every message; * repeated. Strings are bytes, for names need not be UTF-8.
_SCHEMA = {
    "ValueType": "1 type int64, 2 unit int64",
    "Label": "1 key int64, 2 str int64, 3 num int64, 4 num_unit int64",
    "Sample": "1 location_id *uint64, 2 value *int64, 3 label *Label",
    "Mapping": "1 id uint64, 2 memory_start uint64, 3 memory_limit uint64, 4 file_offset uint64, "
    "5 filename int64, 6 build_id int64, 7 has_functions bool, 8 has_filenames bool, "
    "9 has_line_numbers bool, 10 has_inline_frames bool",
    "Line": "1 function_id uint64, 2 line int64, 3 column int64",
    "Location": "1 id uint64, 2 mapping_id uint64, 3 address uint64, 4 line *Line, 5 is_folded bool",
    "Function": "1 id uint64, 2 name int64, 3 system_name int64, 4 filename int64, 5 start_line int64",
    "Profile": "1 sample_type *ValueType, 2 sample *Sample, 3 mapping *Mapping, 4 location *Location, "
    "5 function *Function, 6 string_table *bytes, 7 drop_frames int64, 8 keep_frames int64, "
    "9 time_nanos int64, 10 duration_nanos int64, 11 period_type ValueType, 12 period int64, "
    "13 comment *int64, 14 default_sample_type int64, 15 doc_url int64",
}
_LONGEST_VARINT = 10  # bytes
_SAMPLE_TAGS = (0x08, 0x0A, 0x10, 0x12, 0x1A)  # location_id and value, single and packed, and label
_MOST_FIELDS = 200  # of a sample that is read together with the others
_ENOUGH_FIELDS = 400  # as many fields of a profile in a row are no accident


def sniff(head: bytes) -> bool:
    """True if `head` is made of the fields of a Profile, among them a sample type or a sample."""
    fields = _shapes()["Profile"]
    kinds, proofs = set(), 0
    for count, (number, wire, body) in enumerate(_fields(head)):
        if count == _ENOUGH_FIELDS:
            break
        if number not in fields or wire not in fields[number][0]:
            return False
        inner = fields[number][1]
        if inner and body is not None:
            if not _fits(body, inner):
                return False
            proofs += number in (1, 2) and len(body) > 0
        kinds.add(number)
    return proofs > 0 and len(kinds) > 1


def read(*streams: Stream) -> Parts:
    """Read profiles: one row per sample and sample type, ordered by type with the profile's default one last.

    A location without symbols is named by its binary, as `[libc.so.6]`, or `<unknown>`.
    """
    known: dict[_stacks.Frame, int] = {}
    parts = Parts()
    found = [_read_one(stream, known, parts) for stream in streams]
    parts.frames = {"frames": _stacks.frames_table(known), "stacks": tables.STACKS.concat(found)}
    return parts


def _read_one(stream: Stream, known: dict[_stacks.Frame, int], parts: Parts) -> pd.DataFrame:
    content = stream.content()
    if not sniff(content[:HEAD_BYTES]):
        raise Unrecognized("not a pprof profile", where=stream.name, expected=FORMAT)
    profile = _parsed(content, stream.name)
    text = _strings(profile, stream.name)
    types = [(text(t.type, "sample_type"), text(t.unit, "sample_type")) for t in profile.sample_type]
    samples = _at_once(profile.sample) or _one_by_one(profile.sample, stream.name)
    weights = _weights(samples, len(types), stream.name)
    codes, depths = _stack_codes(samples, _locations(profile, known, text, stream.name, parts), stream.name)
    parts.notes += _remarks(profile, text)
    if not len(depths):
        return tables.STACKS.empty()
    order = _default_last(types, text(profile.default_sample_type, "default_sample_type"))
    return tables.STACKS.build(
        {
            "frames": _stacks.column([_stacks.stack_lists(codes, depths)] * len(types)),
            "type": _repeated([types[i][0] for i in order], len(depths)),
            "value": weights[:, order].T.ravel(),
            "unit": _repeated([types[i][1] for i in order], len(depths)),
            "labels": _stacks.column([_labels(samples, text)] * len(types)),
        },
        where=stream.name,
    )


def _parsed(content: bytes, name: str) -> Any:
    from google.protobuf.message import DecodeError

    try:
        profile = _profile_of_bytes()()
        profile.ParseFromString(content)
    except DecodeError as error:
        raise Malformed(
            name, f"its protobuf is damaged or cut off ({error})", remedy="copy or record it again"
        ) from error
    return profile


def _strings(profile: Any, name: str) -> Callable[[int, str], str]:
    table = [entry.decode("utf-8", "backslashreplace") for entry in profile.string_table]
    if not table or table[0]:
        first = f"begins with {table[0]!r}" if table else "is absent"
        raise Malformed(
            f"{name}, string_table", f"it {first}", expected="an empty string first", remedy="record it again"
        )

    def text(index: int, place: str) -> str:
        if not 0 <= index < len(table):
            raise Malformed(
                f"{name}, {place}", f"string {index} of {len(table)}", remedy="copy or record it again"
            )
        return table[index]

    return text


@dataclass
class _Samples:
    """All samples, laid end to end: location ids and values with how many each has, and what holds labels."""

    ids: np.ndarray
    depths: np.ndarray
    values: np.ndarray
    sizes: np.ndarray
    labelled: dict[int, Any]  # messages by the sample's number


def _at_once(messages: Sequence[bytes]) -> _Samples | None:
    """Take all samples apart, a field of each at a time; None where one has other or too many fields."""
    sizes = np.fromiter(map(len, messages), np.int64, len(messages))
    data = np.frombuffer(b"".join([*messages, bytes(_LONGEST_VARINT)]), np.uint8)
    ends = np.cumsum(sizes)
    at = ends - sizes
    stretches: dict[int, list[np.ndarray]] = {1: [], 2: []}  # by field: owners, begins and ends
    labelled = np.zeros(len(messages), bool)
    left = np.flatnonzero(at < ends)
    for _ in range(_MOST_FIELDS):
        if not len(left):
            break
        tags, first = data[at[left]], at[left] + 1
        numbers, after = _number_at(data, first)
        single = (tags == 0x08) | (tags == 0x10)  # others are a length and so many bytes
        stops = np.where(single, after, after + np.minimum(numbers, len(data)))
        if (stops > ends[left]).any() or not np.isin(tags, _SAMPLE_TAGS).all():
            return None
        for field, packed in ((1, 0x0A), (2, 0x12)):
            mine = np.flatnonzero((tags == packed) | (tags == field << 3))
            begins = np.where(single, first, after)
            stretches[field].append(np.stack([left[mine], begins[mine], stops[mine]]))
        labelled[left[tags == 0x1A]] = True
        at[left] = stops
        left = left[stops < ends[left]]
    else:
        return None
    found = [_numbers_of(data, stretches[field], len(messages)) for field in (1, 2)]
    if found[0] is None or found[1] is None:
        return None
    told = {number: _parsed_sample(messages[number]) for number in np.flatnonzero(labelled).tolist()}
    return None if None in told.values() else _Samples(*found[0], *found[1], told)


def _number_at(data: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read a varint at each place: 63 bits of it, and where it ends."""
    numbers, after = np.zeros(len(places), np.int64), places.copy()
    going = np.arange(len(places))
    for place in range(_LONGEST_VARINT):
        read = data[after[going]]
        numbers[going] |= (read & 0x7F).astype(np.int64) << min(7 * place, 56)
        after[going] += 1
        going = going[read >= 0x80]
        if not len(going):
            break
    return numbers, after


def _numbers_of(
    data: np.ndarray, stretches: list[np.ndarray], messages: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Give the numbers in these stretches, in order, and how many each message has."""
    joined = np.concatenate(stretches, axis=1) if stretches else np.zeros((3, 0), np.int64)
    owners, begins, ends = joined[:, np.argsort(joined[1], kind="stable")]
    found = _varints(data, begins, ends)
    if found is None:
        return None
    return found[0], np.bincount(owners, found[1], messages).astype(np.int64)


def _varints(data: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Read the numbers of all stretches, and how many each has; None if one is cut off."""
    full = np.flatnonzero(begins < ends)
    if (data[ends[full] - 1] >= 0x80).any():
        return None
    gaps = np.empty(2 * len(begins), np.int64)
    gaps[0::2], gaps[1::2] = begins - np.concatenate([[0], ends])[:-1], ends - begins
    packed = data[: ends[-1] if len(ends) else 0][np.repeat(np.arange(len(gaps)) % 2 == 1, gaps)]
    stops = np.flatnonzero(packed < 0x80)
    numbers: np.ndarray = packed[stops]
    goes_on = np.ones(len(numbers), bool)
    for place in range(1, _LONGEST_VARINT + 1):  # bytes before belong to a number as long as they go on
        before = packed[stops - place]
        goes_on &= before >= 0x80
        if not goes_on.any():
            break
        if place == _LONGEST_VARINT:
            return None
        numbers = numbers.astype(
            np.uint16 if place < 2 else np.uint32 if place < 4 else np.uint64, copy=False
        )
        longer = numbers << numbers.dtype.type(7) | before & np.uint8(0x7F)
        numbers = np.where(goes_on, longer, numbers)
    counts = np.diff(np.searchsorted(stops, np.cumsum(ends - begins)), prepend=0)
    return numbers, counts


def _one_by_one(messages: Sequence[bytes], name: str) -> _Samples:
    """Take samples apart one by one, however they are laid out."""
    ids: list[int] = []
    values: list[int] = []
    depths, sizes, labelled = [], [], {}
    for number, content in enumerate(messages):
        message = _parsed_sample(content)
        if message is None:
            raise Malformed(
                f"{name}, sample {number}",
                "its protobuf is damaged or cut off",
                remedy="copy or record it again",
            )
        ids.extend(message.location_id)
        values.extend(message.value)
        depths.append(len(message.location_id))
        sizes.append(len(message.value))
        if message.label:
            labelled[number] = message
    return _Samples(
        np.array(ids, np.uint64),
        np.array(depths, np.int64),
        np.array(values, np.int64),
        np.array(sizes, np.int64),
        labelled,
    )


def _parsed_sample(content: bytes) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return _message("Sample").FromString(content)
    except DecodeError:
        return None


def _stack_codes(
    samples: _Samples, codes_of: dict[int, tuple[int, ...]], name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Give the frame codes of all samples one after another, and how many each sample has."""
    rows = _rows(samples.ids, np.fromiter(codes_of, np.uint64, len(codes_of)))
    if len(rows) and rows.min() < 0:
        first = int(np.argmin(rows))
        raise Malformed(
            f"{name}, sample {int(np.searchsorted(np.cumsum(samples.depths), first, side='right'))}",
            f"location {samples.ids[first]}, which the profile lacks",
            remedy="copy or record it again",
        )
    flat = np.fromiter(chain.from_iterable(codes_of.values()), np.int32)
    many = np.fromiter(map(len, codes_of.values()), np.int64, len(codes_of))
    starts = np.cumsum(many) - many
    codes = flat[starts][rows]
    several = np.flatnonzero((many > 1)[rows])
    if not len(several):
        return codes, samples.depths
    more = many[rows[several]] - 1  # frames around an inlined one
    after = np.repeat(several, more)
    places = np.arange(len(after)) - np.repeat(np.cumsum(more) - more, more) + 1
    sample_of = np.searchsorted(np.cumsum(samples.depths), several, side="right")
    depths = samples.depths + np.bincount(sample_of, more, len(samples.depths)).astype(np.int64)
    return np.insert(codes, after + 1, flat[starts[rows[after]] + places]), depths


def _rows(ids: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Give the row of each id among the known ones, -1 for one that is not; ids need not be dense."""
    most = int(known.max(initial=0))
    if most <= 16 * len(known) + 1_000_000:
        row_of = np.full(most + 2, -1, np.int32)
        row_of[known] = np.arange(len(known), dtype=np.int32)
        return row_of[np.minimum(ids, ids.dtype.type(min(most + 1, np.iinfo(ids.dtype).max)))]
    order = np.argsort(known)
    at = order[np.minimum(np.searchsorted(known, ids, sorter=order), len(known) - 1)]
    return np.where(known[at] == ids, at, -1).astype(np.int32)


def _weights(samples: _Samples, types: int, name: str) -> np.ndarray:
    """Give samples × sample types."""
    wrong = np.flatnonzero(samples.sizes != types) if types else np.arange(len(samples.sizes))
    if len(wrong):
        raise Malformed(
            f"{name}, sample {wrong[0]}",
            f"{samples.sizes[wrong[0]]} values for {types} sample types",
            expected="one value for each, and a type or more",
            remedy="copy or record it again",
        )
    return samples.values.astype(np.int64).astype(np.float64).reshape(len(samples.sizes), types)


def _labels(samples: _Samples, text: Callable[[int, str], str]) -> pa.MapArray:
    """Give one map for each sample; several values of one key are joined, and numbers carry their unit."""

    @functools.cache
    def pair(key: int, word: int, number: int, unit: int) -> tuple[str, str]:
        value = text(word, "label") if word else f"{number} {text(unit, 'label')}".rstrip()
        return text(key, "label"), value

    keys: list[str] = []
    values: list[str] = []
    sizes = np.zeros(len(samples.depths), np.int64)
    for number, sample in samples.labelled.items():
        found: dict[str, str] = {}
        for label in sample.label:
            key, value = pair(label.key, label.str, label.num, label.num_unit)
            found[key] = f"{found[key]}, {value}" if key in found else value
        keys += found
        values += found.values()
        sizes[number] = len(found)
    return _stacks.label_maps(keys, values, sizes)


def _locations(
    profile: Any,
    known: dict[_stacks.Frame, int],
    text: Callable[[int, str], str],
    name: str,
    parts: Parts,
) -> dict[int, tuple[int, ...]]:
    """Give the frame codes of each location by its id: several where calls were inlined, innermost first."""
    for table in ("mapping", "location", "function"):
        _refuse_bad_ids([entry.id for entry in getattr(profile, table)], table, name)
    binaries = {m.id: text(m.filename, "mapping") for m in profile.mapping}
    functions = {
        f.id: (text(f.name, "function") or text(f.system_name, "function"), text(f.filename, "function"))
        for f in profile.function
    }
    codes_of = {}
    for location in profile.location:
        binary = binaries.get(location.mapping_id, "")
        unnamed = f"[{binary.rpartition('/')[2]}]" if binary else "<unknown>"
        frames: list[_stacks.Frame] = []
        for i, line in enumerate(location.line):
            if line.function_id and line.function_id not in functions:
                parts.skipped["name of a function that the profile lacks"] += 1
            function, file = functions.get(line.function_id, ("", ""))
            inlined = i < len(location.line) - 1
            frames.append((function or unnamed, file or None, line.line or None, inlined))
        frames = frames or [(unnamed, binary or None, None, False)]
        codes_of[location.id] = tuple(_stacks.intern(known, frames))
    return codes_of


def _refuse_bad_ids(ids: list[int], table: str, name: str) -> None:
    if 0 in ids:
        raise Malformed(
            f"{name}, {table} {ids.index(0)}", "id 0, which is reserved", expected="an id of 1 or more"
        )
    if len(set(ids)) < len(ids):
        twice = next(i for n, i in enumerate(ids) if i in ids[:n])
        raise Malformed(f"{name}, {table}", f"id {twice} stands twice", expected="each id once")


def _default_last(types: list[tuple[str, str]], wanted: str) -> list[int]:
    """Order sample types as in the file, the default one last; where none is named, the last is meant."""
    names = [kind for kind, _ in types]
    chosen = names.index(wanted) if wanted in names else len(types) - 1
    return [i for i in range(len(types)) if i != chosen] + [chosen]


def _repeated(texts: list[str], times: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.repeat(pa.scalar(text, pa.large_string()), times) for text in texts])


def _remarks(profile: Any, text: Callable[[int, str], str]) -> Iterator[str]:
    if profile.time_nanos:
        over = f" over {profile.duration_nanos / 1e9:g} s" if profile.duration_nanos else ""
        yield f"taken at {pd.Timestamp(profile.time_nanos):%Y-%m-%d %H:%M:%S} UTC{over}"
    if profile.period:
        of = text(profile.period_type.type, "period_type")
        yield f"one sample per {profile.period} {text(profile.period_type.unit, 'period_type')} of {of}"
    if profile.drop_frames:
        yield f"asks to hide frames that match {text(profile.drop_frames, 'drop_frames')!r}; they are kept"
    yield from (f"comment: {text(index, 'comment')}" for index in profile.comment)


def _message(name: str = "Profile") -> Any:
    """Give the class of a message of the schema above."""
    return _classes(_SCHEMA["Profile"])[name]


def _profile_of_bytes() -> Any:
    """Give the class of a profile whose samples stay bytes, to be taken apart all at once."""
    return _classes(_SCHEMA["Profile"].replace("*Sample", "*bytes"))["Profile"]


@functools.cache
def _classes(profile: str) -> dict[str, Any]:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="profile.proto", package="profile", syntax="proto3")
    for name, fields in {**_SCHEMA, "Profile": profile}.items():
        message = file.message_type.add(name=name)
        for field in fields.split(", "):
            number, label, kind = field.split()
            many, kind = kind.startswith("*"), kind.lstrip("*")
            added = message.field.add(
                name=label,
                number=int(number),
                label=kinds.LABEL_REPEATED if many else kinds.LABEL_OPTIONAL,
                type=kinds.TYPE_MESSAGE if kind in _SCHEMA else getattr(kinds, f"TYPE_{kind.upper()}"),
            )
            if kind in _SCHEMA:
                added.type_name = f".profile.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"profile.{name}"))
        for name in ("Profile", "Sample")
    }


@functools.cache
def _shapes() -> dict[str, dict[int, tuple[tuple[int, ...], str]]]:
    """By message and field number: the wire types that may stand there, and the message inside."""
    shapes: dict[str, dict[int, tuple[tuple[int, ...], str]]] = {}
    for name, fields in _SCHEMA.items():
        for field in fields.split(", "):
            number, _, kind = field.split()
            many, kind = kind.startswith("*"), kind.lstrip("*")
            inner = kind if kind in _SCHEMA else ""
            wires = (2,) if inner or kind == "bytes" else (0, 2) if many else (0,)  # packed numbers are 2
            shapes.setdefault(name, {})[int(number)] = (wires, inner)
    return shapes


def _fits(body: bytes, message: str) -> bool:
    fields = _shapes()[message]
    for number, wire, inner in _fields(body):
        if number not in fields or wire not in fields[number][0] or (wire == 2 and inner is None):
            return False
    return True


def _fields(content: bytes) -> Iterator[tuple[int, int, bytes | None]]:
    """Give number, wire type and body (None where it is cut off) of each field; number 0 for what is none."""
    at = 0
    while at < len(content):
        tag, at = varint(content, at)
        number, wire = tag >> 3, tag & 7
        if at < 0:
            return
        if wire == 0:
            _, at = varint(content, at)
            if at < 0:
                return
            yield number, wire, b""
        elif wire == 2:
            size, at = varint(content, at)
            if at < 0:
                return
            yield number, wire, content[at : at + size] if at + size <= len(content) else None
            at += size
        else:
            yield 0, wire, None
            return
