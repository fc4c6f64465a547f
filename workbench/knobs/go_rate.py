"""golang.org/x/time/rate in front of a Go service, such as `orders/limiter.rate`.

The names are the arguments of rate.NewLimiter; what Allow refuses is answered 429. It moves a network
whose limit is a token bucket.

Evidence: the rate by the throughput at which latency rises (load curve) and by utilisation; the burst by
arrivals in the busiest moments and by 429 answers.
"""

from __future__ import annotations

from workbench.network import Network, Station
from workbench.settings import Knob

SYSTEM = "Go x/time/rate"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's limiter."""
    return [knob for s in network.stations if s.name != network.entry for knob in _limiter(s)]


def _limiter(station: Station) -> list[Knob]:
    limit = f"{station.name}.limit" if station.limit.kind == "token bucket" else ""
    return [
        Knob(
            station.name, "limiter.rate", "requests/s", 0.01, 1_000_000, "admitted rate; above, 429",
            limit and f"{limit}.rate_rps", log=True,
        ),
        Knob(
            station.name, "limiter.burst", "requests", 1, 1_000_000, "admitted at once after a lull",
            limit and f"{limit}.burst", whole=True, log=True,
        ),
    ]  # fmt: skip
