"""A twin made by hand, of which every parameter is known: gateway → orders → payments, exponential work."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.knobs import lab
from workbench.network import Demand, Workload
from workbench.settings import Settings
from workbench.twin.draws import POINTS
from workbench.twin.model import Twin

T0 = pd.Timestamp("2026-11-20T10:00:00Z")
CALLS: dict[str, list[str]] = {"gateway": ["orders"], "orders": ["payments"], "payments": []}
CALM = Settings(
    {
        "gateway/workers": 32,
        "gateway/queue": 64,
        "gateway/limit.rate_rps": 0,
        "gateway/limit.burst": 20,
        "gateway/deadline_s": 0,
        "gateway/calls.orders.timeout_s": 2.0,
        "gateway/calls.orders.attempts": 1,
        "gateway/calls.orders.backoff_s": 0.02,
        "gateway/calls.orders.jitter": 0.5,
        "orders/workers": 8,
        "orders/queue": 32,
        "orders/limit.rate_rps": 0,
        "orders/limit.burst": 20,
        "orders/deadline_s": 0,
        "orders/calls.payments.timeout_s": 1.0,
        "orders/calls.payments.attempts": 1,
        "orders/calls.payments.backoff_s": 0.01,
        "orders/calls.payments.jitter": 0.0,
        "payments/workers": 8,
        "payments/queue": 32,
        "payments/limit.rate_rps": 0,
        "payments/limit.burst": 20,
        "payments/deadline_s": 0,
    }
)
EAGER = CALM.with_({"orders/calls.payments.timeout_s": 0.05, "orders/calls.payments.attempts": 3})
MEANS_S = {"gateway": (0.002, 0.001), "orders": (0.015, 0.005), "payments": (0.03, None)}
TRANSIT_S = {"client.gateway": 0.0005, "gateway.orders": 0.0004, "orders.payments": 0.0006}


def exponential(mean_s: float) -> np.ndarray:
    """The quantile table of exponential work."""
    return -mean_s * np.log1p(-(np.arange(POINTS) + 0.5) / POINTS)


def workload(
    rate_rps: Sequence[float] = (40.0,), *, bin_s: float = 5.0, persistence: float = 0.0
) -> Workload:
    """Poisson arrivals, exponential work of MEANS_S, and uniform transit between half and one and a half."""
    demand = {
        name: Demand(exponential(before), None if after is None else exponential(after))
        for name, (before, after) in MEANS_S.items()
    }
    transit = {name: np.linspace(0.5, 1.5, POINTS) * mean for name, mean in TRANSIT_S.items()}
    return Workload(np.array(rate_rps, float), bin_s, demand, transit, persistence)


def twin(settings: Settings = CALM, asked: Workload | None = None, *, duration_s: float = 60.0) -> Twin:
    """A twin that is sure of its parameters: every replicate is the workload itself."""
    asked = asked or workload()
    network = lab.network_from(settings, CALLS)
    return Twin(
        name="by hand",
        network=network,
        workload=asked,
        knobs=tuple(lab.knobs(network)),
        settings=settings,
        replicates=(asked,) * 20,
        start=T0,
        duration_s=duration_s,
    )
