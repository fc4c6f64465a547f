"""The number of instances by utilisation, as Kubernetes' HorizontalPodAutoscaler reckons it. Hook: `wanted`.

https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details, with one metric,
no limits on the pace of scaling, and a stabilisation window for scaling down alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.policies import Autoscaler
from workbench.twin._compiled import inlined

STATE = np.dtype(
    [
        ("low", "i8"),
        ("high", "i8"),
        ("target", "f8"),
        ("period_s", "f8"),
        ("start_s", "f8"),
        ("tolerance", "f8"),
        ("first_slot", "i8"),  # wanted numbers of the last periods, in turn
        ("slots", "i8"),
        ("looks", "i8"),
    ]
)


def slots_needed(policy: Autoscaler) -> int:
    """Count the periods whose wanted numbers matter, this one included."""
    return math.floor(policy.stabilise_s / policy.period_s) + 1


def set_up(state: Any, policy: Autoscaler, instances: int, first_slot: int) -> None:
    """Fill a record of STATE: it has not looked yet."""
    state["low"], state["high"] = instances, policy.high
    state["target"], state["period_s"], state["start_s"] = policy.target, policy.period_s, policy.start_s
    state["tolerance"] = policy.tolerance
    state["first_slot"], state["slots"] = first_slot, slots_needed(policy)


@inlined
def wanted(scaler, slots, now_n, utilisation):  # type: ignore[no-untyped-def]
    """Give how many instances there should be, of now_n that run or start, at a mean utilisation."""
    ratio = utilisation / scaler.target
    number = now_n
    if abs(ratio - 1.0) > scaler.tolerance:
        number = int(np.ceil(now_n * ratio))
    number = min(max(number, scaler.low), scaler.high)
    slots[scaler.first_slot + scaler.looks % scaler.slots] = number
    scaler.looks += 1
    most = number
    for i in range(min(scaler.looks, scaler.slots)):
        most = max(most, int(slots[scaler.first_slot + i]))
    return number if number > now_n else min(most, now_n)
