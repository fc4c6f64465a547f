"""nginx as a proxy before services: what it says of an upstream, of its location, and of itself.

A name is the block and the directive, then the parameter and the flag where there are such:

    nginx/events.worker_connections
    orders/upstream.server.max_conns
    orders/location.proxy_read_timeout
    orders/location.limit_req.burst.nodelay

The service is the one that is called; "nginx" are the limits of the proxy itself. Where one service calls it,
nginx is what stands on that call. Its patience with an answer is proxy_read_timeout, for answers that come in
one piece. It asks each server of an upstream once (ngx_http_upstream_round_robin.c), so that tries are the
network's only up to the number of instances. One nginx before one instance limits by rate as a leaky bucket,
with nodelay as a token bucket that holds burst + 1 (ngx_http_limit_req_module.c); limit_conn is a fixed limit
of requests inside (503). What no mechanism has: max_conns passes on to the next server and ends in a 502,
max_fails counts within a time, proxy_next_upstream_timeout stops new tries alone.

Evidence: proxy_read_timeout and tries by latency of the upstream (nginx_vts_upstream_*; $upstream_addr and
$upstream_response_time in the access log); limit_req by arrivals by second and status 429 or 503; limit_conn
and max_conns by in_flight and the concurrency at which latency rises; keepalive by connections accepted
against requests; max_fails and fail_timeout by errors of each server; proxy_connect_timeout by
$upstream_connect_time; worker_processes and worker_connections by CPU use and nginx_connections_active.
"""

from __future__ import annotations

import math

from workbench.knobs._paths import calls_to, when
from workbench.network import Network, Station
from workbench.settings import Knob

SYSTEM = "nginx"


def knobs(network: Network) -> list[Knob]:
    """Give the limits of the proxy itself, and the knobs of every service as an upstream."""
    services = [station for station in network.stations if station.name != network.entry]
    return [
        *_process(),
        *(knob for s in services for knob in [*_upstream(s.name), *_location(network, s), *_limits(s)]),
    ]


def _process() -> list[Knob]:
    def knob(name: str, unit: str, low: float, high: float, meaning: str, *, off=None) -> Knob:
        return Knob("nginx", name, unit, low, high, meaning, whole=True, log=True, off=off)

    return [
        knob("worker_processes", "processes", 1, 256, "processes, one event loop each"),
        knob("worker_rlimit_nofile", "files", 1, 1_048_576, "open files of a process"),
        knob(
            "events.worker_connections", "connections", 16, 1_048_576, "of a process, two a proxied request"
        ),
        knob("http.keepalive_timeout", "s", 1, 3600, "idle time before a client is disconnected", off=0),
        knob("http.keepalive_requests", "requests", 1, 1_000_000, "requests on one connection of a client"),
    ]


def _upstream(service: str) -> list[Knob]:
    def knob(name: str, unit: str, low: float, high: float, meaning: str, *, off=None) -> Knob:
        return Knob(service, f"upstream.{name}", unit, low, high, meaning, whole=True, log=True, off=off)

    return [
        knob("keepalive", "connections", 1, 4096, "idle connections kept by each worker process"),
        knob("server.max_conns", "connections", 1, 65_536, "requests in flight at a server", off=0),
        knob("server.max_fails", "failures", 1, 1000, "failures in fail_timeout that end its use", off=0),
        knob("server.fail_timeout", "s", 1, 3600, "time in which failures count, and out of use"),
    ]


def _location(network: Network, station: Station) -> list[Knob]:
    calls = calls_to(network, station.name)
    path, call = calls[0] if len(calls) == 1 else ("", None)
    again = call is not None and call.attempts <= station.instances > 1
    most = station.instances if again else 100

    def ms(name: str, meaning: str, path: str = "", *, off=None) -> Knob:
        return Knob(
            station.name,
            f"location.{name}",
            "ms",
            1,
            3_600_000,
            meaning,
            path,
            scale=0.001,
            whole=True,
            log=True,
            off=off,
        )

    return [
        ms("proxy_connect_timeout", "time to connect"),
        ms("proxy_send_timeout", "time between two writes of the request"),
        ms("proxy_read_timeout", "time between two reads of the answer", path and f"{path}.timeout_s"),
        Knob(
            station.name, "location.proxy_next_upstream_tries", "tries", 1, most,
            "tries, each at another server", when(again, f"{path}.attempts"), whole=True,
        ),
        ms("proxy_next_upstream_timeout", "time after which no further try begins", off=0),
    ]  # fmt: skip


def _limits(station: Station) -> list[Knob]:
    name, limit, alone = station.name, station.limit, station.instances == 1
    rated = alone and limit.kind in ("token bucket", "leaky bucket")
    delays = limit.kind == "leaky bucket"
    counted = alone and station.concurrency.kind == "fixed"
    found = [
        Knob(
            name, "http.limit_req_zone.rate", "r/s", 1, 100_000, "requests admitted, of all clients together",
            when(rated, f"{name}.limit.rate_rps"), whole=True, log=True,
        ),
        Knob(
            name, "location.limit_conn", "requests", 1, 65_535, "requests inside at once; above, 503",
            when(counted, f"{name}.concurrency.limit"), whole=True, log=True,
        ),
    ]  # fmt: skip
    if math.isfinite(limit.rate_rps):  # nginx has no burst without a rate
        spelled = "location.limit_req.burst" + ("" if delays else ".nodelay")
        found.append(
            Knob(
                name, spelled, "requests", 0, 10_000, "requests ahead of the rate before one is refused",
                when(rated, f"{name}.limit.burst"), offset=0 if delays else 1, whole=True,
            )
        )  # fmt: skip
    return found
