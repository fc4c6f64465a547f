"""The collectors that client libraries of Prometheus bring along: processes, Go's runtime, database/sql, JVM.

go_sql_in_use_connections{db_name="shop"} 4

Go's own summary go_gc_duration_seconds has the pauses; of the JVM it is client_java and the JMX exporter.
"""

from __future__ import annotations

from workbench.presets._seam import PROCESS, Fill

_POOL = {"pool": "db_name"}

NAME = "client libraries"
VIEW = PROCESS
FILLS = (
    Fill("cpu_s", ("process_cpu_seconds_total",)),
    Fill("memory_bytes", ("process_resident_memory_bytes",)),
    Fill("gc_pause", ("go_gc_duration_seconds", "jvm_gc_collection_seconds")),
    Fill("heap_bytes", ("go_memstats_heap_inuse_bytes",)),
    Fill("heap_bytes", ("jvm_memory_bytes_used",), where={"area": "heap"}),
    Fill("threads", ("go_goroutines", "jvm_threads_current")),
    Fill("pool_size", ("go_sql_max_open_connections",), _POOL),
    Fill("pool_in_use", ("go_sql_in_use_connections",), _POOL),
    Fill("pool_wait_count", ("go_sql_wait_count_total",), _POOL),
    Fill("pool_wait_sum", ("go_sql_wait_duration_seconds_total",), _POOL),
)
ALSO = ("go_*", "process_*", "python_*")
