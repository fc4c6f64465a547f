"""Tomcat in Spring Boot, such as `orders/server.tomcat.threads.max`.

A request holds a thread until it is answered. One that finds none waits in the executor's queue
(threads.max-queue-capacity) as long as its connection was accepted; connections beyond max-connections
wait in the kernel, accept-count of them, which no mechanism has. Names are those of
org.springframework.boot.autoconfigure.web.ServerProperties.

Evidence: threads.max by tomcat_threads_busy_threads against tomcat_threads_config_max_threads (role
"pool"); threads.max-queue-capacity by waits before the work in traces; max-connections and accept-count by
tomcat_connections_current_connections; the times of connections by idle ones; shutdown by requests lost at
a restart.
"""

from __future__ import annotations

from workbench.network import Network
from workbench.settings import Knob

SYSTEM = "Tomcat in Spring Boot"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's Tomcat."""
    return [knob for s in network.stations if s.name != network.entry for knob in _server(s.name)]


def _server(service: str) -> list[Knob]:
    def knob(
        name: str, unit: str, low: float, high: float, meaning: str, path: str = "", *, log=False, off=None
    ) -> Knob:
        return Knob(service, name, unit, low, high, meaning, path, whole=True, log=log, off=off)

    return [
        knob(
            "server.tomcat.threads.max", "threads", 1, 10_000, "requests worked on at once",
            f"{service}.pool.servers", log=True,
        ),
        knob("server.tomcat.threads.min-spare", "threads", 1, 10_000, "threads kept idle"),
        knob(
            "server.tomcat.threads.max-queue-capacity", "requests", 0, 10_000_000,
            "places to wait for a thread", f"{service}.pool.queue", off=2**31 - 1,
        ),
        knob("server.tomcat.max-connections", "connections", 1, 1_000_000, "connections accepted", log=True),
        knob("server.tomcat.accept-count", "connections", 1, 65_535, "connections that wait in the kernel"),
        knob("server.tomcat.connection-timeout", "ms", 1, 600_000, "wait for a request on a new connection"),
        knob("server.tomcat.keep-alive-timeout", "ms", 1, 86_400_000, "wait for the next request"),
        knob(
            "server.tomcat.max-keep-alive-requests", "requests", 1, 1_000_000,
            "requests before a connection is closed", off=-1,
        ),
        knob("spring.lifecycle.timeout-per-shutdown-phase", "ms", 1, 3_600_000, "time to end what is begun"),
    ]  # fmt: skip
