"""HikariCP's connection pools, by Micrometer or by HikariCP's own trackers for Prometheus.

hikaricp_connections_active{pool="HikariPool-1"} 3

HikariCP's own trackers (com.zaxxer.hikari.metrics.prometheus) write hikaricp_active_connections.
"""

from __future__ import annotations

from workbench.presets._seam import PROCESS, Fill

_POOL = {"pool": "pool"}

NAME = "HikariCP"
VIEW = PROCESS
FILLS = (
    Fill("pool_size", ("hikaricp_connections_max", "hikaricp_max_connections"), _POOL),
    Fill("pool_in_use", ("hikaricp_connections_active", "hikaricp_active_connections"), _POOL),
    Fill("pool_waiting", ("hikaricp_connections_pending", "hikaricp_pending_threads"), _POOL),
    Fill("pool_wait", ("hikaricp_connections_acquire_seconds",), _POOL),
    Fill("pool_wait", ("hikaricp_connection_acquired_nanos",), _POOL, unit="ns"),
    Fill("pool_timeouts", ("hikaricp_connections_timeout_total", "hikaricp_connection_timeout_total"), _POOL),
)
ALSO = ("hikaricp_*",)
