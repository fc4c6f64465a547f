"""What to minimise, under which service levels, in which scenarios: SLO, Objective."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

import numpy as np

from workbench.errors import SettingError
from workbench.network import Scenario
from workbench.settings import Knob, Value, find
from workbench.tuning._pricing import Pricing
from workbench.twin.model import AS_RECORDED, Prediction, Twin
from workbench.twin.outcome import label, shown

MORE_LOAD = Scenario("a quarter more load", load=1.25)
CLIENT = ("mean_s", "p50_s", "p95_s", "p99_s", "error_share", "throughput_rps")
STATION = ("utilisation", "wait", "queue", "tries")
_AT_LEAST = ("throughput_rps",)


@dataclass(frozen=True)
class SLO:
    """A bound on a quantity of a prediction: at most `limit`, or at least for throughput_rps.

    Times are seconds and shares run from 0 to 1: SLO("p99_s", 0.4), SLO("error_share", 0.01). After a slash
    comes the service, SLO("wait/orders", 0.02), for the quantities that the twin predicts by service.
    """

    quantity: str
    limit: float

    def __post_init__(self) -> None:
        kind, _, service = self.quantity.partition("/")
        if kind not in CLIENT + STATION or (kind in STATION and not service):
            known = (*CLIENT, *(f"{kind}/SERVICE" for kind in STATION))
            raise SettingError(f"quantity {self.quantity!r}", where="SLO", expected=f"one of {known}")
        if not np.isfinite(self.limit) or self.limit < 0:
            raise SettingError(f"limit {self.limit!r}", where=f"SLO {self.quantity}", expected="0 or more")

    @property
    def kind(self) -> str:
        """The quantity without its service."""
        return self.quantity.partition("/")[0]

    @property
    def at_least(self) -> bool:
        """True if more is better."""
        return self.kind in _AT_LEAST

    def excess(self, value: float) -> float:
        """Give by how much a value breaks the bound, relative to the limit; negative inside it."""
        if np.isnan(value):
            return np.inf
        if self.at_least:
            return (self.limit - value) / max(self.limit, 1e-9)
        if self.kind == "error_share":
            return (value - self.limit) / max(self.limit, 0.001)
        return value / self.limit - 1.0 if self.limit > 0 else np.inf

    def worst(self, prediction: Prediction) -> float:
        """Give the bad end of the quantity's interval."""
        low, high = prediction.interval(self.quantity)
        return low if self.at_least else high

    def holds(self, prediction: Prediction) -> bool:
        """True if the bad end of the interval is inside the bound."""
        return self.excess(self.worst(prediction)) <= 0

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        return f"{said(self.quantity)} {sign} {shown(self.quantity, self.limit)}"


@dataclass(frozen=True)
class Objective:
    """Service levels that must hold in every scenario, at the least cost.

    `cost` weighs what is used: "servers", "instances", "connections" or "cores" of all stations together, a
    knob's key ("orders/workers", in the knob's unit), a network path ("orders.instances"), or a quantity
    predicted under the first scenario ("p99_s"). A server given back saves only the share `given_back` of its
    weight in "servers": idle workers cost little, and nobody takes them away in the middle of an incident.
    `change_price` is the cost of changing one more knob, and of each doubling or halving of one, so that few
    and small changes win over many and large ones of the same effect.

    `bounds` narrow knobs to (low, high), `steps` give the steps of their values, and knobs that match one of
    `leave` ("payments/*") are left alone.
    """

    slos: tuple[SLO, ...] = (SLO("p99_s", 0.5), SLO("error_share", 0.01))
    scenarios: tuple[Scenario, ...] = (AS_RECORDED, MORE_LOAD)
    cost: Mapping[str, float] = field(default_factory=lambda: {"servers": 1.0})
    given_back: float = 0.05
    change_price: float = 1.0
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    steps: Mapping[str, float] = field(default_factory=dict)
    leave: tuple[str, ...] = ()

    def pricing(self, twin: Twin) -> Pricing:
        """Give what tells the cost of the twin's settings as far as no simulation is needed."""
        known = {name: weight for name, weight in self.cost.items() if not self.measures(name)}
        return Pricing(twin, known, given_back=self.given_back, change_price=self.change_price)

    def measured_cost(self, numbers: Mapping[str, float]) -> float:
        """Give the part of the cost that only a simulation tells, from its numbers."""
        return float(sum(w * numbers[name] for name, w in self.cost.items() if self.measures(name)))

    def measures(self, name: str) -> bool:
        """True if a name of the cost is a quantity that is predicted."""
        return name.partition("/")[0] in CLIENT + STATION

    def allowed(self, knobs: Iterable[Knob]) -> list[Knob]:
        """Give the knobs that may be moved, within their bounds; raises SettingError for others."""
        free = [k for k in knobs if not any(fnmatchcase(k.key, pattern) for pattern in self.leave)]
        for key in (*self.bounds, *self.steps):
            find(free, key)
        return [self._narrowed(knob) if knob.key in self.bounds else knob for knob in free]

    def _narrowed(self, knob: Knob) -> Knob:
        low, high = self.bounds[knob.key]
        if not knob.low <= low <= high <= knob.high:
            raise SettingError(f"bounds {low:g} to {high:g}", where=knob.key, expected=knob.bounds)
        return replace(knob, low=low, high=high, off=None)


def said(quantity: str) -> str:
    """Give a quantity's name as people say it, its service before it."""
    kind, _, service = quantity.partition("/")
    return f"{service} {label(kind)}" if service and kind in CLIENT else label(quantity)


def shown_setting(knob: Knob, value: Value) -> str:
    """Give a setting with its unit: 8 workers, 0.4 s, no limit."""
    if value is None:
        return "unset"
    if knob.off is not None and value == knob.off:
        return "no limit"
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:.0%}" if knob.unit == "share" else f"{value:g} {knob.unit}"
