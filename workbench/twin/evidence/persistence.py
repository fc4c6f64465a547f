"""Whether a retry meets the same work again, or fresh work."""

from __future__ import annotations

import numpy as np
import pandas as pd

_NEAR = 0.05  # difference of ranks


def alike(visits: pd.DataFrame, tries: pd.DataFrame) -> tuple[int, int]:
    """Count first and second tries of one call whose work was alike, and all of which it is known.

    Alike are ranks, among a service's visits, that are near.
    """
    worked = visits[visits["outcome"].isin(["ok", "failed"])]
    rank = worked.groupby("service")["before_s"].rank(pct=True).to_numpy()
    by_span = pd.Series(rank, index=worked["span_id"].to_numpy())
    by_span = by_span[~by_span.index.duplicated()]
    tries = tries[tries["server_span"].isin(by_span.index) & (tries["attempt"] < 2)]
    tries = tries.assign(rank=by_span.reindex(tries["server_span"]).to_numpy())
    both = tries.pivot_table(index=["trace_id", "parent_id", "callee"], columns="attempt", values="rank")
    both = both.reindex(columns=[0, 1]).dropna()
    return int(((both[0] - both[1]).abs() < _NEAR).sum()), len(both)


def persistence(near: int, pairs: int, points: int) -> np.ndarray:
    """Give quantiles of how often it is the same, where work was `alike` in `near` of `pairs` retries.

    Ranks differ by less than r with probability 2r - r² under fresh work, under the same work always. The
    prior is Jeffreys' for a share, Beta(½, ½); without retries both extremes are likely.
    """
    share = (np.arange(1000) + 0.5) / 1000
    by_chance = 2 * _NEAR - _NEAR**2
    seen = share + (1 - share) * by_chance
    belief = near * np.log(seen) + (pairs - near) * np.log1p(-seen) - 0.5 * np.log(share * (1 - share))
    weight = np.cumsum(np.exp(belief - belief.max()))
    return np.interp((np.arange(points) + 0.5) / points, weight / weight[-1], share)


def said(quantiles: np.ndarray, retries: int) -> list[str]:
    """Give it in words, with what would tell more where little is known."""
    low, high = np.quantile(quantiles, [0.05, 0.95])
    again = f"{low:.0%} to {high:.0%}" if high - low > 0.02 else f"{high:.0%}"
    notes = [f"a retry meets the same work again in {again} of cases, by {retries} retries"]
    if high - low > 0.5:
        notes.append("a minute with a timeout near the P95 would tell whether slow requests stay slow")
    return notes
