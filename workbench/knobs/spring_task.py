"""Spring Boot's task executor, such as `orders/spring.task.execution.pool.core-size`.

It runs what a request leaves behind (@Async) and not the request, so no mechanism moves with it. Names are
those of org.springframework.boot.autoconfigure.task.TaskExecutionProperties.

Evidence: core-size, max-size and queue-capacity by executor_active_threads and executor_queued_tasks with
name="applicationTaskExecutor"; keep-alive by threads started; the shutdown by tasks lost at a restart.
"""

from __future__ import annotations

from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "Spring Boot's task executor"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's task executor."""
    return [knob for s in network.stations if s.name != network.entry for knob in _executor(s.name)]


def _executor(service: str) -> list[Knob]:
    def knob(
        name: str, unit: str, low: float, high: float, meaning: str, *, off: float | None = None
    ) -> Knob:
        return Knob(service, f"spring.task.execution.{name}", unit, low, high, meaning, whole=True, off=off)

    return [
        knob("pool.core-size", "threads", 1, 10_000, "threads that are kept"),
        knob("pool.max-size", "threads", 1, 10_000, "threads at most, once the queue is full", off=2**31 - 1),
        knob("pool.queue-capacity", "tasks", 0, 10_000_000, "places to wait", off=2**31 - 1),
        knob("pool.keep-alive", "ms", 0, 86_400_000, "idle time before a thread ends"),
        Knob(
            service, "spring.task.execution.pool.allow-core-thread-timeout", "", 0, 0,
            "let idle core threads end too", choices=("false", "true"),
        ),
        Knob(
            service, "spring.task.execution.shutdown.await-termination", "", 0, 0,
            "let tasks end before the application does", choices=("false", "true"),
        ),
        knob("shutdown.await-termination-period", "ms", 0, 86_400_000, "time that they have for it"),
    ]  # fmt: skip
