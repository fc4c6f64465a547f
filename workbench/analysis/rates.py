"""How many requests each service gets, and what share of them fails, over time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.analysis._metrics import edges, growth, served
from workbench.analysis._roles import in_roles
from workbench.analysis._spans import requests, span_share
from workbench.capture import Capture

COLUMNS = ["time", "service", "rate_rps", "error_share", "limited_share", "source"]


def rates(capture: Capture, *, step_s: float = 5.0) -> pd.DataFrame:
    """Give request rate and error shares by service in bins of `step_s` (`time` is the start of the bin).

    From the counters of a service (`source` "metrics") where it has them, else from its spans ("spans"),
    scaled up by what share of them was sampled. Load generators, which have root client spans, are services
    too: theirs is what the callers see. error_share counts 5xx answers and tries without an answer,
    limited_share 429; both are NaN in a bin without requests, and where no status and no counter tells.
    """
    bounds = edges(capture, step_s)
    counted = _from_metrics(capture, bounds)
    spanned = _from_spans(capture, bounds, step_s)
    spanned = spanned[~spanned["service"].isin(counted["service"])]
    both = pd.concat([f for f in (counted, spanned) if len(f)] or [spanned], ignore_index=True)
    return both.sort_values(["service", "time"], ignore_index=True)[COLUMNS]


def _from_metrics(capture: Capture, bounds: pd.DatetimeIndex) -> pd.DataFrame:
    named = in_roles(capture)
    grown = served(named, bounds, "status")
    status = grown["status"].astype("string")
    grown = grown.assign(
        rate=grown["growth"] / grown["covered_s"],
        error=np.where(status.str.startswith("5") | (status == "0"), grown["growth"], 0.0),
        limited=np.where(status == "429", grown["growth"], 0.0),
        told=status != "",
    )
    by = grown.groupby(["time", "service"], as_index=False).agg(
        rate_rps=("rate", "sum"),
        n=("growth", "sum"),
        error=("error", "sum"),
        limited=("limited", "sum"),
        told=("told", "any"),
    )
    failed = growth(named, "role:errors", bounds).groupby(["time", "service"])["growth"].sum()
    failed = by[["time", "service"]].merge(failed.rename("failed").reset_index(), how="left")["failed"]
    by["error"] = by["error"].where(by["told"], failed.to_numpy(dtype=float))
    by["limited"] = by["limited"].where(by["told"])
    return _shares(by).assign(source="metrics")


def _from_spans(capture: Capture, bounds: pd.DatetimeIndex, step_s: float) -> pd.DataFrame:
    seen = requests(capture)
    bins = np.searchsorted(bounds.astype("int64"), seen["start"].astype("int64"), side="right") - 1
    inside = (bins >= 0) & (bins < len(bounds) - 1)
    seen, bins = seen[inside], bins[inside]
    flags = pd.DataFrame(
        {
            "bin": bins,
            "service": seen["service"].to_numpy(dtype=object),
            "error": (~seen["outcome"].isin(["ok", "limited"])).to_numpy(dtype=float),
            "limited": (seen["outcome"] == "limited").to_numpy(dtype=float),
        }
    )
    by = flags.groupby(["service", "bin"]).agg(
        n=("error", "size"), error=("error", "sum"), limited=("limited", "sum")
    )
    every = pd.MultiIndex.from_product(
        [sorted(flags["service"].unique()), range(len(bounds) - 1)], names=["service", "bin"]
    )
    by = by.reindex(every, fill_value=0).reset_index()
    share = by["service"].map(lambda name: span_share(capture, name)).astype(float)
    by = by.assign(time=bounds[by["bin"]], rate_rps=by["n"] / step_s / share)
    return _shares(by).assign(source="spans")


def _shares(by: pd.DataFrame) -> pd.DataFrame:
    n = by["n"].where(by["n"] > 0)
    return by.assign(error_share=by["error"] / n, limited_share=by["limited"] / n)
