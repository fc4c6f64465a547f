"""PgBouncer by pgbouncer_exporter: each database is a station, its server connections a pool.

pgbouncer_pools_server_active_connections{database="shop",user="postgres"} 2

The console's own database, pgbouncer, is left out. Before version 0.6 of the exporter its counters were named
without "totals" or with other units.
"""

from __future__ import annotations

from workbench.presets._seam import PROXY, Fill

_DATABASE = {"service": "database"}
_REAL = {"database": "(?!pgbouncer$).+"}
_NAMED = {"name": "(?!pgbouncer$).+"}


def _of(role: str, *metrics: str) -> Fill:
    return Fill(role, metrics, _DATABASE, where=_REAL, traffic="sql")


NAME = "PgBouncer"
VIEW = PROXY
FILLS = (
    _of("requests", "pgbouncer_stats_totals_queries_pooled_total", "pgbouncer_stats_queries_pooled_total"),
    _of("latency_sum", "pgbouncer_stats_totals_queries_duration_seconds_total",
        "pgbouncer_stats_queries_duration_seconds_total"),
    _of("pool_in_use", "pgbouncer_pools_server_active_connections"),
    _of("pool_waiting", "pgbouncer_pools_client_waiting_connections"),
    _of("pool_waiting_s", "pgbouncer_stats_totals_client_wait_seconds_total",
        "pgbouncer_stats_client_wait_seconds_total"),
    Fill("pool_size", ("pgbouncer_databases_pool_size",), {"service": "name"}, where=_NAMED, traffic="sql"),
)  # fmt: skip
ALSO = ("pgbouncer_*",)
