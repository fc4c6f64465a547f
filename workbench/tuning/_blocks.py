"""Two windows told apart: by blocks of time that are long enough, and never where Kayenta's judge would not.

Requests next to each other share their luck, so blocks of time are resampled, not requests. How long a block
must be follows from how long luck lasts: the autocorrelation of what moves each quantity, second by second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.capture import Capture
from workbench.twin.measured import callers
from workbench.twin.model import student_95
from workbench.twin.outcome import QUANTILES

BETTER, WORSE, SAME = "better", "worse", "not told apart"
QUANTITIES = ("mean_s", *(f"p{q * 100:g}_s" for q in QUANTILES), "throughput_rps", "error_share", "load_rps")
POINTS = 50  # of a metric, which Kayenta's judge asks for
FEWEST = 5  # requests behind a point
_BIN_S = 1.0
_SHORTEST_S = 5.0
_FEWEST_BLOCKS = 6
_RESAMPLES = 400
_NORMAL_95 = 1.645
_NORMAL_99 = 2.326  # 98 % two-sided


@dataclass(frozen=True)
class Seen:
    """What callers met in a window of `duration_s`: when (s from its start), how long, whether well."""

    at_s: np.ndarray
    latency_s: np.ndarray
    ok: np.ndarray
    duration_s: float


@dataclass(frozen=True)
class Compared:
    """Before and after by quantity: values, resamples (rows), and better, worse or not told apart."""

    before: pd.Series
    after: pd.Series
    before_drawn: pd.DataFrame
    after_drawn: pd.DataFrame
    judgement: dict[str, str]
    block_s: float
    points: int


def seen(capture: Capture) -> Seen:
    """Give what the callers of a capture met."""
    met = callers(capture)
    return Seen(
        met["at_s"].to_numpy(), met["latency_s"].to_numpy(), met["ok"].to_numpy(bool), capture.duration_s
    )


def compare(
    before: Seen,
    after: Seen,
    *,
    shares: tuple[float, float] = (1.0, 1.0),
    concurrent: bool = False,
    seed: int = 0,
) -> Compared:
    """Tell two windows apart, quantity by quantity.

    A quantity is better or worse where 95 % of the resampled differences lie on one side, and Kayenta's judge
    sees the same. `shares` of the traffic scale throughput and load to the whole. Windows that are
    `concurrent` are resampled together, block by block, so that weather which both met cancels out.
    """
    block_s = max(block_length_s(before), block_length_s(after))
    together = concurrent and abs(before.duration_s - after.duration_s) < block_s
    was, was_drawn = bootstrap(before, block_s, seed=seed, share=shares[0])
    now, now_drawn = bootstrap(after, block_s, seed=seed if together else seed + 1, share=shares[1])
    many = min(points_of(before), points_of(after))
    here, there = series(before, many, shares[0]), series(after, many, shares[1])
    judgement = {}
    for q in QUANTITIES:
        told = _told_apart(now_drawn[q].to_numpy() - was_drawn[q].to_numpy())
        agreed = many >= POINTS and told == kayenta(here[q], there[q])
        gain = told if q in ("throughput_rps", "load_rps") else -told
        judgement[q] = {1: BETTER, -1: WORSE}.get(gain, SAME) if agreed else SAME
    return Compared(was, now, was_drawn, now_drawn, judgement, block_s, many)


def _told_apart(differences: np.ndarray) -> int:
    """Give 1 where 95 % of the differences are above 0, -1 where below, else 0."""
    if np.mean(differences > 0) >= 0.95:
        return 1
    return -1 if np.mean(differences < 0) >= 0.95 else 0


def bootstrap(
    window: Seen, block_s: float, *, seed: int = 0, share: float = 1.0
) -> tuple[pd.Series, pd.DataFrame]:
    """Give the quantities, and 400 resamples of them over blocks of `block_s` (rows).

    Resamples of few blocks spread too little. They are widened so that their 90 % range is that of Student's
    t over the blocks (B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 12).
    """
    blocks = max(2, int(window.duration_s / block_s))
    block = np.clip((window.at_s * blocks / window.duration_s).astype(int), 0, blocks - 1)
    order = np.argsort(window.latency_s)
    latency, ok, block = window.latency_s[order], window.ok[order], block[order]
    length_s = window.duration_s * share
    rng = np.random.default_rng(seed)
    drawn = [
        _numbers(latency, ok, np.bincount(rng.integers(0, blocks, blocks), minlength=blocks)[block], length_s)
        for _ in range(_RESAMPLES)
    ]
    value = pd.Series(_numbers(latency, ok, np.ones(latency.size, int), length_s))
    widening = student_95(blocks - 1) / _NORMAL_95 * np.sqrt(blocks / (blocks - 1))
    widened = value + (pd.DataFrame(drawn) - value) * widening
    widened["error_share"] = widened["error_share"].clip(upper=1.0)
    return value, widened.clip(lower=0.0)


def _numbers(latency: np.ndarray, ok: np.ndarray, weight: np.ndarray, length_s: float) -> dict[str, float]:
    """The quantities of sorted latencies, each counted `weight` times."""
    total = weight.sum()
    at = np.searchsorted(np.cumsum(weight), np.ceil(np.array(QUANTILES) * total), side="left")
    good = float(weight[ok].sum())
    values = (
        float((latency * weight).sum() / total),
        *latency[np.minimum(at, latency.size - 1)],
        good / length_s,
        1.0 - good / total,
        float(total) / length_s,
    )
    return dict(zip(QUANTITIES, values, strict=True))


def block_length_s(window: Seen) -> float:
    """Give the length of blocks that holds what one second tells of the next, for every quantity.

    The longest by D. Politis, H. White, Automatic block-length selection for the dependent bootstrap,
    Econometric Reviews 23, 2004 (circular blocks, as corrected 2009) over the seconds' influence on each
    quantity; at least 5 s, and short enough to leave 6 blocks.
    """
    bins = max(2, int(window.duration_s / _BIN_S))
    at = np.clip((window.at_s * bins / window.duration_s).astype(int), 0, bins - 1)
    limits = np.quantile(window.latency_s, QUANTILES)
    influence = [(window.latency_s > limit) - (1 - q) for q, limit in zip(QUANTILES, limits, strict=True)]
    influence += [window.latency_s - window.latency_s.mean(), window.ok - window.ok.mean(), window.ok]
    lengths = [politis_white(np.bincount(at, weights, minlength=bins)) for weights in influence]
    wanted = max(lengths) * window.duration_s / bins
    return float(min(max(wanted, _SHORTEST_S), window.duration_s / _FEWEST_BLOCKS))


def politis_white(values: np.ndarray) -> float:
    """Give the best length of circular blocks for the mean of a series, in steps; 1 for independent ones."""
    n = values.size
    moved = values - values.mean()
    most = int(np.ceil(np.sqrt(n))) + max(5, int(np.sqrt(np.log10(n))))
    autocovariance = np.array([moved[: n - k] @ moved[k:] / n for k in range(min(most, n - 1) + 1)])
    if autocovariance[0] <= 0:
        return 1.0
    near_zero = np.abs(autocovariance[1:] / autocovariance[0]) < 2 * np.sqrt(np.log10(n) / n)
    quiet = max(5, int(np.sqrt(np.log10(n))))
    runs = [k for k in range(near_zero.size - quiet + 1) if near_zero[k : k + quiet].all()]
    width = min(2 * max(runs[0] if runs else near_zero.size, 1), near_zero.size)
    lags = np.arange(1, width + 1)
    flat_top = np.clip(2 * (1 - lags / width), 0, 1)
    g = 2 * float((flat_top * lags * autocovariance[lags]).sum())
    spectrum = autocovariance[0] + 2 * float((flat_top * autocovariance[lags]).sum())
    if spectrum <= 0:
        return 1.0
    return float(np.clip((2 * g**2 / (4 / 3 * spectrum**2)) ** (1 / 3) * n ** (1 / 3), 1.0, n / 2))


def points_of(window: Seen) -> int:
    """Give how many points of each metric a window has, at least 5 requests behind each; at most 100."""
    return int(min(100, window.at_s.size // FEWEST, window.duration_s // 0.1))


def series(window: Seen, points: int, share: float = 1.0) -> dict[str, np.ndarray]:
    """Give each quantity over time, as a metrics system would: one point for each part of the window."""
    part = np.clip((window.at_s * points / window.duration_s).astype(int), 0, points - 1)
    length_s = window.duration_s / points * share
    rows = []
    for k in range(points):
        mine = part == k
        order = np.argsort(window.latency_s[mine])
        latency, ok = window.latency_s[mine][order], window.ok[mine][order]
        if latency.size:
            rows.append(_numbers(latency, ok, np.ones(latency.size, int), length_s))
    return {q: np.array([row[q] for row in rows]) for q in QUANTITIES}


def kayenta(control: np.ndarray, experiment: np.ndarray) -> int:
    """Give 1 where Netflix's judge in Kayenta calls a metric high, -1 low, 0 where it passes.

    Mann–Whitney at 98 %, and the interval of the shift (Hodges–Lehmann) beyond a quarter of the shift itself
    (MannWhitneyClassifier, tolerance 0.25). Where ties leave no shift, as with errors that are mostly 0 on
    both sides, that interval says nothing, and the ranks alone count.
    """
    n, m = control.size, experiment.size
    if not n or not m:
        return 0
    shifts = np.sort(np.subtract.outer(experiment, control).ravel())
    _, counts = np.unique(np.concatenate([control, experiment]), return_counts=True)
    ties = float((counts**3 - counts).sum()) / ((n + m) * (n + m - 1))
    deviation = np.sqrt(n * m / 12 * (n + m + 1 - ties))
    above = float((shifts > 0).sum() + (shifts == 0).sum() / 2) - n * m / 2
    if abs(above) - 0.5 <= _NORMAL_99 * deviation:
        return 0
    side = 1 if above > 0 else -1
    estimate = float(np.median(shifts))
    if estimate == 0:
        return side
    rank = int(np.clip(n * m / 2 - _NORMAL_99 * deviation, 0, n * m / 2 - 1))
    nearest = shifts[rank] if side > 0 else -shifts[n * m - 1 - rank]
    return side if nearest > abs(estimate) / 4 else 0
