"""HAProxy takes an exported file, says its limits back, and queues and gives up as the file says."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.needs import need_program
from tests.targets.running import folder_of, running
from tests.targets.shop import knobs_of, moved, sample
from workbench.errors import TargetError
from workbench.targets import haproxy

KNOBS = knobs_of("haproxy")
REMEDY = "apt-get install haproxy"


def checked(text: str, folder: Path) -> str:
    """What haproxy -c says of a file, in which the shop's hosts are on this machine; "" if it is valid."""
    for name in ("orders", "payments", "gateway"):
        text = text.replace(f"server {name} {name}:80", f"server {name} 127.0.0.1:1")
    (folder / "haproxy.cfg").write_text(text)
    command = [need_program("haproxy", REMEDY), "-c", "-f", folder / "haproxy.cfg"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return "" if done.returncode == 0 else done.stderr


@pytest.mark.parametrize("begin", ["blank", "sample"])
@pytest.mark.parametrize("share", [0, 0.37, 0.6, 1])
def test_haproxy_takes_what_was_exported(tmp_path, begin, share):
    tuned = moved(KNOBS, share).with_({"haproxy/global.maxconn": 500})  # within the files that may be open
    text = haproxy.blank(KNOBS) if begin == "blank" else sample("haproxy")
    text = haproxy.edit(text, tuned, KNOBS, why=dict.fromkeys(tuned, "a test"))
    assert checked(text, tmp_path) == ""


@pytest.mark.parametrize(
    "line", ["balance fastest", "timeout server fast", "retries", "default-server maxcon 3"]
)
def test_haproxy_refuses_what_it_does_not_know(tmp_path, line):
    text = haproxy.blank(KNOBS).replace("backend orders\n", f"backend orders\n    {line}\n")
    assert "[ALERT]" in checked(text, tmp_path)


@contextmanager
def proxy(settings: Mapping[str, float | str]) -> Iterator[tuple[Path, socket.socket]]:
    """A real HAProxy with exported settings: the folder of its sockets, and the service orders behind it."""
    program = need_program("haproxy", REMEDY)
    text = haproxy.edit(haproxy.blank(KNOBS), settings, KNOBS, why={})
    with folder_of("haproxy") as (folder, who), socket.socket(socket.AF_UNIX) as orders:
        orders.bind(os.fspath(folder / "orders"))
        orders.listen(64)
        os.chmod(folder / "orders", 0o777)
        for name in ("payments", "gateway"):
            text = text.replace(f"server {name} {name}:80", f"server {name} 127.0.0.1:1")
        text = text.replace("server orders orders:80", f"server orders unix@{folder}/orders")
        text = text.replace("bind :8080", f"bind unix@{folder}/in")
        text = text.replace("log stdout local0", f"stats socket {folder}/admin")
        (folder / "haproxy.cfg").write_text(text)
        with running([program, "-db", "-f", folder / "haproxy.cfg"], (folder / "in").exists, **who):
            yield folder, orders


def asked(folder: Path, stack: ExitStack) -> socket.socket:
    """A connection on which orders has been asked for."""
    client = stack.enter_context(socket.socket(socket.AF_UNIX))
    client.settimeout(5)
    client.connect(os.fspath(folder / "in"))
    client.sendall(b"GET /orders/ HTTP/1.1\r\nHost: shop\r\n\r\n")
    return client


def taken(orders: socket.socket, stack: ExitStack) -> socket.socket:
    """A visit that has reached orders."""
    orders.settimeout(5)
    visit = stack.enter_context(orders.accept()[0])
    visit.recv(4096)
    return visit


def status(client: socket.socket) -> int:
    return int(client.recv(4096).split()[1])


def told(folder: Path, command: str) -> list[str]:
    """What HAProxy says on its admin socket."""
    with socket.socket(socket.AF_UNIX) as admin:
        admin.connect(os.fspath(folder / "admin"))
        admin.sendall(f"{command}\n".encode())
        return b"".join(iter(lambda: admin.recv(65536), b"")).decode().splitlines()


def test_haproxy_says_its_limits_back():
    with proxy({"haproxy/global.maxconn": 321, "orders/backend.default-server.maxconn": 17}) as (folder, _):
        assert "Maxconn: 321" in told(folder, "show info")
        names, *rows = (line.split(",") for line in told(folder, "show stat") if line)
        of = [dict(zip(names, row, strict=True)) for row in rows]
        [server] = [row for row in of if (row["# pxname"], row["svname"]) == ("orders", "orders")]
        assert server["slim"] == "17"


def test_connections_are_limited_and_the_queue_gives_up():
    settings = {"orders/backend.default-server.maxconn": 2, "orders/backend.timeout.queue": 200}
    with proxy(settings) as (folder, orders), ExitStack() as stack:
        clients = [asked(folder, stack) for _ in range(2)]
        visits = [taken(orders, stack) for _ in clients]
        began = time.monotonic()
        assert status(asked(folder, stack)) == 503
        assert 0.19 <= time.monotonic() - began < 2
        for visit in visits:
            visit.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert [status(client) for client in clients] == [200, 200]


def test_an_answer_is_awaited_as_often_and_as_long_as_the_file_says():
    settings = {"orders/backend.timeout.server": 100, "orders/backend.retries": 2}
    with proxy(settings) as (folder, orders), ExitStack() as stack:
        began = time.monotonic()
        client = asked(folder, stack)
        visits = [taken(orders, stack) for _ in range(3)]
        assert status(client) == 504
        assert 0.29 <= time.monotonic() - began < 3
        assert len(visits) == 3
        orders.settimeout(0.05)
        with pytest.raises(TimeoutError):
            orders.accept()


def test_defaults_are_inherited_and_a_server_s_own_word_is_edited_where_it_is():
    now = haproxy.current(sample("haproxy").replace("mode http", "mode http\n    timeout server 8s"), KNOBS)
    assert now["payments/backend.timeout.server"] == 8000
    assert now["orders/backend.timeout.server"] == 3000
    text = sample("haproxy").replace("weight 5", "weight 5 maxconn 9\n    server orders2 127.0.0.1:8086")
    assert "orders/backend.default-server.maxconn" not in haproxy.current(text, KNOBS)
    after = haproxy.edit(text, {"orders/backend.default-server.maxconn": 4}, KNOBS, why={})
    assert "weight 5 maxconn 4" in after
    assert "default-server maxconn 4 check" in after


def test_a_service_without_a_backend_is_refused():
    with pytest.raises(
        TargetError, match=r"0 sections for orders/backend\.retries; expected one backend named"
    ):
        haproxy.edit("global\n", {"orders/backend.retries": 3}, KNOBS, why={})
