"""The shop as network, knobs and sample files, for the tests of targets."""

from __future__ import annotations

from pathlib import Path

from workbench.knobs import all_knobs
from workbench.knobs.lab import network_from
from workbench.network import Network
from workbench.settings import Knob, Settings, Value
from workbench.targets import targets

BARE = {
    "etcd_development",
    "etcd_production",
    "consul_development",
    "consul_production",
    "grpc_service_config",
    "plain_json",
}  # formats without comments
FILES = Path(__file__).parent / "files"
NETWORK: Network = network_from(
    {f"{name}/{knob}": 9 for name in ("gateway", "orders", "payments") for knob in ("workers", "queue")},
    {"gateway": ["orders"], "orders": ["payments"]},
)


def knobs_of(name: str, network: Network = NETWORK) -> list[Knob]:
    """The knobs that a target writes for the shop; those of one service where a file holds one."""
    one = targets()[name]
    knobs = [knob for system in one.SYSTEMS or ("lab",) for knob in all_knobs(system, network)]
    services = [knob.service for knob in knobs]
    own = "orders" if "orders" in services else services[-1]
    return [knob for knob in knobs if knob.service == own or "{service}" not in one.FILENAME]


def sample(name: str) -> str:
    """A file of the target's format as a careful person wrote it, line ends as they are."""
    path = FILES / targets()[name].FILENAME.removeprefix("{service}/")
    return path.read_bytes().decode(targets()[name].ENCODING)


def moved(knobs: list[Knob], share: float) -> Settings:
    """Each knob at a share of the way from its lower to its upper bound, or through its choices."""
    return Settings({knob.key: at(knob, share) for knob in knobs})


def at(knob: Knob, share: float) -> Value:
    """The knob's value at a share of the way."""
    if knob.choices:
        return knob.choices[min(int(share * len(knob.choices)), len(knob.choices) - 1)]
    value = knob.low + share * (knob.high - knob.low)
    return round(value) if knob.whole else float(f"{value:.6g}")
