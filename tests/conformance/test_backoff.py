"""Waits between tries are those of resilience4j's IntervalFunction.

Where the twin differs on purpose: it doubles, where the library takes any multiplier. It does not cut waits
to whole milliseconds. Its jitter takes off from the wait, so that "more or less by a factor f" of the library
is a jitter of 2f/(1+f) of 1+f times the wait. It draws from the capped wait, the library caps what it drew.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.conformance.conftest import Run
from workbench.twin.mechanisms.backoff import delay_s

DOUBLING = 0
NO_CAP_MS = 10**12


def test_exponential_waits_are_equal_to_the_millisecond(java: Run):
    rng = np.random.default_rng(1)
    asked = np.stack([rng.integers(1, 5000, 100_000), rng.integers(1, 60_000, 100_000)], 1).tolist()
    retries = rng.integers(1, 21, len(asked)).tolist()
    lines = [f"{first} 2 0 {most} {retry} 1" for (first, most), retry in zip(asked, retries, strict=True)]
    theirs = np.array(java("RetryIntervals", "\n".join(lines)).split(), int)
    ours = [
        1000 * delay_s(retry, DOUBLING, first / 1000, most / 1000, 0.0, 0.5)
        for (first, most), retry in zip(asked, retries, strict=True)
    ]
    assert np.rint(ours).astype(int).tolist() == theirs.tolist()
    capped = theirs == [most for _, most in asked]
    assert min(capped.sum(), (~capped).sum()) > 10_000


@pytest.mark.parametrize(
    ("first_ms", "factor", "retry"), [(500, 0.5, 1), (200, 0.5, 4), (1000, 1.0, 2), (800, 0.1, 3)]
)
def test_randomized_waits_have_one_law(java: Run, first_ms: int, factor: float, retry: int):
    """Least, most, and nowhere a share apart that equal laws exceed once in a million (Kolmogorov, Smirnov).

    The library draws from one millisecond more, before it cuts.
    """
    draws = 25_000
    text = java("RetryIntervals", f"{first_ms} 2 {factor} {NO_CAP_MS} {retry} {draws}")
    theirs = np.sort(np.array(text.split(), int))
    u = np.random.default_rng(2).random(draws)
    ours = np.sort(
        [
            1000
            * delay_s(retry, DOUBLING, (1 + factor) * first_ms / 1000, np.inf, 2 * factor / (1 + factor), x)
            for x in u.tolist()
        ]
    )
    assert abs(ours[0] - theirs[0]) < 0.002 * ours[-1]
    assert abs(ours[-1] - theirs[-1]) < 0.002 * ours[-1] + 1
    at = np.concatenate([ours, theirs])
    apart = np.abs(np.searchsorted(ours, at, "right") - np.searchsorted(theirs, at, "right")) / draws
    assert apart.max() < np.sqrt(-np.log(1e-6 / 2) / draws) + 1 / (theirs[-1] - theirs[0])
