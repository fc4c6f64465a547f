"""RabbitMQ's consumers in Spring Boot, such as `orders/spring.rabbitmq.listener.simple.prefetch`.

Each of the container's `concurrency` consumers works on one message at a time, so that they are the servers
of the service that consumes, while `max-concurrency` is unset; the queue is the broker's. What no mechanism
has: `prefetch` is how many messages wait beside a consumer instead of at the broker, where another instance
could have had them. (AmqpContainer of RabbitProperties, Spring Boot 3; defaults 1 consumer and a prefetch of
250.)

Evidence: concurrency by rabbitmq_queue_messages_ready and the busy time of consumers
(rabbitmq_queue_consumer_utilisation); prefetch by rabbitmq_queue_messages_unacked beside the time of one
message and the spread of work over instances; receive-timeout and idle intervals by idle consumers; retries
by messages that come back (rabbitmq_queue_messages_redelivered_total).
"""

from __future__ import annotations

from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "RabbitMQ in Spring Boot"

_LISTENER = "spring.rabbitmq.listener.simple"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's consumers."""
    return [knob for s in network.stations if s.name != network.entry for knob in _consumers(s.name)]


def _consumers(service: str) -> list[Knob]:
    def knob(name: str, unit: str, low: float, high: float, meaning: str, path: str = "") -> Knob:
        return Knob(service, f"{_LISTENER}.{name}", unit, low, high, meaning, path, whole=True, log=low > 0)

    return [
        knob("concurrency", "consumers", 1, 1024, "messages worked on at once", f"{service}.pool.servers"),
        knob("max-concurrency", "consumers", 1, 1024, "consumers at most, under load"),
        knob("prefetch", "messages", 1, 65_535, "messages at a consumer that are not acknowledged"),
        knob("batch-size", "messages", 1, 65_535, "messages in a transaction or batch"),
        Knob(
            service, f"{_LISTENER}.acknowledge-mode", "", 0, 0, "who says that a message is done",
            choices=("auto", "manual", "none"),
        ),
        Knob(
            service, f"{_LISTENER}.default-requeue-rejected", "", 0, 0, "if a failed message comes again",
            choices=("true", "false"),
        ),
        Knob(service, f"{_LISTENER}.retry.enabled", "", 0, 0, "whether a consumer tries again itself",
             choices=("false", "true")),
        knob("retry.max-attempts", "tries", 1, 100, "tries of a message in all, then"),
    ]  # fmt: skip
