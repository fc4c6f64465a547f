"""Tries and pauses of a call fit into the time that the caller has.

gateway waits 500 ms for orders; orders tries payments 3 times for 400 ms each: 1.2 s of work for nobody
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from workbench.consistency._seam import (
    APPLICATION,
    ERROR,
    LAYERS,
    Claims,
    Finding,
    Said,
    least,
    seconds,
)

RULE = "timeout × attempts + backoff of a call stay within the time that its caller has"


def check(claims: Claims) -> Iterator[Finding]:
    """Hold each call against its caller's budget, and a call's inner layer against one try of the outer."""
    for caller, callee in claims.edges():
        budget = least(claims.budgets(caller))
        for layer in LAYERS:
            need = _need(claims, caller, callee, layer)
            outer = least(claims.between("timeout_s", caller, callee, layer=APPLICATION))
            if need is None:
                continue
            if budget is not None and need[0] > budget.value:
                yield _beyond(caller, callee, need, budget, f"{caller} has {seconds(budget.value)}")
            if layer != APPLICATION and outer is not None and need[0] > outer.value:
                patience = f"one try of {caller} lasts {seconds(outer.value)}"
                yield _beyond(caller, callee, need, outer, patience)


Need = tuple[float, float, float, float, list[Said]]


def _need(claims: Claims, caller: str, callee: str, layer: str) -> Need | None:
    """Time that a call may take in a layer: all of it, a try, attempts, pauses; and who says so."""
    found = {
        role: least(claims.between(role, caller, callee, layer=layer))
        for role in ("timeout_s", "attempts", "backoff_s", "backoff_cap_s", "overall_s")
    }
    timeout, overall = found["timeout_s"], found["overall_s"]
    whole = overall.value if overall else math.inf
    one = timeout.value if timeout else math.inf
    tries = found["attempts"].value if found["attempts"] else 1
    pause = pauses(
        tries,
        found["backoff_s"].value if found["backoff_s"] else 0,
        found["backoff_cap_s"].value if found["backoff_cap_s"] else math.inf,
    )
    total = min(whole, one * tries + pause)
    if not math.isfinite(total):
        return None
    if total == whole:
        return total, total, 1, 0, [s for s in (overall,) if s]
    roles = ("timeout_s", "attempts", *(("backoff_s",) if pause else ()))
    return total, one, tries, pause, [s for role in roles if (s := found[role])]


def pauses(attempts: float, base_s: float, cap_s: float) -> float:
    """The longest pauses before all retries together, doubling from `base_s`."""
    return sum(min(base_s * 2**n, cap_s) for n in range(int(min(attempts, 1000)) - 1))


def _beyond(caller: str, callee: str, need: Need, budget: Said, has: str) -> Finding:
    total, one, tries, pause, said = need
    sum_ = f"{tries:g} × {seconds(one)}" + (f" + {seconds(pause)} of backoff" if pause else "")
    shorter = (budget.value - pause) / tries
    fits = math.floor(budget.value / one) if one else tries
    change = f"at most {seconds(shorter)} a try" if shorter > 0 else "less backoff"
    if 1 <= fits < tries:
        change += f", or {fits:g} {'try' if fits == 1 else 'tries'}"
    return Finding(
        ERROR,
        f"{caller} may wait {seconds(total)} for {callee} ({sum_}), but {has}",
        f"{change}, or give {budget.key} {seconds(total)}",
        (*said, budget),
    )
