"""Prometheus HTTP API: answers to queries, of Prometheus itself and of those that speak as it does.

{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up"},"values":[[1.5,"1"]]}]}}
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np

from workbench.errors import Malformed
from workbench.readers import _json, _native, _points
from workbench.readers._seam import Parts, Stream
from workbench.readers._series import SeriesColumns, number

FORMAT = "Prometheus HTTP API JSON"

_TYPES = ("matrix", "vector", "scalar", "string")


def sniff(head: bytes) -> bool:
    """True for an answer to a query, for exemplars, and for an error in their stead."""
    keys = _json.outline(head)
    if keys.get("status") == "error" and {"errorType", "error"} <= keys.keys():
        return True
    if "data.resultType" in keys:
        return keys["data.resultType"] in _TYPES
    # keys sorted: the type stands behind a long result
    return "data.result[].metric" in keys or "data[].exemplars" in keys


def read(*streams: Stream) -> Parts:
    """Read answers; the same labels in several files are one series.

    A native histogram gives its `_count`, its `_sum`, and a series under its own name for each bucket: see
    `_native`.
    """
    found = SeriesColumns()
    for stream in streams:
        with _json.collector_resting():
            _read_answer(stream, found)
    return found.parts(", ".join(stream.name for stream in streams))


def _read_answer(stream: Stream, found: SeriesColumns) -> None:
    answer, lists = _parse(stream.content(), stream.name)
    if not isinstance(answer, dict):
        raise Malformed(
            stream.name, f"a JSON {type(answer).__name__}", expected="an answer with status and data"
        )
    if answer.get("status") == "error":
        raise Malformed(
            stream.name,
            f"the server answered with an error, {answer.get('errorType')}: {answer.get('error')}",
            expected="the result of a query",
            remedy="correct the query and record it again",
        )
    for remarks in ("warnings", "infos"):
        told = answer.get(remarks)
        found.notes += [
            f"the server's {remarks}: {text}" for text in (told if isinstance(told, list) else ())
        ]
    if answer.get("isPartial"):
        found.notes.append("the server says that its answer is partial")
    data = answer.get("data")
    if isinstance(data, list):
        _each(data, f"{stream.name}, data", lambda entry: _add_exemplars(entry, found))
        return
    kind, result = (data.get("resultType"), data.get("result")) if isinstance(data, dict) else (None, None)
    if kind not in _TYPES:
        raise Malformed(
            f"{stream.name}, data.resultType", f"{kind!r}", expected=", ".join(_TYPES[:-1]) + " or string"
        )
    if kind == "string":
        found.skipped["text instead of numbers"] += 1
        return
    if not isinstance(result, list):
        raise Malformed(f"{stream.name}, data.result", f"a JSON {type(result).__name__}", expected="a list")
    entries: list[Any] = [{"metric": {}, "value": result}] if kind == "scalar" else result
    _each(entries, f"{stream.name}, data.result", lambda entry: _add_series(entry, lists, found))


def _parse(content: bytes, name: str) -> tuple[Any, list[_points.Points]]:
    """Parse an answer without its long lists of points, which are given beside it, numbered."""
    skeleton, lists = _points.set_aside(content)
    if lists:
        try:
            return _json.parse(skeleton, name), lists
        except Malformed:  # found again below, with its place in the whole
            lists = []
    return _json.parse(content, name), lists


def _each(entries: list[Any], place: str, add: Callable[[Any], None]) -> None:
    for index, entry in enumerate(entries):
        try:
            add(entry)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise Malformed(
                f"{place}[{index}]",
                f"not a series: {type(error).__name__} {error}",
                expected='{"metric": {…}, "values": [[seconds, "number"], …]}',
                remedy="record the answer again",
            ) from error


def _add_series(entry: dict[str, Any], lists: list[_points.Points], found: SeriesColumns) -> None:
    metric, labels = _named(entry["metric"])
    points = entry.get("values") or ([entry["value"]] if "value" in entry else [])
    histograms = entry.get("histograms") or ([entry["histogram"]] if "histogram" in entry else [])
    if type(entry.get("values")) is int and lists:
        _add(found, metric, labels, *lists[entry["values"]])
    elif points or not histograms:
        _add(found, metric, labels, *_unzip(points))
    if histograms:
        times, states = _unzip(histograms)
        for member in ("count", "sum"):
            _add(found, f"{metric}_{member}", labels, times, [state[member] for state in states])
        buckets = [[_bucket(bucket) for bucket in state.get("buckets") or ()] for state in states]
        for edges, (at, counts) in _native.by_bucket(times, buckets).items():
            _add(found, metric, {**labels, _native.LABEL: edges}, at, counts)


def _bucket(told: list[Any]) -> tuple[str, str]:
    closed, low, high, count = told
    return _native.edges(closed in (1, 3), low, high, closed in (0, 3)), count


def _add(found: SeriesColumns, metric: str, labels: dict[str, str], times: Any, values: Any) -> None:
    times_ms = np.rint(np.asarray(times, "float64") * 1000)  # the API has milliseconds
    if isinstance(values, list):
        values = np.array([number(value) for value in values], "float64")
    if np.isnan(times_ms).any():
        raise ValueError("a time that is no number")
    found.add(found.code(metric, labels), times_ms, values)


def _add_exemplars(entry: dict[str, Any], found: SeriesColumns) -> None:
    code = found.code(*_named(entry["seriesLabels"]))
    for exemplar in entry["exemplars"] or ():
        value, time_ms = number(exemplar["value"]), round(exemplar["timestamp"] * 1000)
        found.add_exemplar(code, time_ms * 1_000_000, value, dict(exemplar["labels"]))


def _named(metric: Any) -> tuple[str, dict[str, str]]:
    labels = dict(metric)
    if not all(type(value) is str for value in labels.values()):
        raise TypeError("a label that is not text")
    return labels.pop("__name__", ""), labels


def _unzip(points: list[list[Any]]) -> tuple[list[float], list[Any]]:
    if not set(map(len, points)) <= {2}:
        raise ValueError("a point that is not a time and a value")
    flat = list(chain.from_iterable(points))
    sum(flat[::2])  # raises if one is not a number
    return flat[::2], flat[1::2]
