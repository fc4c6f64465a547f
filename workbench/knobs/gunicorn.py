"""gunicorn, such as `orders/workers`, with the names of its configuration file; times in seconds.

A worker of the default class "sync" works on one request at a time (docs: design, "Sync Workers"), so
workers are the servers of the network's pool. Threads of "gthread" and connections of the others are
shared within one worker alone, which no mechanism has, nor the kernel's `backlog`.

Evidence: workers and threads by gunicorn's busy workers, CPU use and the wait before work; timeout by the
longest requests and by "WORKER TIMEOUT" in the log; keepalive by connections opened a second; max_requests
by resident memory that grows; graceful_timeout by requests lost at a restart.
"""

from __future__ import annotations

from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "gunicorn"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's server."""
    return [knob for s in network.stations if s.name != network.entry for knob in _server(s.name)]


def _server(service: str) -> list[Knob]:
    def knob(
        name: str,
        unit: str,
        low: float,
        high: float,
        meaning: str,
        path: str = "",
        *,
        off: float | None = None,
    ) -> Knob:
        return Knob(service, name, unit, low, high, meaning, path, whole=True, log=low > 0, off=off)

    return [
        knob("workers", "processes", 1, 1024, "worker processes", f"{service}.pool.servers"),
        knob("threads", "threads", 1, 1024, "threads of each worker"),
        Knob(
            service, "worker_class", "", 0, 0, "how a worker works",
            choices=("sync", "gthread", "gevent", "asgi", "tornado"),
        ),
        knob("worker_connections", "connections", 1, 1_000_000, "clients at once of an asynchronous worker"),
        knob("backlog", "connections", 64, 65_535, "connections that wait in the kernel"),
        knob("timeout", "s", 1, 86_400, "silence after which a worker is killed", off=0),
        knob("graceful_timeout", "s", 1, 86_400, "time to end what is begun at a restart"),
        knob("keepalive", "s", 0, 3600, "wait for the next request"),
        knob("max_requests", "requests", 1, 100_000_000, "requests before a worker is replaced", off=0),
        knob("max_requests_jitter", "requests", 0, 100_000_000, "random part of that"),
    ]  # fmt: skip
