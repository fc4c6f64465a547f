"""Profiles of V8 (Node.js, Chrome): .cpuprofile of two generations, and .heapprofile.

{"nodes":[{"id":1,"callFrame":{"functionName":"(root)",…},"children":[2]},…],"samples":[2,2],"timeDeltas":[0,1250],…}
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench import tables
from workbench.errors import Malformed, Unrecognized
from workbench.readers import _json, _stacks
from workbench.readers._seam import Parts, Stream

FORMAT = "V8 .cpuprofile or .heapprofile"

_ROOT = "(root)"
_MOST_FRAMES = 100_000_000  # over all samples; a tree of n nodes can hold n²/2


def sniff(head: bytes) -> bool:
    """True for nodes with call frames, or a head that is a node: of samples, or of sizes."""
    keys = _json.outline(head)
    return (
        "nodes[].callFrame" in keys
        or "head.callFrame" in keys
        or ("head.functionName" in keys and "head.children[]" in keys)
    )


def read(*streams: Stream) -> Parts:
    """Read profiles: a row per sample, with the time until the next one, or per place that holds bytes.

    A CPU profile without samples gives V8's count of ticks per place. `(root)` is left out; `(program)`,
    `(idle)` and `(garbage collector)` are frames as V8 has them. Its clock has no date.
    """
    known: dict[_stacks.Frame, int] = {}
    parts = Parts()
    found = [_read_one(stream, known, parts) for stream in streams]
    parts.frames = {"frames": _stacks.frames_table(known), "stacks": tables.STACKS.concat(found)}
    return parts


def _read_one(stream: Stream, known: dict[_stacks.Frame, int], parts: Parts) -> pd.DataFrame:
    if not sniff(stream.head()):
        raise Unrecognized("not a profile of V8", where=stream.name, expected=FORMAT)
    document, place = _json.parse(stream.content(), stream.name), stream.name
    nodes, parents = _nodes(document, place)
    paths = _Paths(nodes, parents, known, place)
    for name, kind, unit in (("selfSize", "inuse_space", "bytes"), ("hitCount", "samples", "count")):
        if any(name in node for node in nodes) and (name == "selfSize" or not document.get("samples")):
            weights = np.array([_number(node.get(name, 0), f"{place}, {name}") for node in nodes])
            (rows,) = np.nonzero(weights)
            return paths.table(rows, weights[rows], kind, unit)
    ids = _numbers(document.get("samples"), f"{place}, samples")
    times, end = _times(document, len(ids), place)
    late = int((np.diff(times) < 0).sum())
    if late:
        parts.notes.append(f"{late} samples came late and are put in order of time")
    order = np.argsort(times, kind="stable")
    spent = np.diff(np.append(times[order], max(end, times.max(initial=end))))
    return paths.table(_rows(ids[order], nodes, place), spent, "time", "microseconds")


def _nodes(document: Any, place: str) -> tuple[list[dict[str, Any]], list[int]]:
    """Give the nodes and for each the row of its parent, or -1: nodes name children by id, or hold them."""
    flat = _member(document, "nodes", list, place) if "nodes" in document else None
    nodes = flat if flat is not None else [_member(document, "head", dict, place)]
    parents = [-1] * len(nodes)
    rows = {node.get("id"): row for row, node in enumerate(nodes) if isinstance(node, dict)} if flat else {}
    for row, node in enumerate(nodes):  # which grows where nodes hold their children
        if not isinstance(node, dict):
            raise Malformed(f"{place}, node {row}", f"{node!r:.40}", expected="an object")
        if flat is not None and "parent" in node:
            parents[row] = rows.get(node["parent"], -1)
        for child in node.get("children") or []:
            if flat is None:
                nodes.append(child)
                parents.append(row)
                continue
            below = rows.get(child) if isinstance(child, int) else None
            if below is None or parents[below] not in (-1, row):
                found = "which is no node" if below is None else "which has another parent"
                raise Malformed(f"{place}, node {row}", f"child {child!r:.40}, {found}")
            parents[below] = row
    return nodes, parents


class _Paths:
    """The stack of each node, made when it is asked for."""

    def __init__(
        self, nodes: list[dict[str, Any]], parents: list[int], known: dict[_stacks.Frame, int], place: str
    ) -> None:
        frames = [_frame(node, f"{place}, node {row}") for row, node in enumerate(nodes)]
        self._codes = _stacks.intern(known, (frame for frame in frames if frame[0] != _ROOT))
        codes = iter(self._codes)
        self._codes = [next(codes) if frame[0] != _ROOT else -1 for frame in frames]
        self._parents, self._place = parents, place

    def table(self, rows: np.ndarray, weights: np.ndarray, kind: str, unit: str) -> pd.DataFrame:
        """Make a row for each of `rows`, which number nodes."""
        depths = self._depths()[rows]
        if depths.sum() > _MOST_FRAMES:
            raise Malformed(self._place, f"{depths.sum():,} frames over all samples", expected="fewer")
        if not len(depths):
            return tables.STACKS.empty()
        paths = {row: np.array(self._path(row), np.int32) for row in np.unique(rows).tolist()}
        return tables.STACKS.build(
            {
                "frames": _stacks.column(
                    [_stacks.stack_lists(np.concatenate([paths[row] for row in rows.tolist()]), depths)]
                ),
                "type": [kind] * len(depths),
                "value": weights,
                "unit": [unit] * len(depths),
            },
            where=self._place,
        )

    def _depths(self) -> np.ndarray:
        """Count the frames of every stack, which shows that no node is below itself."""
        depths = [-1] * len(self._parents)
        for row in range(len(depths)):
            way = []
            while row >= 0 and depths[row] < 0:
                way.append(row)
                depths[row] = 0
                row = self._parents[row]
            if way and row in set(way):
                raise Malformed(f"{self._place}, node {row}", "it is below itself", expected="a tree")
            for below in reversed(way):
                parent = self._parents[below]
                depths[below] = (depths[parent] if parent >= 0 else 0) + (self._codes[below] >= 0)
        return np.array(depths, np.int64)

    def _path(self, row: int) -> list[int]:
        path = []
        while row >= 0:
            if self._codes[row] >= 0:
                path.append(self._codes[row])
            row = self._parents[row]
        return path


def _times(document: dict[str, Any], samples: int, place: str) -> tuple[np.ndarray, float]:
    """Give the time of each sample and of the end in µs; a delta is since the start, or the sample before."""
    if "timestamps" in document:  # of the first generation, whose startTime and endTime are seconds
        times, end = _numbers(document["timestamps"], f"{place}, timestamps"), -np.inf
    else:
        start = _number(document.get("startTime", 0), f"{place}, startTime")
        times = start + np.cumsum(_numbers(document.get("timeDeltas"), f"{place}, timeDeltas"))
        end = _number(document.get("endTime", 0), f"{place}, endTime")
    if len(times) == samples + 1:
        times, end = times[:-1], times[-1]
    if len(times) != samples:
        raise Malformed(place, f"{samples} samples and {len(times)} times", expected="a time for each")
    return times, end


def _rows(ids: np.ndarray, nodes: list[dict[str, Any]], place: str) -> np.ndarray:
    rows = {node.get("id"): row for row, node in enumerate(nodes)}
    try:
        return np.array([rows[number] for number in ids.tolist()], np.int64)
    except KeyError as error:
        raise Malformed(f"{place}, samples", f"node {error}, which the profile lacks") from error


def _frame(node: dict[str, Any], place: str) -> _stacks.Frame:
    frame = node.get("callFrame", node)
    name = _member(frame, "functionName", str, place)
    file, line = frame.get("url"), frame.get("lineNumber")
    line = line + 1 if type(line) is int and 0 <= line < 2**31 else None  # counted from 0
    return name or "(anonymous)", file if isinstance(file, str) and file else None, line, None


def _numbers(values: Any, place: str) -> np.ndarray:
    if not isinstance(values, list):
        raise Malformed(place, "absent" if values is None else f"{values!r:.40}", expected="a list")
    return np.array([_number(value, f"{place}[{i}]") for i, value in enumerate(values)], np.float64)


def _number(value: Any, place: str) -> float:
    if type(value) not in (int, float):
        raise Malformed(place, f"{value!r:.40}", expected="a number")
    return float(value)


def _member(value: Any, name: str, kind: type, place: str) -> Any:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, kind):
        wrong = "absent" if found is None else f"{found!r:.40}"
        raise Malformed(f"{place}.{name}", wrong, expected=kind.__name__)
    return found
