"""A RabbitMQ starts with an exported file and says its values back."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.needs import absent, need_program
from tests.targets.running import Refused, folder_of, running, said
from tests.targets.shop import knobs_of, moved, sample
from workbench.targets import rabbitmq

KNOBS = knobs_of("rabbitmq")
SCRIPTS = Path("/usr/lib/rabbitmq/bin")  # those on the PATH change the user by themselves
NAMES = {
    "channel_max": "channel_max",
    "connection_max": "connection_max",
    "heartbeat": "heartbeat",
    "consumer_timeout": "consumer_timeout",
    "vm_memory_high_watermark.relative": "vm_memory_high_watermark",
    "disk_free_limit.relative": "disk_free_limit",
    "tcp_listen_options.backlog": "tcp_listen_options",
}


def terms_with(text: str) -> dict[str, str]:
    """The broker's settings, by knob, after it has started with a file."""
    epmd = need_program("epmd", "apt-get install rabbitmq-server")
    if not SCRIPTS.is_dir():
        absent("RabbitMQ is not there. apt-get install rabbitmq-server")
    amqp, dist, names, low = free_ports(4)
    listen = f"listeners.tcp.default = 127.0.0.1:{amqp}\n"
    text = "\n".join(line for line in text.splitlines() if not line.startswith("listeners.")) + f"\n{listen}"
    with folder_of("rabbitmq") as (folder, who):
        (folder / "rabbitmq.conf").write_text(text)
        # Distribution would listen on every interface.
        alone = "-kernel inet_dist_use_interface {127,0,0,1}"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "RABBITMQ_NODENAME": "workbench@localhost",
            "RABBITMQ_CONFIG_FILE": folder / "rabbitmq.conf",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_MNESIA_BASE": folder / "mnesia",
            "RABBITMQ_LOG_BASE": folder / "log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "plugins",
            "RABBITMQ_PID_FILE": folder / "pid",
            "RABBITMQ_DIST_PORT": dist,
            "RABBITMQ_CTL_DIST_PORT_MIN": low,
            "RABBITMQ_CTL_DIST_PORT_MAX": low,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": alone,
            "RABBITMQ_CTL_ERL_ARGS": alone,
            "ERL_EPMD_PORT": names,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        how = {"env": {k: str(v) for k, v in environment.items()}, "cwd": folder, **who}
        ask = [SCRIPTS / "rabbitmqctl", "-q", "eval"]
        terms = ", ".join(f"element(2, application:get_env(rabbit, {term}))" for term in NAMES.values())
        each = f'[io:format("~w~n", [Term]) || Term <- [{terms}]], ok.'
        with (
            running([epmd, "-port", str(names), "-address", "127.0.0.1"], lambda: is_open(names)),
            running([SCRIPTS / "rabbitmq-server"], lambda: is_open(amqp), seconds=60, **how),
        ):
            answer = said([*ask, each], **how)
    return dict(zip(NAMES, answer.splitlines(), strict=False))


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_broker_says_back_what_was_exported():
    tuned = moved(KNOBS, 0.37).with_({"payments/disk_free_limit.relative": 0.01})
    terms = terms_with(rabbitmq.edit(sample("rabbitmq"), tuned, KNOBS, why=dict.fromkeys(tuned, "a test")))
    for knob in KNOBS:
        value = tuned[knob.key]
        expected = {
            "disk_free_limit.relative": f"{{mem_relative,{value}}}",
            "tcp_listen_options.backlog": f"{{backlog,{value}}}",
        }.get(knob.name, str(value))
        assert expected in terms[knob.name], (knob.name, terms)


def test_a_broker_refuses_what_it_does_not_know():
    with pytest.raises(Refused, match="channel_max"):
        terms_with("channel_max = many\n")
