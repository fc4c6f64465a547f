"""Redisson, a client of one Redis server, such as `orders/connectionPoolSize`; times in ms.

The pool belongs to the service that calls Redis, each instance has one; its call is that service's only one
to a station that calls no other. A command holds a connection until its answer, and one that has none after
`timeout` is given up. What no mechanism has: retryAttempts are tries to send, with a pause that does not
double. (SingleServerConfig and BaseConfig of 3.52. The client holds connectionMinimumIdleSize ≤
connectionPoolSize.)

Evidence: connectionPoolSize by commands that wait for a connection (RedisTimeoutException "Unable to acquire
connection") and connected_clients of INFO; connectionMinimumIdleSize and idleConnectionTimeout by
total_connections_received; timeout by the latency of commands and SLOWLOG; connectTimeout, retryAttempts and
retryInterval by the log at a restart of the server; pingConnectionInterval by connections found dead.
"""

from __future__ import annotations

from workbench.knobs._calls import only_call
from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "Redisson"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's client."""
    services = [s.name for s in network.stations if s.name != network.entry]
    return [knob for name in services for knob in _client(name, only_call(network, name, leaf=True))]


def _client(service: str, call: str) -> list[Knob]:
    def count(name: str, unit: str, low: float, meaning: str, path: str = "") -> Knob:
        return Knob(service, name, unit, low, 4096, meaning, path, whole=True, log=low > 0)

    def ms(name: str, meaning: str, path: str = "", *, off: float | None = None) -> Knob:
        return Knob(
            service, name, "ms", 1, 3_600_000, meaning, path, scale=0.001, whole=True, log=True, off=off
        )

    return [
        count(
            "connectionPoolSize", "connections", 1, "connections to the server",
            call and f"{call}.pool.servers",
        ),
        count("connectionMinimumIdleSize", "connections", 1, "of these, kept open"),
        count("subscriptionConnectionPoolSize", "connections", 1, "further ones for subscriptions"),
        ms("timeout", "patience with a command that was sent", call and f"{call}.timeout_s"),
        ms("connectTimeout", "time to connect"),
        count("retryAttempts", "tries", 0, "further tries to send a command"),
        ms("retryInterval", "pause between them"),
        ms("idleConnectionTimeout", "idle time before a connection closes"),
        ms("pingConnectionInterval", "time between pings of a connection", off=0),
    ]  # fmt: skip
