"""Network paths that a knob may move only where the network is of the shape that the real thing has."""

from __future__ import annotations

from workbench.network import Call, Network


def calls_to(network: Network, host: str) -> list[tuple[str, Call]]:
    """Give every call to a host with its path; those of the callers at the entry are no system's to set."""
    return [
        (f"{station.name}.calls.{call.to}", call)
        for station in network.stations
        if station.name != network.entry
        for call in station.calls
        if call.to == host
    ]


def when(so: bool, path: str) -> str:
    """Give the path where it is so, or else "", which greys the knob."""
    return path if so else ""
