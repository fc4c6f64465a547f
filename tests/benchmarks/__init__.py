"""Our time against that of what people use today; `make bench` prints the ratios.

Each `bench_*.py` here has `run() -> list[Row]`, and takes the two times interleaved, as medians.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One piece of work done by us and by another; only the ratio can be trusted on a shared machine."""

    work: str
    ours_s: float
    other: str
    other_s: float
