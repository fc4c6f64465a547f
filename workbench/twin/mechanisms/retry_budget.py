"""What bounds the retries of a call. Hooks: `begun` and `ended` for every try, `allow` before a retry.

- active: Envoy's retry_budget, share of the tries in progress, rounded down. A retry counts from
  when it is allowed (`promised`), its backoff included; one that is not made after all is `withdrawn`.
- tokens: gRPC's retryThrottling (gRFC A6).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench import policies
from workbench.twin._compiled import inlined

_NONE, _ACTIVE, _TOKENS = range(3)  # as in policies.RetryBudget.KINDS
STATE = np.dtype(
    [
        ("kind", "i8"),  # policy
        ("share", "f8"),
        ("floor", "f8"),
        ("most", "f8"),
        ("active", "i8"),  # state: tries in progress, and retries among them
        ("retries", "i8"),
        ("tokens", "f8"),
    ]
)


def set_up(state: Any, policy: policies.RetryBudget) -> None:
    """Fill a record from the policy: no tries, all tokens."""
    state["kind"] = policies.RetryBudget.KINDS.index(policy.kind)
    state["share"], state["floor"] = policy.share, policy.floor
    state["most"] = state["tokens"] = policy.tokens
    state["active"] = state["retries"] = 0


@inlined
def allow(budget):  # type: ignore[no-untyped-def]
    """True if a retry may be made now; the failure that asks for it has been told to `ended`."""
    if budget.kind == _ACTIVE:
        return budget.retries < max(np.floor(budget.share * budget.active), budget.floor)
    if budget.kind == _TOKENS:
        return budget.tokens > budget.most / 2.0
    return True


@inlined
def promised(budget):  # type: ignore[no-untyped-def]
    """Count a retry that has been allowed."""
    budget.retries += 1


@inlined
def withdrawn(budget):  # type: ignore[no-untyped-def]
    """Count out a retry that was allowed and will not be made."""
    budget.retries -= 1


@inlined
def begun(budget):  # type: ignore[no-untyped-def]
    """Count a try in."""
    budget.active += 1


@inlined
def ended(budget, was_retry, ok, released):  # type: ignore[no-untyped-def]
    """Count a try out; one that failed takes a token, unless it was `released` (abandoned, not retriable)."""
    budget.active -= 1
    budget.retries -= was_retry
    if ok:
        budget.tokens = min(budget.most, budget.tokens + budget.share)
    elif not released:
        budget.tokens = max(0.0, budget.tokens - 1.0)
