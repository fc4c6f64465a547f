"""Times of which some are only known to be longer than they were waited for.

Kaplan & Meier, Nonparametric estimation from incomplete observations, J. Am. Stat. Assoc. 1958.
"""

from __future__ import annotations

import numpy as np

from workbench.twin.draws import quantile_table


def survival_table(
    values: np.ndarray, ended: np.ndarray, weights: np.ndarray, *, beyond: float
) -> tuple[np.ndarray, float]:
    """Give the quantile table of times, and the share of them that lies beyond all that was seen to end.

    `ended` is false where a time was cut off, and is at least its value. That share is given the time
    `beyond` times the longest value.
    """
    order = np.lexsort((~ended, values))  # of equal times those that ended come first
    values, ended, weights = values[order], ended[order], weights[order].astype(float)
    at_risk = np.cumsum(weights[::-1])[::-1]
    gone = np.where(ended & (at_risk > 0), weights / np.maximum(at_risk, 1e-300), 0.0)
    alive = np.cumprod(1.0 - gone)
    mass = np.concatenate([[1.0], alive[:-1]]) - alive
    left = float(alive[-1])
    times = np.append(values, values[-1] * beyond)
    table = quantile_table(times[np.append(mass, left) > 0], np.append(mass, left)[np.append(mass, left) > 0])
    return table, left
