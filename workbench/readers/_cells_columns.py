"""Cells turned into columns: texts, numbers, ids and maps, copied once from the file into Arrow's buffers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
from numba.core import cgutils, types
from numba.extending import intrinsic

from workbench import tables
from workbench._compiled import compiled_with
from workbench.readers._cells import (
    BEGIN_AT,
    MOST_SIZE,
    NESTED,
    REAL,
    SHAPE_AT,
    SIZE_AT,
    TEXT,
    WHOLE,
    Cells,
    sources_of,
)

_compiled = compiled_with(*sources_of("columns"))
_SIZE = MOST_SIZE - 1
_LATEST_US = 2**63 // 1000 - 1
_MOST_KNOWN = 100_000  # rewritten texts, of which the same come again and again
_ROWS_AT_ONCE = 2**17  # of maps


class Irregular(Exception):
    """What is left to the plain reader."""


def shapes(cells: np.ndarray) -> set[tuple[int, int]]:
    """Give the shapes and codes that occur; (0, 0) for an absent one."""
    seen = np.zeros(128, np.int64)
    _census(cells, seen)
    return {(int(both) >> SHAPE_AT, int(both) & 15) for both in np.flatnonzero(seen)}


def require(cells: np.ndarray, *allowed: int) -> np.ndarray:
    """Refuse cells of other shapes; 0 is for absent ones."""
    if not {shape for shape, _ in shapes(cells)} <= set(allowed):
        raise Irregular
    return cells


def has_shape(cells: np.ndarray, shape: int) -> np.ndarray:
    """Say of each cell whether it has this shape."""
    return cells >> SHAPE_AT & 7 == shape


def which(cells: np.ndarray, shape: int, code: int) -> np.ndarray:
    """Give the rows of cells of this shape and code."""
    seen = np.zeros(128, np.int64)
    _census(cells, seen)
    rows = np.empty(seen[shape << SHAPE_AT | code], np.int64)
    _which(cells, shape << SHAPE_AT | code, rows)
    return rows


def full(cells: np.ndarray) -> np.ndarray:
    """Refuse cells that are absent or empty."""
    if empty(cells).any():
        raise Irregular
    return cells


def empty(cells: np.ndarray) -> np.ndarray:
    """Say of each cell whether it is absent or has no bytes."""
    return cells >> SIZE_AT & _SIZE == 0


def filled(cells: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Put others in the place of cells that are absent or empty."""
    return np.where(empty(cells), others, cells)


def owners(first: np.ndarray) -> np.ndarray:
    """Give for each row of a child the row that it belongs to."""
    return np.repeat(np.arange(len(first) - 1), np.diff(first))


def alike(found: Cells, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Say of each two cells whether they are the same text."""
    same = np.empty(len(one), np.bool_)
    _same(*found.sources(), one, other, same)
    return same


def raw(found: Cells, cells: np.ndarray) -> list[bytes]:
    """Give the bytes of few cells."""
    told = []
    for cell in cells.tolist():
        source, begin, size = found.content, cell >> BEGIN_AT, cell >> SIZE_AT & _SIZE
        beyond = begin - len(source)
        told.append(source[begin : begin + size] if beyond < 0 else found.extra[beyond:][:size].tobytes())
    return told


def times_of_us(found: Cells, cells: np.ndarray) -> np.ndarray:
    """Turn whole microseconds since the epoch into times."""
    numbers = whole_numbers(found, require(cells, WHOLE))
    if (numbers <= 0).any() or (numbers > _LATEST_US).any():
        raise Irregular
    return (numbers * 1000).view("datetime64[ns]")


def durations(found: Cells, cells: np.ndarray) -> np.ndarray:
    """Turn whole microseconds into seconds; absent ones are 0."""
    numbers = whole_numbers(found, require(cells, 0, WHOLE))
    if (numbers > _LATEST_US).any():
        raise Irregular
    return numbers * 1000 / 1e9


def json_texts(found: Cells, cells: np.ndarray) -> np.ndarray:
    """Give JSON values as texts: texts as they are, others as JSON, absent ones as null."""
    for shape, code in shapes(cells):
        if shape == REAL:
            numerals(found, cells, which(cells, shape, code))
        elif shape == NESTED:
            rewrite(found, cells, which(cells, shape, code), _json_again)
        elif not shape:
            cells[which(cells, 0, 0)] = found.constant("null")
    return cells


def _json_again(told: bytes) -> str:
    return orjson.dumps(orjson.loads(told)).decode()


def statuses(found: Cells, names: Names, tags: Pairs, *, fine: tuple[str, ...]) -> pd.Series:
    """Tell how spans went from their tags: `error` of other values than the fine ones is one."""
    told, error = Names(found), tags.values_of(names.code("error"))
    code = told.codes(tags.values_of(names.code("otel.status_code")))
    error = told.codes(np.where(error == 0, found.constant(fine[0]), error))
    texts = told.texts()
    by_code = np.array(
        [("ok", "error").index(t.lower()) if t.lower() in ("ok", "error") else -1 for t in texts]
    )
    is_error = np.array([text not in fine for text in texts])
    chosen = np.where(by_code[code] >= 0, by_code[code], np.where(is_error[error], 1, 2))
    return repeated(["ok", "error", "unset"], chosen)


def strings(found: Cells, cells: np.ndarray, missing: np.ndarray | None = None) -> pd.Series:
    """Copy texts; absent ones are empty, or missing where `missing` says so."""
    offsets = np.empty(len(cells) + 1, np.int64)
    _measure(cells, offsets)
    data = np.empty(offsets[-1], np.uint8)
    _gather(*found.sources(), cells, offsets, data)
    return _text_column(found, offsets, data, missing)


def texts_of(found: Cells, cells: np.ndarray) -> list[str]:
    """Give few texts as Python has them."""
    return strings(found, cells).tolist()


def repeated(texts: list[Any], codes: np.ndarray) -> pd.Series:
    """Give a column that takes each text by its code."""
    return _series(pa.array(texts, pa.large_string()).take(pa.array(codes)))


def again(column: pd.Series, rows: np.ndarray) -> pd.Series:
    """Give a column of texts once more, by row."""
    return column.take(rows).reset_index(drop=True)


def named(found: Cells, cells: np.ndarray, names: dict[Any, str], otherwise: str) -> pd.Series:
    """Give each cell the name of its text, or `otherwise`."""
    known = Names(found)
    codes = known.codes(cells)
    return repeated([names.get(text, otherwise) for text in known.texts()], codes)


def whole_numbers(found: Cells, cells: np.ndarray) -> np.ndarray:
    """Read numbers without a sign that have room in 63 bits, or refuse; absent ones are 0."""
    numbers = np.empty(len(cells), np.int64)
    if not _whole_numbers(*found.sources(), cells, numbers):
        raise Irregular
    return numbers


def ids(found: Cells, cells: np.ndarray, digits: int, *, optional: bool = False) -> pd.Series:
    """Copy ids of so many digits in lower case, or refuse; optional ones may be absent, empty or zeros."""
    data, missing = np.zeros(len(cells) * digits, np.uint8), np.zeros(len(cells), np.bool_)
    if not _ids(*found.sources(), cells, digits, data, missing) or (missing.any() and not optional):
        raise Irregular
    return _ids_column(found, data, missing, digits)


def rewritten_ids(found: Cells, cells: np.ndarray, write: Callable[[str], str]) -> np.ndarray:
    """Give ids of 16 or 32 digits in lower case as they are, and what `write` makes of others."""
    odd = np.empty(len(cells), np.bool_)
    _odd_ids(*found.sources(), cells, odd)
    rewrite(found, cells, np.flatnonzero(odd), lambda told: write(told.decode()))
    return cells


def zeros(found: Cells, cells: np.ndarray) -> np.ndarray:
    """Say of each cell whether it holds nothing but the digit zero, or nothing at all."""
    told = np.empty(len(cells), np.bool_)
    _zeros(*found.sources(), cells, told)
    return told


def numerals(found: Cells, cells: np.ndarray, where: np.ndarray) -> None:
    """Put in the place of some JSON numbers what they are when read and written as a double."""
    if len(where):
        texts: Any = strings(found, cells[where]).array
        write_numbers(found, cells, where, texts._pa_array.cast(pa.float64()).to_numpy())


def write_numbers(found: Cells, cells: np.ndarray, where: np.ndarray, numbers: np.ndarray) -> None:
    """Put numbers, as JSON writes them, in the place of some cells."""
    if len(where):
        written = np.frombuffer(orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY), np.uint8)
        edges = np.concatenate([[0], np.flatnonzero(written == 0x2C), [len(written) - 1]])
        begins = found.add(written) + edges[:-1] + 1
        cells[where] = (begins << BEGIN_AT) | (np.diff(edges) - 1 << SIZE_AT) | TEXT << SHAPE_AT
        for text, odd in (("NaN", np.isnan), ("Infinity", np.isposinf), ("-Infinity", np.isneginf)):
            if numbers.dtype == np.float64 and (told := odd(numbers)).any():
                cells[where[told]] = found.constant(text)


def rewrite(found: Cells, cells: np.ndarray, where: np.ndarray, write: Callable[[bytes], str]) -> None:
    """Put what `write` makes of their bytes in the place of some cells of the content."""
    known: dict[bytes, int] = {}
    for row, told in zip(where.tolist(), raw(found, cells[where]), strict=True):
        if told not in known:
            if len(known) >= _MOST_KNOWN:
                known.clear()
            known[told] = found.constant(write(told))
        cells[row] = known[told]


class Names:
    """Different texts, numbered in the order in which they appear."""

    def __init__(self, found: Cells, most: int = 4096) -> None:
        self._found, self._count = found, 0
        self._known, self._next = np.empty(most, np.int64), np.zeros(most, np.int32)
        self._slots = np.full(4 << most.bit_length(), -1, np.int32)  # as many as a power of 2

    def __len__(self) -> int:
        return self._count

    def codes(self, cells: np.ndarray) -> np.ndarray:
        """Give the number of each text; absent ones are as empty ones."""
        codes, done = np.empty(len(cells), np.int32), 0
        while True:
            done, self._count = _number(
                self._found.text, self._found.extra, cells, done, self._slots, self._known, self._next,
                self._count, codes,
            )  # fmt: skip
            if done == len(cells):
                return codes
            self._widen()

    def code(self, text: str) -> int:
        """Give the number of a text of ours."""
        return int(self.codes(np.array([self._found.constant(text)]))[0])

    def texts(self) -> list[str]:
        """Give them all."""
        return texts_of(self._found, self._known[: self._count])

    def _widen(self) -> None:
        wider = Names(self._found, 8 * len(self._known))
        wider.codes(self._known[: self._count])
        self._known, self._next, self._slots = wider._known, wider._next, wider._slots


@dataclass
class Pairs:
    """Keys and values by row: those of row i begin at `first[i]`; `codes` are the numbers of the keys."""

    first: np.ndarray
    keys: np.ndarray
    values: np.ndarray
    codes: np.ndarray

    def part(self, begin: int, end: int) -> Pairs:
        """Give those of some rows."""
        first, inside = self.first[begin : end + 1], slice(self.first[begin], self.first[end])
        return Pairs(first - first[0], self.keys[inside], self.values[inside], self.codes[inside])

    def values_of(self, code: int) -> np.ndarray:
        """Give for each row the value of this key, the last if there are several, 0 if there is none."""
        cells = np.empty(len(self.first) - 1, np.int64)
        _values_of(self.first, self.values, self.codes, code, cells)
        return cells


def no_pairs(rows: int) -> Pairs:
    """Give rows without a pair."""
    none = np.zeros(0, np.int64)
    return Pairs(np.zeros(rows + 1, np.int64), none, none, none.astype(np.int32))


def merged(own: Pairs, names: Names, above: Pairs, owner: np.ndarray, dropped: tuple[int, ...] = ()) -> Pairs:
    """Put before each row's pairs those of its owner above; of a key told twice, the last value stands.

    As dictionaries in Python do, a key keeps its first place.
    """
    place, drop = np.full(len(names), -1, np.int64), np.zeros(len(names), np.bool_)
    drop[list(dropped)] = True
    if not len(above.keys) and not _repeats(own.first, own.codes, place, drop):
        return own
    place[:] = -1
    sizes = np.diff(above.first)
    most = len(own.keys) + int((sizes * np.bincount(owner, minlength=len(sizes))).sum())
    made = Pairs(np.empty_like(own.first), *(np.empty(most, kind) for kind in ("i8", "i8", "i4")))
    count = _merge(
        own.first, own.keys, own.values, own.codes, above.first, above.keys, above.values, above.codes, owner,
        place, drop, made.first, made.keys, made.values, made.codes,
    )  # fmt: skip
    return Pairs(made.first, made.keys[:count], made.values[:count], made.codes[:count])


def deduplicated(pairs: Pairs, names: Names, dropped: tuple[int, ...] = ()) -> Pairs:
    """Keep one pair of each key, without the dropped ones."""
    return merged(pairs, names, no_pairs(1), np.zeros(len(pairs.first) - 1, np.int64), dropped)


def repeats(first: np.ndarray, codes: np.ndarray, names: Names) -> bool:
    """True if a row has a code twice."""
    return _repeats(first, codes, np.full(len(names), -1), np.zeros(len(names), np.bool_))


def appended(pairs: Pairs, names: Names, found: Cells, key: str, values: np.ndarray) -> Pairs:
    """Put one pair more after those of each row; rows whose value is absent or empty get none."""
    rows = np.flatnonzero(values >> SIZE_AT & _SIZE)
    if not len(rows):
        return pairs
    places, cell = pairs.first[rows + 1], found.constant(key)
    before = np.concatenate([[0], np.cumsum(values >> SIZE_AT & _SIZE > 0)])
    return Pairs(
        pairs.first + before,
        np.insert(pairs.keys, places, cell),
        np.insert(pairs.values, places, values[rows]),
        np.insert(pairs.codes, places, names.codes(np.array([cell]))[0]),
    )


def maps(
    found: Cells, own: Pairs, names: Names, above: Pairs, owner: np.ndarray, dropped: tuple[int, ...] = ()
) -> pd.Series:
    """Copy pairs, merged with those above, into a column of maps, some rows at a time to spare memory."""
    chunks = []
    for begin in range(0, len(owner), _ROWS_AT_ONCE) or (0,):
        end = min(begin + _ROWS_AT_ONCE, len(owner))
        part = merged(own.part(begin, end), names, above, owner[begin:end], dropped)
        texts = [_map_texts(found, cells) for cells in (part.keys, part.values)]
        chunks.append(pa.MapArray.from_arrays(pa.array(part.first.astype(np.int32)), *texts))
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array(chunks)))


def own_maps(found: Cells, own: Pairs, names: Names, dropped: tuple[int, ...] = ()) -> pd.Series:
    """Copy pairs into a column of maps."""
    return maps(found, own, names, no_pairs(1), np.zeros(len(own.first) - 1, np.int64), dropped)


def on_lines(found: Cells) -> bool:
    """True if there is one document, or each is a line of its own."""
    begins, ends = found["documents", "begin"].tolist(), found["documents", "end"].tolist()
    content = found.content
    apart = all(content.find(b"\n", end, begin) >= 0 for end, begin in zip(ends, begins[1:], strict=False))
    lines = zip(begins, ends, strict=True)
    return len(begins) == 1 or (apart and all(content.find(b"\n", *line) < 0 for line in lines))


def is_utf8(content: bytes) -> bool:
    """True if all of it is valid UTF-8, seen without a copy."""
    buffers = [None, pa.py_buffer(np.array([0, len(content)])), pa.py_buffer(content)]
    try:
        pa.Array.from_buffers(pa.large_string(), 1, buffers).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _map_texts(found: Cells, cells: np.ndarray) -> pa.StringArray:
    if _total(cells) >= 2**31:
        raise Irregular
    offsets = np.empty(len(cells) + 1, np.int32)
    _measure(cells, offsets)
    data = np.empty(offsets[-1], np.uint8)
    _gather(*found.sources(), cells, offsets, data)
    return _checked(found, pa.StringArray.from_buffers(len(cells), pa.py_buffer(offsets), pa.py_buffer(data)))


def _text_column(
    found: Cells, offsets: np.ndarray, data: np.ndarray, missing: np.ndarray | None
) -> pd.Series:
    present = None if missing is None else pa.py_buffer(np.packbits(~missing, bitorder="little"))
    buffers = [present, pa.py_buffer(offsets), pa.py_buffer(data)]
    return _series(_checked(found, pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers)))


def _ids_column(found: Cells, data: np.ndarray, missing: np.ndarray, digits: int) -> pd.Series:
    if not missing.any():
        return _text_column(found, np.arange(0, len(data) + 1, digits, dtype=np.int64), data, None)
    offsets = np.concatenate([[0], np.cumsum(np.where(missing, 0, digits))])
    return _text_column(found, offsets, data[np.repeat(~missing, digits)], missing)


def _checked(found: Cells, array: Any) -> Any:
    if not found.is_text:  # Arrow does not look by itself
        try:
            array.validate(full=True)
        except pa.ArrowInvalid as error:
            raise Irregular from error
    return array


def _series(array: pa.LargeStringArray) -> pd.Series:
    return pd.Series(pd.arrays.ArrowStringArray(pa.chunked_array([array]), dtype=tables.TEXT))


@intrinsic
def _copy(context: Any, out: Any, to: Any, source: Any, begin: Any, size: Any) -> Any:
    """Copy bytes by memcpy: of short texts a third of what a loop takes."""

    def generate(context: Any, builder: Any, signature: Any, told: Any) -> Any:
        write, read = (
            cgutils.create_struct_proxy(signature.args[place])(context, builder, told[place]).data
            for place in (0, 2)
        )
        edges = builder.gep(write, [told[1]]), builder.gep(read, [told[3]])
        cgutils.raw_memcpy(builder, *edges, told[4], 1)
        return context.get_dummy_value()

    return types.void(out, to, source, begin, size), generate


@_compiled
def _census(cells: Any, seen: Any) -> None:
    for cell in cells:
        seen[cell & 127] += 1


@_compiled
def _which(cells: Any, wanted: int, rows: Any) -> None:
    found = 0
    for row in range(len(cells)):
        if cells[row] & 127 == wanted:
            rows[found] = row
            found += 1


@_compiled
def _total(cells: Any) -> int:
    total = 0
    for cell in cells:
        total += cell >> SIZE_AT & _SIZE
    return total


@_compiled
def _measure(cells: Any, offsets: Any) -> None:
    end = 0
    offsets[0] = 0
    for row in range(len(cells)):
        end += cells[row] >> SIZE_AT & _SIZE
        offsets[row + 1] = end


@_compiled
def _gather(text: Any, extra: Any, cells: Any, offsets: Any, out: Any) -> None:
    for row in range(len(cells)):
        source, begin, size = _bytes(text, extra, cells[row])
        _copy(out, offsets[row], source, begin, size)  # type: ignore[call-arg]  # of the compiler's own


@_compiled
def _bytes(text: Any, extra: Any, cell: int) -> tuple[Any, int, int]:
    """Give where the bytes of a cell stand: in what, from which on, and how many."""
    begin, size = cell >> BEGIN_AT, cell >> SIZE_AT & _SIZE
    if begin < len(text):
        return text, begin, size
    return extra, begin - len(text), size


@_compiled
def _same(text: Any, extra: Any, cells: Any, others: Any, same: Any) -> None:
    for row in range(len(cells)):
        source, begin, size = _bytes(text, extra, cells[row])
        same[row] = _is_text(text, extra, others[row], source, begin, size)


@_compiled
def _alike(one: Any, begin: int, other: Any, also: int, size: int) -> bool:
    for place in range(size):  # noqa: SIM110 - numba has no generators
        if one[begin + place] != other[also + place]:
            return False
    return True


@_compiled
def _number(
    text: Any,
    extra: Any,
    cells: Any,
    done: int,
    slots: Any,
    known: Any,
    follower: Any,
    count: int,
    codes: Any,
) -> tuple[int, int]:
    """Number texts from `done` on, till a new one has no room; what followed the last is tried first."""
    last = codes[done - 1] if done else 0
    for row in range(done, len(cells)):
        source, begin, size = _bytes(text, extra, cells[row])
        code = follower[last] if count else 0
        if not (code < count and _is_text(text, extra, known[code], source, begin, size)):
            mixed = size
            for place in range(begin, begin + size):
                mixed = (mixed ^ source[place]) * 0x100000001B3
            slot = (mixed ^ mixed >> 29) & len(slots) - 1
            while slots[slot] >= 0 and not _is_text(text, extra, known[slots[slot]], source, begin, size):
                slot = (slot + 1) & len(slots) - 1
            code = slots[slot]
            if code < 0:
                if count == len(known):
                    return row, count
                code = count
                known[code], follower[code], slots[slot] = cells[row], code, code
                count += 1
            follower[last] = code
        codes[row] = code
        last = code
    return len(cells), count


@_compiled
def _is_text(text: Any, extra: Any, cell: int, source: Any, begin: int, size: int) -> bool:
    other, also, other_size = _bytes(text, extra, cell)
    return size == other_size and _alike(source, begin, other, also, size)


@_compiled
def _whole_numbers(text: Any, extra: Any, cells: Any, numbers: Any) -> bool:
    for row in range(len(cells)):
        source, begin, size = _bytes(text, extra, cells[row])
        if size > 19 or (cells[row] and not size):
            return False
        number = 0
        for place in range(begin, begin + size):
            digit = source[place] - 0x30
            if digit < 0 or digit > 9 or number > 922337203685477579:
                return False
            number = number * 10 + digit
        numbers[row] = number
    return True


@_compiled
def _ids(text: Any, extra: Any, cells: Any, digits: int, data: Any, missing: Any) -> bool:
    for row in range(len(cells)):
        source, begin, size = _bytes(text, extra, cells[row])
        if size and size != digits:
            return False
        every, other, to = 0, 0, row * digits  # bits of all bytes, and in which they differ from zeros
        for place in range(size):
            byte = source[begin + place]
            every |= byte
            other |= byte ^ 0x30
            data[to + place] = byte | (np.uint8(byte - 0x41) < 26) << 5
        if every >= 0x80:
            return False
        missing[row] = other == 0
    return True


@_compiled
def _odd_ids(text: Any, extra: Any, cells: Any, odd: Any) -> None:
    for row in range(len(cells)):
        source, begin, size = _bytes(text, extra, cells[row])
        told = size != 0 and size != 16 and size != 32
        for place in range(begin, begin + size):
            told |= (np.uint8(source[place] - 0x41) < 26) | (source[place] >= 0x80)
        odd[row] = told


@_compiled
def _zeros(text: Any, extra: Any, cells: Any, told: Any) -> None:
    for row in range(len(cells)):
        source, begin, size = _bytes(text, extra, cells[row])
        other = 0
        for place in range(begin, begin + size):
            other |= source[place] ^ 0x30
        told[row] = other == 0


@_compiled
def _values_of(first: Any, values: Any, codes: Any, code: int, out: Any) -> None:
    for row in range(len(first) - 1):
        out[row] = 0
        for place in range(first[row], first[row + 1]):
            if codes[place] == code:
                out[row] = values[place]


@_compiled
def _repeats(first: Any, codes: Any, place: Any, drop: Any) -> bool:
    """True if a row has a key twice, or one to drop."""
    for row in range(len(first) - 1):
        for pair in range(first[row], first[row + 1]):
            if place[codes[pair]] == row or drop[codes[pair]]:
                return True
            place[codes[pair]] = row
    return False


@_compiled
def _merge(
    first: Any, keys: Any, values: Any, codes: Any,
    above_first: Any, above_keys: Any, above_values: Any, above_codes: Any, owner: Any,
    place: Any, drop: Any, out_first: Any, out_keys: Any, out_values: Any, out_codes: Any,
) -> int:  # fmt: skip
    done = 0
    for row in range(len(first) - 1):
        begin = done
        out_first[row] = done
        above = owner[row]
        for pair in range(above_first[above], above_first[above + 1]):
            done = _put(above_keys[pair], above_values[pair], above_codes[pair], begin, done,
                        place, drop, out_keys, out_values, out_codes)  # fmt: skip
        for pair in range(first[row], first[row + 1]):
            done = _put(keys[pair], values[pair], codes[pair], begin, done,
                        place, drop, out_keys, out_values, out_codes)  # fmt: skip
    out_first[len(first) - 1] = done
    return done


@_compiled
def _put(
    key: int, value: int, code: int, begin: int, done: int,
    place: Any, drop: Any, out_keys: Any, out_values: Any, out_codes: Any,
) -> int:  # fmt: skip
    if drop[code]:
        return done
    if place[code] >= begin:
        out_values[place[code]] = value
        return done
    place[code], out_keys[done], out_values[done], out_codes[done] = done, key, value, code
    return done + 1
