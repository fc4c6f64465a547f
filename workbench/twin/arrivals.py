"""Arrival times of new requests drawn from a rate over time, and the rate found in arrivals seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.network import Change, Workload
from workbench.twin.draws import uniforms

_ARRIVALS = 101  # purpose of the draws, apart from those of the kernel


def poisson(
    workload: Workload, *, start_s: float, end_s: float, seed: int, changes: Sequence[Change] = ()
) -> np.ndarray:
    """Draw Poisson arrivals (s, sorted) in [start_s, end_s) at the workload's rate over time.

    Before 0 s the first bin's rate holds, after the last bin the last one's; `changes` of the load multiply
    it. The unit-rate process behind it depends on the seed alone, so that two loads meet the same pattern,
    faster or slower.
    """
    edges, cumulative = _cumulative(workload, start_s, end_s, [c for c in changes if c.kind == "load"])
    expected = float(cumulative[-1])
    n = int(expected + 8 * np.sqrt(expected) + 16)
    unit = np.cumsum(-np.log1p(-uniforms(seed, _ARRIVALS, n)))
    return np.interp(unit[unit < expected], cumulative, edges)


def _cumulative(
    workload: Workload, start_s: float, end_s: float, changes: Sequence[Change]
) -> tuple[np.ndarray, np.ndarray]:
    """Give times and the expected number of arrivals from start_s until each of them."""
    bins = np.arange(1, workload.rate_rps.size) * workload.bin_s
    inner = np.union1d(bins, [time for change in changes for time in (change.start_s, change.end_s)])
    edges = np.concatenate([[start_s], inner[(inner > start_s) & (inner < end_s)], [end_s]])
    middle = (edges[1:] + edges[:-1]) / 2
    rate = workload.rate_rps[np.clip((middle // workload.bin_s).astype(int), 0, workload.rate_rps.size - 1)]
    for change in changes:
        rate = np.where((middle >= change.start_s) & (middle < change.end_s), rate * change.amount, rate)
    return edges, np.concatenate([[0.0], np.cumsum(rate * np.diff(edges))])


def rate_over_time(times_s: np.ndarray, duration_s: float, *, bin_s: float = 5.0) -> np.ndarray:
    """Give the rate (1/s) by bin, with neighbouring bins pooled as long as they do not differ.

    Bins as counted would carry their own Poisson noise into a process that adds it again. Neighbours are
    pooled, the most alike first, until each pair left differs by more than 4 standard errors.
    """
    bins = max(1, round(duration_s / bin_s))
    counts = np.histogram(times_s, bins=bins, range=(0, duration_s))[0].astype(float)
    width = np.ones(bins)
    while counts.size > 1:
        rates, difference = counts / width, np.abs(np.diff(counts / width))
        pooled = (counts[1:] + counts[:-1] + 1.0) / (width[1:] + width[:-1])
        apart = difference / np.sqrt(pooled / width[1:] + pooled / width[:-1])
        i = int(apart.argmin())
        if apart[i] > 4.0:
            break
        counts = np.concatenate([counts[:i], [counts[i] + counts[i + 1]], counts[i + 2 :]])
        width = np.concatenate([width[:i], [width[i] + width[i + 1]], width[i + 2 :]])
    rates = counts / (width * duration_s / bins)
    return np.repeat(rates, width.astype(int))
