"""sony/gobreaker round the calls of a Go service, such as `orders/breakers.payments.timeout`; in seconds.

Names are the fields of gobreaker.Settings; `tripAfter` is the n of a ReadyToTrip that says
`counts.ConsecutiveFailures > n`, as its default does with 5. It moves a network whose breaker counts
consecutive failures.

Evidence: tripAfter by the runs of failures in traces of the callee; timeout by how long failures last;
interval by failures that are far apart; maxRequests by what a callee that has just recovered bears.
"""

from __future__ import annotations

from workbench.network import Call, Network
from workbench.settings import Knob

SYSTEM = "gobreaker"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of the breaker on every call of every service."""
    return [
        knob
        for station in network.stations
        if station.name != network.entry
        for call in station.calls
        for knob in _breaker(station.name, call)
    ]


def _breaker(service: str, call: Call) -> list[Knob]:
    name = f"breakers.{call.to}"
    at = f"{service}.calls.{call.to}.breaker" if call.breaker.kind == "consecutive" else ""
    return [
        Knob(
            service, f"{name}.tripAfter", "failures", 0, 10_000, "it opens at more failures in a row",
            at and f"{at}.failures", offset=1, whole=True,
        ),
        Knob(
            service, f"{name}.maxRequests", "requests", 1, 10_000, "trial requests after that time",
            at and f"{at}.trials", whole=True, log=True,
        ),
        Knob(
            service, f"{name}.timeout", "s", 0.001, 3600, "time that it stays open", at and f"{at}.open_s",
            log=True,
        ),
        Knob(
            service, f"{name}.interval", "s", 0.001, 86_400, "time after which failures are forgotten",
            at and f"{at}.window_s", log=True, off=0,
        ),
    ]  # fmt: skip
