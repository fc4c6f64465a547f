"""Prometheus HTTP API: answers to queries, of Prometheus itself and of those that speak as it does.

{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up"},"values":[[1.5,"1"]]}]}}
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from workbench import tables
from workbench.errors import Malformed
from workbench.readers import _json
from workbench.readers._seam import Parts, Stream

FORMAT = "Prometheus HTTP API JSON"

_TYPES = ("matrix", "vector", "scalar", "string")
_SERVICE_LABELS = ("service", "service_name", "job")
_LATEST_MS = 2**63 // 1_000_000 - 1  # what nanoseconds in 64 bits can hold: the year 2262


def sniff(head: bytes) -> bool:
    """True for an answer to a query, and for an error in its stead."""
    keys = _json.outline(head)
    if keys.get("status") == "error" and {"errorType", "error"} <= keys.keys():
        return True
    if "data.resultType" in keys:
        return keys["data.resultType"] in _TYPES
    return "data.result[].metric" in keys  # keys sorted: the type stands behind a long result


def read(*streams: Stream) -> Parts:
    """Read answers; the same labels in several files are one series.

    Native histograms give their `_count` and `_sum`; their buckets are counted as skipped.
    """
    found = _Found()
    for stream in streams:
        with _json.collector_resting():
            _read_answer(stream, found)
    return found.parts()


class _Found:
    """Series by their labels, and samples as flat lists, series after series."""

    def __init__(self) -> None:
        self.codes: dict[tuple[tuple[str, str], ...], int] = {}
        self.series: list[tuple[str, dict[str, str]]] = []
        self.blocks: list[tuple[int, int]] = []  # code of a series, how many samples of it follow
        self.times_s: list[float] = []
        self.values: list[float] = []
        self.skipped: Counter[str] = Counter()
        self.notes: list[str] = []

    def add(self, metric: str, labels: dict[str, str], times: list[float], values: list[str]) -> None:
        key = (("__name__", metric), *sorted(labels.items()))
        code = self.codes.setdefault(key, len(self.series))
        if code == len(self.series):
            self.series.append((metric, labels))
        sum(times)  # raises if one is not a number, while its place is known
        self.blocks.append((code, len(times)))
        self.times_s += times
        self.values.extend(map(float, values))

    def parts(self) -> Parts:
        labels = [pairs for _, pairs in self.series]
        blocks = np.array(self.blocks, dtype="int64").reshape(-1, 2)
        samples = pd.DataFrame(
            {
                "series": np.repeat(blocks[:, 0], blocks[:, 1]),
                "time": np.rint(np.array(self.times_s, dtype=float) * 1000),  # the API has milliseconds
                "value": np.array(self.values, dtype=float),
            }
        )
        samples = self._keep(samples, samples["time"].abs() < _LATEST_MS, "sample after the year 2262")
        if len(blocks) > len(self.series):  # a series in several answers: they may overlap
            repeated = samples.duplicated(["series", "time"])
            samples = self._keep(samples, ~repeated, "sample repeated by another answer")
            samples = samples.sort_values(["series", "time"])
        times_ns = samples["time"].to_numpy().astype("int64") * 1_000_000
        series = tables.SERIES.build(
            {
                "series": np.arange(len(labels)),
                "metric": [metric for metric, _ in self.series],
                "service": [next((ls[n] for n in _SERVICE_LABELS if ls.get(n)), "") for ls in labels],
                "instance": [ls.get("instance", "") for ls in labels],
                "labels": _json.map_column(
                    list(chain.from_iterable(labels)),
                    list(chain.from_iterable(ls.values() for ls in labels)),
                    [0, *np.cumsum([len(ls) for ls in labels], dtype=int).tolist()],
                ),
            }
        )
        times = times_ns.view("datetime64[ns]")
        samples = tables.SAMPLES.build(
            {"series": samples["series"], "time": times, "value": samples["value"]}
        )
        return Parts({"series": series, "samples": samples}, self.skipped, self.notes)

    def _keep(self, samples: pd.DataFrame, kept: pd.Series, reason: str) -> pd.DataFrame:
        if lost := int((~kept).sum()):
            self.skipped[reason] += lost
            return samples[kept]
        return samples


def _read_answer(stream: Stream, found: _Found) -> None:
    answer = _json.parse(stream.content(), stream.name)
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
    for index, entry in enumerate(entries):
        try:
            _add_series(entry, found)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise Malformed(
                f"{stream.name}, data.result[{index}]",
                f"not a series: {type(error).__name__} {error}",
                expected='{"metric": {…}, "values": [[seconds, "number"], …]}',
                remedy="record the answer again",
            ) from error


def _add_series(entry: dict[str, Any], found: _Found) -> None:
    labels = dict(entry["metric"])
    if not all(type(value) is str for value in labels.values()):
        raise TypeError("a label that is not text")
    metric = labels.pop("__name__", "")
    points = entry.get("values") or ([entry["value"]] if "value" in entry else [])
    histograms = entry.get("histograms") or ([entry["histogram"]] if "histogram" in entry else [])
    if points or not histograms:
        found.add(metric, labels, *_unzip(points))
    if histograms:
        times, states = _unzip(histograms)
        found.add(f"{metric}_count", labels, times, [state["count"] for state in states])
        found.add(f"{metric}_sum", labels, times, [state["sum"] for state in states])
        found.skipped["native histogram: count and sum kept, buckets not"] += len(histograms)


def _unzip(points: list[list[Any]]) -> tuple[list[float], list[Any]]:
    if not set(map(len, points)) <= {2}:
        raise ValueError("a point that is not a time and a value")
    flat = list(chain.from_iterable(points))
    return flat[::2], flat[1::2]
