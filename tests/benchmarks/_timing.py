"""Two works timed in turns, so that a busy machine is as unkind to one as to the other."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable


def medians(ours: Callable[[], object], theirs: Callable[[], object], *, times: int) -> tuple[float, float]:
    """Give the median seconds of each over `times` turns, after one unmeasured turn of each."""
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(times + 1):
        for work, seconds in zip((ours, theirs), taken, strict=True):
            gc.collect()
            began = time.perf_counter()
            work()
            if turn:
                seconds.append(time.perf_counter() - began)
    return statistics.median(taken[0]), statistics.median(taken[1])
