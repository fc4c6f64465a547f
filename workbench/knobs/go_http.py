"""net/http of a Go program, such as `orders/http.clients.payments.maxConnsPerHost`; times in seconds.

Names are the fields of http.Server, http.Client and http.Transport, those of a client below the service
that it calls. `http.server.requestTimeout` is the deadline of each request's context (context.WithTimeout
in front of the handlers), which the clients' requests inherit. A WriteTimeout ends no work, so it moves
nothing.

Evidence: requestTimeout by the quantiles of what callers meet; a client's timeout by the callee's latency
in traces; maxConnsPerHost by the wait for a connection (client spans against server spans) and
net_conntrack_dialer_conn_open; maxIdleConnsPerHost and idleConnTimeout by connections opened a second; the
server's times by idle and slow connections in a goroutine profile.
"""

from __future__ import annotations

from workbench.network import Call, Network, Station
from workbench.settings import Knob

SYSTEM = "Go net/http"


def knobs(network: Network) -> list[Knob]:
    """Give the knobs of every service's server, and of its client towards each service that it calls."""
    return [
        knob
        for station in network.stations
        if station.name != network.entry
        for knob in (*_server(station), *(k for call in station.calls for k in _client(station.name, call)))
    ]


def _server(station: Station) -> list[Knob]:
    def time(name: str, meaning: str, path: str = "") -> Knob:
        name = f"http.server.{name}"
        return Knob(station.name, name, "s", 0.001, 3600, meaning, path, log=True, off=0)

    return [
        time("requestTimeout", "deadline of a request", f"{station.name}.deadline_s"),
        time("readTimeout", "time to read a request"),
        time("readHeaderTimeout", "time to read its headers"),
        time("writeTimeout", "time until the answer must be written"),
        time("idleTimeout", "wait for the next request"),
        Knob(
            station.name, "http.server.maxHeaderBytes", "bytes", 256, 16_777_216, "headers at most",
            whole=True, log=True,
        ),
    ]  # fmt: skip


def _client(service: str, call: Call) -> list[Knob]:
    at = f"{service}.calls.{call.to}"

    def time(name: str, meaning: str, path: str = "") -> Knob:
        name = f"http.clients.{call.to}.{name}"
        return Knob(service, name, "s", 0.001, 3600, meaning, path, log=True, off=0)

    def connections(name: str, meaning: str, path: str = "") -> Knob:
        name = f"http.clients.{call.to}.{name}"
        return Knob(
            service, name, "connections", 1, 65_536, meaning, path, whole=True, log=True, off=0
        )  # fmt: skip

    return [
        time("timeout", "patience of one try, connecting and reading included", f"{at}.timeout_s"),
        connections("maxConnsPerHost", "connections; more wait", f"{at}.pool.servers"),
        connections("maxIdleConns", "idle connections kept"),
        connections("maxIdleConnsPerHost", "idle connections kept for one host"),
        time("idleConnTimeout", "idle time before a connection closes"),
        time("dialTimeout", "time to connect"),
        time("tlsHandshakeTimeout", "time for the handshake"),
        time("responseHeaderTimeout", "wait for the headers of the answer"),
    ]
