"""database/sql of a Go program, such as `orders/database.maxOpenConns`; times in seconds.

The pool is that of the service's only call to a station that calls no other; names are those of DB's
setters. A query waits for a connection as long as its context lasts.

Evidence: maxOpenConns by go_sql_wait_count_total and go_sql_wait_duration_seconds_total against
go_sql_in_use_connections (DBStats); maxIdleConns and connMaxIdleTime by go_sql_max_idle_closed_total;
connMaxLifetime by go_sql_max_lifetime_closed_total.
"""

from __future__ import annotations

from workbench.knobs._calls import only_call
from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "Go database/sql"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's pool."""
    return [knob for s in network.stations if s.name != network.entry for knob in _pool(network, s.name)]


def _pool(network: Network, service: str) -> list[Knob]:
    call = only_call(network, service, leaf=True)
    return [
        Knob(
            service, "database.maxOpenConns", "connections", 1, 10_000, "connections; more wait",
            call and f"{call}.pool.servers", whole=True, log=True, off=0,
        ),
        Knob(service, "database.maxIdleConns", "connections", 0, 10_000, "idle connections kept", whole=True),
        Knob(
            service, "database.connMaxLifetime", "s", 0.001, 86_400, "age at which a connection closes",
            log=True, off=0,
        ),
        Knob(
            service, "database.connMaxIdleTime", "s", 0.001, 86_400, "idle time before a connection closes",
            log=True, off=0,
        ),
    ]  # fmt: skip
