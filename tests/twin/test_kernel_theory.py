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
