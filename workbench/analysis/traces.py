"""Single traces to look at, and where the time of all requests went."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.analysis._spans import breakdown, tries, visits
from workbench.capture import Capture
from workbench.errors import TableError

__all__ = ["breakdown", "slowest", "waterfall"]

SLOWEST = ["trace_id", "service", "name", "start", "duration_s", "spans", "services", "errors"]
WATERFALL = [
    "depth", "service", "name", "kind", "start_s", "duration_s", "wait_s", "outcome", "span_id",
]  # fmt: skip


def slowest(capture: Capture, *, n: int = 10) -> pd.DataFrame:
    """Give the `n` slowest traces by their longest span that has no parent here, slowest first.

    Traces of a single span come last: there is nothing to see in them (their other spans were not sampled).
    """
    spans = capture.spans
    known = pd.MultiIndex.from_frame(spans[["trace_id", "span_id"]])
    has_parent = pd.MultiIndex.from_frame(spans[["trace_id", "parent_id"]]).isin(known)
    heads = spans[~has_parent].sort_values("duration_s", ascending=False).drop_duplicates("trace_id")
    by = spans.assign(error=spans["status"] == "error").groupby("trace_id")
    counts = by.agg(spans=("span_id", "size"), services=("service", "nunique"), errors=("error", "sum"))
    table = heads.join(counts, on="trace_id")
    table = table.assign(alone=table["spans"] == 1)
    table = table.sort_values(["alone", "duration_s"], ascending=[True, False], kind="stable")
    return table[SLOWEST].head(n).reset_index(drop=True)


def waterfall(capture: Capture, trace_id: str) -> pd.DataFrame:
    """Give a trace's spans in the order of a waterfall: parents before children, children by start.

    start_s counts from the first span; wait_s is the wait for a worker at the start of a server span;
    outcome as in `visits` and `tries`, "" for other spans. Raises TableError for a trace that is not there.
    """
    spans = capture.spans[capture.spans["trace_id"] == trace_id].reset_index(drop=True)
    if spans.empty:
        raise TableError(
            f"no trace {trace_id!r}", where="table spans", expected="a trace_id of the capture",
            remedy="list some with slowest(capture)",
        )  # fmt: skip
    one = Capture(spans=spans)
    told = pd.concat([visits(one)[["span_id", "wait_s", "outcome"]], tries(one)[["span_id", "outcome"]]])
    told = told.drop_duplicates("span_id").set_index("span_id")
    table = spans.join(told, on="span_id")
    table["start_s"] = (table["start"] - table["start"].min()).dt.total_seconds()
    table = table.assign(wait_s=table["wait_s"].fillna(0.0), outcome=table["outcome"].fillna(""))
    order, depth = _depth_first(spans)
    return table.iloc[order].assign(depth=depth)[WATERFALL].reset_index(drop=True)


def _depth_first(spans: pd.DataFrame) -> tuple[list[int], list[int]]:
    row_of = {span_id: row for row, span_id in enumerate(spans["span_id"])}
    by_start = np.argsort(spans["start"].to_numpy(), kind="stable")
    below: dict[int, list[int]] = {}
    heads = []
    for row in by_start[::-1]:
        parent = spans["parent_id"].iloc[row]
        above = row_of.get(parent, -1) if isinstance(parent, str) else -1
        if above in (-1, row):
            heads.append(int(row))
        else:
            below.setdefault(above, []).append(int(row))
    order: list[int] = []
    depth: list[int] = []
    stack = [(row, 0) for row in heads]
    while stack:
        row, level = stack.pop()
        order.append(row)
        depth.append(level)
        stack += [(child, level + 1) for child in below.pop(row, [])]
    return order, depth
