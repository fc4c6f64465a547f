"""The workbench: from telemetry to tuned settings, and the answer whether they did what was promised.

Evidence becomes a `Capture` (`record`, `read`): the tables of one system over one window. `calibrate` fits a
`Twin` to it, a network of queues that behaves like the system. `simulate` has the twin write a `Capture` of
its own and `observe` blurs it as instruments do, so that measured and simulated data go through the same
analyses and figures. `predict` tells what other settings would do, and `search` finds the cheapest that hold
an `Objective` of `SLO`s in every `Scenario`. `export` writes the `Recommendation` as configuration of the
system at hand, and `verify` compares a capture from before and one from after into a `Verdict`; a `Ledger`
keeps what was predicted and what came of it.

    capture = workbench.read("data/captures/shop-incident")
    twin = workbench.calibrate(capture)
    recommendation = workbench.search(twin)
    workbench.export(recommendation, "istio", "out")
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Capture": "capture",
    "Settings": "settings",
    "Knob": "settings",
    "Network": "network",
    "Station": "network",
    "Workload": "network",
    "Scenario": "network",
    "WorkbenchError": "errors",
    "read": "readers",
    "record": "collectors.record",
    "findings": "analysis.findings",
    "calibrate": "twin.calibrate",
    "simulate": "twin.simulate",
    "observe": "twin.simulate",
    "predict": "twin.model",
    "reproduction": "twin.measured",
    "Twin": "twin.model",
    "Prediction": "twin.model",
    "SLO": "tuning.objective",
    "Objective": "tuning.objective",
    "search": "tuning.search",
    "Recommendation": "tuning.recommendation",
    "export": "tuning.export",
    "verify": "tuning.verify",
    "Verdict": "tuning.verify",
    "Ledger": "tuning.ledger",
}

__all__ = [  # held to _HOMES by a test
    "SLO",
    "Capture",
    "Knob",
    "Ledger",
    "Network",
    "Objective",
    "Prediction",
    "Recommendation",
    "Scenario",
    "Settings",
    "Station",
    "Twin",
    "Verdict",
    "WorkbenchError",
    "Workload",
    "calibrate",
    "export",
    "findings",
    "observe",
    "predict",
    "read",
    "record",
    "reproduction",
    "search",
    "simulate",
    "verify",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import workbench` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"workbench.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def load_ipython_extension(ipython: Any) -> None:
    """Register `%%promql` (`%load_ext workbench`)."""
    from workbench.magics import register

    register(ipython)
