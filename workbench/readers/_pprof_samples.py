"""The samples of a pprof profile, taken apart many at once: location ids, values and labels.

Sample{location_id: [3, 1], value: [2, 20000000], label: [{key: 7, str: 8}]}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import Malformed
from workbench.readers._pprof_schema import message

_LONGEST_VARINT = 10  # bytes
_TAGS = (0x08, 0x0A, 0x10, 0x12, 0x1A)  # location_id and value, single and packed, and label
_MOST_FIELDS = 200  # of a sample that is read together with the others


@dataclass
class Samples:
    """Samples laid end to end: location ids and values with how many each has, and what holds labels."""

    ids: np.ndarray
    depths: np.ndarray
    values: np.ndarray
    sizes: np.ndarray
    labelled: dict[int, Any]  # messages by the sample's number


def at_once(messages: Sequence[bytes]) -> Samples | None:
    """Take samples apart, a field of each at a time; None where one has other or too many fields."""
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
        if (stops > ends[left]).any() or not np.isin(tags, _TAGS).all():
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
    return None if None in told.values() else Samples(*found[0], *found[1], told)


def one_by_one(messages: Sequence[bytes], name: str, first: int = 0) -> Samples:
    """Take samples apart one by one, however they are laid out; `first` is the number of the first."""
    ids: list[int] = []
    values: list[int] = []
    depths, sizes, labelled = [], [], {}
    for number, content in enumerate(messages):
        message = _parsed_sample(content)
        if message is None:
            raise Malformed(
                f"{name}, sample {first + number}",
                "its protobuf is damaged or cut off",
                remedy="copy or record it again",
            )
        ids.extend(message.location_id)
        values.extend(message.value)
        depths.append(len(message.location_id))
        sizes.append(len(message.value))
        if message.label:
            labelled[number] = message
    return Samples(
        np.array(ids, np.uint64),
        np.array(depths, np.int64),
        np.array(values, np.int64),
        np.array(sizes, np.int64),
        labelled,
    )


def _parsed_sample(content: bytes) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return message("Sample").FromString(content)  # type: ignore[attr-defined]
    except DecodeError:
        return None


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
    sizes = ends - begins
    if len(sizes) and sizes.min() > 0 and 4 * sizes.sum() < len(data):  # few and far between: close the gaps
        ends = np.cumsum(sizes)
        places = np.repeat(begins - ends + sizes, sizes) + np.arange(sizes.sum())
        data, begins = np.append(data[places], np.zeros(_LONGEST_VARINT, np.uint8)), ends - sizes
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
    last = np.zeros(len(data), bool)  # byte of a number
    inside = np.repeat(np.arange(len(gaps)) % 2 == 1, gaps)
    np.logical_and(inside, data[: len(inside)] < 0x80, out=last[: len(inside)])
    stops = np.flatnonzero(last)
    numbers: np.ndarray = data.take(stops)
    goes_on = np.ones(len(numbers), bool)
    for place in range(1, _LONGEST_VARINT + 1):  # bytes before belong to a number as long as they go on
        before = data.take(stops - place)
        goes_on &= before >= 0x80
        if not goes_on.any():
            break
        if place == _LONGEST_VARINT:
            return None
        numbers = numbers.astype(
            np.uint16 if place < 2 else np.uint32 if place < 4 else np.uint64, copy=False
        )
        shift = numbers.dtype.type(7) * goes_on
        numbers = numbers << shift | (before & np.uint8(0x7F)) * goes_on
    return numbers, np.add.reduceat(last.view(np.uint8), begins, dtype=np.int32) if len(begins) else begins
