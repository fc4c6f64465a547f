"""PgBouncer: the pool of server connections before a database, such as `payments/default_pool_size`; in s.

The database is a station that calls no other, and all that its callers ask goes through this pool: the
station's servers are the server connections, each held for a visit (a transaction, by pool_mode transaction),
and a client that has waited query_wait_timeout for one is disconnected (pgbouncer.ini(5)). Both hold for a
database of one instance. max_client_conn counts idle clients too, which no mechanism has.

Evidence: default_pool_size, min_pool_size and reserve_pool_size by the roles pool_in_use, pool_waiting and
pool_waiting_s (pgbouncer_pools_*; SHOW POOLS: cl_waiting, maxwait); query_wait_timeout by pool_waiting_s;
query_timeout by latency; max_client_conn and max_db_connections by client and server connections of
pgbouncer_pools_*; pool_mode by whether sessions keep what a transaction cannot; the servers' times by
connections made, in the log.
"""

from __future__ import annotations

from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "PgBouncer"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of the pool before every station that calls no other."""
    leaves = [s for s in network.stations if not s.calls and s.name != network.entry]
    return [knob for s in leaves for knob in _pool(s.name, f"{s.name}.pool" if s.instances == 1 else "")]


def _pool(service: str, pool: str) -> list[Knob]:
    def count(name: str, low: float, high: float, meaning: str, path: str = "", *, off=None) -> Knob:
        return Knob(service, name, "connections", low, high, meaning, path, whole=True, log=low > 0, off=off)

    def s(name: str, meaning: str, path: str = "") -> Knob:
        return Knob(service, name, "s", 0.001, 86_400, meaning, path, log=True, off=0)

    return [
        count(
            "default_pool_size", 1, 1024, "server connections of a user and database",
            pool and f"{pool}.servers",
        ),
        s("query_wait_timeout", "wait for a server before the client is cut off", pool and f"{pool}.wait_s"),
        count("max_client_conn", 1, 65_536, "client connections, idle ones too; above, refused"),
        count("min_pool_size", 0, 1024, "server connections kept open"),
        count("reserve_pool_size", 0, 1024, "further ones for clients that waited reserve_pool_timeout"),
        s("reserve_pool_timeout", "wait before the reserve is used"),
        count("max_db_connections", 1, 4096, "server connections of a database, all users", off=0),
        Knob(
            service, "pool_mode", "", 0, 2, "when a server connection is given back",
            choices=("session", "transaction", "statement"),
        ),
        s("query_timeout", "time of a query before it is cancelled and the client cut off"),
        s("idle_transaction_timeout", "idle time inside a transaction before the client is cut off"),
        s("server_idle_timeout", "idle time before a server connection closes"),
        s("server_lifetime", "age at which an idle server connection closes"),
        s("server_connect_timeout", "time to connect and log in"),
    ]  # fmt: skip
