"""nginx takes an exported file, and then refuses, waits and gives up where the file says so."""

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
from tests.targets.shop import NETWORK, knobs_of, moved, sample
from workbench.errors import TargetError
from workbench.network import Network
from workbench.settings import Settings
from workbench.targets import nginx

KNOBS = knobs_of("nginx")
TOKENS: Network = NETWORK.set("orders.limit.rate_rps", 1)
LEAKY: Network = TOKENS.set("orders.limit.kind", "leaky bucket")


def checked(text: str, folder: Path) -> str:
    """What nginx -t says of a file, in which the shop's hosts are found on this machine."""
    for name in ("orders", "payments", "gateway"):
        text = text.replace(f"server {name}:80", "server 127.0.0.1:1")
    (folder / "nginx.conf").write_text(text)
    program = need_program("nginx", "apt-get install nginx-light")
    own = f"pid {folder}/pid; error_log {folder}/log;"
    if "\npid " in text:
        own = f"error_log {folder}/log;"
    command = [
        program,
        "-t",
        "-q",
        "-p",
        folder,
        "-c",
        folder / "nginx.conf",
        "-e",
        folder / "log",
        "-g",
        own,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode == 0) == ("[emerg]" not in done.stderr)
    return "" if done.returncode == 0 else done.stderr


@pytest.mark.parametrize("begin", ["blank", "sample"])
@pytest.mark.parametrize("network", [NETWORK, TOKENS, LEAKY], ids=["unlimited", "tokens", "leaky"])
@pytest.mark.parametrize("share", [0, 0.37, 1])
def test_nginx_takes_what_was_exported(tmp_path, begin, network, share):
    knobs = knobs_of("nginx", network)
    tuned = moved(knobs, share)
    text = nginx.blank(knobs) if begin == "blank" else sample("nginx").replace("pid /run", f"pid {tmp_path}")
    text = nginx.edit(text, tuned, knobs, why=dict.fromkeys(tuned, "a; test }"))
    assert checked(text, tmp_path) == ""


@pytest.mark.parametrize(
    "line",
    ["proxy_read_timeout fast;", "proxy_next_upstream_tries 2s;", "limit_req zone=none;", "limit_conn a;"],
)
def test_nginx_refuses_what_it_does_not_know(tmp_path, line):
    text = nginx.blank(KNOBS)
    assert "[emerg]" in checked(text.replace("proxy_http_version 1.1;", line), tmp_path)


@contextmanager
def proxy(settings: Mapping[str, float], network: Network) -> Iterator[tuple[Path, socket.socket]]:
    """A real nginx with exported settings: where it listens, and the service orders behind it."""
    program = need_program("nginx", "apt-get install nginx-light")
    knobs = knobs_of("nginx", network)
    text = nginx.edit(nginx.blank(knobs), settings, knobs, why={})
    with folder_of("nobody") as (folder, _), socket.socket(socket.AF_UNIX) as orders:
        orders.bind(os.fspath(folder / "orders"))
        orders.listen(64)
        os.chmod(folder / "orders", 0o777)
        own = "".join(
            f"{kind}_temp_path {folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = text.replace("server orders:80", f"server unix:{folder}/orders").replace(":80", ".invalid:80")
        text = text.replace("listen 8080", f"listen unix:{folder}/in").replace(
            "http {", f"http {{ access_log off; {own}"
        )
        for name in ("payments", "gateway"):
            text = text.replace(f"server {name}.invalid:80", "server 127.0.0.1:1")
        (folder / "nginx.conf").write_text(text)
        command = [program, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "log"]
        command += ["-g", f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/log;"]
        with running(command, (folder / "in").exists):
            yield folder / "in", orders


def asked(path: Path, stack: ExitStack) -> socket.socket:
    """A connection on which orders has been asked for."""
    client = stack.enter_context(socket.socket(socket.AF_UNIX))
    client.settimeout(5)
    client.connect(os.fspath(path))
    client.sendall(b"GET /orders/ HTTP/1.0\r\nHost: shop\r\n\r\n")
    return client


def served(orders: socket.socket, count: int) -> None:
    """Answer that many requests."""
    orders.settimeout(5)
    for _ in range(count):
        with orders.accept()[0] as visit:
            visit.recv(4096)
            visit.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def status(client: socket.socket) -> int:
    return int(client.recv(4096).split()[1])


def test_a_burst_passes_at_once_and_what_is_beyond_it_is_refused():
    settings = {"orders/http.limit_req_zone.rate": 1, "orders/location.limit_req.burst.nodelay": 6}
    with proxy(settings, TOKENS) as (path, orders), ExitStack() as stack:
        began = time.monotonic()
        clients = [asked(path, stack) for _ in range(12)]
        served(orders, 7)  # the one that the rate lets pass, and the burst
        seen = sorted(status(client) for client in clients)
        assert time.monotonic() - began < 1
        assert seen == [200] * 7 + [503] * 5


def test_the_burst_of_a_leaky_bucket_waits_for_its_turn():
    settings = {"orders/http.limit_req_zone.rate": 10, "orders/location.limit_req.burst": 3}
    with proxy(settings, LEAKY) as (path, orders), ExitStack() as stack:
        began = time.monotonic()
        clients = [asked(path, stack) for _ in range(8)]
        served(orders, 4)
        assert time.monotonic() - began >= 0.28  # three behind the first, 100 ms apart
        assert sorted(status(client) for client in clients) == [200] * 4 + [503] * 4


def test_requests_inside_are_limited():
    with proxy({"orders/location.limit_conn": 3}, NETWORK) as (path, orders), ExitStack() as stack:
        clients = [asked(path, stack) for _ in range(5)]
        assert [status(client) for client in clients[3:]] == [503, 503]
        served(orders, 3)
        assert [status(client) for client in clients[:3]] == [200, 200, 200]


def test_an_answer_is_awaited_as_long_as_the_file_says():
    with proxy({"orders/location.proxy_read_timeout": 150}, NETWORK) as (path, _), ExitStack() as stack:
        began = time.monotonic()
        assert status(asked(path, stack)) == 504
        assert 0.14 <= time.monotonic() - began < 2


def test_what_a_location_inherits_is_read_and_what_is_tuned_is_its_own():
    text = nginx.blank(KNOBS).replace("listen 8080;", "listen 8080;\n        proxy_read_timeout 5s;")
    assert nginx.current(text, KNOBS)["orders/location.proxy_read_timeout"] == 5000
    after = nginx.edit(text, {"orders/location.proxy_read_timeout": 700}, KNOBS, why={})
    now = nginx.current(after, KNOBS)
    assert now["orders/location.proxy_read_timeout"] == 700
    assert now["payments/location.proxy_read_timeout"] == 5000


def test_every_server_and_location_of_a_service_is_written():
    text = nginx.blank(KNOBS).replace("server orders:80", "server 10.0.0.1; server orders:80")
    text = text.replace(
        "location /payments/", "location = /x { proxy_pass http://orders/x; }\n location /payments/"
    )
    tuned = {
        "orders/upstream.server.max_conns": 9,
        "orders/location.proxy_read_timeout": 80,
        "orders/location.limit_conn": 7,
    }
    after = nginx.edit(text, tuned, KNOBS, why={})
    assert after.count("max_conns=9") == after.count("proxy_read_timeout 80ms;") == 2
    assert after.count("limit_conn orders_connections 7;") == 2
    assert after.count("limit_conn_zone ") == 1
    one = after.replace("max_conns=9", "max_conns=8", 1)
    assert "orders/upstream.server.max_conns" not in nginx.current(one, KNOBS)


def test_limits_of_each_client_are_no_limits_of_the_service():
    zone = "limit_req_zone $binary_remote_addr zone=each:1m rate=5r/s;"
    text = nginx.blank(KNOBS).replace("http {", f"http {{\n    {zone}", 1)
    text = text.replace("proxy_pass http://orders;", "proxy_pass http://orders; limit_req zone=each burst=9;")
    knobs = knobs_of("nginx", TOKENS)
    assert not [key for key in nginx.current(text, knobs) if "limit" in key]
    tuned = Settings({"orders/http.limit_req_zone.rate": 40, "orders/location.limit_req.burst.nodelay": 3})
    after = nginx.edit(text, tuned, knobs, why={})
    assert zone in after
    assert "limit_req zone=each burst=9;" in after
    assert {key: nginx.current(after, knobs)[key] for key in tuned} == tuned


def test_a_burst_without_a_rate_and_a_service_without_blocks_are_refused():
    knobs = knobs_of("nginx", TOKENS)
    with pytest.raises(TargetError, match="proxy_pass to http://orders, and its rate"):
        nginx.edit(nginx.blank(knobs), {"orders/location.limit_req.burst.nodelay": 3}, knobs, why={})
    with pytest.raises(TargetError, match="server lines in the upstream 'orders'"):
        nginx.edit("http {\n}\n", {"orders/upstream.keepalive": 3}, KNOBS, why={})
    with pytest.raises(TargetError, match=r"nginx.conf:2: the end of the file within a directive"):
        nginx.current("http {\n", KNOBS)
