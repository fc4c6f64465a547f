"""uvicorn, such as `orders/limit-concurrency`, with the names of its options; times in seconds.

Beyond limit-concurrency it answers 503 (docs: settings, "Resource Limits"), as a network does whose
concurrency is fixed. Idle connections count there too, which none has here. The workers are processes with
a loop each.

Evidence: limit-concurrency by visits inside and by 503 answers; workers by CPU use of the event loop and
its lag; timeout-keep-alive by connections opened a second; limit-max-requests by resident memory that
grows; timeout-graceful-shutdown by requests lost at a restart.
"""

from __future__ import annotations

from workbench.network import Network, Station
from workbench.settings import Knob

SYSTEM = "uvicorn"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's server."""
    return [knob for s in network.stations if s.name != network.entry for knob in _server(s)]


def _server(station: Station) -> list[Knob]:
    def knob(name: str, unit: str, low: float, high: float, meaning: str, path: str = "") -> Knob:
        return Knob(station.name, name, unit, low, high, meaning, path, whole=True, log=low > 0)

    fixed = f"{station.name}.concurrency.limit" if station.concurrency.kind == "fixed" else ""
    return [
        knob("workers", "processes", 1, 1024, "worker processes"),
        knob("limit-concurrency", "requests", 1, 1_000_000, "requests inside at once; above, 503", fixed),
        knob("limit-max-requests", "requests", 1, 100_000_000, "requests before the process ends"),
        knob("backlog", "connections", 1, 65_535, "connections that wait in the kernel"),
        knob("timeout-keep-alive", "s", 0, 3600, "wait for the next request"),
        knob("timeout-graceful-shutdown", "s", 0, 86_400, "time to end what is begun at a stop"),
        knob("h11-max-incomplete-event-size", "bytes", 1024, 16_777_216, "request line and headers at most"),
    ]
