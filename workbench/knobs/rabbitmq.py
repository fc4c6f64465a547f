"""RabbitMQ: limits of a broker, such as `payments/channel_max`; times as the broker has them, s and ms.

All of them are limits of connections and memory, which no mechanism of the twin has: they are exported and
shown, never tuned. What bounds the messages at work is the consumer's prefetch, which is no setting of the
broker (see rabbitmq_consumer). Names are those of rabbit.schema.

Evidence: channel_max and tcp_listen_options.backlog by rabbitmq_channels and rabbitmq_connections;
vm_memory_high_watermark by rabbitmq_process_resident_memory_bytes and rabbitmq_alarms_memory_used_watermark;
disk_free_limit by rabbitmq_disk_space_available_bytes; consumer_timeout by the longest time to acknowledge;
heartbeat by connections closed for missed ones in the log.
"""

from __future__ import annotations

from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "RabbitMQ"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every station that calls no other."""
    leaves = [s.name for s in network.stations if not s.calls and s.name != network.entry]
    return [knob for service in leaves for knob in _broker(service)]


def _broker(service: str) -> list[Knob]:
    def knob(name: str, unit: str, low: float, high: float, meaning: str, *, whole=True, off=None) -> Knob:
        return Knob(service, name, unit, low, high, meaning, whole=whole, log=low > 0, off=off)

    return [
        knob("channel_max", "channels", 1, 65_535, "channels on one connection", off=0),
        knob("connection_max", "connections", 1, 1_000_000, "client connections of a node"),
        knob("heartbeat", "s", 1, 3600, "silence before a connection counts as dead, half of it", off=0),
        knob("consumer_timeout", "ms", 60_000, 86_400_000, "time to acknowledge before the channel closes"),
        knob(
            "vm_memory_high_watermark.relative", "share", 0.01, 0.99,
            "memory above which publishers are blocked", whole=False,
        ),
        knob(
            "disk_free_limit.relative", "of memory", 0.01, 10, "free disk below which publishers are blocked",
            whole=False,
        ),
        knob("tcp_listen_options.backlog", "connections", 1, 65_535, "connections that wait to be accepted"),
    ]  # fmt: skip
