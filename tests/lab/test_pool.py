import asyncio

from tests.lab.virtual import run
from workbench.lab.pool import WorkerPool


async def hold(pool, name, work_s, log):
    promise = pool.admit()
    if promise is None:
        log.append((name, "refused"))
        return
    waited_s = await promise
    log.append((name, asyncio.get_running_loop().time(), waited_s))
    await asyncio.sleep(work_s)
    pool.release()


async def visits(pool, *arrivals):
    """Visits of (name, arrival, work); gives what they saw, in the order they saw it."""
    log: list[tuple] = []

    async def one(name, arrival_s, work_s):
        await asyncio.sleep(arrival_s)
        await hold(pool, name, work_s, log)

    await asyncio.gather(*(one(*arrival) for arrival in arrivals))
    pool.account()
    return log


def pool_of(workers, queue):
    return WorkerPool(workers, queue, asyncio.get_running_loop().time)


def test_those_who_wait_are_served_in_the_order_they_came():
    async def main():
        return await visits(pool_of(1, 5), ("a", 0, 10), ("b", 1, 10), ("c", 2, 10), ("d", 3, 10))

    assert run(main()) == [("a", 0, 0), ("b", 10, 9), ("c", 20, 18), ("d", 30, 27)]


def test_one_who_finds_no_place_is_refused_and_a_queue_of_none_refuses_at_once():
    async def main():
        two = await visits(pool_of(1, 1), ("a", 0, 10), ("b", 1, 10), ("c", 2, 10), ("d", 11, 1))
        none = await visits(pool_of(1, 0), ("a", 0, 10), ("b", 1, 10))
        return two, none

    two, none = run(main())
    assert two == [("a", 0, 0), ("c", "refused"), ("b", 10, 9), ("d", 20, 9)]
    assert none[1] == ("b", "refused")


def test_more_workers_start_waiters_at_once_and_fewer_let_holders_finish():
    async def main():
        pool, log = pool_of(1, 5), []
        tasks = [asyncio.ensure_future(hold(pool, name, 10, log)) for name in "abcd"]
        await asyncio.sleep(2)
        pool.resize(3, 5)
        await asyncio.sleep(1)
        busy = [pool.busy]
        pool.resize(1, 0)
        busy.append(pool.busy)
        await asyncio.gather(*tasks)
        return log, busy

    log, busy = run(main())
    assert busy == [3, 3]
    assert log == [("a", 0, 0), ("b", 2, 2), ("c", 2, 2), ("d", 12, 12)]  # a ends at 10, b and c at 12


def test_the_accounts_are_the_integrals_of_what_happened():
    async def main():
        pool = pool_of(2, 5)
        await visits(pool, ("a", 0, 4), ("b", 1, 4), ("c", 2, 4))
        await asyncio.sleep(2)
        pool.account()
        return pool.busy_s, pool.saturated_s, pool.queued_s

    # busy: 1 in [0,1), 2 in [1,5) (c takes a's place at 4), 1 in [5,8); c queues in [2,4)
    assert run(main()) == (1 + 2 * 4 + 3, 4, 2)
