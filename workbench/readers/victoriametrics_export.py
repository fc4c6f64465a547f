"""VictoriaMetrics' /api/v1/export: JSON lines, one series with all its samples a line.

{"metric":{"__name__":"up","job":"node"},"values":[0,0,1],"timestamps":[1549891472010,1549891487724,1549891503438]}
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import orjson

from workbench.errors import Unrecognized
from workbench.readers import _json, _lines
from workbench.readers._seam import Parts, Stream
from workbench.readers._series import SeriesColumns

FORMAT = "VictoriaMetrics export, JSON lines"

_BARE = re.compile(rb"(?<=[\[,])([+-]?Inf(?:inity)?|NaN)(?=[,\]])")  # which it writes, and JSON has not


def sniff(head: bytes) -> bool:
    """True if the first line is an object with metric, values and timestamps."""
    first = head.lstrip().partition(b"\n")[0]
    keys = _json.outline(first)
    return "metric" in keys and "values[]" in keys and ("timestamps[]" in keys or b"\n" not in head.strip())


def read(*streams: Stream) -> Parts:
    """Read series; a value of null is NaN. Lines that are cut off or no series are counted as skipped."""
    found = SeriesColumns()
    series = 0
    for stream in streams:
        with _json.collector_resting():
            for count, line in enumerate(_lines.lines(stream), 1):
                if not line.strip():
                    continue
                try:
                    _add_series(_parsed(line), found)
                    series += 1
                except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
                    found.skipped["line that is no series"] += 1
                    if found.skipped["line that is no series"] == 1:
                        found.notes.append(f"{stream.name}:{count}: {type(error).__name__} {error}")
    if not series:
        raise Unrecognized("no line that is a series", where=streams[0].name, expected=FORMAT)
    return found.parts(", ".join(stream.name for stream in streams))


def _parsed(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return orjson.loads(_BARE.sub(rb'"\1"', line))


def _add_series(entry: dict[str, Any], found: SeriesColumns) -> None:
    labels = dict(entry["metric"])
    if not all(type(value) is str for value in labels.values()):
        raise TypeError("a label that is not text")
    values, times_ms = np.array(entry["values"], "float64"), np.array(entry["timestamps"], "float64")
    if values.shape != times_ms.shape or values.ndim != 1 or np.isnan(times_ms).any():
        raise ValueError(f"{len(values)} values and {len(times_ms)} timestamps")
    found.add(found.code(labels.pop("__name__", ""), labels), times_ms, values)
