"""The lab's shop: dotted YAML paths below the service, such as `orders/calls.payments.timeout_s`.

services:
  orders: {workers: 8, queue: 64, limit: {rate_rps: 0, burst: 20}, deadline_s: 0, calls: {payments: …}}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.errors import SettingError
from workbench.network import Call, Network, Station
from workbench.settings import Knob, Value

SYSTEM = "the lab"
PATIENCE_S = 10.0


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service: pool, limit and deadline, then those of each call that it makes."""
    found = []
    for station in network.stations:
        if station.name != network.entry:
            found += _own(station.name)
            for call in station.calls:
                found += _of_call(station.name, call.to)
    return found


def network_from(
    settings: Mapping[str, Value], calls: Mapping[str, Sequence[str]], *, patience_s: float = PATIENCE_S
) -> Network:
    """Build the network of a shop from its settings and from who calls whom, in order.

    Requests enter at station "client", without limit, which calls the one service that no other calls and
    waits `patience_s` for it. Every service needs `workers` and `queue`; what else is absent is no limit and
    one try. Settings that are not of the shop's services are left aside.
    """
    names = list(dict.fromkeys([*calls, *(callee for callees in calls.values() for callee in callees)]))
    called = {callee for callees in calls.values() for callee in callees}
    roots = [name for name in names if name not in called]
    if len(roots) != 1:
        raise SettingError(
            f"services that no other calls: {roots}", where="calls", expected="one, at which requests enter"
        )
    client = Station("client", calls=(Call(roots[0], timeout_s=patience_s),))
    services = [Station(n, calls=tuple(Call(to) for to in calls.get(n, ()))) for n in names]
    network = Network((client, *services), entry="client")
    required = [f"{name}/{setting}" for name in names for setting in ("workers", "queue")]
    missing = [key for key in required if key not in settings]
    if missing:
        raise SettingError(
            f"no {', '.join(missing)}",
            where="settings",
            expected="workers and queue of every service",
            remedy="record the capture with its settings, or give them",
        )
    for knob in knobs(network):
        if knob.key in settings:
            network = network.set(knob.path, knob.to_network(settings[knob.key]))
    return network


def _own(service: str) -> list[Knob]:
    def knob(
        name: str,
        unit: str,
        low: float,
        high: float,
        meaning: str,
        path: str,
        *,
        whole=False,
        log=False,
        off=None,
    ) -> Knob:
        return Knob(
            service, name, unit, low, high, meaning, f"{service}.{path}", whole=whole, log=log, off=off
        )

    return [
        knob("workers", "workers", 1, 256, "visits worked on at once", "pool.servers", whole=True, log=True),
        knob("queue", "requests", 0, 4096, "places to wait; when full, 503", "pool.queue", whole=True),
        knob(
            "deadline_s", "s", 0.01, 60, "age at which a waiting request is answered 504", "deadline_s",
            log=True, off=0,
        ),
        knob(
            "limit.rate_rps", "requests/s", 0.1, 100_000, "admitted rate; above, 429", "limit.rate_rps",
            log=True, off=0,
        ),
        knob("limit.burst", "requests", 1, 10_000, "admitted at once after a lull", "limit.burst", log=True),
    ]  # fmt: skip


def _of_call(service: str, callee: str) -> list[Knob]:
    def knob(
        name: str, unit: str, low: float, high: float, meaning: str, *, whole=False, log=False, off=None
    ) -> Knob:
        name = f"calls.{callee}.{name}"
        return Knob(
            service, name, unit, low, high, meaning, f"{service}.{name}", whole=whole, log=log, off=off
        )

    return [
        knob("timeout_s", "s", 0.01, 30, f"patience of one try at {callee}", log=True, off=0),
        knob("attempts", "tries", 1, 10, f"tries at {callee} in all", whole=True),
        knob("backoff_s", "s", 0, 10, "pause before the first retry; it doubles with each"),
        knob("jitter", "share", 0, 1, "share of the pause that is random"),
    ]
