"""A Kafka consumer's properties, such as `orders/max.poll.records`; times in ms, sizes in bytes.

All of them say how messages are fetched in batches and when a member of the group counts as gone, which no
mechanism of the twin has: they are exported and shown, never tuned. (ConsumerConfig of 4.1. The client holds
heartbeat.interval.ms < session.timeout.ms, by advice a third of it, and polls within max.poll.interval.ms.)

Evidence: max.poll.records and max.poll.interval.ms by records-per-request-avg, time-between-poll-max and the
time of one message; fetch.min.bytes, fetch.max.wait.ms and the sizes by fetch-size-avg, fetch-rate and
fetch-latency-avg; records-lag-max says that it is too slow; session.timeout.ms and heartbeat.interval.ms by
rebalance-rate-per-hour, heartbeat-response-time-max and the longest pause of the collector;
auto.commit.interval.ms by what may come twice; request.timeout.ms by fetch-latency-max.
"""

from __future__ import annotations

from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "Kafka consumer"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's consumer."""
    return [knob for s in network.stations if s.name != network.entry for knob in _consumer(s.name)]


def _consumer(service: str) -> list[Knob]:
    def knob(name: str, unit: str, low: float, high: float, meaning: str) -> Knob:
        return Knob(service, name, unit, low, high, meaning, whole=True, log=low > 0)

    def ms(name: str, meaning: str) -> Knob:
        return knob(name, "ms", 1, 3_600_000, meaning)

    return [
        knob("max.poll.records", "messages", 1, 100_000, "messages handed over by one poll"),
        ms("max.poll.interval.ms", "time between polls before the member is put out of the group"),
        ms("session.timeout.ms", "time without a heartbeat before it is put out"),
        ms("heartbeat.interval.ms", "time between heartbeats"),
        knob("fetch.min.bytes", "bytes", 1, 104_857_600, "what a broker waits for before it answers a fetch"),
        ms("fetch.max.wait.ms", "how long it waits"),
        knob("fetch.max.bytes", "bytes", 1, 1_073_741_824, "size of one answer"),
        knob("max.partition.fetch.bytes", "bytes", 1, 1_073_741_824, "of it, from one partition"),
        ms("request.timeout.ms", "patience of a request"),
        ms("auto.commit.interval.ms", "time between commits, where they are automatic"),
        Knob(
            service, "enable.auto.commit", "", 0, 0, "commit by time, not by the application",
            choices=("true", "false"),
        ),
        Knob(
            service, "isolation.level", "", 0, 0, "whether messages of open transactions are seen",
            choices=("read_uncommitted", "read_committed"),
        ),
    ]  # fmt: skip
