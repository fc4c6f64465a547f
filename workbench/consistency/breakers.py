"""A breaker can trip.

Istio without connectionPool limits: Envoy's thresholds are 4294967295, which is none
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from workbench.consistency._roles import THRESHOLDS
from workbench.consistency._seam import MESH, WARNING, Claims, Finding, Said, least, seconds

RULE = "a breaker's thresholds lie within what it can see: requests in flight, calls of a window, slow calls"
NEVER = 2.0**31  # Envoy and Istio write 4294967295, others 2147483647, for no limit


def check(claims: Claims) -> Iterator[Finding]:
    """Hold each threshold against what a calling instance can meet."""
    for said in claims.said:
        if said.layer == MESH and said.role in THRESHOLDS and said.value >= NEVER:
            yield Finding(
                WARNING,
                f"the breaker towards {said.to or said.service} never trips: {said.shown.partition(' (')[0]}"
                ", no limit",
                f"{said.key} at about twice the most in flight seen in a recording",
                (said,),
            )
    for caller, callee in claims.edges():
        yield from _window(claims, caller, callee)
        yield from _slow(claims, caller, callee)


def _window(claims: Claims, caller: str, callee: str) -> Iterator[Finding]:
    """Counts that one window, at the known rate, does not reach."""
    rps = claims.known(callee).rps
    copies, who = claims.replicas(caller)
    for window in claims.between("breaker_window_s", caller, callee):
        seen = rps / copies * window.value
        for role in ("breaker_minimum", "breaker_failures"):
            for count in claims.between(role, caller, callee, layer=window.layer):
                if count.value > seen:
                    yield _never(count, window, seen, f"{rps:g}/s over {copies:g} of {caller}", who)
    for window in claims.between("breaker_window", caller, callee):
        for count in claims.between("breaker_failures", caller, callee, layer=window.layer):
            if count.value > window.value:
                yield _never(count, window, window.value, "the window's size", [])


def _never(count: Said, window: Said, seen: float, why: str, who: list[Said]) -> Finding:
    return Finding(
        WARNING,
        f"the breaker of {count.key.partition('/')[0]} needs {count.value:g} calls in a window that sees "
        f"{seen:.3g} ({why}): it never trips",
        f"{count.key} = {max(1, math.floor(seen / 2)):g}, or a longer {window.key}",
        (count, window, *who),
    )


def _slow(claims: Claims, caller: str, callee: str) -> Iterator[Finding]:
    """A call that would count as slow has timed out before."""
    timeout = least(claims.between("timeout_s", caller, callee))
    for slow in claims.between("breaker_slow_s", caller, callee):
        if timeout and timeout.value <= slow.value < math.inf:
            yield Finding(
                WARNING,
                f"no call of {caller} to {callee} is ever slow: it times out after {seconds(timeout.value)}, "
                f"slow is {seconds(slow.value)}",
                f"{slow.key} below {seconds(timeout.value)}",
                (slow, timeout),
            )
