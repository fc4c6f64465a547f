"""A pool of workers with a bounded queue, first come, first served, and exact accounts of its use."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class WorkerPool:
    """Workers, each held from `admit` to `release`, and places to wait for one.

    `busy_s`, `saturated_s` and `queued_s` are the integrals over time of the busy workers, of "all are busy"
    and of the queue length, exact up to the last `account()`.
    """

    def __init__(self, workers: int, queue: int, clock: Callable[[], float]) -> None:
        self.workers, self.queue, self.busy = workers, queue, 0
        self.busy_s = self.saturated_s = self.queued_s = 0.0
        self._clock, self._accounted = clock, clock()
        self._waiting: deque[tuple[asyncio.Future[float], float]] = deque()

    @property
    def queue_length(self) -> int:
        """How many wait now."""
        return len(self._waiting)

    def account(self) -> None:
        """Bring the integrals up to now."""
        now = self._clock()
        passed, self._accounted = now - self._accounted, now
        self.busy_s += passed * self.busy
        self.queued_s += passed * len(self._waiting)
        if self.busy >= self.workers:
            self.saturated_s += passed

    def admit(self) -> asyncio.Future[float] | None:
        """Promise a worker; the result is the time waited in seconds. None if there is no place to wait."""
        self.account()
        promise: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        if self.busy < self.workers:
            self.busy += 1
            promise.set_result(0.0)
        elif len(self._waiting) < self.queue:
            self._waiting.append((promise, self._clock()))
        else:
            return None
        return promise

    def release(self) -> None:
        """Give a worker back; the one who has waited longest takes it up."""
        self.account()
        self.busy -= 1
        self._start_waiting()

    def resize(self, workers: int, queue: int) -> None:
        """Change the limits: more workers start waiters at once, fewer let holders and waiters finish."""
        self.account()
        self.workers, self.queue = workers, queue
        self._start_waiting()

    def _start_waiting(self) -> None:
        while self._waiting and self.busy < self.workers:
            promise, since = self._waiting.popleft()
            if not promise.done():  # done here means cancelled: the service is shutting down
                self.busy += 1
                promise.set_result(self._clock() - since)
