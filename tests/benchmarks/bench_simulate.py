"""The twin's kernel against SimPy and Ciw on the same queue, and how its cost grows.

c = 32 servers at load 0.9, work as a gamma law of shape 4: without and with timeout, two retries, token
bucket and breaker. Then five tiers with every mechanism, a slider's move, and the cost by events and servers.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from tests.benchmarks import Absent, Figure, Row, _queues
from tests.benchmarks._timing import medians
from workbench import read
from workbench.network import Call, Demand, Network, Station, Workload
from workbench.policies import (
    Balance,
    Breaker,
    Cache,
    Codel,
    Concurrency,
    Contention,
    Cpu,
    Gc,
    Limit,
    Outliers,
    Pool,
    RetryBudget,
)
from workbench.twin import kernel, world
from workbench.twin.calibrate import calibrate
from workbench.twin.model import glance

REQUESTS, SERVERS, LOAD = 50_000, 32, 0.9
CAPTURES = Path(__file__).parents[2] / "data" / "captures"
TABLE = np.sort(np.random.default_rng(1).gamma(4, 0.25, 1024))
MECHANISMS = "timeout, retries, bucket, breaker"


def run() -> Iterator[Row | Figure | Absent]:
    """Give the rows against each peer, then the figures without one."""
    absent = [name for name in ("simpy", "ciw") if importlib.util.find_spec(name) is None]
    yield from (Absent(f"simulation, {name}", f"pip install {name}") for name in absent)
    arrivals = _poisson(LOAD * SERVERS, REQUESTS)
    plain = _ours(Station("s", Pool(SERVERS)), None, arrivals)
    guarded = _ours(
        Station("s", Pool(SERVERS), Limit(LOAD * SERVERS * 1.2, 50)),
        Call("s", 3.0, 3, 0.05, breaker=Breaker("consecutive", 5, open_s=1.0)),
        arrivals,
    )
    work = np.random.default_rng(2).choice(TABLE, 3 * REQUESTS).tolist()
    times = arrivals.tolist()
    peers: list[tuple[str, str, Callable[[], object], Callable[[], object]]] = [
        ("M/G/32", "simpy", plain, lambda: _queues.simpy_plain(times, work, SERVERS)),
        ("M/G/32", "ciw", plain, lambda: _queues.ciw_plain(LOAD * SERVERS, work, SERVERS, times[-1])),
        (MECHANISMS, "simpy", guarded, partial(_simpy_guarded, times, work)),
    ]
    for what, peer, ours, theirs in peers:
        if peer not in absent:
            yield Row(f"{REQUESTS:,} requests, {what}", *_against(peer, ours, theirs))
    yield _five_tiers()
    yield from _slider()
    yield from _growth()


def _against(peer: str, ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, str, float]:
    ours_s, theirs_s = medians(ours, theirs, times=5)
    return ours_s, peer, theirs_s


def _simpy_guarded(times: list[float], work: list[float]) -> object:
    return _queues.simpy_guarded(
        times, work, SERVERS, timeout_s=3.0, rate_rps=LOAD * SERVERS * 1.2, burst=50.0
    )


def _ours(station: Station, call: Call | None, arrivals: np.ndarray) -> Callable[[], object]:
    stations = (station,) if call is None else (Station("callers", calls=(call,)), station)
    network = Network(stations, entry=stations[0].name)
    workload = Workload(np.ones(1), 1.0, {station.name: Demand(TABLE)})
    return lambda: kernel.run(network, workload, arrivals, 1)


def _five_tiers() -> Figure:
    """One mechanism of every kind at every tier; events are arrivals and all that was scheduled.

    A timer counts even if its answer came first, and it only stood in a queue.
    """
    names = ["callers", "t1", "t2", "t3", "t4", "t5"]
    stations = tuple(_tier(name, names[i + 1 :]) for i, name in enumerate(names))
    demand = {name: Demand(TABLE * 0.01, TABLE * 0.002) for name in names[1:]}
    pauses = {name: np.full(TABLE.size, 0.01) for name in names[1:]}
    workload = Workload(np.array([100.0]), 1.0, demand, pauses=pauses, persistence=0.3)
    arrivals = _poisson(100.0, REQUESTS)
    plan = kernel.plan_of(Network(stations, "callers"), workload, seed=1)
    plan.counts[[world.LEFT, world.GOES_ON, world.CREATED]] = -1
    seconds, events = [], 0
    for _ in range(4):
        w = plan._replace(
            **{name: value.copy() for name, value in plan._asdict().items() if isinstance(value, np.ndarray)},
        )
        w = w._replace(visits=np.zeros(20 * REQUESTS, world.VISIT), heap=np.zeros(1 << 20, world.EVENT))
        began = time.perf_counter()
        if not kernel.loop(w, arrivals, *kernel.most_at_once(w)):
            raise RuntimeError("the benchmark's arrays are too small")
        seconds.append(time.perf_counter() - began)
        events = int(w.counts[world.SCHEDULED] + w.counts[world.TAKEN])
        visits = int(w.counts[world.ROWS])
    rate = events / statistics.median(seconds[1:])
    return Figure(
        "five tiers, all mechanisms", f"{rate / 1e6:.1f} million events/s ({events:,} of {visits:,} visits)"
    )


def _tier(name: str, later: list[str]) -> Station:
    calls = tuple(
        Call(
            to, 1.0, 3, 0.01, 0.5, overall_s=2.0, hedge_s=0.2, cancels=True, fallback=True, pool=Pool(64, 64),
            breaker=Breaker("count window", window=100), budget=RetryBudget("active"),
            balance=Balance("two choices"), outliers=Outliers(5), cache=Cache(100, 1000),
        )
        for to in later[:1]
    )  # fmt: skip
    if name == "callers":
        return Station(name, calls=calls)
    return Station(
        name, Pool(16, 64), Limit(500.0, 50), calls, deadline_s=2.0, instances=2,
        concurrency=Concurrency("gradient2", 50), codel=Codel(0.05, 0.1), cpu=Cpu("shared", 4.0, 3.0),
        contention=Contention(0.001), gc=Gc(1e5, 1e8),
    )  # fmt: skip


def _slider() -> Iterator[Figure]:
    for name in ("shop-healthy", "shop-incident"):
        twin = calibrate(read(CAPTURES / name), seed=1)
        key = next(knob.key for knob in twin.knobs if knob.key.endswith("workers"))
        moves = [partial(glance, twin, {key: workers}) for workers in (8, 16)]
        slower_ms = 1e3 * max(medians(*moves, times=9))
        yield Figure(f"slider move, {name}", f"{slower_ms:.0f} ms for 20,000 requests")


def _growth() -> Iterator[Figure]:
    base = Station("s", Pool(SERVERS))
    by_events = [_each_ns(base, LOAD * SERVERS, n) for n in (25_000, 100_000, 400_000)]
    shown = ", ".join(f"{ns:.0f}" for ns in by_events)
    yield Figure("25,000, 100,000, 400,000 requests", f"{shown} ns a request")
    by_size = [_each_ns(Station("s", Pool(c)), LOAD * c, 100_000) for c in (8, 64, 512, 4096)]
    shown = ", ".join(f"{ns:.0f}" for ns in by_size)
    yield Figure("8, 64, 512, 4,096 servers", f"{shown} ns a request")


def _each_ns(station: Station, rate_rps: float, n: int) -> float:
    ours = _ours(station, None, _poisson(rate_rps, n))
    return 1e9 * min(medians(ours, ours, times=3)) / n


def _poisson(rate_rps: float, n: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(3).exponential(1 / rate_rps, n))
