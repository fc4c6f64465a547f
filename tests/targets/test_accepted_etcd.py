"""An etcd stores the exported keys and tells those who watch; only the development prefix reaches them."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import need_program
from tests.targets.running import running
from tests.targets.shop import knobs_of, moved, sample
from workbench.settings import Settings
from workbench.targets import target

KNOBS = knobs_of("etcd_development")
WANTED = moved(KNOBS, 0.37)


class Store:
    """An etcd of this machine, by its command line."""

    def __init__(self, endpoint: str) -> None:
        self.command = [need_program("etcdctl", "apt-get install etcd-client"), f"--endpoints={endpoint}"]

    def ask(self, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self.command, *words], input=text, capture_output=True, text=True, timeout=20)

    def held(self, prefix: str) -> dict[str, str]:
        lines = self.ask("get", "--prefix", prefix).stdout.splitlines()
        return dict(zip(lines[::2], lines[1::2], strict=True))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    server = need_program("etcd", "apt-get install etcd-server")
    clients, peers = (f"http://127.0.0.1:{port}" for port in free_ports(2))
    command: list[str | Path] = [server, "--data-dir", tmp_path_factory.mktemp("etcd")]
    command += ["--listen-client-urls", clients, "--advertise-client-urls", clients]
    command += ["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers]
    command += ["--initial-cluster", f"default={peers}"]
    one = Store(clients)
    with running(command, lambda: one.ask("endpoint", "health", "--command-timeout=200ms").returncode == 0):
        yield one


def free_ports(number: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def exported(name: str, text: str, wanted: Settings) -> str:
    return target(name).edit(text, wanted, KNOBS, why={})


@pytest.mark.parametrize("begin", ["sample", "blank"])
def test_etcd_stores_every_setting_and_gives_it_back(store, begin):
    text = sample("etcd_development") if begin == "sample" else target("etcd_development").blank(KNOBS)
    done = store.ask("txn", text=exported("etcd_development", text, WANTED))
    assert done.returncode == 0, done.stderr
    held = store.held("/config/development/")
    lines = "".join(f'put "{key}" "{value}"\n' for key, value in held.items())
    assert target("etcd_development").current(f"\n{lines}\n\n", KNOBS) == WANTED


def test_who_watches_development_is_told_at_once_and_who_watches_production_is_not(store):
    store.ask("put", "/begin", "here")
    now = json.loads(store.ask("get", "/begin", "--write-out=json").stdout)["header"]["revision"]
    watches = {
        prefix: subprocess.Popen(
            [*store.command, "watch", "--prefix", prefix, f"--rev={now + 1}"],  # so that none is missed
            stdout=subprocess.PIPE,
            text=True,
        )
        for prefix in ("/config/development/", "/config/production/")
    }
    try:
        wanted = Settings({"orders/workers": 11})
        for name in ("etcd_development", "etcd_production"):
            done = store.ask("txn", text=exported(name, target(name).blank(KNOBS), wanted))
            assert done.returncode == 0, done.stderr
        store.ask("put", "/config/production/end", "seen")
        told = {prefix: event(one) for prefix, one in watches.items()}
        assert told == {
            "/config/development/": ("PUT", "/config/development/orders/workers", "11"),
            "/config/production/": ("PUT", "/config/production/end", "seen"),
        }
        assert store.held("/config/proposed/") == {"/config/proposed/production/orders/workers": "11"}
    finally:
        for one in watches.values():
            one.kill()
            one.communicate()


def event(watch: subprocess.Popen) -> tuple[str, str, str]:
    """The next event that a watch prints, over three lines."""
    kind, key, value = (watch.stdout.readline().rstrip("\n") for _ in range(3))
    return kind, key, value


@pytest.mark.parametrize(
    "wrong",
    ['push "/a" "3"', 'put "" "3"', 'put "/config/development/orders/workers" "4"'],
    ids=["a request of no name", "no key", "a key twice"],
)
def test_etcd_refuses_what_is_wrong_and_stores_none_of_it(store, wrong):
    before = store.held("/")
    begin = target("etcd_development").blank(KNOBS)
    text = exported("etcd_development", begin, Settings({"orders/workers": 3}))
    broken = text.replace('3"\n', f'3"\n{wrong}\n')
    assert broken != text
    assert store.ask("txn", text=broken).returncode != 0
    assert store.held("/") == before
