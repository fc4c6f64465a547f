"""HAProxy as a proxy before services: what it says in the backend of a service, and of itself.

A name is the section, then the keywords up to the value; the service is the one that is called:

    haproxy/global.maxconn
    orders/backend.timeout.server
    orders/backend.default-server.maxconn

Where one service calls it, HAProxy is what stands on that call. A server's maxconn is the connections of the
call, and the rest wait in the backend's queue for `timeout queue` (503): with one instance, or when the least
busy one is asked. `timeout server` is the patience of a try, for answers that come in one piece. `retries`
are the network's with `retry-on all-retryable-errors`, which the target writes too; by default only failed
connections are tried again. `balance random` draws two servers and takes the less busy, random(1) draws one.
Health checks are probes: inter is their period, fall the threshold. (Configuration manual 2.6, 4.2 and 5.2.)

Evidence: maxconn of servers and timeout queue by the roles pool_in_use and pool_waiting
(haproxy_server_current_sessions, haproxy_backend_current_queue) and
haproxy_backend_queue_time_average_seconds; timeout server by the backend's latency; retries by
haproxy_backend_retry_warnings_total and errors; balance by in_flight of each server; inter, fall, rise and
slowstart by haproxy_server_check_failures_total and the time until a dead one is out; fullconn by
haproxy_backend_current_sessions; what the process is given by haproxy_process_current_connections and idle
time; the clients' timeouts by the log's termination states c and C.
"""

from __future__ import annotations

from workbench.knobs._paths import calls_to, when
from workbench.network import Network, Station
from workbench.settings import Knob

SYSTEM = "HAProxy"

_BALANCE = {
    "roundrobin": "round robin",
    "random(1)": "random",
    "random": "two choices",
    "leastconn": "least active",
}


def knobs(network: Network) -> list[Knob]:
    """Give the limits of the proxy itself, and the knobs of every service as a backend."""
    services = [station for station in network.stations if station.name != network.entry]
    return [*_process(), *(knob for station in services for knob in _backend(network, station))]


def _process() -> list[Knob]:
    def knob(name: str, unit: str, low: float, high: float, meaning: str) -> Knob:
        return Knob("haproxy", name, unit, low, high, meaning, whole=True, log=True)

    return [
        knob(
            "global.maxconn", "connections", 1, 1_000_000, "client connections; the rest wait in the kernel"
        ),
        knob("global.nbthread", "threads", 1, 64, "threads, one event loop each"),
        knob("defaults.timeout.client", "ms", 1, 86_400_000, "silence of a client before it is cut off"),
        knob("defaults.timeout.http-request", "ms", 1, 3_600_000, "time of a client to send its request"),
        knob(
            "defaults.timeout.http-keep-alive", "ms", 1, 3_600_000, "idle time of a client between requests"
        ),
    ]


def _backend(network: Network, station: Station) -> list[Knob]:
    calls, several = calls_to(network, station.name), station.instances > 1
    path, call = calls[0] if len(calls) == 1 else ("", None)
    queued = call is not None and (not several or call.balance.kind == "least active")
    spread = call is not None and several and call.balance.kind in _BALANCE.values()

    def knob(name: str, unit: str, low: float, high: float, meaning: str, path="", scale=1.0) -> Knob:
        return Knob(
            station.name,
            f"backend.{name}",
            unit,
            low,
            high,
            meaning,
            path,
            scale=scale,
            whole=True,
            log=low > 0,
        )

    def ms(name: str, meaning: str, path: str = "") -> Knob:
        return knob(name, "ms", 1, 3_600_000, meaning, path, 0.001)

    return [
        knob(
            "default-server.maxconn", "connections", 1, 65_536, "connections to a server; the rest wait",
            when(queued, f"{path}.pool.servers"), station.instances,
        ),
        ms("timeout.queue", "wait for a server", when(queued, f"{path}.pool.wait_s")),
        ms("timeout.connect", "time to connect"),
        ms("timeout.server", "silence of a server before 504", path and f"{path}.timeout_s"),
        Knob(
            station.name, "backend.retries", "retries", 0, 10, "retries beyond the first try",
            path and f"{path}.attempts", offset=1, whole=True,
        ),
        Knob(
            station.name, "backend.balance", "", 0, 3, "which server is asked",
            when(spread, f"{path}.balance.kind"), choices=tuple(_BALANCE), words=tuple(_BALANCE.values()),
        ),
        knob("fullconn", "connections", 1, 1_000_000, "sessions at which minconn has grown to maxconn"),
        ms("default-server.inter", "time between health checks", when(spread, f"{path}.balance.probe_s")),
        knob(
            "default-server.fall", "checks", 1, 100, "failed checks that end its use",
            when(spread, f"{path}.balance.threshold"),
        ),
        knob("default-server.rise", "checks", 1, 100, "good checks that bring it back"),
        ms("default-server.slowstart", "time in which a server that came back grows to its full share"),
    ]  # fmt: skip
