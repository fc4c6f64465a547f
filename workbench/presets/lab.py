"""The lab's services, and the twin's own captures: histograms of visits and tries, and the worker pool.

worker_pool_busy_seconds_total 12.75
"""

from __future__ import annotations

from workbench.presets._seam import PROCESS, Fill

NAME = "lab"
VIEW = PROCESS
FILLS = (
    Fill("refused", ("http_server_refused_total",), {"reason": "reason"}),
    Fill("retries", ("http_client_retries_total",), {"target": "server"}),
    Fill("pool_size", ("worker_pool_size",)),
    Fill("pool_in_use", ("worker_pool_busy",)),
    Fill("pool_in_use_s", ("worker_pool_busy_seconds_total",)),
    Fill("pool_full_s", ("worker_pool_saturated_seconds_total",)),
    Fill("pool_waiting", ("worker_pool_queue_length",)),
    Fill("pool_waiting_s", ("worker_pool_queue_seconds_total",)),
    Fill("pool_limit", ("worker_pool_queue_limit",)),
    Fill("pool_wait", ("worker_pool_wait_seconds",)),
)
ALSO = ("worker_pool_*",)
