"""How long visits hold their worker on average, from counters of all requests (the utilisation law)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.analysis._metrics import growth, whole
from workbench.capture import Capture

_COLUMNS = ["service", "visits", "hold_s", "calls_s", "own_s"]
_MOST_RETRIES = 0.02  # of tries; beyond it, backoff between tries would be taken for own work


def holds(capture: Capture) -> pd.DataFrame:
    """Give by service: visits that held a worker, and per visit the mean hold, its calls, and its own work.

    hold_s is the growth of worker_pool_busy_seconds_total per visit (Denning & Buzen, The operational
    analysis of queueing network models, 1978: U = X·S), calls_s that of
    http_client_request_duration_seconds_sum, own_s their difference, missing where more than 2 % of tries
    were retries. Counters know every request, where spans are a sample. Empty without these counters.
    """
    bounds = whole(capture)
    busy = _by_service(capture, "worker_pool_busy_seconds_total", bounds)
    served = _by_service(capture, "http_server_request_duration_seconds_count", bounds)
    refused = _by_service(capture, "http_server_refused_total", bounds)
    called = _by_service(capture, "http_client_request_duration_seconds_sum", bounds)
    tries = _by_service(capture, "http_client_request_duration_seconds_count", bounds)
    retries = _by_service(capture, "http_client_retries_total", bounds)
    rows = []
    for service in sorted(set(busy) & set(served)):
        visits = served[service] - refused.get(service, 0.0)
        if visits <= 0:
            continue
        hold, calls = busy[service] / visits, called.get(service, 0.0) / visits
        eager = retries.get(service, 0.0) > _MOST_RETRIES * tries.get(service, 0.0) > 0
        rows.append((service, visits, hold, calls, np.nan if eager else hold - calls))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _by_service(capture: Capture, metric: str, bounds: pd.DatetimeIndex) -> dict[str, float]:
    return growth(capture, metric, bounds).groupby("service")["growth"].sum().to_dict()
