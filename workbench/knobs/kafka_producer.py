"""A Kafka producer's properties, such as `orders/linger.ms`; times in ms, sizes in bytes.

The producer belongs to the service that sends; its call is that service's only one to a station that calls no
other, the brokers. A request that has no answer after request.timeout.ms is sent again, `retries` times,
while delivery.timeout.ms lasts for all of it (KafkaProducer, ProducerConfig of 4.1). What no mechanism has:
batches (linger.ms, batch.size), so that requests in flight are no messages in flight, and a backoff that
varies by a fifth to both sides. Of the limits among these settings the client holds delivery.timeout.ms ≥
linger.ms + request.timeout.ms, and with idempotence at most 5 requests in flight, retries, and acks=all.

Evidence: linger.ms and batch.size by batch-size-avg, records-per-request-avg and record-queue-time-avg of the
producer's metrics; buffer.memory and max.block.ms by bufferpool-wait-ratio and buffer-available-bytes;
request.timeout.ms, retries and delivery.timeout.ms by request-latency-max, record-retry-rate and
record-error-rate; acks by request-latency-avg against what may be lost; compression.type by
compression-rate-avg and CPU use; max.in.flight by requests-in-flight.
"""

from __future__ import annotations

from workbench.knobs._calls import only_call
from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "Kafka producer"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's producer."""
    services = [s.name for s in network.stations if s.name != network.entry]
    return [knob for name in services for knob in _producer(name, only_call(network, name, leaf=True))]


def _producer(service: str, call: str) -> list[Knob]:
    def knob(name: str, unit: str, low: float, high: float, meaning: str) -> Knob:
        return Knob(service, name, unit, low, high, meaning, whole=True, log=low > 0)

    def ms(name: str, low: float, meaning: str, path: str = "") -> Knob:
        return Knob(service, name, "ms", low, 3_600_000, meaning, path, scale=0.001, whole=True, log=low > 0)

    def word(name: str, meaning: str, *choices: str) -> Knob:
        return Knob(service, name, "", 0, 0, meaning, choices=choices)

    return [
        Knob(
            service, "retries", "retries", 0, 100, "retries beyond the first try",
            call and f"{call}.attempts", offset=1, whole=True,
        ),
        ms("request.timeout.ms", 1, "patience of one try", call and f"{call}.timeout_s"),
        ms("delivery.timeout.ms", 1, "time for all tries of a message", call and f"{call}.overall_s"),
        ms("retry.backoff.ms", 0, "pause before the first retry; it doubles, give or take a fifth"),
        ms("retry.backoff.max.ms", 0, "longest pause before a retry"),
        ms("linger.ms", 0, "wait for more messages before a batch is sent"),
        knob("batch.size", "bytes", 0, 16_777_216, "size at which a batch is sent at once"),
        knob("buffer.memory", "bytes", 1_048_576, 17_179_869_184, "memory for messages not sent yet"),
        ms("max.block.ms", 0, "wait for room in it before send() fails"),
        knob("max.in.flight.requests.per.connection", "requests", 1, 100, "requests to a broker at once"),
        knob("max.request.size", "bytes", 1024, 104_857_600, "size of a request"),
        word("acks", "answers that count as written: none, the leader's, all replicas'", "all", "1", "0"),
        word("compression.type", "how batches are compressed", "none", "gzip", "snappy", "lz4", "zstd"),
        word("enable.idempotence", "each message written once, whatever is tried again", "true", "false"),
    ]  # fmt: skip
