"""The own work of a visit, seeded: a function of the seed, the service, the request and its path of tries."""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import NormalDist

from workbench.lab.orphan import die_with_parent
from workbench.lab.shop import WorkSettings

_NORMAL = NormalDist()
_CHUNK = 2_000


def uniform(seed: int, *parts: object) -> float:
    """Give the uniform draw in (0, 1) that belongs to these parts."""
    text = "\x1f".join(map(str, (seed, *parts)))
    whole = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    return ((whole >> 11) + 0.5) / (1 << 53)


def lognormal(mean: float, cv: float, share: float) -> float:
    """Give the quantile at `share` of the lognormal law of that mean and coefficient of variation."""
    if cv == 0:
        return mean
    spread = math.sqrt(math.log1p(cv * cv))
    return mean * math.exp(spread * _NORMAL.inv_cdf(share) - spread * spread / 2)


class Worker:
    """Does the work of a service: waits, or computes in worker processes that die with this one."""

    def __init__(self, settings: WorkSettings) -> None:
        self.settings = settings
        self._processes: ProcessPoolExecutor | None = None
        if settings.kind == "cpu":
            self._processes = ProcessPoolExecutor(
                settings.processes, get_context("spawn"), _prepare, (os.getpid(),)
            )

    async def start(self) -> None:
        """Start and calibrate the worker processes, so that no visit pays for it."""
        if self._processes is not None:
            loop = asyncio.get_running_loop()
            starts = [
                loop.run_in_executor(self._processes, compute, 0.2) for _ in range(self.settings.processes)
            ]
            await asyncio.gather(*starts)

    def work(self, share: float) -> Awaitable[None]:
        """Do the work of the visit whose draw is `share`."""
        loop = asyncio.get_running_loop()
        duration = lognormal(self.settings.mean_s, self.settings.cv, share)
        if self._processes is not None:
            return loop.run_in_executor(self._processes, compute, duration)
        return _until(loop, loop.time() + duration)

    def stop(self) -> None:
        """End the worker processes once they have finished what they do."""
        if self._processes is not None:
            self._processes.shutdown(wait=False, cancel_futures=True)


def compute(duration_s: float) -> None:
    """Compute for about `duration_s` seconds of an undisturbed core, by the rate measured at the start."""
    _loop(max(1, round(duration_s * _rate)))


def _loop(chunks: int) -> int:
    total = 0
    for _ in range(chunks):
        for value in range(_CHUNK):
            total ^= value
    return total


_rate = 10_000.0  # chunks a second; measured in each worker process when it starts


def _prepare(parent: int) -> None:
    global _rate
    die_with_parent(parent)
    _rate = max(map(_measured_rate, range(7)))


def _measured_rate(_: int, chunks: int = 200, clock: Callable[[], float] = time.perf_counter) -> float:
    start = clock()
    _loop(chunks)
    return chunks / (clock() - start)


async def _until(loop: asyncio.AbstractEventLoop, when: float) -> None:
    done = loop.create_future()
    timer = loop.call_at(when, done.set_result, None)
    try:
        await done
    finally:
        timer.cancel()
