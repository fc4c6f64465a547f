"""Envoy beside each service: what its calls go through, and what guards its own door; times in ms.

A name is the path in Envoy's configuration below the cluster or route that leads to a callee, or below the
HTTP filter of the listener that leads to the service itself:

    orders/clusters[payments].circuit_breakers.thresholds[].max_connections
    orders/routes[payments].retry_policy.per_try_timeout
    orders/local_ratelimit.token_bucket.tokens_per_fill

Meanings and bounds are those of config.cluster.v3, config.route.v3 and the filters' protos of Envoy 1.40;
4294967295, the largest there is, means no limit. Envoy has one policy of each kind, so where the network has
another, the knob moves nothing: the pause before retry n is drawn from [0, (2^n - 1)·base_interval)
(backoff_law "envoy"); a retry budget counts tries in progress (kind "active"), and max_retries is one
without a share; the concurrency filter is its gradient controller (kind "envoy gradient"). max_connections is
the number of requests in flight with HTTP/1.1, which is what the network means by connections. Every caller's
Envoy counts for itself, as the network's calls do.

Evidence: max_connections and max_pending_requests by upstream_cx_active, upstream_rq_pending_active and
_overflow; retries, budget and timeouts by upstream_rq_retry, _retry_overflow, _timeout and _per_try_timeout
beside the histogram upstream_rq_time; backoff by the bursts in upstream_rq_retry; outlier_detection by
ejections_active and the spread of 5xx over instances; lb_policy by rq_active of each instance; the
concurrency filter by its rq_blocked, min_rtt_msecs and concurrency_limit; the rate limit by its rate_limited
and the arrivals by second; connect_timeout by upstream_cx_connect_ms.
"""

from __future__ import annotations

from workbench.knobs._paths import when
from workbench.network import Call, Network, Station
from workbench.settings import Knob

SYSTEM = "Envoy"

LB_POLICIES = {
    "ROUND_ROBIN": "round robin",
    "LEAST_REQUEST": "two choices",  # choice_count is 2 unless it is set
    "RING_HASH": "ring hash",
    "RANDOM": "random",
}
_NONE = 4_294_967_295


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service: of each call that it makes, then of its own door."""
    found = []
    for station in network.stations:
        if station.name != network.entry:
            for call in station.calls:
                found += [*_route(station.name, call), *_cluster(station.name, call)]
            found += _door(station)
    return found


def _route(service: str, call: Call) -> list[Knob]:
    path = f"{service}.calls.{call.to}"

    def knob(name: str, unit: str, low: float, high: float, meaning: str, path: str = "", **more) -> Knob:
        return Knob(service, f"routes[{call.to}].{name}", unit, low, high, meaning, path, whole=True, **more)

    envoys = call.backoff_law == "envoy"
    return [
        knob("retry_policy.num_retries", "retries", 0, 10, "retries beyond the first try", f"{path}.attempts",
             offset=1),
        knob("timeout", "ms", 1, 600_000, "time for all tries together", f"{path}.overall_s",
             scale=0.001, log=True, off=0),
        knob("retry_policy.per_try_timeout", "ms", 1, 600_000, "patience of one try", f"{path}.timeout_s",
             scale=0.001, log=True, off=0),
        knob("retry_policy.retry_back_off.base_interval", "ms", 1, 10_000, "base of the pause before a retry",
             when(envoys, f"{path}.backoff_s"), scale=0.001, log=True),
        knob("retry_policy.retry_back_off.max_interval", "ms", 1, 600_000, "longest pause before a retry",
             when(envoys, f"{path}.backoff_cap_s"), scale=0.001, log=True),
    ]  # fmt: skip


def _cluster(service: str, call: Call) -> list[Knob]:
    path = f"{service}.calls.{call.to}"
    threshold, outliers = "circuit_breakers.thresholds[]", "outlier_detection"

    def knob(name: str, unit: str, low: float, high: float, meaning: str, path: str = "", **more) -> Knob:
        return Knob(
            service, f"clusters[{call.to}].{name}", unit, low, high, meaning, path, whole=True, **more
        )

    budget = call.budget
    balanced = call.balance.kind in LB_POLICIES.values()
    return [
        Knob(service, f"clusters[{call.to}].lb_policy", "", 0, len(LB_POLICIES) - 1, "which instance is next",
             when(balanced, f"{path}.balance.kind"),
             choices=tuple(LB_POLICIES), words=tuple(LB_POLICIES.values())),
        knob("connect_timeout", "ms", 1, 60_000, "time to connect", log=True),
        knob(f"{threshold}.max_connections", "connections", 1, 65_536, "HTTP/1.1 connections of this proxy",
             f"{path}.pool.servers", log=True, off=_NONE),
        knob(f"{threshold}.max_pending_requests", "requests", 0, 65_536,
             "requests that wait for a connection; above, 503", f"{path}.pool.queue", off=_NONE),
        knob(f"{threshold}.max_requests", "requests", 1, 65_536, "requests in flight, HTTP/2 included",
             log=True, off=_NONE),
        knob(f"{threshold}.max_retries", "retries", 0, 65_536, "retries in flight at once, without a budget",
             when(budget.kind == "active" and budget.share == 0, f"{path}.budget.floor"), off=_NONE),
        knob(f"{threshold}.retry_budget.budget_percent.value", "%", 0, 100, "share of retries in flight",
             when(budget.kind == "active" and budget.share > 0, f"{path}.budget.share"), scale=0.01),
        knob(f"{threshold}.retry_budget.min_retry_concurrency", "retries", 0, 1000,
             "retries in flight that are always allowed",
             when(budget.kind == "active" and budget.share > 0, f"{path}.budget.floor")),
        knob(f"{outliers}.consecutive_5xx", "errors", 1, 1000, "errors in a row that eject an instance",
             f"{path}.outliers.failures", log=True),
        knob(f"{outliers}.base_ejection_time", "ms", 1, 3_600_000,
             "time out, times the number of ejections", f"{path}.outliers.ejection_s", scale=0.001, log=True),
        knob(f"{outliers}.max_ejection_percent", "%", 0, 100, "instances that may be out at once",
             f"{path}.outliers.share", scale=0.01),
        knob(f"{outliers}.interval", "ms", 1, 3_600_000, "time between looks at who may come back", log=True),
    ]  # fmt: skip


def _door(station: Station) -> list[Knob]:
    own = station.name
    tokens = station.limit.kind == "token bucket"
    gradient = station.concurrency.kind == "envoy gradient"
    controller = "adaptive_concurrency.gradient_controller_config"

    def knob(name: str, unit: str, low: float, high: float, meaning: str, path: str = "", **more) -> Knob:
        return Knob(own, name, unit, low, high, meaning, path, whole=True, **more)

    return [
        knob("local_ratelimit.token_bucket.tokens_per_fill", "requests/s", 1, 1_000_000,
             "admitted rate, with fill_interval 1s; above, 429", when(tokens, f"{own}.limit.rate_rps"),
             log=True, off=_NONE),
        knob("local_ratelimit.token_bucket.max_tokens", "requests", 1, 1_000_000,
             "admitted at once after a lull", when(tokens, f"{own}.limit.burst"), log=True),
        Knob(own, "adaptive_concurrency.enabled.default_value", "", 0, 1, "limit of requests inside",
             when(gradient, f"{own}.concurrency.kind"),
             choices=("true", "false"), words=("envoy gradient", "none")),
        knob(f"{controller}.concurrency_limit_params.max_concurrency_limit", "requests", 1, 100_000,
             "highest limit", when(gradient, f"{own}.concurrency.high"), log=True),
        knob(f"{controller}.concurrency_limit_params.concurrency_update_interval", "ms", 1, 60_000,
             "time between moves of the limit", when(gradient, f"{own}.concurrency.window_s"),
             scale=0.001, log=True),
        knob(f"{controller}.min_rtt_calc_params.interval", "ms", 1, 3_600_000,
             "time between measurements of the least latency",
             when(gradient, f"{own}.concurrency.probe_every_s"), scale=0.001, log=True),
        knob(f"{controller}.min_rtt_calc_params.min_concurrency", "requests", 1, 10_000,
             "limit while the least latency is measured", when(gradient, f"{own}.concurrency.low"), log=True),
        knob(f"{controller}.min_rtt_calc_params.buffer.value", "%", 0, 100,
             "latency above the least that is tolerated", when(gradient, f"{own}.concurrency.tolerance"),
             scale=0.01, offset=1),
    ]  # fmt: skip
