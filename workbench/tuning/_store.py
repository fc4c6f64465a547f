"""The evaluations of a search, kept in a file so that it can be stopped and gone on with.

A search is the same at every run, so going on with one is running it again with what was tried already known.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from workbench.errors import Malformed, SettingError
from workbench.settings import Knob
from workbench.tuning.objective import Objective
from workbench.twin.model import Twin

FORMAT = "workbench study 1"

Point = tuple[int, ...]
Numbers = dict[str, dict[str, float]]


class Store:
    """What was tried, by point; in memory alone without a path."""

    def __init__(self, path: str | Path | None, asked: str) -> None:
        self._path, self._asked = None if path is None else Path(path), asked
        self._tried: dict[Point, Numbers] = self._read() if self._path and self._path.exists() else {}

    def __contains__(self, point: Point) -> bool:
        return point in self._tried

    def __getitem__(self, point: Point) -> Numbers:
        return self._tried[point]

    def add(self, tried: Iterable[tuple[Point, Numbers]]) -> None:
        """Keep what was tried, and write all of it beside the file and over it."""
        new = dict(tried)
        self._tried |= new
        if self._path is not None and new:
            record = {"format": FORMAT, "asked": self._asked, "tried": list(self._tried.items())}
            beside = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
            beside.write_text(json.dumps(record), encoding="utf-8")
            os.replace(beside, self._path)

    def _read(self) -> dict[Point, Numbers]:
        assert self._path is not None
        try:
            record = json.loads(self._path.read_text(encoding="utf-8"))
            if record["format"] != FORMAT:
                raise ValueError(f"format {record['format']!r}")
            tried = {tuple(point): numbers for point, numbers in record["tried"]}
        except (ValueError, KeyError, TypeError) as error:
            raise Malformed(
                str(self._path), f"not a study: {error!r}", expected=FORMAT, remedy="remove it to begin anew"
            ) from error
        if record["asked"] != self._asked:
            raise SettingError(
                "evaluations of another search",
                where=str(self._path),
                expected="the same capture, knobs, objective and seed",
                remedy="give another file, or remove it to begin anew",
            )
        return tried


def asked(twin: Twin, knobs: Sequence[Knob], objective: Objective, seed: int) -> str:
    """Give a digest of all that an evaluation depends on."""
    digest = hashlib.sha256(
        repr((twin.network, twin.settings, twin.duration_s, knobs, objective, seed)).encode()
    )
    work = twin.workload
    digest.update(repr((work.bin_s, work.persistence, work.users)).encode())
    tables = [work.rate_rps, work.think, *work.transit.values(), *work.pauses.values()]
    tables += [table for demand in work.demand.values() for table in (demand.before, demand.after)]
    for table in tables:
        digest.update(b"-" if table is None else table.tobytes())
    return digest.hexdigest()[:16]
