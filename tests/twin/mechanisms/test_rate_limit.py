"""Rate limits through their hook, against arithmetic by hand and the published algorithms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.policies import Limit
from workbench.twin.mechanisms import rate_limit

REFUSED = math.inf


def delays(policy: Limit, times: list[float]) -> list[float]:
    """Delay of each arrival at a limiter of its own."""
    limit, slots = np.zeros(1, rate_limit.STATE)[0], np.zeros(3 + rate_limit.slots_needed(policy))
    rate_limit.set_up(limit, policy, 3)
    given = [float(rate_limit.admit(limit, slots, time)) for time in times]
    assert not slots[:3].any()
    return given


def test_bucket_starts_full_and_fills_at_its_rate():
    """Two tokens at 0; one comes every half second; after a long silence there are two again."""
    policy = Limit(rate_rps=2, burst=2)
    assert delays(policy, [0, 0, 0, 0.25, 0.5, 0.5]) == [0, 0, REFUSED, REFUSED, 0, REFUSED]
    assert delays(policy, [100, 100, 100]) == [0, 0, REFUSED]


def test_refusals_cost_nothing():
    """Asked a thousand times in a second or once, the bucket gives its next token at 1 s."""
    given = delays(Limit(rate_rps=1), [i / 1000 for i in range(1001)] + [1.0])
    assert given == [0] + [REFUSED] * 999 + [0, REFUSED]


def test_bucket_admits_at_most_its_burst_and_rate_over_any_time():
    times = np.cumsum(np.random.default_rng(2).exponential(1 / 40, 20_000))
    taken = times[np.isfinite(delays(Limit(rate_rps=7.3, burst=5), times.tolist()))]
    for tokens in (1, 10, 100, 1000):
        within = taken[tokens:] - taken[:-tokens]
        assert (tokens <= 5 - 1 + 7.3 * within + 1e-6).all()
    assert taken.size == pytest.approx(5 + 7.3 * times[-1], abs=1.5)


def test_a_token_less_than_a_nanosecond_away_counts_as_there():
    """Three thirds of a token fall short of one by rounding; two nanoseconds early is too early."""
    given = delays(Limit(rate_rps=1 / 3), [0, 3 - 2e-9, 3, 6, 9 - 5e-10])
    assert given == [0, REFUSED, 0, 0, 0]


def test_tokens_are_reserved_in_order_of_arrival_as_far_ahead_as_anyone_waits():
    """Tokens come at 0.5, 1 and 1.5 s; the third arrival would have to wait for 1.5 s."""
    assert delays(Limit(rate_rps=2, wait_s=1), [0, 0, 0, 0, 0.5]) == [0, 0.5, 1, REFUSED, 1]


def test_leaky_bucket_is_nginx_limit_req():
    """The published algorithm in its integers: milliseconds, thousandths of a request, whole rates."""
    rng = np.random.default_rng(3)
    for rate in (1, 7, 100):
        for burst in (0, 1, 5, 20):
            ms = np.cumsum(rng.exponential(700 / rate, 3000)).astype(int).tolist()
            given = delays(Limit(kind="leaky bucket", rate_rps=rate, burst=burst), [t / 1000 for t in ms])
            expected, excess, last = [], None, 0
            for t in ms:
                over = 0 if excess is None else max(0, excess - rate * (t - last) + 1000)
                if over <= 1000 * burst:
                    excess, last = over, t
                expected.append(over / rate / 1000 if over <= 1000 * burst else REFUSED)
            assert given == pytest.approx(expected, abs=2e-9)
            assert min(np.isinf(given).sum(), np.isfinite(given).sum()) > 200


def test_paced_arrivals_pass_a_leaky_bucket_of_their_rate():
    assert (
        delays(Limit(kind="leaky bucket", rate_rps=10, burst=0), [0.1 * i for i in range(500)]) == [0] * 500
    )


def test_what_a_fixed_window_does_not_use_is_lost():
    policy = Limit(kind="fixed window", rate_rps=2, window_s=1)
    assert delays(policy, [0.9, 0.9, 0.9, 1.0, 5.5, 5.9, 5.95]) == [0, 0, REFUSED, 0, 0, 0, REFUSED]


def test_permits_of_windows_to_come_are_reserved():
    """One permit a second, waits of up to 2.5 s: those of seconds 1 and 2 are taken at 0; 3 is too far."""
    policy = Limit(kind="fixed window", rate_rps=1, window_s=1, wait_s=2.5)
    assert delays(policy, [0, 0, 0, 0, 0.75, 1]) == [0, 1, 2, REFUSED, 2.25, REFUSED]


def test_a_window_has_the_permits_that_were_asked_for():
    """0.29 times 100 is less than 29 in binary."""
    for kind in ("fixed window", "sliding window"):
        policy = Limit(kind=kind, rate_rps=100, window_s=0.29)
        assert delays(policy, [0] * 30) == [0] * 29 + [REFUSED]


def test_a_sliding_window_is_full_exactly_when_it_refuses():
    times = np.cumsum(np.random.default_rng(4).exponential(1 / 30, 5000))
    given = delays(Limit(kind="sliding window", rate_rps=10, window_s=0.7), times.tolist())
    taken = times[np.isfinite(given)]
    for time, delay in zip(times, given, strict=True):
        inside = ((taken > time - 0.7) & (taken < time)).sum()
        assert inside == 7 if delay == REFUSED else inside < 7


def test_paced_arrivals_pass_a_sliding_window_of_their_rate():
    assert (
        delays(Limit(kind="sliding window", rate_rps=10, window_s=0.1), [0.1 * i for i in range(500)])
        == [0] * 500
    )


@pytest.mark.parametrize("kind", Limit.KINDS)
def test_without_a_limit_everyone_is_admitted(kind: str):
    assert delays(Limit(kind=kind), [0] * 100) == [0] * 100
