"""What a service does with a request: limit, queue, work, call others with retries, answer.

The rules are those of `workbench.network`, word for word; a twin predicts this code. Times are those of the
running event loop, so that tests can run it on a clock of their own.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from workbench.lab.bucket import TokenBucket
from workbench.lab.pool import WorkerPool
from workbench.lab.shop import CallSettings, ServiceSettings
from workbench.lab.work import uniform

OK, LIMITED, BAD_GATEWAY, UNAVAILABLE, TOO_LATE = 200, 429, 502, 503, 504


@dataclass(frozen=True)
class Request:
    """A request as it reaches a service: its id, the tries that led here, and its remaining time."""

    id: str
    path: str
    remaining_s: float = math.inf


@dataclass(frozen=True)
class Answer:
    """The status, the time waited for a worker (None if none was got) and why it was refused, if it was."""

    status: int
    waited_s: float | None = None
    refused: str = ""


class Send(Protocol):
    """Sends try number `tries` (from 0) to another service, until `expires` at most.

    Gives the status of the answer, or the word "timeout" or "error".
    """

    def __call__(self, to: str, request: Request, tries: int, expires: float) -> Awaitable[int | str]: ...


class Service:
    """A service at work: its settings, which may change between two steps of a visit, its pool and bucket."""

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        seed: int,
        *,
        work: Callable[[float], Awaitable[None]],
        send: Send,
        clock: Callable[[], float],
    ) -> None:
        self.name, self.settings, self.seed = name, settings, seed
        self.pool = WorkerPool(settings.workers, settings.queue, clock)
        self.bucket = TokenBucket(settings.limit.rate_rps, settings.limit.burst, clock)
        self._work, self._send, self._clock = work, send, clock

    def change(self, settings: ServiceSettings, seed: int) -> None:
        """Go on under other settings."""
        self.settings, self.seed = settings, seed
        self.pool.resize(settings.workers, settings.queue)
        self.bucket.change(settings.limit.rate_rps, settings.limit.burst)

    async def visit(self, request: Request) -> Answer:
        """Answer a request that arrives now."""
        if not self.bucket.take():
            return Answer(LIMITED, refused="limit")
        deadline = self._clock() + min(request.remaining_s, self.settings.deadline_s or math.inf)
        promise = self.pool.admit()
        if promise is None:
            return Answer(UNAVAILABLE, refused="queue")
        waited_s = await promise
        try:
            if self._clock() >= deadline:
                return Answer(TOO_LATE, waited_s, refused="deadline")
            await self._work(uniform(self.seed, self.name, request.id, request.path, "work"))
            for callee, call in self.settings.calls.items():
                status = await self._call(callee, call, request, deadline)
                if status != OK:
                    return Answer(status, waited_s)
            return Answer(OK, waited_s)
        finally:
            self.pool.release()

    async def _call(self, callee: str, call: CallSettings, request: Request, deadline: float) -> int:
        for tries in range(call.attempts):
            pause = 0.0 if tries == 0 else self._backoff(call, request, callee, tries)
            if self._clock() + pause >= deadline:
                return TOO_LATE
            if pause:
                await asyncio.sleep(pause)
            now = self._clock()
            expires = min(now + (call.timeout_s or math.inf), deadline)
            onward = Request(request.id, f"{request.path}.{callee}{tries}", deadline - now)
            outcome = await self._send(callee, onward, tries, expires)
            if outcome == OK:
                return OK
            if outcome == LIMITED:
                break
        return TOO_LATE if self._clock() >= deadline else BAD_GATEWAY

    def _backoff(self, call: CallSettings, request: Request, callee: str, retry: int) -> float:
        draw = uniform(self.seed, self.name, request.id, request.path, "backoff", callee, retry)
        return call.backoff_s * 2 ** (retry - 1) * (1 - call.jitter * draw)
