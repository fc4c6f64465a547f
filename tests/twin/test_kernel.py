"""The kernel against the naive reference, queueing theory, and requests followed by hand."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings

from tests.reference import naive
from tests.reference.networks import Case, cases
from workbench.network import Call, Demand, Limit, Network, Pool, Station, Workload
from workbench.twin import kernel, theory

POINTS = 1 << 16  # of the tables that stand for exact distributions
BATCHES = 25
FOUR = 4.0  # standard errors that a mean may be off; by chance it would be once in 2,000 tests


def test_log_is_that_of_the_naive_reference_bit_for_bit():
    seen: Counter[str] = Counter()

    @settings(max_examples=500)
    @given(cases())
    def agree(case: Case) -> None:
        log = run_both(case)
        seen.update(world.OUTCOMES[code] for code in log["outcome"])
        seen["timeout"] += int((log["result"] == world.TIMEOUT).sum())
        seen["queued"] += int((log["started"] > log["arrived"]).sum())
        retried = log[log["attempt"] > 0]
        seen["retry"] += retried.size
        seen["retry below the entry"] += int((log["parent"][retried["parent"]] >= 0).sum())
        seen["at one instant"] += int((np.diff(np.sort(log["ended"])) == 0).sum())

    agree()
    for kind in (*world.OUTCOMES[:-1], "queued", "retry", "retry below the entry", "at one instant"):
        assert seen[kind] > 1000, f"{kind} hardly occurs: {seen}"
    assert seen["running"] == 0


def test_retry_storm_and_crowd_that_outgrow_the_first_arrays_keep_the_reference_log():
    caller = Station("a", calls=(Call("b", attempts=6, timeout_s=1.0, backoff_s=0.1, jitter=1.0),))
    network = Network((caller, Station("b", Pool(1, 0))), entry="a")
    work = Workload(np.array([1.0]), 1.0, {"b": Demand(np.full(2, 0.3))})
    log = run_both(Case(network, work, np.repeat(np.arange(5) * 7.0, 1500), 5))
    assert log.size > 2 * 7500 * 1.2 + 100  # rows were enlarged, and so were events: 6,000 wait at once


@pytest.mark.parametrize("size", range(9, 60, 3))
def test_loop_never_writes_beyond_the_events_that_it_was_given(size: int):
    """One answer at the end of a long chain frees a server at every hop, and starts who waits there."""
    hops = 20
    stations = tuple(
        Station(f"s{i}", Pool(hops + 1 - i), calls=(Call(f"s{i + 1}"),) if i + 1 < hops else ())
        for i in range(hops)
    )
    network = Network(stations, entry="s0")
    plan = kernel.plan_of(network, Workload(np.array([1.0]), 1.0, {"s19": Demand(np.ones(1))}))
    memory = np.zeros(2 * size, kernel.EVENT)
    memory["order"] = -7
    world = kernel._World(
        stations=plan.stations.copy(),
        calls=plan.calls,
        tables=plan.tables,
        visits=np.empty(5000, kernel.VISIT),
        heap=memory[:size],
        counts=np.array([0, 0, 0, 0, -1]),
        persistence=plan.persistence,
    )
    kernel.loop(world, 0.001 * np.arange(60), np.uint64(1), plan.entry)
    assert (memory["order"][size:] == -7).all()


# -- queueing theory ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("servers", "load"), [(1, 0.5), (1, 0.7), (1, 0.9), (4, 0.5), (4, 0.7), (4, 0.9), (32, 0.8), (32, 0.9)]
)
def test_mmc_wait_is_erlang_c(servers: int, load: float):
    arrival_rps = servers * load
    log = one_station(
        Pool(servers), exponential(1.0), arrival_rps, n=1_000_000, seed=servers + int(100 * load)
    )
    wait = log["started"] - log["arrived"]
    agrees(wait, theory.mmc_wait(servers, arrival_rps, 1.0), within=0.25)
    agrees(wait > 0, theory.erlang_c(servers, arrival_rps), within=0.08)


def test_half_loaded_pool_of_32_makes_three_in_ten_thousand_wait():
    """Too rare for batch means to be near normal; about 870 who wait are expected, some of them together."""
    log = one_station(Pool(32), exponential(1.0), 16.0, n=3_000_000, seed=18)
    waited = int((log["started"] > log["arrived"]).sum())
    assert waited == pytest.approx(3_000_000 * theory.erlang_c(32, 16.0), rel=0.3)


@pytest.mark.parametrize("probability", [0.5, 0.9, 0.99])
def test_mmc_wait_quantiles_are_those_of_theory(probability: float):
    log = one_station(Pool(4), exponential(1.0), 4 * 0.8, n=600_000, seed=12)
    expected = theory.mmc_wait_quantile(probability, 4, 4 * 0.8, 1.0)
    agrees(log["started"] - log["arrived"] <= expected, probability, within=0.05)


@pytest.mark.parametrize("sigma", [0.3, 1.0])
@pytest.mark.parametrize("load", [0.5, 0.8])
def test_mg1_wait_is_pollaczek_khinchine(load: float, sigma: float):
    table = np.sort(np.random.default_rng(3).lognormal(-1.0, sigma, 1024))
    mean, square = moments(table)
    log = one_station(Pool(1), table, load / mean, n=600_000, seed=13)
    agrees(log["started"] - log["arrived"], theory.mg1_wait(load / mean, mean, square), within=0.1)
    agrees(log["ended"] - log["started"], mean, within=0.01)


@pytest.mark.parametrize(("servers", "queue"), [(1, 0), (1, 4), (4, 0), (4, 6), (32, 8)])
@pytest.mark.parametrize("load", [0.8, 1.5])
def test_mmck_loss_and_number_present_are_those_of_birth_and_death(servers: int, queue: int, load: float):
    arrival_rps = servers * load
    log = one_station(
        Pool(servers, queue), exponential(1.0), arrival_rps, n=400_000, seed=140 + servers + queue
    )
    loss, present = theory.mmck(servers, servers + queue, arrival_rps, 1.0)
    agrees(log["outcome"] == world.REFUSED, loss, within=0.3 if loss < 0.01 else 0.08)
    stay = log["ended"] - log["arrived"]  # 0 for those refused; Little's law over all arrivals
    agrees(stay * arrival_rps, present, within=0.05)


def test_pure_loss_depends_on_the_mean_service_time_only():
    """Erlang's loss formula holds for any service time (B. Sevastyanov, 1957)."""
    log = one_station(Pool(4, 0), np.full(POINTS, 1.0), 3.0, n=400_000, seed=15)
    agrees(log["outcome"] == world.REFUSED, theory.erlang_b(4, 3.0), within=0.05)


def test_unlimited_pool_never_makes_anyone_wait():
    log = one_station(Pool(), exponential(1.0), 50.0, n=20_000, seed=16)
    assert (log["started"] == log["arrived"]).all()


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
    for deadline_s, ended, tries in [(2.6, 2.6, 2), (2.5, 1.0, 1), (0.9, 0.9, 1)]:
        front = Station(
            "a", calls=(Call("b", timeout_s=1.0, attempts=2, backoff_s=1.5),), deadline_s=deadline_s
        )
        log = follow((front, Station("b")), {"b": (9.0, None)}, [0.0])
        assert (log["ended"][0], log.size - 1) == (ended, tries)
        assert outcomes(log)[0] == "expired"


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
    log = kernel.run(kernel.plan_of(network, workload), 100.0 * np.arange(n), 6)
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
    fields = list(kernel.LOG.names)
    first, again, other = (shop(2, 8.0, seed=seed)[fields].copy() for seed in (1, 1, 2))
    assert first.astype(kernel.LOG).tobytes() == again.astype(kernel.LOG).tobytes()
    assert first.astype(kernel.LOG).tobytes() != other.astype(kernel.LOG).tobytes()


def test_a_longer_run_begins_with_the_same_visits():
    """What is drawn does not depend on how many requests there are, nor on the rows set aside for them."""
    work = Workload(np.array([1.0]), 1.0, {"s": Demand(exponential(1.0, 64))})
    plan = kernel.plan_of(Network((Station("s", Pool(2)),), "s"), work)
    times = poisson(1.5, 3000, seed=4)
    short, long = kernel.run(plan, times[:500], 9), kernel.run(plan, times, 9)
    for name in kernel.LOG.names:
        np.testing.assert_array_equal(short[name], long[name][:500])


def test_a_run_leaves_its_plan_as_it_was():
    work = Workload(np.array([1.0]), 1.0, {"s": Demand(np.ones(1))})
    plan = kernel.plan_of(Network((Station("s", Pool(1), Limit(1.0, 3)),), "s"), work)
    before = plan.stations.copy()
    kernel.run(plan, np.zeros(5), 1)
    assert plan.stations.tobytes() == before.tobytes()


# -- how the above is run ----------------------------------------------------------------------------------


def run_both(case: Case) -> np.ndarray:
    """Run the kernel and the reference, require equal logs, give the log."""
    log = kernel.run(kernel.plan_of(case.network, case.workload), case.arrivals, case.seed)
    expected = reference_log(case)
    assert log.size == expected.size
    for name in kernel.LOG.names:
        ours, theirs = (np.ascontiguousarray(rows[name]).view(np.int64) for rows in (log, expected))
        if not np.array_equal(ours, theirs):
            row = int((ours != theirs).argmax())
            raise AssertionError(f"{name} differs first in row {row}:\n{log[row]}\n{expected[row]}")
    return log


def reference_log(case: Case) -> np.ndarray:
    """The reference's visits as a log of the kernel's dtype."""
    visits = naive.simulate(*case)
    place = {station.name: row for row, station in enumerate(case.network.stations)}
    code = {name: number for number, name in enumerate(world.OUTCOMES)}
    log = np.empty(len(visits), kernel.LOG)
    for name in ("request", "call_row", "attempt", "sent", "arrived", "started", "ended", "heard"):
        log[name.removesuffix("_row")] = [getattr(visit, name) for visit in visits]
    log["parent"] = [-1 if visit.caller is None else visit.caller.row for visit in visits]
    log["station"] = [place[visit.at.policy.name] for visit in visits]
    log["outcome"] = [code[visit.outcome] for visit in visits]
    log["result"] = [code[visit.result] for visit in visits]
    return log


def one_station(pool: Pool, table, arrival_rps=1.0, *, n=0, seed=0, times=None) -> np.ndarray:
    """Poisson arrivals (or these times) at one station without calls."""
    network = Network((Station("s", pool),), entry="s")
    plan = kernel.plan_of(network, Workload(np.array([arrival_rps]), 1.0, {"s": Demand(table)}))
    return kernel.run(plan, poisson(arrival_rps, n, seed) if times is None else np.array(times), seed)


def follow(stations, work, times, transit=None) -> np.ndarray:
    """Run with constant work (before, after) by station and constant transit times."""
    demand = {
        name: Demand(np.full(1, before), None if after is None else np.full(1, after))
        for name, (before, after) in work.items()
    }
    on_the_way = {pair: np.full(1, value) for pair, value in (transit or {}).items()}
    plan = kernel.plan_of(
        Network(tuple(stations), entry=stations[0].name), Workload(np.ones(1), 1.0, demand, on_the_way)
    )
    return kernel.run(plan, np.array(times), 1)


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
    plan = kernel.plan_of(network, Workload(np.array([rate_rps]), 1.0, demand))
    return kernel.run(plan, poisson(rate_rps, 2000, seed=21), seed)


def identities(log: np.ndarray) -> list[tuple]:
    """Name each visit by its request and the (call, attempt) of every hop on the way to it."""
    named: list[tuple] = []
    for visit in log:
        above = named[visit["parent"]] if visit["parent"] >= 0 else (int(visit["request"]),)
        hop = ((int(visit["call"]), int(visit["attempt"])),) if visit["parent"] >= 0 else ()
        named.append(above + hop)
    return named


def poisson(rate_rps: float, n: int, seed: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate_rps, n))


def exponential(mean_s: float, points: int = POINTS) -> np.ndarray:
    return -mean_s * np.log1p(-(np.arange(points) + 0.5) / points)


def moments(table: np.ndarray) -> tuple[float, float]:
    """E[S] and E[S²] of a table: linear between its points, constant for half a step at both ends."""
    a, b = table[:-1], table[1:]
    ends = table[[0, -1]]
    mean = ((a + b) / 2).sum() + ends.sum() / 2
    square = ((a * a + a * b + b * b) / 3).sum() + (ends**2).sum() / 2
    return float(mean / table.size), float(square / table.size)


def agrees(values: np.ndarray, expected: float, *, within: float) -> None:
    """The mean agrees with theory by batch means, and is known well enough for that to say something.

    The first twentieth is left out (the system starts empty); `within` bounds four standard errors as a
    share of the expected value.
    """
    kept = values[values.size // 20 :].astype(float)
    batches = kept[: kept.size // BATCHES * BATCHES].reshape(BATCHES, -1).mean(axis=1)
    error = batches.std(ddof=1) / np.sqrt(BATCHES)
    assert FOUR * error <= within * expected, f"the mean is known to ± {FOUR * error:.3g} only"
    assert abs(batches.mean() - expected) <= FOUR * error, f"{batches.mean()} ± {error}, theory {expected}"


def outcomes(log: np.ndarray) -> list[str]:
    return [world.OUTCOMES[code] for code in log["outcome"]]


def results(log: np.ndarray) -> list[str]:
    return [world.OUTCOMES[code] for code in log["result"]]
