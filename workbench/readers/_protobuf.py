"""Protobuf without generated code: message classes from a table of fields, and a walk over raw fields.

A schema maps message names to fields: number, name and type, separated by commas. `*` marks repeated fields
and `?` members of the message's one oneof, of which it can be asked which is set.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from workbench.errors import Malformed

Field = tuple[int, int, bytes, bool]  # number, wire type, body, and whether all of it is there


@functools.cache
def message(schema: tuple[tuple[str, str], ...], name: str) -> type:
    """Build the message class `name` of a schema, given as pairs."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = descriptor_pb2.FieldDescriptorProto
    names = {own for own, _ in schema}
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package="w", syntax="proto3")
    for own, fields in schema:
        made = file.message_type.add(name=own)
        for field in fields.split(", "):
            number, label, kind = field.split()
            bare = kind.lstrip("*?")
            added = made.field.add(
                name=label,
                number=int(number),
                label=kinds.LABEL_REPEATED if kind[0] == "*" else kinds.LABEL_OPTIONAL,
                type=kinds.TYPE_MESSAGE if bare in names else getattr(kinds, f"TYPE_{bare.upper()}"),
            )
            if bare in names:
                added.type_name = f".w.{bare}"
            if kind[0] == "?":
                if not made.oneof_decl:
                    made.oneof_decl.add(name="one")
                added.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"w.{name}"))


def parse(kind: type, content: bytes, place: str) -> Any:
    """Decode one message; raise Malformed with the byte of the field that is damaged, if it can be told."""
    from google.protobuf.message import DecodeError

    try:
        found = kind()
        found.ParseFromString(content)
    except DecodeError as error:
        byte, cut = 0, False
        for number, _, body, whole in fields(content):
            if not number or not whole:
                cut = number > 0
                break
            byte += len(body)
        raise Malformed(
            f"{place}, byte {byte:,} or after of {len(content):,}",
            "the protobuf is cut off" if cut else f"its protobuf is damaged ({error})",
            remedy="copy or record it again",
        ) from error
    return found


def delimited(content: bytes) -> Iterator[tuple[int, bytes | None]]:
    """Give (byte, message) of a stream of messages, each after its length; None for one that is cut off.

    Lengths are varints, or four bytes, the highest first, as the OpenTelemetry collector writes them.
    """
    wide = content[:1] == b"\0"
    at = 0
    while at < len(content):
        if wide:
            size, begin = int.from_bytes(content[at : at + 4], "big"), at + 4
        else:
            size, begin = varint(content, at)
        if begin < 0 or begin + size > len(content):
            yield at, None
            return
        yield at, content[begin : begin + size]
        at = begin + size


def fields(content: bytes) -> Iterator[Field]:
    """Give each field; number 0 for what is none. The last may be cut off."""
    at = 0
    while at < len(content):
        tag, at = varint(content, at)
        if at < 0:
            return
        number, wire = tag >> 3, tag & 7
        begin, size = at, {1: 8, 5: 4}.get(wire, 0)
        if wire == 0:
            _, at = varint(content, at)
            if at < 0:
                return
        elif wire in (1, 2, 5):
            if wire == 2:
                size, begin = varint(content, at)
                if begin < 0:
                    return
            at = begin + size
        else:
            yield 0, wire, b"", True
            return
        yield number, wire, content[begin:at], at <= len(content)


def varint(content: bytes, at: int) -> tuple[int, int]:
    """Give the number at `at` and where it ends, or -1 where it is cut off."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(content):
            return 0, -1
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    return 0, -1
