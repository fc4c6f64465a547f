"""The leaky bucket decides as a running nginx does that lives in virtual time, request by request.

nginx reads its clocks from a file that the test writes, and its limit_req is a dry run, so that it says at
once what it would do. Different on purpose: nginx counts in milliseconds and thousandths of a request, so a
delay below a millisecond is none there, and what flows out is rounded down; here times and rates are whole,
so that there is nothing to round.
"""

from __future__ import annotations

import mmap
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests.needs import need_program
from workbench.policies import Limit
from workbench.twin.mechanisms import rate_limit

RATES = [1, 7, 100, 250]  # requests a second
BURSTS = [0, 1, 5, 40]
ARRIVALS = 7000  # at each limiter
START_MS = 10**12
STATUSES = {b"PASSED": 0, b"DELAYED_DRY_RUN": 1, b"REJECTED_DRY_RUN": 2}


class Nginx(NamedTuple):
    """A limiter in each location: /0, /1, …, asked by number; and its clock."""

    ask: Callable[[int], bytes]
    clock: mmap.mmap


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    program = need_program("nginx", "apt-get install nginx-light")
    compiler = need_program("cc", "apt-get install gcc libc6-dev")
    library = tmp_path / "clock.so"
    source = Path(__file__).parent / "nginx" / "clock.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
    (tmp_path / "clock").write_bytes(START_MS.to_bytes(8, "little"))
    (tmp_path / "nginx.conf").write_text(configuration(tmp_path))
    environment = os.environ | {"LD_PRELOAD": os.fspath(library), "CLOCK": os.fspath(tmp_path / "clock")}
    command = [program, "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", tmp_path / "log"]
    with (tmp_path / "clock").open("r+b") as file, subprocess.Popen(command, env=environment) as child:
        try:
            with connected(tmp_path / "socket", child) as server:
                yield Nginx(asker(server), mmap.mmap(file.fileno(), 8))
        finally:
            child.kill()


def test_every_request_passes_waits_or_is_refused_as_in_nginx(nginx: Nginx):
    rng = np.random.default_rng(1)
    policies = [Limit(kind="leaky bucket", rate_rps=rate, burst=burst) for rate in RATES for burst in BURSTS]
    seen = np.zeros(3, int)
    differing, now_ms = 0, 0
    for number, policy in enumerate(policies):
        limit, slots = np.zeros(1, rate_limit.STATE)[0], np.zeros(0)
        rate_limit.set_up(limit, policy, 0)
        gaps = rng.exponential(500 / policy.rate_rps, ARRIVALS)
        gaps[rng.random(ARRIVALS) < 0.1] *= 10
        gaps[rng.random(ARRIVALS) < 0.2] = 1000 / policy.rate_rps  # just when there is room again
        for gap_ms in np.rint(gaps).astype(int).tolist():
            now_ms += gap_ms
            nginx.clock[:] = (START_MS + now_ms).to_bytes(8, "little")
            status = STATUSES[nginx.ask(number)]
            delay_s = rate_limit.admit(limit, slots, now_ms / 1000)
            mine = 2 if delay_s == np.inf else int(delay_s >= 0.001)
            differing += mine != status
            seen[status] += 1
    assert seen.min() >= 1000
    assert differing == 0


def configuration(folder: Path) -> str:
    zones, locations = "", ""
    for number, (rate, burst) in enumerate((rate, burst) for rate in RATES for burst in BURSTS):
        zones += f"limit_req_zone $host zone=z{number}:1m rate={rate}r/s;\n"
        limit = f"limit_req zone=z{number}" + (f" burst={burst}" if burst else "")
        locations += f"location = /{number} {{ {limit}; empty_gif; }}\n"
    return f"""
        daemon off; master_process off; pid {folder}/pid; error_log {folder}/log crit;
        events {{ }}
        http {{
            access_log off; keepalive_requests 1000000000; keepalive_timeout 100d; keepalive_time 1000d;
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
            limit_req_dry_run on; add_header Limit $limit_req_status;
            {zones}
            server {{ listen unix:{folder}/socket; {locations} }}
        }}
    """


def connected(path: Path, child: subprocess.Popen[bytes]) -> socket.socket:
    for _ in range(300):
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(os.fspath(path))
        except OSError:
            server.close()
            assert child.poll() is None, "nginx has ended"
            time.sleep(0.02)
        else:
            return server
    raise AssertionError("nginx does not listen")


def asker(server: socket.socket) -> Callable[[int], bytes]:
    """Ask a location; give the status of its limit."""
    said = re.compile(rb"\r\nLimit: (\w+)\r\n")

    def ask(number: int) -> bytes:
        server.sendall(b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number)
        answer = b""
        while b";" not in answer.partition(b"\r\n\r\n")[2]:  # what ends a GIF
            answer += server.recv(4096)
        found = said.search(answer)
        assert found is not None, answer
        return found[1]

    return ask
