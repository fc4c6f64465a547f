"""The kernel on requests followed by hand, laws that hold for every run, and the room that a run needs."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.twin.runs import exponential, follow, one_station, outcomes, poisson, results
from workbench.network import Call, Demand, Network, Station, Workload
from workbench.policies import Limit, Pool
from workbench.twin import kernel, world

# -- requests followed by hand -----------------------------------------------------------------------------


def test_waiting_is_first_come_first_served():
    log = one_station(Pool(1), np.full(1, 2.0), times=[0.0, 0.5, 1.0])
    assert log["started"].tolist() == [0.0, 2.0, 4.0]
    assert log["ended"].tolist() == [2.0, 4.0, 6.0]

    busy = one_station(Pool(3), exponential(1.0), 3.3, n=5000, seed=17)
    assert (np.diff(busy["started"]) >= 0).all()


def test_full_queue_refuses_at_once():
    log = one_station(Pool(1, 1), np.full(1, 2.0), times=[0.0, 0.5, 1.0, 2.5])
    assert outcomes(log) == ["ok", "ok", "refused", "ok"]
    assert log["ended"].tolist() == [2.0, 4.0, 1.0, 6.0]
    assert np.isnan(log["started"][2])


def test_at_one_instant_an_arrival_comes_before_a_server_is_freed():
    assert outcomes(one_station(Pool(1, 0), np.full(1, 2.0), times=[0.0, 2.0, 4.5])) == [
        "ok",
        "refused",
        "ok",
    ]


def test_visit_works_calls_and_works_again_while_it_holds_its_server():
    front = Station("a", Pool(1), calls=(Call("b"), Call("c")))
    log = follow(
        (front, Station("b"), Station("c")),
        {"a": (1.0, 2.0), "b": (4.0, None), "c": (8.0, None)},
        [0.0, 3.0],
        transit={"a.b": 0.5},
    )
    a, b, later, c, *_ = log
    assert (a["started"], b["sent"], b["arrived"], b["ended"]) == (0.0, 1.0, 1.5, 5.5)
    assert (c["sent"], c["ended"], a["ended"]) == (5.5, 13.5, 15.5)
    assert later["started"] == 15.5
    assert (a["parent"], b["parent"], b["station"], c["call"]) == (-1, 0, 1, 1)


def test_timed_out_try_is_repeated_after_the_backoff_and_goes_on_at_the_callee():
    """Tries at 0, 1.5 and 3.5: a timeout of 1, then waits of 0.5 and twice that."""
    front = Station("a", calls=(Call("b", timeout_s=1.0, attempts=3, backoff_s=0.5),))
    log = follow((front, Station("b", Pool(1))), {"b": (2.0, None)}, [0.0])
    root, tries = log[0], log[1:]
    assert tries["sent"].tolist() == [0.0, 1.5, 3.5]
    assert tries["heard"].tolist() == [1.0, 2.5, 4.5]
    assert results(tries) == ["timeout"] * 3
    assert outcomes(tries) == ["ok"] * 3
    assert tries["started"].tolist() == [0.0, 2.0, 4.0]
    assert tries["ended"].tolist() == [2.0, 4.0, 6.0]
    assert (root["ended"], outcomes(log)[0]) == (4.5, "failed")


def test_answer_at_the_instant_of_the_timeout_is_too_late():
    front = Station("a", calls=(Call("b", timeout_s=2.0),))
    assert outcomes(follow((front, Station("b")), {"b": (2.0, None)}, [0.0])) == ["failed", "ok"]


def test_refusal_on_arrival_at_the_instant_of_the_timeout_is_heard_as_refusal():
    """The try was sent, and its arrival scheduled, before its timeout was."""
    front = Station("a", calls=(Call("b", timeout_s=2.0),))
    full = Station("b", Pool(1, 0))
    log = follow((front, full), {"b": (9.0, None)}, [0.0, 0.0], transit={"a.b": 2.0})
    assert results(log[log["parent"] >= 0]) == ["timeout", "refused"]


def test_retry_that_finds_room_saves_the_request():
    """Both call at 0; the second is refused, tries again at 1 (refused) and at 3 (served until 5)."""
    front = Station("a", calls=(Call("b", attempts=3, backoff_s=1.0),))
    log = follow((front, Station("b", Pool(1, 0))), {"b": (2.0, None)}, [0.0, 0.0])
    assert outcomes(log)[:2] == ["ok", "ok"]
    assert log["ended"][:2].tolist() == [2.0, 5.0]
    second = log[log["request"] == 1][1:]
    assert second["sent"].tolist() == [0.0, 1.0, 3.0]
    assert results(second) == ["refused", "refused", "ok"]


def test_429_is_not_retried():
    front = Station("a", calls=(Call("b", attempts=3, backoff_s=1.0),))
    log = follow((front, Station("b", limit=Limit(0.1, 1))), {"b": (1.0, None)}, [0.0, 0.5])
    assert outcomes(log) == ["ok", "ok", "failed", "limited"]  # the first request and its try, the second's
    assert log["ended"].tolist() == [1.0, 1.0, 0.5, 0.5]


def test_failure_below_is_retried_at_every_hop_above():
    """One call in a chain of two, two tries each: the last station is asked four times."""
    top = Station("a", calls=(Call("b", attempts=2),))
    middle = Station("b", calls=(Call("c", attempts=2),))
    log = follow((top, middle, Station("c", Pool(1, 0))), {"c": (9.0, None)}, [0.0, 0.0])
    asked = Counter(zip(log["request"].tolist(), log["station"].tolist(), strict=True))
    assert asked == {(0, 0): 1, (0, 1): 1, (0, 2): 1, (1, 0): 1, (1, 1): 2, (1, 2): 4}
    assert log["outcome"][log["parent"] == -1].tolist() == [world.OK, world.FAILED]


def test_deadline_is_inherited_and_work_that_starts_after_it_is_not_done():
    """Deadline 3 at a. Two requests at 0 keep b's one server until 2 and 4; a third would start at 4."""
    front = Station("a", calls=(Call("b"),), deadline_s=3.0)
    log = follow((front, Station("b", Pool(1))), {"b": (2.0, None)}, [0.0, 0.0, 0.0])
    roots, tries = log[log["parent"] == -1], log[log["parent"] >= 0]
    assert outcomes(roots) == ["ok", "expired", "expired"]
    assert roots["ended"].tolist() == [2.0, 3.0, 3.0]
    assert outcomes(tries) == ["ok", "ok", "expired"]
    assert tries["started"].tolist() == [0.0, 2.0, 4.0]
    assert tries["ended"].tolist() == [2.0, 4.0, 4.0]


def test_time_on_the_way_does_not_count_against_the_inherited_deadline():
    """What remains travels: 3 - 1 s are left at sending, so b takes work until 1.5 + 2."""
    front = Station("a", calls=(Call("b"),), deadline_s=3.0)
    log = follow(
        (front, Station("b", Pool(1))), {"a": (1.0, None), "b": (1.9, None)}, [0.0, 0.0], {"a.b": 0.5}
    )
    tries = log[log["parent"] >= 0]
    assert tries["started"].tolist() == [1.5, 3.4]
    assert outcomes(tries) == ["ok", "ok"]
    assert results(tries) == ["timeout", "timeout"]


def test_no_retry_begins_that_could_only_begin_after_the_deadline():
    """A timeout at 1 and a backoff of 1.5 end at 2.5; a deadline of 2.5 or less makes that the end."""
    for deadline_s, ended, tries, outcome in [
        (2.6, 2.6, 2, "expired"),
        (2.5, 1.0, 1, "failed"),
        (0.9, 0.9, 1, "expired"),
    ]:
        front = Station(
            "a", calls=(Call("b", timeout_s=1.0, attempts=2, backoff_s=1.5),), deadline_s=deadline_s
        )
        log = follow((front, Station("b")), {"b": (9.0, None)}, [0.0])
        assert (log["ended"][0], log.size - 1, outcomes(log)[0]) == (ended, tries, outcome)


def test_work_begun_in_time_is_finished_and_answered_late():
    log = follow((Station("a", deadline_s=1.0),), {"a": (5.0, 2.0)}, [0.0])
    assert (log["ended"][0], outcomes(log)) == (7.0, ["ok"])


# -- laws that hold for every run --------------------------------------------------------------------------


def test_every_visit_ends_with_one_outcome_and_every_caller_hears():
    log = shop(orders_servers=2, rate_rps=8.0)
    assert (log["outcome"] != world.RUNNING).all()
    assert (log["result"] != world.RUNNING).all()
    assert not np.isnan(log["ended"]).any()
    assert not np.isnan(log["heard"]).any()
    roots = log[log["parent"] == -1]
    assert np.array_equal(np.sort(roots["request"]), np.arange(2000))
    assert np.array_equal(roots["result"], roots["outcome"])
    heard_in_time = log["result"] != world.TIMEOUT
    assert np.array_equal(log["result"][heard_in_time], log["outcome"][heard_in_time])
    counts = Counter(outcomes(roots))
    assert sum(counts.values()) == 2000
    assert set(counts) == {"ok", "failed"}
    assert {"ok", "failed", "refused"} <= set(outcomes(log))


def test_another_pool_size_leaves_every_visits_work_unchanged():
    few, many = shop(orders_servers=3, rate_rps=8.0), shop(orders_servers=8, rate_rps=8.0)
    works = [
        {
            identity: visit["ended"] - visit["started"]
            for identity, visit in zip(identities(log), log, strict=True)
            if visit["station"] == 2 and visit["outcome"] == world.OK
        }
        for log in (few, many)
    ]
    common = works[0].keys() & works[1].keys()
    assert len(common) > 1000
    assert any(len(identity) == 3 and identity[2][1] > 0 for identity in common)  # retries among them
    np.testing.assert_allclose(
        [works[0][visit] for visit in common], [works[1][visit] for visit in common], rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("persistence", [0.0, 0.3, 1.0])
def test_retry_meets_the_work_of_the_first_try_again_as_often_as_the_workload_says(persistence: float):
    """The share of retries with equal work, at the callee's callee too, is within four standard errors."""
    n = 5000
    top = Station("a", calls=(Call("b", timeout_s=1e-3, attempts=2),))
    network = Network((top, Station("b", calls=(Call("c"),)), Station("c")), entry="a")
    work = {"b": Demand(exponential(1.0, 256)), "c": Demand(exponential(1.0, 256))}
    workload = Workload(np.ones(1), 1.0, work, persistence=persistence)
    log = kernel.run(network, workload, 100.0 * np.arange(n), 6)
    assert log.size == 5 * n  # the root, and two tries at each station below
    log = log[np.lexsort((log["sent"], log["request"]))]
    spent = log["ended"] - log["started"]
    again = [
        np.isclose(*spent[log["station"] == station].reshape(-1, 2).T, rtol=0, atol=1e-9)
        for station in (1, 2)
    ]
    assert np.array_equal(*again)
    assert abs(again[0].mean() - persistence) <= 4 * np.sqrt(persistence * (1 - persistence) / n)


def test_the_same_seed_gives_the_same_log_and_another_seed_another():
    fields = list(world.LOG.names)
    first, again, other = (shop(2, 8.0, seed=seed)[fields].copy() for seed in (1, 1, 2))
    assert first.astype(world.LOG).tobytes() == again.astype(world.LOG).tobytes()
    assert first.astype(world.LOG).tobytes() != other.astype(world.LOG).tobytes()


def test_a_longer_run_begins_with_the_same_visits():
    """What is drawn does not depend on how many requests there are, nor on the rows set aside for them."""
    work = Workload(np.array([1.0]), 1.0, {"s": Demand(exponential(1.0, 64))})
    network, times = Network((Station("s", Pool(2)),), "s"), poisson(1.5, 3000, seed=4)
    short, long = kernel.run(network, work, times[:500], 9), kernel.run(network, work, times, 9)
    for name in world.LOG.names:
        np.testing.assert_array_equal(short[name], long[name][:500])


def shop(orders_servers: int, rate_rps: float, seed: int = 1) -> np.ndarray:
    """Two thousand requests through three stations with retries, timeouts and short queues."""
    network = Network(
        (
            Station("gateway", Pool(40, 5), calls=(Call("orders", 2.0, 3, 0.1, 1.0),)),
            Station("orders", Pool(orders_servers, 6), calls=(Call("payments", 1.0, 2, 0.05, 0.5),)),
            Station("payments", Pool(6, 10)),
        ),
        entry="gateway",
    )
    demand = {
        "gateway": Demand(exponential(0.01, 256), exponential(0.01, 256)),
        "orders": Demand(exponential(0.15, 256)),
        "payments": Demand(exponential(0.3, 256)),
    }
    workload = Workload(np.array([rate_rps]), 1.0, demand)
    return kernel.run(network, workload, poisson(rate_rps, 2000, seed=21), seed)


def identities(log: np.ndarray) -> list[tuple]:
    """Name each visit by its request and the (call, attempt) of every hop on the way to it."""
    named: list[tuple] = []
    for visit in log:
        above = named[visit["parent"]] if visit["parent"] >= 0 else (int(visit["request"]),)
        hop = ((int(visit["call"]), int(visit["attempt"])),) if visit["parent"] >= 0 else ()
        named.append(above + hop)
    return named
