"""Which call of a service a setting can mean that names no callee."""

from __future__ import annotations

from workbench.network import Network


def only_call(network: Network, service: str, *, leaf: bool = False) -> str:
    """Give the path of a service's one call (to a leaf, if `leaf`), or "" if it has none or several such."""
    calls = [call.to for call in network[service].calls if not (leaf and network[call.to].calls)]
    return f"{service}.calls.{calls[0]}" if len(calls) == 1 else ""
