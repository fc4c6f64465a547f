"""What may happen while one looks: the objective's scenarios, more load, and hiccups that pass."""

from __future__ import annotations

from dataclasses import replace

from workbench.network import Scenario
from workbench.tuning.objective import Objective
from workbench.twin.model import Twin
from workbench.twin.recovery import trigger

_LOADS = (0.75, 1.5, 2.0)


def scenarios(twin: Twin, objective: Objective) -> dict[str, Scenario]:
    """Give scenarios to look at by name, those of the objective first."""
    loads = [Scenario(f"{load:g} × the load", load=load) for load in _LOADS]
    called = [s.name for s in twin.network.stations if s.name != twin.network.entry]
    hiccups = [trigger("load", amount=3, duration_s=5)]
    hiccups += [trigger("slow", name, amount=3, duration_s=10) for name in called]
    hiccups += [trigger("paused", name, duration_s=2) for name in called]
    return {one.name: one for one in (*objective.scenarios, *loads, *hiccups)}


def slowed(twin: Twin, scenario: Scenario) -> Twin:
    """Give the twin with a scenario's slowness in it, whose load is varied by others."""
    return replace(twin, workload=Scenario(slower=scenario.slower).apply(twin.workload))
