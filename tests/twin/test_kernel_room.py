"""The loop writes only into the rows and events that it was given, however much one event sets off."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from tests.reference.networks import Case, cases
from tests.twin.runs import exponential
from workbench.network import Call, Change, Demand, Network, Station, Workload
from workbench.policies import Autoscaler, Breaker, Codel, Cpu, Gc, Pool
from workbench.twin import kernel, world
from workbench.twin.world import CREATED, GOES_ON, HEAPED, LEFT, ROWS

ROOM = 60_000  # of the memory beyond which nothing may be written


def work(network: Network, seconds: float, users: int = 0) -> Workload:
    table = np.full(1, seconds)
    demand = {station.name: Demand(table) for station in network.stations}
    pauses = {station.name: np.full(1, 0.5) for station in network.stations}
    return Workload(np.ones(1), 1.0, demand, users=users, think=table, pauses=pauses)


def long_chain() -> Case:
    """One answer frees a server at every one of 30 hops, and starts, sheds or pauses who waits there."""
    last = 30
    stations = tuple(
        Station(
            f"s{i}",
            Pool(last + 1 - i),
            codel=Codel(1e-9, 1e-9),
            cpu=Cpu("shared", 1.0),
            gc=Gc(1.0, 2.0),
            calls=(Call(f"s{i + 1}"),) if i < last else (),
        )
        for i in range(last + 1)
    )
    network = Network(stations, "s0")
    return Case(network, work(network, 0.1), 0.001 * np.arange(90), 1, (), np.inf)


def cancel_storm() -> Case:
    """A caller gives up 3 calls of 40 copies with 6 tries each; others wait for the connections."""
    calls = tuple(
        Call(
            to,
            attempts=6,
            hedge_s=0.01,
            overall_s=1.0,
            copies=40,
            together=True,
            cancels=True,
            pool=Pool(200, 10_000),
        )
        for to in ("b", "c", "d")
    )
    network = Network((Station("a", calls=calls), *(Station(name, Pool(1)) for name in "bcd")), "a")
    return Case(network, work(network, 5.0), np.array([0.0, 0.0, 0.5, 0.9]), 1, (), np.inf)


def refusals_at_once() -> Case:
    """Breakers open on the first failure: whole stages of 30 copies fail or fall back within one event."""
    stage = Call("b", copies=30, breaker=Breaker("consecutive", 1), fallback=True, attempts=3)
    network = Network(
        (Station("a", calls=(stage, Call("c", copies=30), stage)), Station("b", Pool(1, 0)), Station("c")),
        "a",
    )
    return Case(network, work(network, 0.3), 0.1 * np.arange(40), 1, (), np.inf)


def many_instances() -> Case:
    """An autoscaler starts 200 instances at once, a change stops them all, 500 users begin together."""
    scaler = Autoscaler(high=200, target=0.001, period_s=0.5, start_s=0.1, stabilise_s=0.0)
    busy = Station("a", Pool(1), cpu=Cpu("shared", 1.0), autoscaler=scaler)
    network = Network((busy,), "a")
    changes = (Change("paused", 2.0, 2.5, "a"), Change("lost", 3.0, 3.5, "a", 150))
    return Case(network, work(network, 0.2, users=500), np.array([0.0]), 1, changes, 5.0)


@pytest.mark.parametrize("storm", [long_chain, cancel_storm, refusals_at_once, many_instances])
def test_no_cascade_outgrows_what_one_event_may_add(storm):
    case = storm()
    most = run_in_close_quarters(case)
    assert max(most) > 25, "the storm is none"


def test_no_random_network_outgrows_what_one_event_may_add():
    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(cases())
    def fits(case: Case) -> None:
        run_in_close_quarters(case)

    fits()


def test_rows_and_events_that_outgrow_the_first_arrays_are_kept():
    """A retry storm of 7,500 requests in five bursts makes more than twice the rows foreseen."""
    caller = Station("a", calls=(Call("b", attempts=6, timeout_s=1.0, backoff_s=0.1, jitter=1.0),))
    network = Network((caller, Station("b", Pool(1, 0))), entry="a")
    workload = Workload(np.ones(1), 1.0, {"b": Demand(exponential(0.3, 64))})
    case = Case(network, workload, np.repeat(np.arange(5) * 7.0, 1500), 5, (), np.inf)
    assert run(case).size > 2 * 7500 * 1.2
    run_in_close_quarters(case)


def run(case: Case) -> np.ndarray:
    network, workload, arrivals, seed, changes, end_s = case
    return kernel.run(network, workload, arrivals, seed, changes=changes, end_s=end_s)


def run_in_close_quarters(case: Case) -> tuple[int, int]:
    """Give the loop just the room that one event may need, time and again; give the most that it took.

    The memory goes on behind that room, and must stay as it was. The log must be that of a run.
    """
    network, workload, arrivals, seed, changes, end_s = case
    w = kernel.plan_of(network, workload, changes=changes, end_s=end_s, seed=seed)
    w.counts[[LEFT, GOES_ON, CREATED]] = -1
    rows, scheduled = kernel.most_at_once(w)
    expected = run(case)
    visits, heap = np.zeros(expected.size + rows + 50, world.VISIT), np.zeros(ROOM, world.EVENT)
    visits["luck"], heap["code"] = 77, 77
    most = (0, 0)
    done = False
    while not done:
        before = w.counts[[ROWS, HEAPED]]
        end_of_rows, end_of_heap = (before + (rows, scheduled)).tolist()
        given = w._replace(visits=visits[:end_of_rows], heap=heap[:end_of_heap])
        behind = heap[end_of_heap : end_of_heap + 1000].copy()
        done = kernel.loop(given, arrivals, rows, scheduled)
        grown = w.counts[[ROWS, HEAPED]] - before
        most = (max(most[0], int(grown[0])), max(most[1], int(grown[1])))
        assert (visits["luck"][end_of_rows : end_of_rows + 100] == 77).all()
        assert (heap[end_of_heap : end_of_heap + 1000] == behind).all()
    for name in world.LOG.names:
        np.testing.assert_array_equal(visits[name][: w.counts[ROWS]], expected[name], err_msg=name)
    return most
