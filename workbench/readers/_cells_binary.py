"""Cells of protobuf turned into columns: ids as hex, numbers, and numbers as text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench._compiled import compiled_with
from workbench.readers._cells import BEGIN_AT, SIZE_AT, Cells, sources_of
from workbench.readers._cells_columns import _SIZE, Irregular, _ids_column
from workbench.readers._cells_protobuf import varint

_compiled = compiled_with(*sources_of("binary", "protobuf"))


def hex_ids(found: Cells, cells: np.ndarray, digits: int, *, optional: bool = False) -> pd.Series:
    """Write ids as hex, or refuse those of another size; optional ones may be absent, empty or zeros."""
    data, missing = np.zeros(len(cells) * digits, np.uint8), np.zeros(len(cells), np.bool_)
    if not _hex_ids(found.text, cells, digits, data, missing) or (missing.any() and not optional):
        raise Irregular
    return _ids_column(found, data, missing, digits)


def varints(found: Cells, cells: np.ndarray) -> np.ndarray:
    """Read numbers of 64 bits with a sign; absent ones are 0."""
    numbers = np.empty(len(cells), np.int64)
    _varints(found.text, cells, numbers)
    return numbers


def fixed(found: Cells, cells: np.ndarray) -> np.ndarray:
    """Read 8 bytes of each, as a number with a sign, or refuse; absent ones are 0."""
    numbers = np.empty(len(cells), np.int64)
    if not _fixed(found.text, cells, numbers):
        raise Irregular
    return numbers


@_compiled
def _hex_ids(text: Any, cells: Any, digits: int, data: Any, missing: Any) -> bool:
    for row in range(len(cells)):
        begin, size = cells[row] >> BEGIN_AT, cells[row] >> SIZE_AT & _SIZE
        if size and 2 * size != digits:
            return False
        zeros = True
        for place in range(size):
            byte = text[begin + place]
            zeros = zeros and byte == 0
            high, low = byte >> 4, byte & 15
            data[row * digits + 2 * place] = high + (0x30 if high < 10 else 0x57)
            data[row * digits + 2 * place + 1] = low + (0x30 if low < 10 else 0x57)
        missing[row] = zeros
    return True


@_compiled
def _varints(text: Any, cells: Any, numbers: Any) -> None:
    for row in range(len(cells)):
        numbers[row] = varint(text, cells[row] >> BEGIN_AT, len(text))[0] if cells[row] else 0


@_compiled
def _fixed(text: Any, cells: Any, numbers: Any) -> bool:
    for row in range(len(cells)):
        begin, size = cells[row] >> BEGIN_AT, cells[row] >> SIZE_AT & _SIZE
        if cells[row] and size != 8:
            return False
        number = 0
        for place in range(size):
            number |= text[begin + place] << 8 * place
        numbers[row] = number
    return True
