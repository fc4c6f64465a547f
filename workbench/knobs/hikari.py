"""HikariCP: the pool of connections to a database, such as `orders/maximumPoolSize`; times in ms.

The pool belongs to the service that calls the database, each instance has one: it is the pool of
connections of that service's only call to a station that calls no other, and nothing of the network where
there are none or several. A thread that waits longer than connectionTimeout gets an SQLException
(HikariPool.getConnection). Limits are those below which HikariCP (HikariConfig.validateNumerics) falls
back to its default.

Evidence: maximumPoolSize and connectionTimeout by hikaricp_connections_pending,
hikaricp_connections_acquire and hikaricp_connections_timeout_total; minimumIdle, idleTimeout and
maxLifetime by hikaricp_connections_creation; keepaliveTime and leakDetectionThreshold by the log.
"""

from __future__ import annotations

from workbench.knobs._calls import only_call
from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "HikariCP"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's pool."""
    return [knob for s in network.stations if s.name != network.entry for knob in _pool(network, s.name)]


def _pool(network: Network, service: str) -> list[Knob]:
    call = only_call(network, service, leaf=True)

    def ms(
        name: str, low: float, high: float, meaning: str, *, path: str = "", off: float | None = 0
    ) -> Knob:
        return Knob(service, name, "ms", low, high, meaning, path, scale=0.001, whole=True, log=True, off=off)

    return [
        Knob(
            service, "maximumPoolSize", "connections", 1, 1024, "connections, idle and in use",
            call and f"{call}.pool.servers", whole=True, log=True,
        ),
        Knob(
            service, "minimumIdle", "connections", 0, 1024, "idle connections kept; unset, the pool is fixed",
            whole=True,
        ),
        ms(
            "connectionTimeout", 250, 600_000, "wait for a connection before an SQLException",
            path=call and f"{call}.pool.wait_s",
        ),
        ms("validationTimeout", 250, 600_000, "time to test a connection", off=None),
        ms("idleTimeout", 10_000, 86_400_000, "idle time before a connection above minimumIdle closes"),
        ms("keepaliveTime", 30_000, 86_400_000, "time between pings of an idle connection"),
        ms("maxLifetime", 30_000, 86_400_000, "age at which a connection closes"),
        ms("leakDetectionThreshold", 2_000, 86_400_000, "time in use after which a leak is logged"),
    ]  # fmt: skip
