"""What gRPC's service config means to the network, by gRFC A6."""

from __future__ import annotations

from workbench.knobs import apply, settings_of
from workbench.knobs.grpc import knobs
from workbench.network import Call, Network, Station
from workbench.policies import RetryBudget
from workbench.settings import find


def network(call: Call) -> Network:
    client = Station("client", calls=(Call("gateway"),))
    return Network((client, Station("gateway", calls=(call,)), Station("orders")), entry="client")


def test_max_attempts_counts_the_first_try_and_the_timeout_is_for_all():
    before = network(Call("orders", attempts=2))
    moved = apply(before, knobs(before), {"orders/retryPolicy.maxAttempts": 4, "orders/timeout": 900})
    assert moved == network(Call("orders", attempts=4, overall_s=0.9))


def test_a_call_that_tries_once_has_no_policy_and_its_timeout_is_the_tries():
    once = network(Call("orders", timeout_s=0.4))
    assert not find(knobs(once), "orders/retryPolicy.maxAttempts").tunable
    assert settings_of(once, knobs(once)) == {"orders/timeout": 400}


def test_a_pause_is_a_fifth_to_either_side_where_the_network_has_such_a_jitter():
    """1.2 · (1 - U/3) lies between 0.8 and 1.2."""
    third = Call("orders", attempts=3, jitter=1 / 3, backoff_s=0.12, backoff_cap_s=1.2)
    found = settings_of(network(third), knobs(network(third)))
    assert found["orders/retryPolicy.initialBackoff"] == 100
    assert found["orders/retryPolicy.maxBackoff"] == 1000
    half = network(Call("orders", attempts=3, jitter=0.5, backoff_s=0.12))
    assert not find(knobs(half), "orders/retryPolicy.initialBackoff").tunable


def test_throttling_is_a_budget_of_tokens():
    before = network(Call("orders", attempts=3, budget=RetryBudget("tokens", 0.1, tokens=10)))
    moved = apply(
        before,
        knobs(before),
        {"orders/retryThrottling.maxTokens": 100, "orders/retryThrottling.tokenRatio": 500},
    )
    assert moved == network(Call("orders", attempts=3, budget=RetryBudget("tokens", 0.5, tokens=100)))


def test_a_call_that_hedges_has_a_hedging_policy_instead():
    hedged = network(Call("orders", attempts=3, hedge_s=0.05))
    found = settings_of(hedged, knobs(hedged))
    assert found["orders/hedgingPolicy.hedgingDelay"] == 50
    assert found["orders/hedgingPolicy.maxAttempts"] == 3
    assert not [k for k in knobs(hedged) if k.key.startswith("orders/retryPolicy")]
