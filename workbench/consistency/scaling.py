"""An autoscaler can do its work.

a HorizontalPodAutoscaler on CPU utilisation of pods without a CPU request has nothing to divide by
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.consistency._seam import ERROR, WARNING, Claims, Finding

RULE = "a CPU target has a request to refer to and is reachable below the limit; the least is below the most"


def check(claims: Claims) -> Iterator[Finding]:
    """Hold each autoscaler against requests and limits."""
    for service in claims.services:
        yield from _target(claims, service)
        yield from _bounds(claims, service)


def _target(claims: Claims, service: str) -> Iterator[Finding]:
    request, limit = claims.least("cpu_request", service), claims.least("cpu_limit", service)
    for target in claims.of("cpu_target", service):
        if request is None:
            # Kubernetes takes the limit for the request where only the limit is set.
            if limit is None:
                yield Finding(
                    ERROR,
                    f"{service} scales at {target.value:.0%} of its CPU request, and has none: it never "
                    "scales",
                    f"a CPU request for {service}",
                    (target,),
                )
        elif limit is not None and limit.value / request.value < target.value:
            yield Finding(
                ERROR,
                f"{service} scales at {target.value:.0%} of its request, {target.value * request.value:.3g} "
                f"cores, but its limit is {limit.value:.3g} cores: it never scales",
                f"{target.key} below {limit.value / request.value:.0%}, or a higher {limit.key}",
                (target, request, limit),
            )


def _bounds(claims: Claims, service: str) -> Iterator[Finding]:
    low, high = claims.most("replicas_least", service), claims.least("replicas_most", service)
    if low and high and low.value > high.value:
        yield Finding(
            ERROR,
            f"{service} is to have at least {low.value:g} replicas and at most {high.value:g}",
            f"{high.key} = {low.value:g} or more",
            (low, high),
        )
    elif low and high and low.value == high.value:
        yield Finding(
            WARNING,
            f"{service} has {low.value:g} replicas at least and at most: it never scales",
            f"{high.key} above {low.value:g}",
            (low, high),
        )
    for request, limit in (("cpu_request", "cpu_limit"), ("memory_request_bytes", "memory_limit_bytes")):
        asked, allowed = claims.most(request, service), claims.least(limit, service)
        if asked and allowed and asked.value > allowed.value:
            yield Finding(
                ERROR,
                f"{service} requests {asked.shown} and may use {allowed.shown}: Kubernetes refuses it",
                f"{asked.key} at most {allowed.shown}",
                (asked, allowed),
            )
