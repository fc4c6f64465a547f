"""What a service counts for Prometheus, under the conventional names."""

from __future__ import annotations

from collections.abc import Iterator

import prometheus_client
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector

from workbench.lab.pool import WorkerPool

_SECONDS = (
    0.001, 0.002, 0.004, 0.0075, 0.015, 0.025, 0.04, 0.06, 0.09,
    0.13, 0.2, 0.3, 0.45, 0.7, 1, 1.5, 2.5, 5, 10, 20,
)  # fmt: skip

prometheus_client.disable_created_metrics()

VISITS = prometheus_client.Histogram(
    "http_server_request_duration_seconds",
    "Time from the arrival of a request to its answer.",
    ("method", "route", "status_code"),
    buckets=_SECONDS,
)
TRIES = prometheus_client.Histogram(
    "http_client_request_duration_seconds",
    "Time of one try at another service.",
    ("server", "outcome"),
    buckets=_SECONDS,
)
RETRIES = prometheus_client.Counter(
    "http_client_retries", "Tries after the first at another service.", ("server",)
)
REFUSED = prometheus_client.Counter("http_server_refused", "Requests answered without work.", ("reason",))
WAIT = prometheus_client.Histogram(
    "worker_pool_wait_seconds", "Time waited for a worker, by those who got one.", buckets=_SECONDS
)


def watch_pool(pool: WorkerPool) -> None:
    """Have the pool's state and integrals read at every scrape."""
    for reason in ("limit", "queue", "deadline"):
        REFUSED.labels(reason)
    REGISTRY.register(_PoolCollector(pool))


def exposition() -> bytes:
    """Give all metrics in the text format."""
    return prometheus_client.generate_latest()


CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST


class _PoolCollector(Collector):
    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        pool = self._pool
        pool.account()
        yield GaugeMetricFamily("worker_pool_size", "Workers.", pool.workers)
        yield GaugeMetricFamily("worker_pool_busy", "Workers held by a visit.", pool.busy)
        yield GaugeMetricFamily(
            "worker_pool_queue_length", "Visits that wait for a worker.", pool.queue_length
        )
        yield GaugeMetricFamily("worker_pool_queue_limit", "Places to wait for a worker.", pool.queue)
        yield CounterMetricFamily("worker_pool_busy_seconds", "Integral of the busy workers.", pool.busy_s)
        yield CounterMetricFamily(
            "worker_pool_saturated_seconds", "Time in which all workers were busy.", pool.saturated_s
        )
        yield CounterMetricFamily("worker_pool_queue_seconds", "Integral of the queue length.", pool.queued_s)
