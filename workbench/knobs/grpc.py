"""gRPC's service config of each called service, such as `orders/retryPolicy.maxAttempts`; times in ms.

A service config is published by the service that is called, so it moves the one call to it, and nothing
where several make one. Meanings and bounds are those of service_config.proto and gRFC A6: maxAttempts counts
the first try and is cut to 5; timeout is for all tries together, of which none has a time of its own; a pause
is between 0.8 and 1.2 times initialBackoff · 2^(n - 1), at most maxBackoff, which is the network's with a
jitter of a third; there it moves. retryThrottling is the retry budget of kind "tokens". A call that hedges
has a hedgingPolicy instead of a retryPolicy (gRPC refuses both), and one that tries once has neither. With
pauses of 1 ms the C++ core (1.85) never makes the retry.

Evidence: timeout and tries by grpc_client_handling_seconds and the codes DEADLINE_EXCEEDED and UNAVAILABLE of
grpc_client_handled_total, beside grpc_client_attempt_started of OpenTelemetry's client metrics; throttling by
the share of failures in a bad minute; hedgingDelay by the quantile above which few tries lie; backoff by the
bursts of retries.
"""

from __future__ import annotations

import math

from workbench.knobs._paths import calls_to, when
from workbench.network import Call, Network
from workbench.settings import Knob

SYSTEM = "gRPC"

_THIRD = 1 / 3


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service that another one calls."""
    return [
        knob
        for station in network.stations
        if station.name != network.entry
        for knob in _config(station.name, *_only_call(network, station.name))
    ]


def _config(host: str, path: str, call: Call) -> list[Knob]:
    def knob(name: str, unit: str, low: float, high: float, meaning: str, to: str = "", **more) -> Knob:
        to = path and to and f"{path}.{to}"
        return Knob(host, name, unit, low, high, meaning, to, whole=True, log=True, **more)

    several = call.attempts > 1
    law = call.backoff_law == "doubling" and math.isclose(call.jitter, _THIRD)
    tokens = call.budget.kind == "tokens"
    if math.isfinite(call.hedge_s):
        tries = [
            knob("hedgingPolicy.maxAttempts", "tries", 2, 5, "tries in all", when(several, "attempts")),
            knob("hedgingPolicy.hedgingDelay", "ms", 1, 60_000, "time before the next try is sent beside",
                 "hedge_s", scale=0.001),
        ]  # fmt: skip
    else:
        tries = [
            knob("retryPolicy.maxAttempts", "tries", 2, 5, "tries in all", when(several, "attempts")),
            knob("retryPolicy.initialBackoff", "ms", 2, 60_000, "middle of the first pause",
                 when(law, "backoff_s"), scale=0.0012),
            knob("retryPolicy.maxBackoff", "ms", 2, 600_000, "middle of the longest pause",
                 when(law, "backoff_cap_s"), scale=0.0012),
        ]  # fmt: skip
    return [
        knob("retryThrottling.maxTokens", "tokens", 1, 1000, "tokens at first; below half, no retries",
             when(tokens, "budget.tokens")),
        *tries,
        knob("timeout", "ms", 1, 600_000, "deadline of a call", "overall_s" if several else "timeout_s",
             scale=0.001),
        knob("retryThrottling.tokenRatio", "thousandths", 1, 1000, "of a token for each success",
             when(tokens, "budget.share"), scale=0.001),
        Knob(host, "loadBalancingPolicy", "", 0, 1, "which instance is next",
             choices=("round_robin", "pick_first")),
    ]  # fmt: skip


def _only_call(network: Network, host: str) -> tuple[str, Call]:
    found = calls_to(network, host)
    return found[0] if len(found) == 1 else ("", Call(host))
