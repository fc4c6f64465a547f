"""Clocks that disagree: how far each instance's is off, from calls seen at both ends; and spans set right.

A call leaves its caller before it reaches its callee, and the answer the other way round. If the callee's
clock is ahead by o, then o lies between (end at the callee - end at the caller) and (begin at the callee -
begin at the caller), for every call; the fastest calls leave the least room (D. Mills, Internet time
synchronization, IEEE Trans. Commun. 1991: half the difference of the bounds is the error of their middle).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from workbench.analysis.visits import tries
from workbench.capture import Capture

COLUMNS = ["service", "instance", "offset_s", "error_s"]
_FEWEST = 20  # calls between two clocks below which they are left alone
_STRAY = 0.01  # share of calls that may contradict the others: clocks are set while they run
_ALIKE_S = 1e-4  # clocks that no call proves further apart than this are one clock
_DATED = ("spans", "pauses", "collections")


def aligned(capture: Capture) -> tuple[Capture, pd.DataFrame]:
    """Give the capture on one clock, and by instance how far its own was ahead: offset_s, and error_s of it.

    The clock is that of the callers, or of the busiest caller. An instance whose clock may be right is left
    as it is. What is corrected are spans, pauses and collections; metrics have their collector's clock.
    """
    offsets = _offsets(_gaps(capture))
    if offsets.empty:
        return capture, offsets
    by = offsets.set_index(["service", "instance"])["offset_s"]
    return replace(capture, **{name: _moved(getattr(capture, name), by) for name in _DATED}), offsets


def _gaps(capture: Capture) -> pd.DataFrame:
    """Give, by pair of clocks, the bounds of how far the callee's is ahead: low, high, calls."""
    made = tries(capture)
    answered = made[made["server_span"].notna() & ~made["outcome"].isin(["timeout", "cancelled"])]
    spans = capture.spans[["trace_id", "span_id", "service", "instance", "start"]]
    ours = answered[["trace_id", "span_id", "server_span", "duration_s", "server_duration_s"]].merge(
        spans, on=["trace_id", "span_id"]
    )
    theirs = spans.rename(columns={"span_id": "server_span"})
    both = ours.merge(theirs, on=["trace_id", "server_span"], suffixes=("", "_there"))
    begin = (both["start_there"] - both["start"]).dt.total_seconds()
    end = begin + both["server_duration_s"] - both["duration_s"]
    by = both.assign(begin=begin, end=end).groupby(
        ["service", "instance", "service_there", "instance_there"], as_index=False
    )
    gaps = by.agg(
        low=("end", lambda v: v.quantile(1 - _STRAY)),
        high=("begin", lambda v: v.quantile(_STRAY)),
        calls=("begin", "size"),
    )
    return gaps[gaps["calls"] >= _FEWEST]


def _offsets(gaps: pd.DataFrame) -> pd.DataFrame:
    """Follow the calls from the callers down; each clock is told by the tightest way there."""
    reached = _first(gaps)
    while True:
        known = [((r.service, r.instance), (r.service_there, r.instance_there), r) for r in gaps.itertuples()]
        ways = [(a, b, r) for a, b, r in known if a in reached and b not in reached]
        if not ways:
            break
        above, there, gap = min(ways, key=lambda way: (way[2].high - way[2].low, way[1]))
        offset, error = reached[above]
        right = gap.low - _ALIKE_S <= 0.0 <= gap.high + _ALIKE_S
        middle, half = (0.0, 0.0) if right else ((gap.low + gap.high) / 2, abs(gap.high - gap.low) / 2)
        ahead, doubt = offset + middle, error + half
        reached[there] = (ahead if abs(ahead) > doubt + _ALIKE_S else 0.0, doubt)
    rows = [(*who, offset, error) for who, (offset, error) in reached.items() if offset]
    return pd.DataFrame(rows, columns=COLUMNS)


def _first(gaps: pd.DataFrame) -> dict[tuple[str, str], tuple[float, float]]:
    called = set(zip(gaps["service_there"], gaps["instance_there"], strict=True))
    calling = gaps.groupby(["service", "instance"])["calls"].sum().sort_values(ascending=False).index
    first = [who for who in calling if who not in called] or list(calling[:1])
    return dict.fromkeys(first, (0.0, 0.0))


def _moved(rows: pd.DataFrame, offsets: pd.Series) -> pd.DataFrame:
    who = pd.MultiIndex.from_frame(rows[["service", "instance"]])
    ahead_ns = np.rint(offsets.reindex(who).fillna(0.0).to_numpy() * 1e9).astype("int64")
    return rows.assign(start=rows["start"] - pd.to_timedelta(ahead_ns, unit="ns"))
