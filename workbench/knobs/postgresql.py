"""PostgreSQL: limits of a server, such as `payments/max_connections`; sizes in kB and MB, times in ms.

Bounds are those of pg_settings, or narrower. A connection above max_connections is refused, so it is the
limit of visits inside a database of one instance where the network has a fixed one, each visit on a
connection of its own. statement_timeout stops work that has begun, which no deadline of the network does.

Evidence: max_connections by pg_stat_activity (numbackends) beside the sum of the pools before it;
shared_buffers and effective_cache_size by blks_hit and blks_read of pg_stat_database; work_mem by temp_files
and temp_bytes; statement_timeout and lock_timeout by the quantiles of pg_stat_statements and log_lock_waits;
idle_in_transaction_session_timeout by pg_stat_activity where state is "idle in transaction";
max_parallel_workers_per_gather by CPU use; checkpoint_timeout by pg_stat_bgwriter.
"""

from __future__ import annotations

from workbench.network import Network, Station
from workbench.settings import Knob

SYSTEM = "PostgreSQL"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every station that calls no other."""
    leaves = [s for s in network.stations if not s.calls and s.name != network.entry]
    return [knob for station in leaves for knob in _server(station)]


def _server(station: Station) -> list[Knob]:
    refuses = station.concurrency.kind == "fixed" and station.instances == 1

    def knob(name: str, unit: str, low: float, high: float, meaning: str, path="", *, off=None) -> Knob:
        return Knob(station.name, name, unit, low, high, meaning, path, whole=True, log=low > 0, off=off)

    def ms(name: str, meaning: str) -> Knob:
        return knob(name, "ms", 1, 86_400_000, meaning, off=0)

    return [
        knob(
            "max_connections", "connections", 4, 10_000, "connections, idle ones too; above, refused",
            f"{station.name}.concurrency.limit" if refuses else "",
        ),
        knob("superuser_reserved_connections", "connections", 0, 3, "of these, kept for superusers"),
        knob("shared_buffers", "MB", 1, 1_048_576, "memory for pages of tables and indexes"),
        knob("effective_cache_size", "MB", 1, 8_388_608, "memory that the planner takes for a cache"),
        knob("work_mem", "kB", 64, 67_108_864, "memory of one sort or hash before it spills"),
        knob("maintenance_work_mem", "kB", 1024, 67_108_864, "memory of one VACUUM or CREATE INDEX"),
        ms("statement_timeout", "time of a statement before it is aborted"),
        ms("lock_timeout", "wait for a lock before the statement is aborted"),
        ms("idle_in_transaction_session_timeout", "idle time in a transaction before the session ends"),
        ms("idle_session_timeout", "idle time outside one before the session ends"),
        knob("deadlock_timeout", "ms", 1, 600_000, "wait for a lock before looking for a deadlock"),
        knob("max_parallel_workers_per_gather", "workers", 0, 1024, "workers beside the one of a query"),
        knob("checkpoint_timeout", "s", 30, 86_400, "time between checkpoints"),
    ]  # fmt: skip
