"""What each setting is called in a real system, its unit and bounds, and which network path it moves.

A module here that has `SYSTEM` (its name, in words) and `knobs(network)` is a tuned system; nothing else
needs to know of it:

    network ──settings_of──▶ Settings {"orders/workers": 8, …} ──apply──▶ network
"""

from __future__ import annotations

import functools
import importlib
import math
import pkgutil
from collections.abc import Iterable, Mapping
from typing import Protocol

from workbench.errors import SettingError
from workbench.network import Network
from workbench.settings import Knob, Settings, Value, find

__all__ = ["System", "all_knobs", "apply", "settings_of", "systems"]


class System(Protocol):
    """A module in `knobs/`: SYSTEM (its name, in words) and `knobs`."""

    SYSTEM: str

    def knobs(self, network: Network) -> list[Knob]:
        """Give every knob of every service of the network; the callers at its entry have none."""
        ...


@functools.cache
def systems() -> dict[str, System]:
    """Every tuned system by module name."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}  # type: ignore[misc]


def all_knobs(system: str, network: Network) -> list[Knob]:
    """Give the knobs of a system over a network, or raise SettingError if there is no such system."""
    if system not in systems():
        raise SettingError(
            f"no system {system!r}",
            expected=f"one of {sorted(systems())}",
            remedy="add one: README, 'Add a knob'",
        )
    return systems()[system].knobs(network)


def apply(network: Network, knobs: Iterable[Knob], settings: Mapping[str, Value]) -> Network:
    """Give the network with each setting at the path that its knob moves.

    A setting whose knob moves nothing is checked and otherwise left. Raise SettingError for an unknown key
    or a value out of bounds.
    """
    known = list(knobs)
    for key, value in settings.items():
        knob = find(known, key)
        knob.check(value)
        if knob.tunable:
            network = network.set(knob.path, knob.to_network(value))
    return network


def settings_of(network: Network, knobs: Iterable[Knob]) -> Settings:
    """Give what the knobs would have to say for the network to be as it is.

    Where the network has no limit and the system has no word for that, the setting is left out, which leaves
    it unset. A finite value that the system cannot say raises SettingError.
    """
    found: dict[str, Value] = {}
    for knob in knobs:
        if not knob.tunable:
            continue
        value = network.get(knob.path)
        if isinstance(value, str) or math.isfinite(value) or knob.off is not None:
            found[knob.key] = knob.from_network(value)
    return Settings(found)
