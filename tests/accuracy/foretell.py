"""What the twin says of a cell before it is run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.accuracy.design import LAB, WARM_S, WINDOW_S, Cell
from workbench.lab.plan import Plan
from workbench.network import Network, Scenario
from workbench.twin.model import Prediction, Twin, predict


def foretold(twin: Twin, cell: Cell, plan: Plan | None = None, *, seed: int = 0) -> Prediction:
    """Predict the window of a cell, from its rate, or from the arrivals of the `plan` that will come."""
    slower = {f.station: f.amount for f in cell.faults} if cell.system == LAB else {}
    scenario = Scenario(cell.name, slower=slower, changes=() if slower else cell.faults)
    times_s = None if plan is None else np.array(plan.arrivals()) - WARM_S
    there = replace(at_rate(twin, cell.rate_rps), network=with_breakers(twin.network, cell))
    return predict(there, cell.settings, scenario=scenario, duration_s=WINDOW_S, seed=seed, times_s=times_s)


def busiest(prediction: Prediction) -> float:
    """Give the utilisation of the busiest pool."""
    found = prediction.table["value"]
    return float(found[found.index.str.startswith("utilisation/")].max())


def with_breakers(network: Network, cell: Cell) -> Network:
    """Give the network with the cell's breakers, which the lab's settings do not know."""
    for caller, calls in cell.breakers.items():
        for callee, breaker in calls.items():
            path = f"{caller}.calls.{callee}.breaker"
            network = network.set(f"{path}.kind", "consecutive")
            for name, value in breaker.items():
                network = network.set(f"{path}.{name}", value)
    return network


def at_rate(twin: Twin, rate_rps: float) -> Twin:
    """Give the twin under a load that is set, so known exactly, in place of the one that was recorded."""
    rate = np.array([rate_rps])
    return replace(
        twin,
        workload=replace(twin.workload, rate_rps=rate),
        replicates=tuple(replace(one, rate_rps=rate) for one in twin.replicates),
    )
