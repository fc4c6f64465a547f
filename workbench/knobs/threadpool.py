"""java.util.concurrent.ThreadPoolExecutor, such as `orders/corePoolSize`, with the names of its constructor.

`queueCapacity` is that of its work queue. A thread beyond corePoolSize starts only when the queue is full
(Javadoc of ThreadPoolExecutor, "Queuing"), so the workers of the network are the core threads and its
queue the work queue; what lies between core and maximum no mechanism has. A refusal is AbortPolicy's.

Evidence: corePoolSize, maximumPoolSize and queueCapacity by executor_active_threads, executor_queued_tasks
and the share of rejected tasks (role "pool" of metrics, thread dumps); keepAliveTime and
allowCoreThreadTimeOut by threads started a second.
"""

from __future__ import annotations

from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "ThreadPoolExecutor"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's pool of workers."""
    return [knob for s in network.stations if s.name != network.entry for knob in _pool(s.name)]


def _pool(service: str) -> list[Knob]:
    def threads(name: str, meaning: str, path: str = "") -> Knob:
        return Knob(service, name, "threads", 1, 10_000, meaning, path, whole=True, log=True)

    return [
        threads("corePoolSize", "threads that are kept", f"{service}.pool.servers"),
        threads("maximumPoolSize", "threads at most, once the queue is full"),
        Knob(
            service, "queueCapacity", "tasks", 0, 10_000_000, "places to wait; when full, refused",
            f"{service}.pool.queue", whole=True, off=2**31 - 1,
        ),
        Knob(
            service, "keepAliveTime", "ms", 0, 86_400_000, "idle time before a thread beyond the core ends",
            whole=True,
        ),
        Knob(
            service, "allowCoreThreadTimeOut", "", 0, 0, "let idle core threads end too",
            choices=("false", "true"),
        ),
        Knob(
            service, "rejectedExecutionHandler", "", 0, 0, "what becomes of a task that finds no place",
            choices=("AbortPolicy", "CallerRunsPolicy", "DiscardPolicy", "DiscardOldestPolicy"),
        ),
    ]  # fmt: skip
