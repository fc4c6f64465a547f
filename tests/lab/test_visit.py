"""The rules of `workbench.network`, one by one, on a clock of our own."""

import asyncio
import math

import pytest

from tests.lab.virtual import run
from workbench.lab.shop import CallSettings, LimitSettings, ServiceSettings
from workbench.lab.visit import Request, Service
from workbench.lab.work import uniform

PARENT = Request("7-1", "")


class Callee:
    """A callee that answers each try after a time with a status, and notes what it was asked."""

    def __init__(self, *answers):
        self.answers, self.tries = answers, []

    async def __call__(self, to, request, tries, expires):
        now = asyncio.get_running_loop().time()
        self.tries.append((now, request.remaining_s, request.path))
        duration_s, status = self.answers[min(tries, len(self.answers) - 1)]
        await asyncio.sleep(min(duration_s, expires - now))
        return status if duration_s < expires - now else "timeout"


def service(settings, callee=None, work_s=0.0, done=None):
    async def work(share):
        await asyncio.sleep(work_s)
        if done is not None:
            done.append(asyncio.get_running_loop().time())

    clock = asyncio.get_running_loop().time
    return Service("gateway", settings, 1, work=work, send=callee or Callee((0, 200)), clock=clock)


def one_visit(settings, callee=None, work_s=0.0, request=PARENT):
    """Give the status and the time of one visit's answer."""

    async def main():
        answer = await service(settings, callee, work_s).visit(request)
        return answer.status, asyncio.get_running_loop().time()

    return run(main())


def calling(**call):
    return ServiceSettings(1, 0, calls={"orders": CallSettings(**call)})


def close(pairs):
    return [pytest.approx(pair) for pair in pairs]


def test_a_visit_without_trouble_takes_its_work_and_its_call():
    callee = Callee((0.3, 200))
    assert one_visit(calling(timeout_s=1), callee, work_s=0.2) == (200, pytest.approx(0.5))
    assert callee.tries == [(0.2, math.inf, ".orders0")]


def test_before_retry_n_the_caller_sleeps_backoff_times_2_to_the_n_minus_1():
    callee = Callee((5, 200))
    settings = calling(timeout_s=1, attempts=4, backoff_s=0.1)
    status, end = one_visit(settings, callee, work_s=0.5)
    assert [at for at, _, _ in callee.tries] == close([0.5, 1.6, 2.8, 4.2])
    assert (status, end) == (502, pytest.approx(5.2))


def test_jitter_shortens_the_pause_by_its_share_of_a_draw():
    callee = Callee((0, 503), (0, 200))
    status, end = one_visit(calling(attempts=2, backoff_s=1, jitter=0.5), callee)
    draw = uniform(1, "gateway", "7-1", "", "backoff", "orders", 1)
    assert (status, end) == (200, pytest.approx(1 - 0.5 * draw))


@pytest.mark.parametrize("failure", [500, 502, 503, 504, "timeout", "error"])
def test_a_server_error_is_retried(failure):
    callee = Callee((0.1, failure), (0.1, 200))
    assert one_visit(calling(attempts=2), callee)[0] == 200
    assert [path for _, _, path in callee.tries] == [".orders0", ".orders1"]


def test_a_429_is_not_retried():
    callee = Callee((0.1, 429), (0.1, 200))
    assert one_visit(calling(attempts=3), callee) == (502, pytest.approx(0.1))


def test_no_try_outlives_the_deadline_and_the_callee_is_told_what_remains():
    callee = Callee((5, 200))
    settings = ServiceSettings(1, 0, deadline_s=2, calls={"orders": CallSettings(timeout_s=1.5, attempts=9)})
    assert one_visit(settings, callee, work_s=0.2) == (504, pytest.approx(2))
    assert [(at, left) for at, left, _ in callee.tries] == [
        (pytest.approx(0.2), pytest.approx(1.8)),
        (pytest.approx(1.7), pytest.approx(0.3)),
    ]


def test_no_retry_begins_that_could_only_begin_after_the_deadline():
    callee = Callee((0.5, 503))
    settings = ServiceSettings(1, 0, deadline_s=2, calls={"orders": CallSettings(attempts=9, backoff_s=1.6)})
    assert one_visit(settings, callee) == (504, pytest.approx(0.5))
    assert len(callee.tries) == 1


def test_the_earlier_of_inherited_and_own_deadline_holds():
    settings = ServiceSettings(1, 0, deadline_s=3, calls={"orders": CallSettings()})
    inherited = Callee((5, 200))
    assert one_visit(settings, inherited, request=Request("a", "", 1)) == (504, pytest.approx(1))
    assert one_visit(settings, Callee((5, 200)), request=Request("a", "", 9)) == (504, pytest.approx(3))


def test_the_deadline_does_not_interrupt_work_and_after_it_no_call_is_made():
    callee = Callee((0.1, 200))
    settings = ServiceSettings(1, 0, deadline_s=1, calls={"orders": CallSettings()})
    assert one_visit(settings, callee, work_s=3) == (504, pytest.approx(3))
    assert callee.tries == []


def test_a_visit_without_calls_that_works_past_its_deadline_still_succeeds():
    assert one_visit(ServiceSettings(1, 0, deadline_s=1), work_s=3) == (200, pytest.approx(3))


def test_what_is_taken_up_after_its_deadline_is_answered_504_without_work():
    done = []

    async def main():
        shop = service(ServiceSettings(1, 5, deadline_s=1), work_s=2, done=done)
        first, second = asyncio.ensure_future(shop.visit(PARENT)), asyncio.ensure_future(shop.visit(PARENT))
        return await first, await second, asyncio.get_running_loop().time()

    first, second, end = run(main())
    assert first.status == 200
    assert (second.status, second.waited_s, second.refused) == (504, 2, "deadline")
    assert (done, end) == ([2], 2)


def test_a_full_queue_answers_503_and_an_empty_bucket_429_before_it():
    async def main():
        settings = ServiceSettings(1, 1, limit=LimitSettings(rate_rps=1e-6, burst=3))
        shop = service(settings, work_s=1)
        return await asyncio.gather(*(shop.visit(PARENT) for _ in range(4)))

    answers = run(main())
    assert [(a.status, a.refused) for a in answers] == [(200, ""), (200, ""), (503, "queue"), (429, "limit")]
    assert answers[1].waited_s == 1


def test_a_worker_is_held_while_the_callee_answers_and_given_back_after_any_answer():
    async def main():
        shop = service(calling(timeout_s=1), Callee((5, 200)))
        visit = asyncio.ensure_future(shop.visit(PARENT))
        await asyncio.sleep(0.9)
        during = shop.pool.busy
        await visit
        return during, shop.pool.busy

    assert run(main()) == (1, 0)


def test_settings_that_change_during_a_visit_hold_from_its_next_step():
    callee = Callee((5, 200))

    async def main():
        shop = service(calling(timeout_s=1), callee, work_s=1)
        visit = asyncio.ensure_future(shop.visit(PARENT))
        await asyncio.sleep(0.5)
        shop.change(calling(timeout_s=3), 1)
        await visit
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(4)
