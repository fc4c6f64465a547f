"""Operational laws: what must agree if the evidence is sound (Denning and Buzen 1978; Lazowska et al. 1984).

Each law sets a number from metrics against one computed from other evidence of the same window. They hold for
any system over any window long against a visit, whatever its distributions, so a breach is a fault of the
evidence: a lost span, a wrong sampling share, a counter that means something else.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.analysis._metrics import growth, served, whole
from workbench.analysis._pools import own_pools
from workbench.analysis._roles import in_roles
from workbench.analysis._spans import span_share, tries, visits
from workbench.capture import Capture

COLUMNS = ["law", "service", "left", "right", "unit", "left_is", "right_is", "difference_share", "holds"]
TOLERANCE = 0.05  # for what straddles the ends of the window, and for the steps between scrapes
_SIGMAS = 3.0
_FLOOR = 0.02  # a queue or pool that holds less than a fiftieth of a visit has nothing to compare
_GOT_NO_WORKER = ("limited", "refused")


def laws(capture: Capture) -> pd.DataFrame:
    """Give the laws that the capture can test, one row per law and service, with both sides.

    holds if the sides differ by at most 5 % of the larger, plus three standard errors of what comes from
    sampled spans; or if both are nearly 0. Laws: "Little's law" (mean queue = rate × mean wait), "utilisation
    law" (mean busy = rate × mean time that a worker is held), "flow balance" (visits = tries of its
    callers), "one count" (visits by metrics = visits by spans).
    """
    window = _metered(capture)
    seen = visits(window)
    rows = [*_pool_laws(window, seen), *_flows(window), *_counts(window, seen)]
    table = pd.DataFrame(rows, columns=[*COLUMNS[:7], "error"])
    larger = table[["left", "right"]].abs().max(axis=1)
    table["difference_share"] = ((table["left"] - table["right"]).abs() / larger).where(larger > 0, 0.0)
    small = table["unit"].eq("visits") & (larger < _FLOOR)
    table["holds"] = (table["difference_share"] <= TOLERANCE + _SIGMAS * table["error"]) | small
    return table[COLUMNS]


def contradictions(capture: Capture) -> list[str]:
    """Give a sentence, with both numbers, for each law that does not hold."""
    broken = laws(capture)
    return [
        f"{row.service}: {row.left_is} is {row.left:.4g} {row.unit}, but {row.right_is} is {row.right:.4g}: "
        f"{row.difference_share:.0%} apart, so {row.law} does not hold"
        for row in broken[~broken["holds"].astype(bool)].itertuples()
    ]


def _metered(capture: Capture) -> Capture:
    """Give the part that lies between the first and the last sample, so that both sides see one window."""
    if capture.samples.empty:
        return capture
    first, last = capture.samples["time"].min(), capture.samples["time"].max()
    inside = capture.between(max(first, capture.start), min(last, capture.end) + pd.Timedelta(1, "ns"))
    return inside if inside.duration_s > 0 else capture


def _pool_laws(capture: Capture, visited: pd.DataFrame) -> list[tuple]:
    pool = own_pools(capture).set_index("service")
    rows = []
    for service, seen in visited.groupby("service"):
        if service not in pool.index:
            continue
        entered = seen[~seen["outcome"].isin(_GOT_NO_WORKER)]
        share = span_share(capture, service)
        for law, level, times, what in (
            ("Little's law", "queue", entered["wait_s"], "wait"),
            ("utilisation law", "busy", entered["duration_s"] - entered["wait_s"], "hold"),
        ):
            if pd.isna(pool.at[service, level]):
                continue
            rows.append(
                (
                    law, service, float(pool.at[service, level]), _flow(capture, times, share), "visits",
                    f"mean {level} by metrics", f"rate × mean {what} by spans", _sampling_error(times, share),
                )
            )  # fmt: skip
    return rows


def _flow(capture: Capture, times: pd.Series, share: float) -> float:
    """Rate × mean time, which is the sum of times over the window."""
    return float(times.sum() / share / capture.duration_s)


def _sampling_error(times: pd.Series, share: float) -> float:
    """Give the relative standard error of a sum, of which each term is seen with probability `share`."""
    total = float(times.sum())
    return float(np.sqrt((1 - share) * (times**2).sum()) / total) if total > 0 else 0.0


def _flows(capture: Capture) -> list[tuple]:
    made = tries(capture)
    served = _visits_by_metrics(capture)
    tried = _tries_by_metrics(capture)
    maker = made[made["parent_id"].isna()].groupby("callee").size()
    rows = []
    for service in sorted(set(served) & (set(tried) | set(maker.index))):
        right = tried.get(service, 0.0) + float(maker.get(service, 0))
        rows.append(
            (
                "flow balance", service, served[service], right, "requests",
                "visits by metrics", "tries of its callers by their own count", 0.0,
            )
        )  # fmt: skip
    return rows


def _counts(capture: Capture, visited: pd.DataFrame) -> list[tuple]:
    served = _visits_by_metrics(capture)
    rows = []
    for service, seen in visited.groupby("service"):
        if service in served:
            share = span_share(capture, service)
            ones = pd.Series(np.ones(len(seen)))
            rows.append(
                (
                    "one count", service, served[service], len(seen) / share, "requests",
                    "visits by metrics", f"visits by spans, of which {share:.3g} were kept",
                    _sampling_error(ones, share),
                )
            )  # fmt: skip
    return rows


def _visits_by_metrics(capture: Capture) -> dict[str, float]:
    return served(in_roles(capture), whole(capture)).groupby("service")["growth"].sum().to_dict()


def _tries_by_metrics(capture: Capture) -> dict[str, float]:
    called = growth(in_roles(capture), "role:calls_count", whole(capture), "target")
    return called[called["target"] != ""].groupby("target")["growth"].sum().to_dict()
