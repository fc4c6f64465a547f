"""How long visits hold their worker on average, from counters of all requests (the utilisation law)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.analysis._metrics import growth, served, whole
from workbench.analysis._roles import in_roles
from workbench.capture import Capture

_COLUMNS = ["service", "visits", "hold_s", "calls_s", "own_s"]
_MOST_RETRIES = 0.02  # of tries; beyond it, backoff between tries would be taken for own work


def holds(capture: Capture) -> pd.DataFrame:
    """Give by service: visits that held a worker, and per visit the mean hold, its calls, and its own work.

    hold_s is what the integral of its busy workers grew by per visit (Denning & Buzen, The operational
    analysis of queueing network models, 1978: U = X·S), calls_s the same of the time of its calls, own_s
    their difference, missing where more than 2 % of tries were retries. Counters know every request, where
    spans are a sample. Empty without these counters.
    """
    bounds = whole(capture)
    named = in_roles(capture)
    held = growth(named, "role:pool_in_use_s", bounds, "pool")
    busy = held[held["pool"] == ""].groupby("service")["growth"].sum().to_dict()
    answered = served(named, bounds).groupby("service")["growth"].sum().to_dict()
    refused, called, tries, retries = (
        growth(named, f"role:{role}", bounds).groupby("service")["growth"].sum().to_dict()
        for role in ("refused", "calls_sum", "calls_count", "retries")
    )
    rows = []
    for service in sorted(set(busy) & set(answered)):
        visits = answered[service] - refused.get(service, 0.0)
        if visits <= 0:
            continue
        hold, calls = busy[service] / visits, called.get(service, 0.0) / visits
        eager = retries.get(service, 0.0) > _MOST_RETRIES * tries.get(service, 0.0) > 0
        rows.append((service, visits, hold, calls, np.nan if eager else hold - calls))
    return pd.DataFrame(rows, columns=_COLUMNS)
