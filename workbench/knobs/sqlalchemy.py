"""SQLAlchemy's pool, such as `orders/pool_size`, with the arguments of create_engine; times in seconds.

QueuePool opens pool_size + max_overflow connections at most. pool_size moves the connections of the
service's only call to a station that calls no other, and is all of them where max_overflow is 0, as a new
file says. pool_use_lifo chooses among connections and not among those who wait, which is another order
than the network's.

Evidence: pool_size and max_overflow by checked out connections (Engine.pool.status()) and by "QueuePool
limit … reached" in the log; pool_timeout by the wait before a query in traces; pool_recycle and
pool_pre_ping by connections that the database had closed.
"""

from __future__ import annotations

from workbench.knobs._calls import only_call
from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "SQLAlchemy"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's pool."""
    return [knob for s in network.stations if s.name != network.entry for knob in _pool(network, s.name)]


def _pool(network: Network, service: str) -> list[Knob]:
    call = only_call(network, service, leaf=True)
    return [
        Knob(
            service, "pool_size", "connections", 1, 10_000, "connections kept",
            call and f"{call}.pool.servers", whole=True, log=True, off=0,
        ),
        Knob(
            service, "max_overflow", "connections", 0, 10_000, "connections beyond, closed after use",
            whole=True,
        ),
        Knob(
            service, "pool_timeout", "s", 0.01, 3600, "wait for a connection before a TimeoutError",
            call and f"{call}.pool.wait_s", log=True,
        ),
        Knob(
            service, "pool_recycle", "s", 1, 86_400, "age at which a connection is replaced",
            whole=True, log=True, off=-1,
        ),
        Knob(
            service, "pool_pre_ping", "", 0, 0, "test a connection before use", choices=("false", "true")
        ),
        Knob(
            service, "pool_use_lifo", "", 0, 0, "take the connection that was used last",
            choices=("false", "true"),
        ),
    ]  # fmt: skip
