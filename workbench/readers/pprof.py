"""pprof profiles: profile.proto, compressed or not; the older text and binary kinds are other readers' work.

One sample is `Sample{location_id: [3, 1], value: [2, 20000000], label: [{key: 7, str: 8}]}`: all but values
point into tables of locations and strings.

Samples are read some thousand at a time, which is as fast as decoding the protobuf alone.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench import tables
from workbench.errors import Malformed, Unrecognized
from workbench.readers import _protobuf, _stacks
from workbench.readers._pprof_locations import Text, locations
from workbench.readers._pprof_samples import Samples, at_once, one_by_one
from workbench.readers._pprof_schema import begins_profile, profile_of_bytes
from workbench.readers._seam import HEAD_BYTES, Parts, Stream

FORMAT = "pprof profile (profile.proto)"

_AT_ONCE = 16 * 1024  # samples; what is made of them still fits a cache


def sniff(head: bytes) -> bool:
    """True if `head` is made of the fields of a Profile, among them a sample type or a sample."""
    return begins_profile(head)


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
    profile = _protobuf.parse(profile_of_bytes(), content, stream.name)
    text = _strings(profile, stream.name)
    types = [(text(t.type, "sample_type"), text(t.unit, "sample_type")) for t in profile.sample_type]
    stacks, labels, weights = [], [], [np.zeros((0, len(types)))]
    found = locations(profile, known, text, stream.name, parts)
    for first in range(0, len(profile.sample), _AT_ONCE):
        messages = profile.sample[first : first + _AT_ONCE]
        samples = at_once(messages) or one_by_one(messages, stream.name, first)
        weights.append(_weights(samples, len(types), stream.name, first))
        stacks.append(_stacks.stack_lists(*found.stacks(samples, stream.name, first)))
        labels.append(_labels(samples, text))
    parts.notes += _remarks(profile, text)
    if not stacks:
        return tables.STACKS.empty()
    order = _default_last(types, text(profile.default_sample_type, "default_sample_type"))
    rows = len(profile.sample)
    return tables.STACKS.build(
        {
            "frames": _stacks.column(stacks * len(types)),
            "type": _repeated([types[i][0] for i in order], rows),
            "value": np.concatenate(weights)[:, order].T.ravel(),
            "unit": _repeated([types[i][1] for i in order], rows),
            "labels": _stacks.column(labels * len(types)),
        },
        where=stream.name,
    )


def _strings(profile: Any, name: str) -> Text:
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


def _weights(samples: Samples, types: int, name: str, first: int) -> np.ndarray:
    """Give samples × sample types."""
    wrong = np.flatnonzero(samples.sizes != types) if types else np.arange(len(samples.sizes))
    if len(wrong):
        raise Malformed(
            f"{name}, sample {first + wrong[0]}",
            f"{samples.sizes[wrong[0]]} values for {types} sample types",
            expected="one value for each, and a type or more",
            remedy="copy or record it again",
        )
    return samples.values.astype(np.int64).astype(np.float64).reshape(len(samples.sizes), types)


def _labels(samples: Samples, text: Text) -> pa.MapArray:
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


def _default_last(types: list[tuple[str, str]], wanted: str) -> list[int]:
    """Order sample types as in the file, the default one last; where none is named, the last is meant."""
    names = [kind for kind, _ in types]
    chosen = names.index(wanted) if wanted in names else len(types) - 1
    return [i for i in range(len(types)) if i != chosen] + [chosen]


def _repeated(texts: list[str], times: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.repeat(pa.scalar(text, pa.large_string()), times) for text in texts])


def _remarks(profile: Any, text: Text) -> Iterator[str]:
    if profile.time_nanos:
        over = f" over {profile.duration_nanos / 1e9:g} s" if profile.duration_nanos else ""
        yield f"taken at {pd.Timestamp(profile.time_nanos):%Y-%m-%d %H:%M:%S} UTC{over}"
    if profile.period:
        of = text(profile.period_type.type, "period_type")
        yield f"one sample per {profile.period} {text(profile.period_type.unit, 'period_type')} of {of}"
    if profile.drop_frames:
        yield f"asks to hide frames that match {text(profile.drop_frames, 'drop_frames')!r}; they are kept"
    yield from (f"comment: {text(index, 'comment')}" for index in profile.comment)
