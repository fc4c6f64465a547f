"""What readers of profiles share: one code per code location, and ragged arrays without Python lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench import tables

Frame = tuple[str, str | None, int | None, bool | None]  # function, file, line, inlined


def intern(known: dict[Frame, int], frames: Iterable[Frame]) -> list[int]:
    """Give the code of each frame, numbering those that `known` lacks in the order they come."""
    return [known.setdefault(frame, len(known)) for frame in frames]


def frames_table(known: dict[Frame, int]) -> pd.DataFrame:
    """Make the frames table of all that were numbered."""
    columns = list(zip(*known, strict=True)) or [()] * 4
    function, file, line, inlined = columns
    return tables.FRAMES.build(
        {
            "frame": np.arange(len(known)),
            "function": pa.array(function, pa.string()),
            "file": pa.array(file, pa.string()),
            "line": pa.array(line, pa.int64()),
            "inlined": pa.array(inlined, pa.bool_()),
        }
    )


def stack_lists(codes: np.ndarray, lengths: Sequence[int] | np.ndarray) -> pa.ListArray:
    """Cut `codes` into stacks of these lengths."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, codes.astype(np.int32, copy=False))


def turned(codes: np.ndarray, lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    """Turn each stack around: outermost first becomes innermost first."""
    lengths = np.asarray(lengths, np.int64)
    ends = np.cumsum(lengths)
    return codes[np.repeat(2 * ends - lengths - 1, lengths) - np.arange(len(codes))]


def label_maps(keys: list[str], values: list[str], lengths: Sequence[int] | np.ndarray) -> pa.MapArray:
    """Cut keys and values into one map for each row."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.MapArray.from_arrays(offsets, pa.array(keys, pa.string()), pa.array(values, pa.string()))


def column(chunks: list[pa.Array]) -> pd.Series:
    """Make a column of arrays that may share their memory."""
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array(chunks)))


def threads_table(
    threads: Sequence[tuple[str | None, Sequence[Frame], dict[str, str]]], known: dict[Frame, int], where: str
) -> pd.DataFrame:
    """Make the stacks table of a dump: a row of type `threads` for each name, frames and labels."""
    stacks = [intern(known, frames) for _, frames, _ in threads]
    labels = [pairs for _, _, pairs in threads]
    codes = np.array([code for stack in stacks for code in stack], np.int32)
    maps = label_maps(
        [key for pairs in labels for key in pairs],
        [value for pairs in labels for value in pairs.values()],
        [len(pairs) for pairs in labels],
    )
    return tables.STACKS.build(
        {
            "thread": pa.array([name for name, _, _ in threads], pa.string()),
            "frames": column([stack_lists(codes, [len(stack) for stack in stacks])]),
            "type": ["threads"] * len(threads),
            "value": np.ones(len(threads)),
            "unit": ["count"] * len(threads),
            "labels": column([maps]),
        },
        where=where,
    )
