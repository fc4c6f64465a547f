"""Clients of Kafka, Redis and RabbitMQ take exported files and say the values back."""

from __future__ import annotations

from collections.abc import Mapping

from ruamel.yaml import YAML

from tests.conformance.conftest import Run
from tests.targets.shop import knobs_of, moved, sample
from workbench.settings import Settings, Value
from workbench.targets import targets

END = "=====\n"

# The clients hold these against each other: idempotence, batches within the time of delivery.
PRODUCER = {
    "orders/acks": "all",
    "orders/max.in.flight.requests.per.connection": 5,
    "orders/retries": 4,
    "orders/delivery.timeout.ms": 3_600_000,
    "orders/request.timeout.ms": 900,
    "orders/linger.ms": 7,
}
CONSUMER = {
    "orders/heartbeat.interval.ms": 700,
    "orders/session.timeout.ms": 2_100,
    "orders/max.poll.interval.ms": 3_600_000,
}


def exported(name: str, known: Mapping[str, Value]) -> list[tuple[Settings, str]]:
    """Settings over the whole of their bounds, with these among them, and the files that say them."""
    knobs, module = knobs_of(name), targets()[name]
    found = []
    for share in (0, 0.37, 0.7, 1):
        tuned = moved(knobs, share).with_(known)
        for text in (module.blank(knobs), sample(name)):
            found.append((tuned, module.edit(text, tuned, knobs, why=dict.fromkeys(tuned, "a test → …"))))
    return found


def answers(run: Run, main_class: str, texts: list[str]) -> list[str]:
    return run(main_class, "".join(text + END for text in texts)).split(END)[:-1]


def values(answer: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)


def test_kafka_s_clients_have_what_was_exported(java: Run):
    for kind, known in (("producer", PRODUCER), ("consumer", CONSUMER)):
        files = exported(f"kafka_{kind}", known)
        found = answers(java, "KafkaClients", [f"{kind}\n{text}" for _, text in files])
        for (tuned, _), answer in zip(files, found, strict=True):
            said = values(answer)
            for key, value in tuned.items():
                # "all" is written -1 by the client itself.
                name = key.removeprefix("orders/")
                assert said.get(name, answer) == {"all": "-1"}.get(value, str(value)), key


def test_kafka_s_clients_refuse_what_they_do_not_know(java: Run):
    texts = [
        "producer\nacks=some\n",
        "producer\nlinger.ms=fast\n",
        "producer\ndelivery.timeout.ms=10\nrequest.timeout.ms=20\n",
        "consumer\nsession.timeout.ms=10\nheartbeat.interval.ms=20\n",
        "consumer\nmax.poll.records=0\n",
    ]
    assert all(answer.startswith("refused ") for answer in answers(java, "KafkaClients", texts))


def test_redisson_has_what_was_exported(java: Run):
    idle = {"orders/connectionMinimumIdleSize": 1}  # the client holds it below the size of the pool
    files = exported("redisson", idle)
    found = answers(java, "RedisClients", [text for _, text in files])
    for (tuned, _), answer in zip(files, found, strict=True):
        said = YAML(typ="safe").load(answer.replace("!<", "#"))["singleServerConfig"]
        assert {f"orders/{name}": said[name] for name in said if f"orders/{name}" in tuned} == tuned


def test_redisson_refuses_what_it_does_not_know(java: Run):
    begin = 'singleServerConfig:\n  address: "redis://redis:6379"\n'
    texts = [f"{begin}  connectionPoolSise: 5\n", f"{begin}  timeout: fast\n"]
    assert all(answer.startswith("refused ") for answer in answers(java, "RedisClients", texts))


def test_spring_boot_has_what_was_exported_for_rabbitmq(java: Run):
    files = exported("spring_rabbit", {})
    found = answers(java, "RabbitConsumers", [text for _, text in files])
    for (tuned, _), answer in zip(files, found, strict=True):
        said = values(answer)
        assert said == {key.split(".simple.")[1]: str(value) for key, value in tuned.items()}


def test_spring_boot_refuses_what_it_does_not_know(java: Run):
    listener = "spring.rabbitmq.listener.simple"
    texts = [f"{listener}.prefetch=many\n", f"{listener}.prefetches=3\n", f"{listener}.acknowledge-mode=no\n"]
    assert all(answer.startswith("refused ") for answer in answers(java, "RabbitConsumers", texts))
