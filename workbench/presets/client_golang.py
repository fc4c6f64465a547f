"""The collectors that client libraries of Prometheus bring along: process, Go with database/sql, JVM, Node.

go_sql_in_use_connections{db_name="shop"} 4

The JVM's are client_java's and the JMX exporter's, Node's prom-client's.
"""

from __future__ import annotations

from workbench.presets._seam import PROCESS, Fill

_POOL = {"pool": "db_name"}

NAME = "client libraries"
VIEW = PROCESS
FILLS = (
    Fill("cpu_s", ("process_cpu_seconds_total",)),
    Fill("memory_bytes", ("process_resident_memory_bytes",)),
    Fill("gc_pause", ("go_gc_duration_seconds", "jvm_gc_collection_seconds", "nodejs_gc_duration_seconds")),
    Fill("heap_bytes", ("go_memstats_heap_inuse_bytes", "nodejs_heap_size_used_bytes")),
    Fill("heap_bytes", ("jvm_memory_bytes_used",), where={"area": "heap"}),
    Fill("threads", ("go_goroutines", "jvm_threads_current")),
    Fill("pool_size", ("go_sql_max_open_connections",), _POOL),
    Fill("pool_in_use", ("go_sql_in_use_connections",), _POOL),
    Fill("pool_wait_count", ("go_sql_wait_count_total",), _POOL),
    Fill("pool_wait_sum", ("go_sql_wait_duration_seconds_total",), _POOL),
)
ALSO = ("go_*", "process_*", "python_*", "nodejs_*")
