"""redis-server starts with an exported file and says its values back."""

from __future__ import annotations

import pytest

from tests.needs import need_program
from tests.targets.running import Refused, folder_of, running, said
from tests.targets.shop import knobs_of, moved, sample
from workbench.targets import redis

KNOBS = knobs_of("redis")
# Within what one small machine grants: sockets, threads, the kernel's backlog.
TUNED = moved(KNOBS, 0.37).with_(
    {
        "payments/maxclients": 300,
        "payments/tcp-backlog": 64,
        "payments/io-threads": 2,
        "payments/maxmemory": 96,
    }
)


def values_with(text: str) -> dict[str, str]:
    """CONFIG GET * of a server that was started with a file, by name."""
    server, client = (need_program(n, "apt-get install redis-server") for n in ("redis-server", "redis-cli"))
    with folder_of("redis") as (folder, who):
        path, socket = folder / "redis.conf", folder / "s"
        path.write_text(text)
        ask = [client, "-s", socket]
        listen = ["--port", "0", "--unixsocket", socket, "--dir", folder, "--daemonize", "no"]
        with running([server, path, *listen], lambda: said([*ask, "PING"]) == "PONG\n", **who):
            lines = said([*ask, "CONFIG", "GET", "*"]).split("\n")
    return dict(zip(lines[::2], lines[1::2], strict=False))


@pytest.mark.parametrize("begin", [redis.blank(KNOBS), sample("redis")], ids=["blank", "sample"])
def test_a_server_says_back_what_was_exported(begin):
    text = redis.edit(begin, TUNED, KNOBS, why=dict.fromkeys(TUNED, "a test"))
    values = values_with(text)
    for knob in KNOBS:
        expected = (
            TUNED[knob.key] * (2**20 if knob.unit == "mb" else 1) if not knob.choices else TUNED[knob.key]
        )
        assert values[knob.name] == str(expected)


def test_every_word_and_bound_is_one_of_the_server():
    for share in (0, 1):
        ends = moved([knob for knob in KNOBS if knob.name not in ("maxclients", "maxmemory")], share)
        assert values_with(redis.edit("", ends, KNOBS, why={}))["hz"] == str(ends["payments/hz"])
    for word in next(knob.choices for knob in KNOBS if knob.choices):
        text = redis.edit("", {"payments/maxmemory-policy": word}, KNOBS, why={})
        assert values_with(text)["maxmemory-policy"] == word


def test_the_server_refuses_what_it_does_not_know():
    with pytest.raises(Refused, match="maxmemory-policy lru"):
        values_with("maxmemory-policy lru\n")
