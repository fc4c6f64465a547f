"""What to minimise, under which service levels, in which scenarios: SLO, Objective."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from workbench.errors import SettingError
from workbench.network import Network, Scenario
from workbench.settings import Knob, Settings, Value
from workbench.twin.model import AS_RECORDED, Prediction
from workbench.twin.outcome import label, shown

MORE_LOAD = Scenario("a quarter more load", load=1.25)
_AT_LEAST = ("throughput_rps",)


@dataclass(frozen=True)
class SLO:
    """A bound on a quantity of a prediction: at most `limit`, or at least for throughput_rps.

    Times are seconds and shares run from 0 to 1: SLO("p99_s", 0.4), SLO("error_share", 0.01).
    """

    quantity: str
    limit: float

    def __post_init__(self) -> None:
        known = ("mean_s", "p50_s", "p95_s", "p99_s", "error_share", "throughput_rps")
        if self.quantity not in known:
            raise SettingError(f"quantity {self.quantity!r}", where="SLO", expected=f"one of {known}")
        if not np.isfinite(self.limit) or self.limit < 0:
            raise SettingError(f"limit {self.limit!r}", where=f"SLO {self.quantity}", expected="0 or more")

    def excess(self, value: float) -> float:
        """Give by how much a value breaks the bound, relative to the limit; negative inside it."""
        if np.isnan(value):
            return np.inf
        if self.quantity in _AT_LEAST:
            return (self.limit - value) / max(self.limit, 1e-9)
        if self.quantity == "error_share":
            return (value - self.limit) / max(self.limit, 0.001)
        return value / self.limit - 1.0 if self.limit > 0 else np.inf

    def worst(self, prediction: Prediction) -> float:
        """Give the bad end of the quantity's interval."""
        low, high = prediction.interval(self.quantity)
        return low if self.quantity in _AT_LEAST else high

    def holds(self, prediction: Prediction) -> bool:
        """True if the bad end of the interval is inside the bound."""
        return self.excess(self.worst(prediction)) <= 0

    def __str__(self) -> str:
        sign = "≥" if self.quantity in _AT_LEAST else "≤"
        return f"{label(self.quantity)} {sign} {shown(self.quantity, self.limit)}"


@dataclass(frozen=True)
class Objective:
    """Service levels that must hold in every scenario, at the least cost.

    `prices` gives the cost of one unit of each named station's servers (1 where not named). A server given
    back saves only the share `given_back` of its price: idle workers cost little, and nobody takes them away
    in the middle of an incident. `change_price` is the cost of changing one more knob, and of each doubling
    or halving of one, so that few and small changes win over many and large ones of the same effect.
    """

    slos: tuple[SLO, ...] = (SLO("p99_s", 0.5), SLO("error_share", 0.01))
    scenarios: tuple[Scenario, ...] = (AS_RECORDED, MORE_LOAD)
    prices: Mapping[str, float] = field(default_factory=dict)
    given_back: float = 0.05
    change_price: float = 1.0

    def cost(self, network: Network, settings: Settings, *, now: Network, current: Settings) -> float:
        """Give what a network at `settings` costs, with `now` and `current` in force: servers and changes."""
        servers = 0.0
        for station, present in zip(network.stations, now.stations, strict=True):
            if np.isfinite(station.pool.servers):
                price = self.prices.get(station.name, 1.0)
                saved = max(0.0, present.pool.servers - station.pool.servers)
                idle = saved * (1.0 - self.given_back) if np.isfinite(saved) else 0.0
                servers += (station.pool.servers + idle) * price
        size = sum(1.0 + _doublings(old, new) for old, new in current.difference(settings).values())
        return float(servers + size * self.change_price)


def shown_setting(knob: Knob, value: Value) -> str:
    """Give a setting with its unit: 8 workers, 0.4 s, no limit."""
    if value is None:
        return "unset"
    if knob.off is not None and value == knob.off:
        return "no limit"
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:.0%}" if knob.unit == "share" else f"{value:g} {knob.unit}"


def _doublings(old: Value, new: Value) -> float:
    """How many times a value was doubled or halved; 2 where one of them is no number or no limit."""
    if isinstance(old, int | float) and isinstance(new, int | float) and old > 0 and new > 0:
        return float(abs(np.log2(new / old)))
    return 2.0
