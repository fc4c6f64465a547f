"""Redis: limits of a server, such as `payments/maxclients`; sizes in mb, times in s.

All of them are limits of connections and memory, which no mechanism of the twin has: they are exported and
shown, never tuned. Meanings and bounds are those of redis.conf and config.c of 7.0.

Evidence: maxclients by connected_clients and rejected_connections of INFO, beside the sum of the clients'
pools; maxmemory, its policy and samples by used_memory, evicted_keys and keyspace_hits against
keyspace_misses; timeout and tcp-keepalive by idle in CLIENT LIST; tcp-backlog by ListenOverflows in netstat;
io-threads by CPU use; hz by expired_keys.
"""

from __future__ import annotations

from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "Redis"

POLICIES = (
    "noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random",
    "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
)  # fmt: skip


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every station that calls no other."""
    leaves = [s.name for s in network.stations if not s.calls and s.name != network.entry]
    return [knob for service in leaves for knob in _server(service)]


def _server(service: str) -> list[Knob]:
    def knob(name: str, unit: str, low: float, high: float, meaning: str, *, off=None) -> Knob:
        return Knob(service, name, unit, low, high, meaning, whole=True, log=low > 0, off=off)

    return [
        knob("maxclients", "connections", 1, 65_536, "clients connected; above, refused"),
        knob("maxmemory", "mb", 1, 1_048_576, "memory for data, then by maxmemory-policy", off=0),
        Knob(service, "maxmemory-policy", "", 0, 7, "which keys make room", choices=POLICIES),
        knob("maxmemory-samples", "keys", 1, 64, "keys looked at to find one to evict"),
        knob("timeout", "s", 1, 86_400, "idle time before a client is cut off", off=0),
        knob("tcp-keepalive", "s", 1, 86_400, "time between probes of a silent client", off=0),
        knob("tcp-backlog", "connections", 1, 65_535, "connections that wait to be accepted"),
        knob("io-threads", "threads", 1, 128, "threads that read and write sockets"),
        knob("hz", "1/s", 1, 500, "looks for expired keys and idle clients a second"),
    ]  # fmt: skip
