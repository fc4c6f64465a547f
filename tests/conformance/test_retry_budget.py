"""The token budget of retries decides as grpc-go's retryThrottling does, failure by failure.

Different on purpose: nothing. grpc-go's own functions are called on a value of its type.
"""

from __future__ import annotations

import numpy as np

from tests.conformance.conftest import Run
from workbench.policies import RetryBudget
from workbench.twin.mechanisms import retry_budget

EVENTS = 20_000  # at each budget
POLICIES = [RetryBudget(kind="tokens", tokens=t, share=s) for t, s in [(10, 0.1), (3, 0.5), (1000, 0.001)]]
POLICIES += [RetryBudget(kind="tokens", tokens=t, share=s) for t, s in [(1, 1), (7, 0.333), (100, 2.5)]]


def test_retries_stop_and_come_back_as_in_grpc(go: Run):
    rng = np.random.default_rng(1)
    lists = []
    for policy in POLICIES:
        balanced = policy.share / (1 + policy.share)  # of failures, at which the tokens stay as they are
        failing = balanced * np.repeat(rng.choice([0.3, 1.0, 1.5], EVENTS // 200), 200)
        lists.append("".join(np.where(rng.random(EVENTS) < failing, "x", "o")))
    lines = [f"{p.tokens} {p.share} {events}" for p, events in zip(POLICIES, lists, strict=True)]
    theirs = go("retry_throttling", "\n".join(lines)).split()
    assert min("".join(theirs).count(decision) for decision in "01.") >= 1000
    assert list(map(ours, POLICIES, lists)) == theirs


def ours(policy: RetryBudget, events: str) -> str:
    """What the twin's mechanism does, as the program prints it."""
    budget = np.zeros(1, retry_budget.STATE)[0]
    retry_budget.set_up(budget, policy)
    decisions = []
    for event in events:
        retry_budget.begun(budget)
        retry_budget.ended(budget, False, event == "o", False)
        decisions.append("." if event == "o" else "1" if retry_budget.allow(budget) else "0")
    return "".join(decisions)
