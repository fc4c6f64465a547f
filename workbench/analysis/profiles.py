"""Where a profile's weight lies: sample types, weight by function, the tree of a flame graph, search in it.

A function's *self* weight is that of the stacks in which it is innermost, its *total* that of the stacks in
which it stands, once each, however often it calls itself. Shares are of the sum of absolute weights, as
pprof's are, so that they also mean something where one profile was subtracted from another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike

from workbench import tables
from workbench.capture import Capture
from workbench.errors import TableError


class SampleType(NamedTuple):
    """What a profile measured, such as cpu in nanoseconds."""

    type: str
    unit: str


@dataclass(frozen=True)
class Tree:
    """Stacks merged from their outermost frame on; row 0 of `nodes` is the root, parents precede children.

    `nodes` has parent (row; -1 for the root), depth (0 for the root), function, file, module, self, total,
    and weight, the total of absolute weights: equal to total unless weights are negative.
    """

    type: str
    unit: str
    nodes: pd.DataFrame


class Found(NamedTuple):
    """Which nodes of a tree match a search, and the share of weight that passes through at least one."""

    matches: np.ndarray
    share: float


def sample_types(stacks: pd.DataFrame) -> list[SampleType]:
    """Give the sample types of a stacks table in its order, which puts the default one of a profile last."""
    pairs = stacks[["type", "unit"]].drop_duplicates()
    return [SampleType(kind, unit) for kind, unit in zip(pairs["type"], pairs["unit"], strict=True)]


def without_inlined(capture: Capture) -> Capture:
    """Give the capture with inlined frames taken out, so that their weight counts for the caller.

    As `pprof -noinlines` does; `pprof -top`, and everything here, counts inlined functions by themselves.
    """
    codes, depths = _flat(capture.stacks)
    inlined = _by_code(capture.frames, capture.frames["inlined"].fillna(False).to_numpy(bool))
    kept = ~inlined[codes]
    owners = np.repeat(np.arange(len(depths)), depths)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owners[kept], minlength=len(depths)))])
    lists = pa.ListArray.from_arrays(offsets.astype(np.int32), codes[kept])
    column = pd.Series(pd.arrays.ArrowExtensionArray(lists), index=capture.stacks.index)
    return replace(capture, stacks=capture.stacks.assign(frames=column))


def functions(capture: Capture, *, type: str = "", service: str = "", thread: str = "") -> pd.DataFrame:
    """Give self and total weight by function, greatest self first.

    Columns: function, file ("" where unknown), module, self, total, self_share, total_share. Of `type`,
    `service` and `thread`, those left out mean the last sample type, every service and every thread.
    """
    stacks = _chosen(capture, type, service, thread)
    named, function_of = _functions(capture.frames)
    codes, depths = _flat(stacks)
    ids, values = function_of[codes], stacks["value"].to_numpy(float)
    full = depths > 0
    innermost = ids[(np.cumsum(depths) - depths)[full]]
    owners = np.repeat(np.arange(len(depths)), depths)
    once = pd.unique(owners * len(named) + ids)  # by hashing: sorting millions takes ten times as long
    own = np.bincount(innermost, values[full], len(named))
    total = np.bincount(once % max(len(named), 1), values[once // max(len(named), 1)], len(named))
    whole = np.abs(values).sum() or np.nan
    weights = {"self": own, "total": total, "self_share": own / whole, "total_share": total / whole}
    made = pd.concat([named, pd.DataFrame(weights)], axis=1).iloc[np.unique(ids)]
    order = np.lexsort((made["function"].to_numpy(str), -made["total"].abs(), -made["self"].abs()))
    return made.iloc[order].reset_index(drop=True)


def tree(capture: Capture, *, type: str = "", service: str = "", thread: str = "") -> Tree:
    """Merge stacks by function, from the outermost on; what is left out means the same as in `functions`."""
    stacks = _chosen(capture, type, service, thread)
    kind, unit = sample_types(stacks)[0] if len(stacks) else SampleType(type, "")
    named, function_of = _functions(capture.frames)
    codes, depths = _flat(stacks)
    values = stacks["value"].to_numpy(float)
    outermost = np.cumsum(depths) - 1
    rows = np.arange(len(stacks))  # stacks that reach this level
    at = np.zeros(len(stacks), np.int64)  # the node that each has come to
    here = _level([-1], [0], 0, at, values, depths == 0)
    levels, before = [here], 0
    for depth in range(1, int(depths.max(initial=0)) + 1):
        deep = depths[rows] >= depth
        rows, at = rows[deep], at[deep]
        steps = (at - before) * len(named) + function_of[codes[outermost[rows] - depth + 1]]
        at, steps = pd.factorize(steps)
        parents = before + steps // len(named)
        levels.append(_level(parents, steps % len(named), depth, at, values[rows], depths[rows] == depth))
        before += len(levels[-2])
        at = at + before
    nodes = pd.concat(levels, ignore_index=True)
    for i, name in enumerate(("function", "file", "module")):
        texts = named[name].to_numpy(object)[nodes["at"].to_numpy()] if len(named) else np.array([""], object)
        texts[0] = (kind, "", "")[i]
        nodes.insert(2 + i, name, pd.Series(texts, dtype=named[name].dtype))
    return Tree(kind, unit, nodes.drop(columns="at"))


def search(tree: Tree, text: str) -> Found:
    """Find nodes whose function or file contains `text`, in any case; an empty text finds nothing."""
    nodes = tree.nodes
    matches = np.zeros(len(nodes), bool)
    if text:
        for column in ("function", "file"):
            matches |= nodes[column].str.contains(text, case=False, regex=False).fillna(False).to_numpy(bool)
        matches[0] = False
    parent = nodes["parent"].to_numpy()
    under = matches.copy()  # itself or an ancestor matches
    for rows in np.split(np.arange(len(nodes)), np.flatnonzero(np.diff(nodes["depth"])) + 1)[1:]:
        under[rows] |= under[parent[rows]]
    topmost = matches & ~under[np.maximum(parent, 0)]
    weight = nodes["weight"].to_numpy()
    return Found(matches, float(weight[topmost].sum() / weight[0]) if weight[0] else 0.0)


def module(function: str, file: str = "") -> str:
    """Name the package, library or binary of a function by what names look like; "" where nothing tells.

    Python goes by file (`json/decoder.py` → json), Go, Java, C++ and Rust by qualified name
    (`net/http.(*conn).serve` → net/http), what has only a binary by that (`malloc` in `libc.so.6`).
    """
    path = file.replace("\\", "/")
    if path.startswith("<"):  # <frozen importlib._bootstrap>, <string>
        return path.strip("<>").removeprefix("frozen ").partition(".")[0]
    if path.endswith((".py", ".pyx", ".pyi")):
        return _python_package(path)
    if function.startswith("["):  # [libc.so.6], where a binary has no symbols
        return function.strip("[]")
    return _package(re.split(r"[(\[ ]", function)[0]) or path.rpartition("/")[2]


def _python_package(path: str) -> str:
    library = re.split(r"(?:site|dist)-packages/|lib/python3[^/]*/", path)
    parts = [part for part in library[-1].split("/") if part not in ("", ".", "..")]
    if len(library) == 1 and path.startswith(("/", "..")) and len(parts) > 1:
        return parts[-2]
    return parts[0].removesuffix(".py")


def _package(name: str) -> str:
    """Give `net/http` of net/http.(*conn).serve, `java.util` of java.util.HashMap.get, `std` of std::sort."""
    if "::" in name:
        return name.lstrip("<").partition("::")[0]
    folder, slash, last = name.rpartition("/")
    parts = last.split(".")
    if len(parts) < 2:
        return ""
    if slash:  # java/util/HashMap.get has a class after the slash, net/http.serve the end of the package
        return folder.replace("/", ".") if last[:1].isupper() else f"{folder}/{parts[0]}"
    until = next((i for i, part in enumerate(parts) if part[:1].isupper()), 1)
    return ".".join(parts[: min(max(until, 1), 2)])


def _chosen(capture: Capture, type: str, service: str, thread: str) -> pd.DataFrame:
    stacks = capture.stacks
    if service:
        stacks = stacks[stacks["service"] == service]
    if thread:
        stacks = stacks[(stacks["thread"] == thread).fillna(False)]
    types = sample_types(stacks)
    wanted = [pair for pair in types if pair.type == type] if type else types[-1:]
    if len(wanted) == 1:
        return stacks[(stacks["type"] == wanted[0].type) & (stacks["unit"] == wanted[0].unit)]
    if not wanted and not type:
        return stacks
    raise TableError(
        f"sample type {type!r} in {' and '.join(p.unit for p in wanted)}"
        if wanted
        else f"no sample type {type!r}",
        where=f"capture {capture.name!r}, table stacks",
        expected="one unit" if wanted else " or ".join(p.type for p in types) or "a profile",
    )


def _functions(frames: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Give one row per function and file, and its number by frame code."""
    keys = pd.MultiIndex.from_arrays([frames["function"], frames["file"].fillna("")])
    ids, named = pd.factorize(keys)
    made = named.to_frame(index=False, name=["function", "file"]).astype(tables.TEXT)
    modules = [module(function, file) for function, file in named]
    return made.assign(module=pd.Series(modules, dtype=tables.TEXT)), _by_code(frames, ids)


def _by_code(frames: pd.DataFrame, values: np.ndarray) -> np.ndarray:
    codes = frames["frame"].to_numpy()
    placed = np.zeros(int(codes.max(initial=-1)) + 1, values.dtype)
    placed[codes] = values
    return placed


def _flat(stacks: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Give all frame codes one after another, and the depth of each stack."""
    lists = stacks["frames"].list
    return lists.flatten().to_numpy(np.int32), lists.len().to_numpy(np.int64)


def _level(
    parents: ArrayLike, ids: ArrayLike, depth: int, at: np.ndarray, values: np.ndarray, ending: np.ndarray
) -> pd.DataFrame:
    """Make one level of a tree: each stack stands at node `at` of it, and some end there."""
    size = len(np.atleast_1d(ids))
    return pd.DataFrame(
        {
            "parent": parents,
            "depth": depth,
            "self": np.bincount(at[ending], values[ending], size),
            "total": np.bincount(at, values, size),
            "weight": np.bincount(at, np.abs(values), size),
            "at": ids,
        }
    )
