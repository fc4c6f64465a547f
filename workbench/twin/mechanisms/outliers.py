"""Outlier detection: an instance that fails `failures` tries in a row is ejected. Hooks: `tell`, `is_out`.

Envoy's consecutive_5xx with always_eject_one_host: when too many are out already the count begins anew, and
what an ejected instance still answers is not counted. Envoy looks only every `interval` (10 s) whether an
ejection is over, by default ejects for 300 s at most, and takes one off the number of ejections for every
interval without one; here an ejection ends on time and their number only grows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.policies import Outliers
from workbench.twin._compiled import exposed, inlined

STATE = np.dtype([("failures", "f8"), ("ejection_s", "f8"), ("share", "f8")])


def set_up(state: Any, policy: Outliers) -> None:
    """Fill a record of STATE, which is all policy: what changes is in the views."""
    state["failures"], state["ejection_s"], state["share"] = policy.failures, policy.ejection_s, policy.share


@inlined
def tell(o, views, first_view, n, instance, now, failed):  # type: ignore[no-untyped-def]
    """Count the result of a try sent to `instance`, 0 to n - 1, of n with views from `first_view` on."""
    view = views[first_view + instance]
    if is_out(view, now):
        return
    if not failed:
        view.failures = 0
        return
    view.failures += 1
    if view.failures < o.failures:
        return
    view.failures = 0
    out = 0
    for i in range(first_view, first_view + n):
        out += is_out(views[i], now)
    if out == 0 or (out + 1) / n <= o.share:
        view.ejections += 1
        view.ejected_until = now + view.ejections * o.ejection_s


@exposed
def is_out(view, now):  # type: ignore[no-untyped-def]
    """Tell whether the instance is ejected at time now."""
    return now < view.ejected_until
