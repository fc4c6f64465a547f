"""HikariCP: the pool of connections to a database, such as `payments/maximumPoolSize`; times in ms.

The database is a station that calls no other; its servers are the connections that the pool may open. Limits
are those below which HikariCP (HikariConfig.validateNumerics) falls back to its default.
"""

from __future__ import annotations

from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "HikariCP"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of the pool before every station that calls no other."""
    leaves = [s.name for s in network.stations if not s.calls and s.name != network.entry]
    return [knob for name in leaves for knob in _pool(name)]


def _pool(service: str) -> list[Knob]:
    def ms(name: str, low: float, high: float, meaning: str, *, off: float | None = 0) -> Knob:
        return Knob(service, name, "ms", low, high, meaning, whole=True, log=True, off=off)

    return [
        Knob(
            service, "maximumPoolSize", "connections", 1, 1024, "connections, idle and in use",
            f"{service}.pool.servers", whole=True, log=True,
        ),
        Knob(
            service, "minimumIdle", "connections", 0, 1024, "idle connections kept; unset, the pool is fixed",
            whole=True,
        ),
        ms("connectionTimeout", 250, 600_000, "wait for a connection before an SQLException"),
        ms("validationTimeout", 250, 600_000, "time to test a connection", off=None),
        ms("idleTimeout", 10_000, 86_400_000, "idle time before a connection above minimumIdle closes"),
        ms("keepaliveTime", 30_000, 86_400_000, "time between pings of an idle connection"),
        ms("maxLifetime", 30_000, 86_400_000, "age at which a connection closes"),
        ms("leakDetectionThreshold", 2_000, 86_400_000, "time in use after which a leak is logged"),
    ]  # fmt: skip
