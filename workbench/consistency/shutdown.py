"""What is in flight at the end gets its answer.

grace period 30 s, preStop sleep 15 s, and a request may take 20 s: it is cut off
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from workbench.consistency._seam import ERROR, WARNING, Claims, Finding, Said, least, seconds

RULE = "the grace period holds the preStop wait and the longest answer in flight"


def check(claims: Claims) -> Iterator[Finding]:
    """Hold each grace period against the preStop wait, the server's own drain and the longest answer."""
    for service in claims.services:
        for grace in claims.of("grace_s", service):
            before = claims.known(service).pre_stop_s
            drain = claims.most("drain_s", service)
            if drain and math.isfinite(drain.value) and before + drain.value > grace.value:
                yield _cut(
                    service, grace, before, f"may drain for {seconds(drain.value)}", drain.value, drain
                )
            longest, said = _longest(claims, service)
            if longest and before + longest > grace.value:
                yield _cut(
                    service, grace, before, f"may take {seconds(longest)} for an answer", longest, said
                )
            if drain and longest and longest > drain.value:
                yield Finding(
                    WARNING,
                    f"{service} may take {seconds(longest)} for an answer, but drains for "
                    f"{seconds(drain.value)}",
                    f"{drain.key} of {seconds(longest)} or more",
                    tuple(s for s in (drain, said) if s),
                )


def _longest(claims: Claims, service: str) -> tuple[float, Said | None]:
    """The longest answer: what was seen, or else what the callers would wait for."""
    tail, patience = claims.known(service).tail_s, least(claims.budgets(service))
    if not math.isnan(tail) and (patience is None or tail < patience.value):
        return tail, None
    return (patience.value, patience) if patience else (0.0, None)


def _cut(service: str, grace: Said, before: float, what: str, needs: float, said: Said | None) -> Finding:
    after = f" after {seconds(before)} of preStop" if before else ""
    return Finding(
        ERROR,
        f"{service} is killed {seconds(grace.value)} after the signal, but{after} {what}",
        f"{grace.key} = {math.ceil(before + needs):g} s",
        (grace, *((said,) if said else ())),
    )
