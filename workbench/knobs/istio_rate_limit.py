"""Istio's local rate limit: the EnvoyFilter of each service, such as `orders/token_bucket.max_tokens`.

Each sidecar counts for itself. Meanings and bounds are those of Envoy's local_rate_limit.proto; 4294967295,
the largest there is, means no limit. The bucket is the network's token bucket; where it has a limit of
another kind, the knobs move nothing.

Evidence: arrivals by second at each instance (istio_requests_total by pod), rate_limited and enforced of the
sidecar's local_rate_limit, and the load at which latency turns.
"""

from __future__ import annotations

from workbench.knobs._paths import when
from workbench.network import Network, Station
from workbench.settings import Knob

SYSTEM = "Istio's local rate limit"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service."""
    return [knob for s in network.stations if s.name != network.entry for knob in _bucket(s)]


def _bucket(station: Station) -> list[Knob]:
    own, tokens = station.name, station.limit.kind == "token bucket"
    return [
        Knob(
            own, "token_bucket.tokens_per_fill", "requests/s", 1, 1_000_000,
            "admitted rate, with fill_interval 1s; above, 429", when(tokens, f"{own}.limit.rate_rps"),
            whole=True, log=True, off=4_294_967_295,
        ),
        Knob(
            own, "token_bucket.max_tokens", "requests", 1, 1_000_000, "admitted at once after a lull",
            when(tokens, f"{own}.limit.burst"), whole=True, log=True,
        ),
    ]  # fmt: skip
