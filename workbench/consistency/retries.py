"""Retries in one layer and the next multiply.

gateway 3 tries × orders 3 tries × mesh 2 tries: 18 tries at payments for one request, when it is slowest
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from workbench.consistency._seam import ERROR, LAYERS, WARNING, Claims, Finding, Said, least

RULE = "tries of a whole chain, multiplied over its hops and layers, stay few, or a retry budget bounds them"
MANY, FAR_TOO_MANY = 4.0, 8.0


def check(claims: Claims) -> Iterator[Finding]:
    """Multiply tries along every chain; a chain that is the beginning of another is told with that one."""
    told: set[tuple[Said, ...]] = set()
    for chain in claims.topology.chains():
        hops = [hop for pair in itertools.pairwise(chain) for hop in _hops(claims, *pair)]
        retrying = tuple(hop for hop, _ in hops)
        if len(retrying) < 2 or retrying in told:
            continue
        told.add(retrying)
        product = math.prod(hop.value for hop in retrying)
        bounded = math.prod(min(hop.value, bound) for hop, bound in hops)
        if bounded < MANY:
            continue
        yield Finding(
            ERROR if bounded >= FAR_TOO_MANY else WARNING,
            f"up to {product:g} tries at {chain[-1]} for one request at {chain[0]}: "
            + " × ".join(f"{hop.value:g}" for hop in retrying)
            + (f"; with the retry budgets {bounded:.3g}" if bounded < product else ""),
            f"retry at one place of the chain only (1 try elsewhere), or a retry budget of 20 % at "
            f"{', '.join(hop.key for hop, bound in hops if not math.isfinite(bound))}",
            retrying,
        )


def _hops(claims: Claims, caller: str, callee: str) -> Iterator[tuple[Said, float]]:
    """Each layer that tries more than once, and the tries per request that its budget leaves on average."""
    for layer in LAYERS:
        said = claims.between("attempts", caller, callee, layer=layer)
        budget = least(claims.between("budget_share", caller, callee, layer=layer))
        for one in said:
            if one.value > 1:
                yield one, 1 + budget.value if budget and math.isfinite(budget.value) else math.inf
