"""An answer to query_range: what it must be before it is believed, and what it says beside its numbers.

{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"job":"a"},"values":[[1,"0.5"]]}]},
 "warnings":["one store did not answer"],"isPartial":true}
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from operator import lt
from typing import Any

import orjson

from workbench.errors import CollectError

_MS = 0.001  # as exact as times are
_REMEDY = "ask again; if it stays, see the log of that server"


@dataclass(frozen=True)
class Found:
    """What an answer holds: series, the remarks of the server, and whether it says that some are missing."""

    series: int
    remarks: tuple[str, ...]
    partial: bool


def check(body: bytes, first: float, last: float, where: str) -> Found:
    """Prove that `body` is a matrix: distinct series, whose times rise from `first` to `last` at most."""
    answer = success(body, where)
    data = answer["data"]
    kind = data.get("resultType") if isinstance(data, dict) else type(data).__name__
    if kind != "matrix":
        raise CollectError(
            f"resultType {kind!r}",
            where=f"{where}, data",
            expected="matrix, as of every answer to query_range",
            remedy="give the address of the Prometheus itself, and a query of numbers",
        )
    if not isinstance(data.get("result"), list):
        raise _unsound(f"{where}, data.result", type(data.get("result")).__name__, "a list of series")
    known = set()
    for index, entry in enumerate(data["result"]):
        place = f"{where}, data.result[{index}]"
        labels = _labels(entry, place)
        if labels in known:
            raise _unsound(place, f"the series {dict(labels)} a second time", "each series once")
        known.add(labels)
        _check_points(entry.get("values"), first, last, f"{place}.values", _check_numbers)
        _check_points(entry.get("histograms"), first, last, f"{place}.histograms", _check_histograms)
    partial = bool(answer.get("warnings") or answer.get("isPartial"))
    return Found(len(known), tuple(remarks(answer)), partial)


def success(body: bytes, where: str) -> dict[str, Any]:
    """Give the JSON of an answer with data; raise CollectError, with the server's words, if it is none."""
    answer: Any = None
    said = ""
    try:
        answer = orjson.loads(body)
        said = f": {answer['error']}"[:200]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        pass
    if not isinstance(answer, dict) or answer.get("status") != "success" or "data" not in answer:
        raise CollectError(
            f"{len(body)} bytes that are not a whole answer{said}",
            where=where,
            expected='JSON with "status": "success" and "data"',
            remedy=_REMEDY,
        )
    return answer


def remarks(answer: dict[str, Any]) -> Iterable[str]:
    """Give the warnings and infos of an answer, in the server's words."""
    for kind in ("warnings", "infos"):
        told = answer.get(kind)
        yield from (f"the server's {kind}: {text}" for text in (told if isinstance(told, list) else ()))
    if answer.get("isPartial"):
        yield "the server says that its answer is partial"


def _labels(entry: Any, place: str) -> tuple[tuple[str, str], ...]:
    metric = entry.get("metric") if isinstance(entry, dict) else None
    if not isinstance(metric, dict) or not all(type(value) is str for value in metric.values()):
        raise _unsound(place, "no labels", '{"metric": {name: text}, "values": [[seconds, "number"], …]}')
    return tuple(sorted(metric.items()))


def _check_points(points: Any, first: float, last: float, place: str, check: Any) -> None:
    if points is None or points == []:
        return
    try:
        times, states = zip(*points, strict=True)
        check(states)
    except (TypeError, ValueError, KeyError) as error:
        raise _unsound(place, f"points that are none ({error})", '[[seconds, "number"], …]') from error
    if not set(map(type, times)) <= {int, float} or times[0] < first - _MS or times[-1] > last + _MS:
        index, time = next(
            (i, t)
            for i, t in enumerate(times)
            if type(t) not in (int, float) or not first - _MS <= t <= last + _MS
        )
        raise _unsound(f"{place}[{index}]", f"the time {time!r}", f"a time from {first} to {last}")
    if not all(map(lt, times, times[1:])):
        index = next(i for i, (a, b) in enumerate(pairwise(times), 1) if not a < b)
        raise _unsound(
            f"{place}[{index}]", f"the time {times[index]} after {times[index - 1]}", "times that rise"
        )


def _check_numbers(texts: tuple[Any, ...]) -> None:
    if not set(map(type, texts)) <= {str}:
        raise TypeError("a value that is not text")
    deque(map(float, texts), maxlen=0)


def _check_histograms(states: tuple[Any, ...]) -> None:
    for state in states:
        _check_numbers((state["count"], state["sum"]))
        for _, *edges_and_count in state.get("buckets") or ():
            _check_numbers(tuple(edges_and_count))


def _unsound(where: str, found: str, expected: str) -> CollectError:
    return CollectError(found, where=where, expected=expected, remedy=_REMEDY)
