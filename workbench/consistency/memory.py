"""Heaps and memory limits fit into the container.

-Xmx1g in a container of 1 GiB is killed: threads, metaspace, code and buffers come on top
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from workbench.consistency._seam import ERROR, WARNING, Claims, Finding, Said, size

RULE = "heap, GOMEMLIMIT and what comes on top stay below the container's memory, threads below its cores"
HEAP_SHARE = 0.75  # what remains holds metaspace, code cache, thread stacks and direct buffers
GO_SHARE = 0.95  # go.dev/doc/gc-guide: leave 5 to 10 % of headroom for what the runtime does not know of
_ON_TOP = ("metaspace_bytes", "direct_bytes", "code_cache_bytes")


def check(claims: Claims) -> Iterator[Finding]:
    """Hold each service's heap against its container."""
    for service in claims.services:
        limit = claims.least("memory_limit_bytes", service)
        yield from _unbounded(claims, service)
        if limit is None or not math.isfinite(limit.value):
            continue
        yield from _heap(claims, service, limit)
        yield from _share(claims, service, limit)
        for go in claims.of("go_memory_bytes", service):
            if math.isfinite(go.value) and go.value > limit.value * GO_SHARE:
                yield _too_large(go, limit, GO_SHARE, f"GOMEMLIMIT of {service}")
    for service in claims.services:
        yield from _cores(claims, service)


def _heap(claims: Claims, service: str, limit: Said) -> Iterator[Finding]:
    heap = claims.most("heap_bytes", service)
    if heap is None or not math.isfinite(heap.value):
        return
    on_top = [s for role in _ON_TOP for s in claims.of(role, service) if math.isfinite(s.value)]
    whole = heap.value + sum(s.value for s in on_top)
    if whole > limit.value and on_top and heap.value <= limit.value:
        yield Finding(
            ERROR,
            f"{service} may use {size(whole)} (heap {size(heap.value)} and what comes on top), its container "
            f"has {size(limit.value)}",
            f"{heap.key} = {size(limit.value * HEAP_SHARE)}, or {limit.key} of {size(whole)} and more",
            (heap, *on_top, limit),
        )
    elif heap.value > limit.value * HEAP_SHARE:
        yield _too_large(heap, limit, HEAP_SHARE, f"heap of {service}")


def _share(claims: Claims, service: str, limit: Said) -> Iterator[Finding]:
    for share in claims.of("heap_share", service):
        if share.value > HEAP_SHARE:
            yield Finding(
                WARNING,
                f"the heap of {service} may take {share.value:.0%} of its container's {size(limit.value)}, "
                "and what comes on top needs room",
                f"{share.key} = {HEAP_SHARE:.0%}",
                (share, limit),
            )


def _too_large(heap: Said, limit: Said, share: float, what: str) -> Finding:
    return Finding(
        ERROR if heap.value >= limit.value else WARNING,
        f"{what} is {size(heap.value)}, {heap.value / limit.value:.0%} of its container's "
        f"{size(limit.value)}",
        f"{heap.key} = {size(limit.value * share)}, or {limit.key} of {size(heap.value / share)}",
        (heap, limit),
    )


def _unbounded(claims: Claims, service: str) -> Iterator[Finding]:
    """GOGC=off collects only when GOMEMLIMIT says so."""
    for gogc in claims.of("gogc", service):
        if math.isinf(gogc.value) and not any(
            math.isfinite(s.value) for s in claims.of("go_memory_bytes", service)
        ):
            yield Finding(
                ERROR,
                f"{service} never collects its heap: GOGC is off and no GOMEMLIMIT is set",
                "GOMEMLIMIT at 95 % of the container's memory, or GOGC=100",
                (gogc,),
            )


def _cores(claims: Claims, service: str) -> Iterator[Finding]:
    limit = claims.least("cpu_limit", service)
    for threads in claims.of("go_threads", service):
        if limit and limit.value < math.inf and threads.value > math.ceil(limit.value):
            yield Finding(
                WARNING,
                f"GOMAXPROCS of {service} is {threads.value:g}, its CPU limit {limit.value:g} cores: it "
                "uses its quota up early in every period and is throttled",
                f"GOMAXPROCS = {math.ceil(limit.value):g}",
                (threads, limit),
            )
