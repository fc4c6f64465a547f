"""Predicted against measured: errors, whether intervals held, and the noise of the real system beside them.

A row is one quantity of one run: system, cell, band, scenario, repeat, quantity, measured, and predicted, low
and high, from the rate alone; the same with _replayed, from the arrivals that really came.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

QUANTITIES = ("mean_s", "p50_s", "p95_s", "p99_s", "throughput_rps", "error_share")
SHARES = ("error_share",)
# Median error at most, by quantity; for the tails only where nothing is nearly full.
AIMS = (
    ("mean_s", 0.05, ("below 80 %", "80 to 95 %")),
    ("p50_s", 0.05, ("below 80 %", "80 to 95 %")),
    ("p95_s", 0.10, ("below 80 %",)),
    ("p99_s", 0.10, ("below 80 %",)),
    ("throughput_rps", 0.02, ("below 80 %", "80 to 95 %")),
    ("error_share", 0.01, ("below 80 %", "80 to 95 %")),
)
_NORMAL_95 = 1.645


def error(quantity: str, predicted: float, measured: float) -> float:
    """Give the relative error, of shares the difference; nothing where both are nothing."""
    if quantity in SHARES or predicted == measured:
        return predicted - measured
    return predicted / measured - 1 if measured else math.inf


def repeat_spread(values: np.ndarray) -> float:
    """Give the width in which 90 % of further runs fall, by the runs' own spread; NaN for fewer than three.

    The standard deviation of so few is too small on average, by c4 (any table of control charts).
    """
    n = len(values)
    if n < 3:
        return math.nan
    c4 = math.sqrt(2 / (n - 1)) * math.gamma(n / 2) / math.gamma((n - 1) / 2)
    return 2 * _NORMAL_95 * float(np.std(values, ddof=1)) / c4


def repeat_error(quantity: str, values: np.ndarray) -> float:
    """Give how far a run is from the mean of the others, at the median: what no prediction can beat."""
    if len(values) < 3:
        return math.nan
    others = (values.sum() - values) / (len(values) - 1)
    return float(np.median([abs(error(quantity, o, v)) for o, v in zip(others, values, strict=True)]))


def by_cell(rows: pd.DataFrame) -> pd.DataFrame:
    """Give one row per cell and quantity: errors against the mean of its runs, and how the runs spread."""
    found = []
    for (_, quantity), own in rows.groupby(["cell", "quantity"], sort=False):
        values = own["measured"].to_numpy()
        first = own.iloc[0]
        spread = repeat_spread(values)
        found.append(
            {name: first[name] for name in ("system", "cell", "band", "scenario", "quantity")}
            | {
                "runs": len(own),
                "measured": values.mean(),
                "predicted": first["predicted"],
                "error": error(str(quantity), first["predicted"], values.mean()),
                "error_replayed": np.mean(
                    [
                        error(str(quantity), p, m)
                        for p, m in zip(own["predicted_replayed"], values, strict=True)
                    ]
                ),
                "held": held(own, "").mean(),
                "held_replayed": held(own, "_replayed").mean(),
                "width_by_spread": (first["high"] - first["low"]) / spread if spread else math.nan,
                "repeat_error": repeat_error(str(quantity), values),
            }
        )
    return pd.DataFrame(found)


def aims(cells: pd.DataFrame) -> pd.DataFrame:
    """Give by aim and system: quantity, bands, at_most, and the median error, from the rate and replayed."""
    found = []
    for quantity, at_most, bands in AIMS:
        chosen = cells[(cells["quantity"] == quantity) & cells["band"].isin(bands)]
        for system, own in chosen.groupby("system"):
            row = {"quantity": quantity, "bands": ", ".join(bands), "at_most": at_most, "system": system}
            row |= {"cells": len(own), "error": own["error"].abs().median()}
            found.append(row | {"error_replayed": own["error_replayed"].abs().median()})
    return pd.DataFrame(found)


def held(rows: pd.DataFrame, suffix: str) -> pd.Series:
    """Tell of each run whether the interval holds what was measured."""
    return (rows[f"low{suffix}"] <= rows["measured"]) & (rows["measured"] <= rows[f"high{suffix}"])


def summary(cells: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Give by group and quantity: cells, median error and bias, coverage, width and noise."""
    groups = cells.groupby([*by, "quantity"], sort=False)
    runs = groups["runs"].sum()
    table = pd.DataFrame(
        {
            "cells": groups.size(),
            "runs": runs,
            "median_error": groups["error"].apply(lambda e: e.abs().median()),
            "bias": groups["error"].median(),
            "median_error_replayed": groups["error_replayed"].apply(lambda e: e.abs().median()),
            "bias_replayed": groups["error_replayed"].median(),
            "repeat_error": groups["repeat_error"].median(),
            "coverage": groups.apply(lambda c: (c["held"] * c["runs"]).sum()) / runs,
            "coverage_replayed": groups.apply(lambda c: (c["held_replayed"] * c["runs"]).sum()) / runs,
            "width_by_spread": groups["width_by_spread"].median(),
        }
    ).reset_index()
    order = {quantity: n for n, quantity in enumerate(QUANTITIES)}
    return (
        table.sort_values("quantity", key=lambda q: q.map(order), kind="stable").sort_values(
            by, kind="stable", ignore_index=True
        )
        if by
        else table.sort_values("quantity", key=lambda q: q.map(order), ignore_index=True)
    )
