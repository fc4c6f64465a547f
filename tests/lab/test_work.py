import asyncio
import statistics
import time

import pytest

from tests.lab.virtual import run
from workbench.lab.shop import WorkSettings
from workbench.lab.work import Worker, lognormal, uniform


def test_a_draw_belongs_to_its_parts():
    parts = ("orders", "1-17", ".orders0")
    assert uniform(1, *parts) == uniform(1, *parts)
    others = [
        uniform(2, *parts),
        uniform(1, "payments", "1-17", ".orders0"),
        uniform(1, "orders", "1-17", ""),
    ]
    assert len({uniform(1, *parts), *others}) == 4


def test_draws_are_uniform_and_work_has_the_mean_and_spread_that_were_set():
    draws = [uniform(3, "orders", index) for index in range(40_000)]
    assert statistics.mean(draws) == pytest.approx(1 / 2, abs=0.005)
    assert statistics.variance(draws) == pytest.approx(1 / 12, rel=0.02)
    work = [lognormal(0.07, 0.7, draw) for draw in draws]
    assert statistics.mean(work) == pytest.approx(0.07, rel=0.02)
    assert statistics.stdev(work) / statistics.mean(work) == pytest.approx(0.7, rel=0.04)


def test_waiting_ends_exactly_when_it_should_however_long_the_way_there():
    async def main():
        clock = asyncio.get_running_loop().time
        worker = Worker(WorkSettings(mean_s=0.0043, cv=0))
        for _ in range(1000):
            await worker.work(0.5)
        return clock()

    assert run(main()) == pytest.approx(4.3)


def test_cpu_work_takes_about_its_time_in_another_process():
    async def main():
        worker = Worker(WorkSettings(kind="cpu", mean_s=0.1, cv=0))
        await worker.start()
        start, own = time.perf_counter(), time.process_time()
        await worker.work(0.5)
        passed, own = time.perf_counter() - start, time.process_time() - own
        worker.stop()
        return passed, own

    passed, own = asyncio.run(main())
    assert 0.05 < passed < 1.0
    assert own < 0.05
