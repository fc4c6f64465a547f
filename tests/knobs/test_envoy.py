"""What Envoy's settings mean to the network, by its own documentation."""

from __future__ import annotations

from dataclasses import replace

from workbench.knobs import apply, settings_of
from workbench.knobs.envoy import knobs
from workbench.network import Call, Network, Station
from workbench.policies import Balance, Concurrency, Outliers, Pool, RetryBudget
from workbench.settings import find

CLUSTER, ROUTE = "gateway/clusters[orders]", "gateway/routes[orders]"
PLAIN = Call("orders")
THRESHOLD = f"{CLUSTER}.circuit_breakers.thresholds[]"


def network(call: Call = PLAIN, **station) -> Network:
    client = Station("client", calls=(Call("gateway"),))
    return Network((client, Station("gateway", calls=(call,)), Station("orders", **station)), entry="client")


def set_to(before: Network, settings: dict) -> Network:
    return apply(before, knobs(before), settings)


def test_each_caller_has_its_own_pool_of_connections_and_its_own_patience():
    settings = {
        f"{THRESHOLD}.max_connections": 12,
        f"{THRESHOLD}.max_pending_requests": 0,
        f"{ROUTE}.timeout": 900,
        f"{ROUTE}.retry_policy.num_retries": 2,
        f"{ROUTE}.retry_policy.per_try_timeout": 250,
    }
    call = Call("orders", timeout_s=0.25, overall_s=0.9, attempts=3, pool=Pool(12, 0))
    moved = set_to(network(), settings)
    assert moved == network(call)
    assert {key: settings_of(moved, knobs(moved))[key] for key in settings} == settings


def test_the_largest_number_is_no_limit():
    call = Call("orders", pool=Pool(12, 3))
    unlimited = {f"{THRESHOLD}.max_connections": 4294967295, f"{THRESHOLD}.max_pending_requests": 4294967295}
    assert set_to(network(call), unlimited) == network()


def test_an_instance_is_ejected_after_so_many_errors_for_so_long():
    detection = {"consecutive_5xx": 5, "base_ejection_time": 30_000, "max_ejection_percent": 50}
    moved = set_to(network(), {f"{CLUSTER}.outlier_detection.{k}": v for k, v in detection.items()})
    assert moved == network(Call("orders", outliers=Outliers(5, 30.0, 0.5)))


def test_least_request_is_two_choices():
    moved = set_to(network(), {f"{CLUSTER}.lb_policy": "LEAST_REQUEST"})
    assert moved == network(Call("orders", balance=Balance("two choices")))


def test_pauses_budgets_and_limits_of_other_kinds_are_not_envoys():
    plain = knobs(network())
    for name in ("retry_policy.retry_back_off.base_interval", "retry_policy.retry_back_off.max_interval"):
        assert not find(plain, f"{ROUTE}.{name}").tunable
        theirs = network(Call("orders", backoff_law="envoy"))
        assert find(knobs(theirs), f"{ROUTE}.{name}").tunable
    other = network(Call("orders", balance=Balance("least active"), budget=RetryBudget("tokens")))
    assert not find(knobs(other), f"{CLUSTER}.lb_policy").tunable
    assert not any(knob.tunable for knob in knobs(other) if "retry_budget" in knob.name)
    assert settings_of(other, knobs(other))


def test_a_budget_is_a_share_of_the_tries_in_flight_and_max_retries_one_without_a_share():
    active = Call("orders", budget=RetryBudget("active", 0.2, 3))
    moved = set_to(
        network(active),
        {
            f"{THRESHOLD}.retry_budget.budget_percent.value": 25,
            f"{THRESHOLD}.retry_budget.min_retry_concurrency": 7,
        },
    )
    assert moved == network(replace(active, budget=RetryBudget("active", 0.25, 7)))
    fixed = network(Call("orders", budget=RetryBudget("active", 0.0, 3)))
    assert set_to(fixed, {f"{THRESHOLD}.max_retries": 9}) == network(
        Call("orders", budget=RetryBudget("active", 0.0, 9))
    )


def test_a_buffer_is_what_is_tolerated_above_the_least_latency():
    gradient = Concurrency("envoy gradient", high=200, low=3, tolerance=1.25)
    before = network(concurrency=gradient)
    buffer = "orders/adaptive_concurrency.gradient_controller_config.min_rtt_calc_params.buffer.value"
    assert settings_of(before, knobs(before))[buffer] == 25
    assert set_to(before, {buffer: 50}) == network(concurrency=replace(gradient, tolerance=1.5))
