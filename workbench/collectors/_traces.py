"""What collectors of traces share: windows small enough that no answer is cut off, and each trace once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from workbench.collectors import _files
from workbench.collectors._http import TooLarge
from workbench.errors import CollectError


def seconds(start: datetime, end: datetime) -> tuple[float, float]:
    """Give both times as seconds since the epoch; raise CollectError unless they have zones and an order."""
    if start.tzinfo is None or end.tzinfo is None or not start < end:
        raise CollectError(f"a window from {start} to {end}", expected="two times with a zone, start first")
    return start.timestamp(), end.timestamp()


def walk(
    ask: Callable[[int, int], list[Any]], start: int, end: int, *, longest: int, limit: int, where: str
) -> Iterator[Any]:
    """Give all that `ask` finds from `start` to `end`, asked in windows of at most `longest`, oldest first.

    A window in which it finds `limit`, or too much for one answer, is halved, down to one unit of time;
    CollectError if that is still too full. What lies on an edge comes twice.
    """
    waiting = [(at, min(at + longest, end)) for at in range(start, end, longest)][::-1]
    while waiting:
        first, last = waiting.pop()
        try:
            found = ask(first, last)
        except TooLarge:
            if last - first == 1:
                raise
            found = None
        if found is not None and len(found) < limit:
            yield from found
        elif last - first > 1:
            middle = (first + last) // 2
            waiting += [(middle, last), (first, middle)]
        else:
            raise CollectError(
                f"{limit} traces or more between {first} and {last}",
                where=where,
                expected="fewer than the limit in the shortest window that can be asked for",
                remedy="give a larger limit, or search more narrowly",
            )


class Traces:
    """Traces as JSON, each once; of one that was met twice, while it was still being written, the longer."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, bytes]] = {}

    def add(self, key: str, spans: int, trace: Any) -> None:
        """Take a trace of so many spans."""
        if key not in self._known or self._known[key][0] < spans:
            self._known[key] = (spans, orjson.dumps(trace))

    def write(self, path: Path, opening: bytes, closing: bytes, where: str) -> Path:
        """Write them as a JSON list between `opening` and `closing`; CollectError if there are none."""
        if not self._known:
            raise nothing(where)
        between = iter([b""])
        lines = (next(between, b",\n") + trace for _, trace in self._known.values())
        return _files.write_parts(path, [opening, *lines, closing])


def nothing(where: str) -> CollectError:
    """Say that a window held no trace."""
    return CollectError(
        "no trace in the window",
        where=where,
        expected="the traces of the system",
        remedy="see that the window lies within what is kept there, and that spans are sent there",
    )
