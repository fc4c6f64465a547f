"""Buckets of native histograms as series: one for each bucket that was ever filled, told by its edges.

latency{native_range="(0.25,0.5]"} → 3: that many observations were in it, those below not counted. A bucket
without a sample at a time at which `latency_count` has one was empty then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.readers._series import number

LABEL = "native_range"


def edges(with_low: bool, low: str, high: str, with_high: bool) -> str:
    """Write the edges of a bucket; square brackets where the edge itself belongs to it.

    Raises ValueError for an edge that is no number.
    """
    number(low), number(high)
    return f"{'[' if with_low else '('}{low},{high}{']' if with_high else ')'}"


def by_bucket(
    times: Sequence[float], histograms: Iterable[Iterable[tuple[str, str]]]
) -> dict[str, tuple[list[float], list[str]]]:
    """Turn a histogram (edges and count of each bucket) per time into times and counts per bucket."""
    found: dict[str, tuple[list[float], list[str]]] = {}
    for time, buckets in zip(times, histograms, strict=True):
        for where, count in buckets:
            at, counts = found.setdefault(where, ([], []))
            at.append(time)
            counts.append(count)
    return found
