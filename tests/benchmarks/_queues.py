"""The same queue as people write it in SimPy and in Ciw, for `bench_simulate`: c servers, given requests.

The plain queue takes its arrivals and work times from outside, so that all simulate the same; Ciw is used
as in its guide, with its own arrivals.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np


def simpy_plain(arrivals: list[float], work: list[float], servers: int) -> list[float]:
    """Give the time of each request in the system."""
    import simpy

    env = simpy.Environment()
    pool = simpy.Resource(env, servers)
    taken = [0.0] * len(work)

    def request(i: int) -> Any:
        began = env.now
        with pool.request() as server:
            yield server
            yield env.timeout(work[i])
        taken[i] = env.now - began

    def source() -> Any:
        for i, time in enumerate(arrivals):
            yield env.timeout(time - env.now)
            env.process(request(i))

    env.process(source())
    env.run()
    return taken


def simpy_guarded(
    arrivals: list[float], work: list[float], servers: int, *, timeout_s: float, rate_rps: float, burst: float
) -> list[bool]:
    """Tell which requests got an answer: three tries each, a token bucket, a breaker on five failures."""
    import simpy

    env = simpy.Environment()
    pool = simpy.Resource(env, servers)
    good = [False] * len(arrivals)
    bucket = [burst, 0.0]  # tokens, when
    breaker = [0, -1.0]  # failures in a row, open until

    def admitted() -> bool:
        bucket[0] = min(burst, bucket[0] + (env.now - bucket[1]) * rate_rps)
        bucket[1] = env.now
        if bucket[0] < 1:
            return False
        bucket[0] -= 1
        return True

    def served(seconds: float, done: Any) -> Any:
        with pool.request() as server:
            yield server
            yield env.timeout(seconds)
        done.succeed()

    def request(i: int) -> Any:
        for attempt in range(3):
            if env.now > breaker[1]:
                if not admitted():
                    return
                done = env.event()
                env.process(served(work[3 * i + attempt], done))
                yield done | env.timeout(timeout_s)
                if done.triggered:
                    breaker[0] = 0
                    good[i] = True
                    return
                breaker[0] += 1
                if breaker[0] >= 5:
                    breaker[:] = [0, env.now + 1.0]
            yield env.timeout(0.05 * 2**attempt)

    def source() -> Any:
        for i, time in enumerate(arrivals):
            yield env.timeout(time - env.now)
            env.process(request(i))

    env.process(source())
    env.run()
    return good


def ciw_plain(rate_rps: float, work: list[float], servers: int, seconds: float) -> int:
    """Give how many requests were served in `seconds` of Poisson arrivals; work in the order given."""
    import ciw

    ciw.seed(1)
    left = deque(work)

    class Given(ciw.dists.Distribution):  # type: ignore[misc]
        def sample(self, t: float | None = None, ind: Any = None) -> float:
            return left.popleft() if left else float(np.mean(work))

    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate=rate_rps)],
        service_distributions=[Given()],
        number_of_servers=[servers],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(seconds)
    return len(simulation.get_all_records())
