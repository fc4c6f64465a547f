"""A twin of a small shop by hand: gateway → orders → payments, orders too small for the peak of the load."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.knobs import all_knobs, lab
from workbench.network import Demand, Workload
from workbench.settings import Settings
from workbench.twin.draws import quantile_table
from workbench.twin.model import Twin

STEADY_RPS, PEAK_RPS = 24.0, 48.0  # orders has 4 workers for 92 ms a visit: 43 requests a second at most


def twin(*, duration_s: float = 60.0, bottleneck: str = "orders", name: str = "by hand") -> Twin:
    """Give the twin; `bottleneck` is what the service in the middle is called."""
    settings = Settings(
        {
            "gateway/workers": 32,
            "gateway/queue": 128,
            f"gateway/calls.{bottleneck}.timeout_s": 1.0,
            f"gateway/calls.{bottleneck}.attempts": 3,
            f"gateway/calls.{bottleneck}.backoff_s": 0.01,
            f"{bottleneck}/workers": 4,
            f"{bottleneck}/queue": 64,
            f"{bottleneck}/deadline_s": 0,
            "payments/workers": 6,
            "payments/queue": 64,
        }
    )
    network = lab.network_from(settings, {"gateway": [bottleneck], bottleneck: ["payments"]})
    rng = np.random.default_rng(1)

    def times(mean_s: float) -> np.ndarray:
        return quantile_table(rng.gamma(4, mean_s / 4, 5000))

    rates = np.repeat([STEADY_RPS, PEAK_RPS, STEADY_RPS], 4)
    work = {"gateway": Demand(times(0.004)), bottleneck: Demand(times(0.03)), "payments": Demand(times(0.06))}
    transit = {"client.gateway": times(0.001), f"gateway.{bottleneck}": times(0.002)}
    transit[f"{bottleneck}.payments"] = times(0.002)
    workload = Workload(rates, duration_s / len(rates), work, transit)
    return Twin(
        name=name,
        network=network,
        workload=workload,
        knobs=tuple(all_knobs("lab", network)),
        settings=settings,
        replicates=tuple(workload.scaled(load) for load in (0.98, 1.0, 1.02, 0.99)),
        start=pd.Timestamp("2026-11-20T10:00:00", tz="UTC"),
        duration_s=duration_s,
    )
