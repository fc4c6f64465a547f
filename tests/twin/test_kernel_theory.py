"""The kernel against queueing theory: means by batches, within four standard errors of the closed form."""

from __future__ import annotations

import numpy as np
import pytest

from tests.twin.runs import POINTS, agrees, exponential, moments, one_station, poisson
from workbench.network import Call, Demand, Network, Station, Workload
from workbench.policies import Balance, Cpu, Pool
from workbench.twin import kernel, theory, world


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


# -- what the second kernel added --------------------------------------------------------------------------


@pytest.mark.parametrize("load", [0.5, 0.8])
@pytest.mark.parametrize("sigma", [0.3, 1.0])
def test_one_shared_core_takes_the_time_of_processor_sharing(load: float, sigma: float):
    """M/G/1-PS: the mean depends on the work's mean alone."""
    table = np.sort(np.random.default_rng(4).lognormal(-1.0, sigma, 1024))
    mean = moments(table)[0]
    log = one_station(Station("s", cpu=Cpu("shared", 1.0)), table, load / mean, n=400_000, seed=31)
    agrees(log["ended"] - log["arrived"], theory.mg1_ps_time(load, mean), within=0.08)


@pytest.mark.parametrize("load", [0.9, 1.2])
def test_waits_of_bounded_patience_lose_what_the_waits_of_all_would_exceed(load: float):
    """M/M/c+D, Erlang A with a constant patience (F. Baccelli, G. Hébuterne, 1981).

    The virtual wait has density λp(c-1)·exp(-(cμ - λ)w) up to the patience; who finds more is lost.
    """
    servers, patience_s = 4, 0.5
    arrival_rps = servers * load
    log = one_station(
        Pool(servers, wait_s=patience_s), exponential(1.0), arrival_rps, n=600_000, seed=32 + int(10 * load)
    )
    spare = servers - arrival_rps
    below = [1.0]
    for n in range(1, servers):
        below.append(below[-1] * arrival_rps / n)
    waiting = arrival_rps * below[-1] * (1 - np.exp(-spare * patience_s)) / spare
    lost = (
        arrival_rps * below[-1] * np.exp(-spare * patience_s) / servers
    )  # beyond the patience the work falls only
    agrees(log["outcome"] == world.REFUSED, lost / (sum(below) + waiting + lost), within=0.08)


@pytest.mark.parametrize(("servers", "users"), [(1, 5), (3, 12)])
def test_closed_users_are_the_machine_repair_model(servers: int, users: int):
    """M/M/c//N: p(n) = p(n-1)·(N - n + 1)/think / (min(n, c)/service); throughput is that of the servers."""
    think_s, service_s, end_s = 4.0, 1.0, 100_000.0
    p = [1.0]
    for n in range(1, users + 1):
        p.append(p[-1] * (users - n + 1) / think_s / (min(n, servers) / service_s))
    share = np.array(p) / sum(p)
    throughput = float(share @ np.minimum(np.arange(users + 1), servers)) / service_s
    demand = {"s": Demand(exponential(service_s))}
    workload = Workload(np.ones(1), 1.0, demand, users=users, think=exponential(think_s))
    network = Network((Station("s", Pool(servers)),), "s")
    log = kernel.run(network, workload, np.zeros(0), 33, end_s=end_s)
    agrees(np.histogram(log["ended"], 2000, (0.0, end_s))[0] / (end_s / 2000), throughput, within=0.02)
    response_s = users / throughput - think_s  # the response time law
    agrees(log["ended"] - log["arrived"], response_s, within=0.03)


@pytest.mark.parametrize("kind", ["random", "two choices"])
def test_two_choices_among_many_instances_are_the_mean_field_limit(kind: str):
    """200 instances stand for infinitely many; at load 0.8 two choices take half the time of one."""
    n, load = 200, 0.8
    front = Station("a", calls=(Call("b", balance=Balance(kind)),))
    network = Network((front, Station("b", Pool(1), instances=n)), "a")
    workload = Workload(np.ones(1), 1.0, {"b": Demand(exponential(1.0))})
    log = kernel.run(network, workload, poisson(load * n, 600_000, seed=34), 34)
    stay = (log["ended"] - log["arrived"])[log["parent"] >= 0]
    expected = theory.choices_time(load, 2 if kind == "two choices" else 1, 1.0)
    settled = stay[stay.size // 20 :]
    assert settled.mean() == pytest.approx(expected, rel=0.02 if kind == "two choices" else 0.04)


@pytest.mark.parametrize(("attempts", "load"), [(2, 3.0), (50, 2.0)])
def test_losses_that_come_again_much_later_are_a_larger_load(attempts: int, load: float):
    """After long pauses all tries together are Poisson; two attempts repeat a first loss once."""
    servers = 4
    call = Call("b", attempts=attempts, backoff_s=400.0, backoff_cap_s=400.0, jitter=1.0)
    network = Network((Station("a", calls=(call,)), Station("b", Pool(servers, 0))), "a")
    workload = Workload(np.ones(1), 1.0, {"b": Demand(exponential(1.0))})
    log = kernel.run(network, workload, poisson(load, 300_000, seed=35), 35)
    tries = log[log["parent"] >= 0]
    times = tries["sent"]
    inside = tries[(times > 5_000.0) & (times < times.max() - 25_000.0)]
    inside = inside[np.argsort(inside["sent"], kind="stable")]
    if attempts == 2:  # x = a + a·B(x)
        lost = 0.0
        for _ in range(200):
            lost = theory.erlang_b(servers, load * (1 + lost))
    else:
        lost = theory.retrials(servers, load, 1.0)[1]
    agrees(inside["outcome"] == world.REFUSED, lost, within=0.06)


@pytest.mark.parametrize("servers", [1, 4])
@pytest.mark.parametrize("spread", [0.2, 2.0])
def test_waits_lie_between_the_bounds_of_kingman_and_daley(servers: int, spread: float):
    """Gamma intervals and lognormal work, so that no closed form holds."""
    rng = np.random.default_rng(36)
    table = np.sort(rng.lognormal(-0.5, 0.8, 1024))
    mean, square = moments(table)
    rate = 0.85 * servers / mean
    gaps = rng.gamma(1 / spread, spread / rate, 400_000)
    log = one_station(Pool(servers), table, rate, times=np.cumsum(gaps), seed=36)
    low, high = theory.ggc_wait_bounds(servers, rate, mean, spread, square / mean**2 - 1)
    wait = (log["started"] - log["arrived"])[20_000:].mean()
    assert low <= wait <= high
