"""Work that takes longer in company: how much, where windows at different loads show it.

Under one load what slows work down, and makes it crowd, may be anything; so two are asked for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.policies import Contention

_LOADS_APART = 1.2  # ratio of the highest to the lowest load from which they count as two
_LEAST = 0.03  # slowing at the 95th percentile of company below which it is none
_RESAMPLES = 40


class Found(NamedTuple):
    """The policy, and of how much work slows down at the most company seen: the least and the most likely."""

    policy: Contention
    company: float
    low: float
    high: float


def several_loads(rate_rps: np.ndarray) -> bool:
    """True if a rate over time has steps large enough to tell what grows with load."""
    present = rate_rps[rate_rps > 0]
    return present.size > 0 and present.max() / present.min() >= _LOADS_APART


def with_company(seen: pd.DataFrame) -> pd.DataFrame:
    """Give visits with how many held a server of the same instance when their work began, and after calls.

    Columns company and company_after, the visit itself included. Every visit must be there.
    """
    found = []
    for _, own in seen.groupby(["service", "instance"], sort=False):
        begun = (own["at_s"] + own["wait_s"]).to_numpy()
        end = (own["at_s"] + own["duration_s"]).to_numpy()
        late = end - own["after_s"].to_numpy()
        held = ~own["outcome"].isin(["limited", "refused"]).to_numpy()
        begins, ends = np.sort(begun[held]), np.sort(end[held])
        found.append(
            own.assign(
                company=_at(begins, ends, begun),
                company_after=_at(begins, ends, late),
            )
        )
    return pd.concat(found).sort_index()


def with_mean_company(seen: pd.DataFrame, busy: pd.DataFrame) -> pd.DataFrame:
    """Give the same from metrics, where not every visit is there; missing where no pool tells.

    `busy` has service, block, and the mean number busy of an instance in it. An arrival finds that many
    (R. Wolff, Poisson arrivals see time averages, Oper. Res. 1982), and is one more.
    """
    company = seen[["service", "block"]].merge(busy, how="left", on=["service", "block"])["busy"] + 1.0
    return seen.assign(company=company.to_numpy(), company_after=company.to_numpy())


def contention(own: pd.DataFrame, *, calls: bool, rng: np.random.Generator) -> Found | None:
    """Fit how the work of one station's visits (see `with_company`) grows with company; None if it does not.

    Least squares of w·(1 + sigma·(n - 1) + kappa·n·(n - 1)), neither below 0, over resampled blocks of time.
    """
    own = own[own["company"].notna()]
    work = (own["before_s"] if calls else own["before_s"] + own["after_s"]).to_numpy()
    n = own["company"].to_numpy(float)
    if n.max(initial=1.0) < 1.5:
        return None
    columns = np.stack([np.ones(n.size), n - 1, n * (n - 1)])
    block, codes = np.unique(own["block"], return_inverse=True)
    squares = np.array([[np.bincount(codes, a * b) for b in columns] for a in columns])
    sides = np.array([np.bincount(codes, a * work) for a in columns])
    company = float(np.quantile(n, 0.95))
    fits = [_fit(squares.sum(axis=2), sides.sum(axis=1))]
    for _ in range(_RESAMPLES):
        drawn = np.bincount(rng.integers(0, block.size, block.size), minlength=block.size)
        fits.append(_fit(squares @ drawn, sides @ drawn))
    grown = np.array([s * (company - 1) + k * company * (company - 1) for s, k in fits])
    low, high = np.quantile(grown[1:], [0.05, 0.95])
    if low < _LEAST:
        return None
    return Found(Contention(*fits[0]), company, float(low), float(high))


def alone(own: pd.DataFrame, policy: Contention) -> pd.DataFrame:
    """Give visits with the work that they would have had alone."""
    before, after = (_factor(policy, own[name].to_numpy(float)) for name in ("company", "company_after"))
    return own.assign(
        before_s=own["before_s"] / before,
        between_s=own["between_s"] / after,
        after_s=own["after_s"] / np.where(own["n_tries"] > 0, after, before),
    )


def _factor(policy: Contention, n: np.ndarray) -> np.ndarray:
    return np.nan_to_num(1.0 + policy.sigma * (n - 1) + policy.kappa * n * (n - 1), nan=1.0)


def _at(begins: np.ndarray, ends: np.ndarray, times: np.ndarray) -> np.ndarray:
    """How many intervals hold each time; one that begins then counts, one that ends then does not."""
    slack = 2e-9  # times are rounded to nanoseconds
    inside = np.searchsorted(begins, times + slack, side="right")
    return np.maximum(inside - np.searchsorted(ends, times + slack, side="right"), 1)


def _fit(square: np.ndarray, side: np.ndarray) -> tuple[float, float]:
    """Give sigma and kappa, neither below 0, of the least sum of squares."""
    best, found = np.inf, (0.0, 0.0)
    for used in ([0], [0, 1], [0, 2], [0, 1, 2]):
        inner = square[np.ix_(used, used)]
        if np.linalg.matrix_rank(inner) < len(used):
            continue
        b = np.zeros(3)
        b[used] = np.linalg.solve(inner, side[used])
        error = b @ square @ b - 2 * b @ side
        if b[0] > 0 and (b >= 0).all() and error < best:
            best, found = error, (float(b[1] / b[0]), float(b[2] / b[0]))
    return found
