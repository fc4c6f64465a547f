"""profile.proto without generated code: its messages, and whether bytes may be one of them."""

from __future__ import annotations

import functools

from workbench.readers import _protobuf

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
_ENOUGH_FIELDS = 400  # as many fields of a profile in a row are no accident


def message(name: str = "Profile") -> type:
    """Give the class of a message of profile.proto."""
    return _protobuf.message(tuple(_SCHEMA.items()), name)


def profile_of_bytes() -> type:
    """Give the class of a profile whose samples stay bytes, to be taken apart all at once."""
    bare = {**_SCHEMA, "Profile": _SCHEMA["Profile"].replace("*Sample", "*bytes")}
    return _protobuf.message(tuple(bare.items()), "Profile")


def begins_profile(head: bytes) -> bool:
    """True if `head` is made of the fields of a Profile, among them a sample type or a sample."""
    fields = _shapes()["Profile"]
    kinds, proofs = set(), 0
    for count, (number, wire, body, whole) in enumerate(_protobuf.fields(head)):
        if count == _ENOUGH_FIELDS:
            break
        if number not in fields or wire not in fields[number][0]:
            return False
        inner = fields[number][1]
        if inner and whole:
            if not _fits(body, inner):
                return False
            proofs += number in (1, 2) and len(body) > 0
        kinds.add(number)
    return proofs > 0 and len(kinds) > 1


def _fits(body: bytes, name: str) -> bool:
    fields = _shapes()[name]
    return all(
        whole and number in fields and wire in fields[number][0]
        for number, wire, _, whole in _protobuf.fields(body)
    )


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
