"""A pool of goroutines over a channel of jobs, such as `orders/workers.count`.

The queue is the channel's buffer: a sender that finds it full refuses (select with default).

Evidence: the count by utilisation and by the wait before work; the queue by jobs waiting (length of the
channel), refusals, and goroutines blocked in chan send or receive in a goroutine profile.
"""

from __future__ import annotations

from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "Go worker pool"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's pool."""
    return [knob for s in network.stations if s.name != network.entry for knob in _pool(s.name)]


def _pool(service: str) -> list[Knob]:
    return [
        Knob(
            service, "workers.count", "goroutines", 1, 100_000, "jobs worked on at once",
            f"{service}.pool.servers", whole=True, log=True,
        ),
        Knob(
            service, "workers.queue", "jobs", 0, 10_000_000, "jobs that wait; when full, refused",
            f"{service}.pool.queue", whole=True,
        ),
    ]  # fmt: skip
