"""Go's runtime, such as `orders/GOMAXPROCS`, as it reads its environment; sizes are MiB.

GOMAXPROCS moves the cores of a station whose processor is shared, as long as the machine has that many.
GOGC moves what is allocated between two collections, a share of the live heap, where a GC log told that.

Evidence: GOMAXPROCS by go_sched_gomaxprocs_threads, scheduling latency and schedtrace (run queues) beside
the CPU quota of the container; GOGC by gctrace (share of time collecting, heap goal against live heap) and
go_gc_duration_seconds; GOMEMLIMIT by resident memory against the container's limit.
"""

from __future__ import annotations

from workbench.network import Network, Station
from workbench.settings import Knob

SYSTEM = "Go runtime"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's runtime."""
    return [knob for s in network.stations if s.name != network.entry for knob in _runtime(s)]


def _runtime(station: Station) -> list[Knob]:
    cores = f"{station.name}.cpu.cores" if station.cpu.kind == "shared" else ""
    live = station.gc.live_bytes
    return [
        Knob(
            station.name, "GOMAXPROCS", "threads", 1, 1024, "threads that run Go code at once", cores,
            whole=True, log=True,
        ),
        Knob(
            station.name, "GOGC", "%", 1, 10_000, "garbage by live heap",
            f"{station.name}.gc.budget_bytes" if live else "", scale=live / 100 if live else 1.0, whole=True,
            log=True, off=-1,
        ),
        Knob(
            station.name, "GOMEMLIMIT", "MiB", 4, 1 << 22, "memory that the collector tries to stay within",
            whole=True, log=True,
        ),
    ]  # fmt: skip
