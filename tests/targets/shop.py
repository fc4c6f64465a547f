"""The shop as network, knobs and sample files, for the tests of targets."""

from __future__ import annotations

from pathlib import Path

from workbench.knobs import all_knobs
from workbench.knobs.lab import network_from
from workbench.network import Network
from workbench.settings import Knob, Settings
from workbench.targets import targets

FILES = Path(__file__).parent / "files"
NETWORK: Network = network_from(
    {f"{name}/{knob}": 9 for name in ("gateway", "orders", "payments") for knob in ("workers", "queue")},
    {"gateway": ["orders"], "orders": ["payments"]},
)


def knobs_of(name: str) -> list[Knob]:
    """The knobs that a target writes for the shop."""
    return all_knobs(targets()[name].SYSTEM, NETWORK)


def sample(name: str) -> str:
    """A file of the target's format as a careful person wrote it, line ends as they are."""
    return (FILES / targets()[name].FILENAME).read_bytes().decode(targets()[name].ENCODING)


def moved(knobs: list[Knob], share: float) -> Settings:
    """Each knob at a share of the way from its lower to its upper bound."""
    values = {k: k.low + share * (k.high - k.low) for k in knobs}
    return Settings({k.key: round(v) if k.whole else float(f"{v:.6g}") for k, v in values.items()})
