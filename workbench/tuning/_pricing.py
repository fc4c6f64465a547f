"""What settings cost before anything is simulated: resources and changes, quickly, for many settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from workbench.errors import SettingError
from workbench.network import Leaf, Network
from workbench.settings import Knob, Value, find
from workbench.twin.model import Twin

RESOURCES = ("servers", "instances", "connections", "cores")
_NO_LIMIT = 65_536.0  # what is taken for no limit where there was one before

At = Callable[[str], float]  # the network's value at a path


@dataclass(frozen=True)
class _Term:
    """An amount with its weight, what it is at present, and the share of it that is saved when given back."""

    weight: float
    amount: Callable[[At], float]
    present: float
    saved: float

    def cost(self, at: At) -> float:
        """Give what the amount costs; no limit costs nothing only where there is none at present either."""
        amount = self.amount(at)
        if math.isinf(amount):
            amount = 0.0 if math.isinf(self.present) else _NO_LIMIT
        idle = max(0.0, self.present - amount) if math.isfinite(self.present) else 0.0
        return self.weight * (amount + idle * (1.0 - self.saved))


class Pricing:
    """The cost of settings of a twin, by weights (as in Objective) and by what is changed."""

    def __init__(
        self, twin: Twin, weights: Mapping[str, float], *, given_back: float, change_price: float
    ) -> None:
        self._knobs = {knob.key: knob for knob in twin.knobs}
        self._now: Mapping[str, Leaf] = dict(twin.network.paths())
        self._current, self._change_price = twin.settings, change_price
        self._terms = [
            _Term(weight, amount, amount(self._at({})), given_back if name == "servers" else 1.0)
            for name, weight in weights.items()
            for amount in _amounts(name, twin)
        ]

    def cost(self, moved: Mapping[str, Value]) -> float:
        """Give the cost at the present settings but for those moved."""
        changes = {k: v for k, v in moved.items() if v != self._current.get(k)}
        there: dict[str, Leaf] = {}
        for key, value in changes.items():
            knob = self._knobs[key]
            if knob.tunable and value is not None:
                there[knob.path] = knob.to_network(value)
        at = self._at(there)
        size = sum(1.0 + _doublings(self._current.get(key), value) for key, value in changes.items())
        return float(sum(term.cost(at) for term in self._terms) + size * self._change_price)

    def _at(self, there: Mapping[str, Leaf]) -> At:
        def at(path: str) -> float:
            value = there[path] if path in there else self._now[path]
            if isinstance(value, str):
                raise SettingError(f"{value!r}", where=f"cost of {path}", expected="a number to weigh")
            return float(value)

        return at


def _amounts(name: str, twin: Twin) -> Iterator[Callable[[At], float]]:
    """Give the amounts that a name of a cost stands for: one of each station for a resource."""
    if name in RESOURCES:
        yield from _of_resource(name, twin.network)
    elif "/" in name:
        yield _of_knob(find(twin.knobs, name))
    else:
        twin.network.get(name)  # raises for what is no path
        yield lambda at: at(name)


def _of_knob(knob: Knob) -> Callable[[At], float]:
    if not knob.tunable or knob.choices:
        raise SettingError(f"{knob.key}", where="cost", expected="a knob that is a number and can be moved")
    return lambda at: (at(knob.path) - knob.offset) / knob.scale


def _of_resource(name: str, network: Network) -> Iterator[Callable[[At], float]]:
    for station in network.stations:
        if station.name == network.entry:
            continue
        paths = {
            "servers": [f"{station.name}.pool.servers"],
            "instances": [],
            "connections": [f"{station.name}.calls.{call.to}.pool.servers" for call in station.calls],
            "cores": [f"{station.name}.cpu.cores", f"{station.name}.cpu.quota_cores"],
        }[name]
        each = f"{station.name}.instances"
        if name == "connections":
            yield from (lambda at, p=path, each=each: at(each) * at(p) for path in paths)  # type: ignore[misc]
        else:
            yield lambda at, paths=paths, each=each: at(each) * min((at(p) for p in paths), default=1.0)  # type: ignore[misc]


def _doublings(old: Value, new: Value) -> float:
    """How many times a value was doubled or halved; 2 where one of them is no number or no limit."""
    if isinstance(old, int | float) and isinstance(new, int | float) and old > 0 and new > 0:
        return float(abs(math.log2(new / old)))
    return 2.0
