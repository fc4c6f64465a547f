"""Our time against that of what people use today; `make bench` prints the ratios.

Each `bench_*.py` here has `run()`, which gives rows, and takes the two times interleaved, as medians.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One piece of work done by us and by another; only the ratio can be trusted on a shared machine."""

    work: str
    ours_s: float
    other: str
    other_s: float


class Figure(NamedTuple):
    """Something measured that nobody else gives."""

    work: str
    figure: str


class Absent(NamedTuple):
    """A piece of work that could not be measured here, and why."""

    work: str
    reason: str


class Searched(NamedTuple):
    """How many of so many searches came within 2 % of the best known, after how many evaluations.

    `median` and `worst` are over those that did; `cpu_s` is the most that one took beside the simulations.
    """

    work: str
    method: str
    reached: int
    searches: int
    median: float
    worst: float
    cpu_s: float


class Peak(NamedTuple):
    """The most memory that a piece of work took beyond an idle process, in bytes, beside input and result."""

    work: str
    peak_bytes: int
    input_bytes: int
    result_bytes: int
