from hypothesis import given
from hypothesis import strategies as st

from workbench.lab.bucket import TokenBucket


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_it_starts_full_and_then_gives_at_its_rate():
    clock = Clock()
    bucket = TokenBucket(10, 5, clock)
    assert [bucket.take() for _ in range(6)] == [True] * 5 + [False]
    clock.now += 0.1
    assert [bucket.take() for _ in range(2)] == [True, False]
    clock.now += 60
    assert [bucket.take() for _ in range(6)] == [True] * 5 + [False]


def test_a_rate_of_0_admits_all():
    bucket = TokenBucket(0, 1, Clock())
    assert all(bucket.take() for _ in range(1000))


def test_a_limit_that_is_switched_on_starts_full():
    clock = Clock()
    bucket = TokenBucket(0, 1, clock)
    bucket.change(10, 3)
    assert [bucket.take() for _ in range(4)] == [True] * 3 + [False]


def test_a_smaller_burst_takes_the_tokens_above_it():
    bucket = TokenBucket(10, 20, Clock())
    bucket.change(10, 2)
    assert [bucket.take() for _ in range(3)] == [True, True, False]


@given(st.lists(st.floats(0, 2), max_size=60), st.sampled_from([0.5, 3, 40]), st.sampled_from([1, 2.5, 20]))
def test_it_never_admits_more_than_burst_and_rate_allow(gaps, rate_rps, burst):
    clock = Clock()
    bucket, taken = TokenBucket(rate_rps, burst, clock), 0
    for gap in gaps:
        clock.now += gap
        taken += bucket.take()
        assert taken <= burst + rate_rps * clock.now + 1e-6
