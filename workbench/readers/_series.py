"""Labelled series and their samples, gathered block by block and turned into the tables at once."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench import tables
from workbench.errors import Malformed
from workbench.readers import _json
from workbench.readers._seam import Parts

UNDATED = np.iinfo("int64").min  # what pandas reads as no time
LATEST_MS = 2**63 // 1_000_000 - 1  # nanoseconds in 64 bits end in the year 2262

_SERVICE_LABELS = ("service", "service_name", "job")
_HEX = re.compile("[0-9a-fA-F]+")
_TRACE_LABELS, _SPAN_LABELS = ("trace_id", "traceID", "traceId"), ("span_id", "spanID", "spanId")


class SeriesColumns:
    """The tables of metrics in the making; equal labels are one series, wherever they stand."""

    def __init__(self) -> None:
        self.skipped: Counter[str] = Counter()
        self.notes: list[str] = []
        self._codes: dict[tuple[tuple[str, str], ...], int] = {}
        self._series: list[tuple[str, dict[str, str]]] = []
        self._blocks: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # series, times, values
        self._exemplars: list[tuple[int, int, float, dict[str, str]]] = []

    def code(self, metric: str, labels: dict[str, str]) -> int:
        """Give the code of a series, a new one for labels not seen yet."""
        code = self._codes.setdefault((("", metric), *sorted(labels.items())), len(self._series))
        if code == len(self._series):
            self._series.append((metric, labels))
        return code

    def add(self, codes: int | np.ndarray, times_ms: np.ndarray, values: np.ndarray) -> None:
        """Take samples of one series or of many; NaN is no time. What 64 bits cannot date is counted."""
        whole = np.broadcast_to(np.asarray(codes, "int64"), times_ms.shape)
        dated = ~np.isnan(times_ms)
        kept = ~dated | (np.abs(times_ms) < LATEST_MS)
        if lost := int((~kept).sum()):
            self.skipped["sample after the year 2262"] += lost
            whole, times_ms, values, dated = whole[kept], times_ms[kept], values[kept], dated[kept]
        if dated.all():
            times = _nanoseconds(times_ms)
        else:
            times = np.full(len(times_ms), UNDATED)
            times[dated] = _nanoseconds(times_ms[dated])
        self.add_exact(whole, times, values)

    def add_exact(self, codes: np.ndarray, times_ns: np.ndarray, values: np.ndarray) -> None:
        """Take samples of many series at whole nanoseconds, or UNDATED."""
        self._blocks.append((codes, times_ns, np.asarray(values, "float64")))

    def add_exemplar(self, code: int, time_ns: int, value: float, labels: dict[str, str]) -> None:
        """Take an observation that points to a trace, at a whole nanosecond or UNDATED."""
        self._exemplars.append((code, time_ns if abs(time_ns) < 2**63 else UNDATED, value, labels))

    def parts(self, name: str) -> Parts:
        """Build the tables, of the files called `name`."""
        labels = [pairs for _, pairs in self._series]
        try:
            series = tables.SERIES.build(
                {
                    "series": np.arange(len(labels)),
                    "metric": pa.array([metric for metric, _ in self._series], pa.string()),
                    "service": [_first(ls, _SERVICE_LABELS) for ls in labels],
                    "instance": [ls.get("instance", "") for ls in labels],
                    "labels": _maps(labels),
                }
            )
            exemplars = self._exemplar_table()
        except (TypeError, ValueError) as error:  # Arrow's are of these kinds too
            raise Malformed(
                f"{name}, series", f"a name or label that is not text: {error}", remedy="record it again"
            ) from error
        frames = {"series": series, "samples": self._sample_table()}
        return Parts(frames | ({"exemplars": exemplars} if len(exemplars) else {}), self.skipped, self.notes)

    def _sample_table(self) -> pd.DataFrame:
        codes, times, values = (
            np.concatenate([block[i] for block in self._blocks] or [np.empty(0, kind)])
            for i, kind in enumerate(("int64", "int64", "float64"))
        )
        self._blocks.clear()
        same = np.diff(codes) == 0
        runs = len(codes) - np.count_nonzero(same)
        if (
            runs > len(self._series) or (same & (np.diff(times) <= 0)).any()
        ):  # told in parts, which may overlap
            order = np.lexsort((times, codes))  # which keeps the order of equals
            codes, times, values = codes[order], times[order], values[order]
            again = (np.diff(codes) == 0) & (np.diff(times) == 0) & (times[1:] != UNDATED)
            if repeated := int(again.sum()):
                self.skipped["sample repeated elsewhere"] += repeated
                kept = np.concatenate([[True], ~again])
                codes, times, values = codes[kept], times[kept], values[kept]
        return tables.SAMPLES.build({"series": codes, "time": times.view("datetime64[ns]"), "value": values})

    def _exemplar_table(self) -> pd.DataFrame:
        codes, times, values, labels = list(zip(*self._exemplars, strict=True)) or [()] * 4
        traces = [_first(pairs, _TRACE_LABELS) for pairs in labels]
        spans = [_first(pairs, _SPAN_LABELS) for pairs in labels]
        return tables.EXEMPLARS.build(
            {
                "series": np.array(codes, "int64"),
                "time": np.array(times, "int64").view("datetime64[ns]"),
                "value": np.array(values, "float64"),
                "trace_id": pa.array([_id(text) for text in traces], pa.string()),
                "span_id": pa.array([_id(text) for text in spans], pa.string()),
                "labels": _maps(list(labels)),
            }
        )


def number(text: str) -> float:
    """Read a value as the formats write it; Python's own underscores and digits of other scripts are none."""
    if "_" in text or not text.isascii():
        raise ValueError(f"could not convert string to float: {text!r}")
    return float(text)


def _nanoseconds(times_ms: np.ndarray) -> np.ndarray:
    """Turn milliseconds, whole or not, into nanoseconds; a float has no room for 1.7e18."""
    whole = np.floor(times_ms)
    return whole.astype("int64") * 1_000_000 + np.rint((times_ms - whole) * 1e6).astype("int64")


def _id(text: str) -> str | None:
    return (text.lower() if _HEX.fullmatch(text) else text) or None


def _first(labels: dict[str, str], names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")


def _maps(labels: list[dict[str, str]]) -> pa.MapArray:
    return _json.map_column(
        list(chain.from_iterable(labels)),
        list(chain.from_iterable(pairs.values() for pairs in labels)),
        [0, *np.cumsum([len(pairs) for pairs in labels], dtype=int).tolist()],
    )
