"""The locations of a pprof profile as frames, and the stacks of its samples made of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np

from workbench.errors import Malformed
from workbench.readers import _stacks
from workbench.readers._pprof_samples import Samples
from workbench.readers._seam import Parts

Text = Callable[[int, str], str]  # the string of an index that a place holds


class Locations:
    """The frame codes of each location by its id: several where calls were inlined, innermost first."""

    def __init__(self, codes_of: dict[int, tuple[int, ...]]) -> None:
        self._flat = np.fromiter(chain.from_iterable(codes_of.values()), np.int32)
        self._many = np.fromiter(map(len, codes_of.values()), np.int64, len(codes_of))
        self._starts = np.cumsum(self._many) - self._many
        self._first = self._flat[self._starts]
        self._ids = np.fromiter(codes_of, np.uint64, len(codes_of))
        self._order = np.argsort(self._ids)
        most = int(self._ids.max(initial=0))
        self._row_of = None
        if most <= 16 * len(codes_of) + 1_000_000:  # dense enough for a table; what lies beyond is its last
            self._row_of = np.full(most + 2, -1, np.int32)
            self._row_of[self._ids] = np.arange(len(codes_of), dtype=np.int32)

    def stacks(self, samples: Samples, name: str, first: int) -> tuple[np.ndarray, np.ndarray]:
        """Give the frame codes of samples one after another, and how many each has."""
        rows = self._rows(samples.ids)
        if len(rows) and rows.min() < 0:
            lost = int(np.argmin(rows))
            sample = first + int(np.searchsorted(np.cumsum(samples.depths), lost, side="right"))
            raise Malformed(
                f"{name}, sample {sample}",
                f"location {samples.ids[lost]}, which the profile lacks",
                remedy="copy or record it again",
            )
        codes = self._first.take(rows)
        if len(self._flat) == len(self._many):  # nothing is inlined
            return codes, samples.depths
        widths = self._many.take(rows)
        several = np.flatnonzero(widths > 1)
        more = widths[several] - 1  # frames around an inlined one
        nth = np.arange(more.sum()) - np.repeat(np.cumsum(more) - more, more) + 1
        wide = np.repeat(codes, widths)
        wide[np.repeat(several + np.cumsum(more) - more, more) + nth] = self._flat[
            np.repeat(self._starts[rows[several]], more) + nth
        ]
        sample_of = np.searchsorted(np.cumsum(samples.depths), several, side="right")
        return wide, samples.depths + np.bincount(sample_of, more, len(samples.depths)).astype(np.int64)

    def _rows(self, ids: np.ndarray) -> np.ndarray:
        """Give the row of each id, -1 for one that is not known."""
        if self._row_of is not None:
            return self._row_of.take(ids.astype(np.intp), mode="clip")
        at = self._order[np.minimum(np.searchsorted(self._ids, ids, sorter=self._order), len(self._ids) - 1)]
        return np.where(self._ids[at] == ids, at, -1).astype(np.int32)


def locations(
    profile: Any, known: dict[_stacks.Frame, int], text: Text, name: str, parts: Parts
) -> Locations:
    """Number the frames of all locations."""
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
    return Locations(codes_of)


def _refuse_bad_ids(ids: list[int], table: str, name: str) -> None:
    if 0 in ids:
        raise Malformed(
            f"{name}, {table} {ids.index(0)}", "id 0, which is reserved", expected="an id of 1 or more"
        )
    if len(set(ids)) < len(ids):
        twice = next(i for n, i in enumerate(ids) if i in ids[:n])
        raise Malformed(f"{name}, {table}", f"id {twice} stands twice", expected="each id once")
