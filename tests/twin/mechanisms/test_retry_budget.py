"""Retry budgets through their hooks, with the arithmetic in the test."""

from __future__ import annotations

import numpy as np

from workbench.policies import RetryBudget
from workbench.twin.mechanisms import retry_budget


def new(**policy: float | str) -> np.void:
    state = np.zeros(1, retry_budget.STATE)[0]
    retry_budget.set_up(state, RetryBudget(**policy))
    return state


def retry(state: np.void) -> None:
    """One that was allowed is made at once."""
    retry_budget.promised(state)
    retry_budget.begun(state)


def test_a_share_of_the_tries_in_progress_may_be_retries():
    """Of 20 tries 4 at 20 %; of 19 still 3, which is the floor."""
    budget = new(kind="active", share=0.2, floor=3)
    for _ in range(16):
        retry_budget.begun(budget)
    granted = 0
    while retry_budget.allow(budget):
        retry(budget)
        granted += 1
    assert granted == 3  # 19 in progress
    retry_budget.begun(budget)
    assert retry_budget.allow(budget)  # 3 of 20
    retry(budget)
    assert not retry_budget.allow(budget)  # 4 of 21
    retry_budget.ended(budget, True, False, True)
    assert retry_budget.allow(budget)


def test_a_few_retries_are_always_allowed():
    budget = new(kind="active", share=0.0, floor=2)
    allowed = []
    for _ in range(3):
        allowed.append(bool(retry_budget.allow(budget)))
        retry(budget)
    assert allowed == [True, True, False]


def test_tokens_allow_retries_while_more_than_half_are_left():
    """gRFC A6 with maxTokens 10, tokenRatio 0.5: stopped by the fifth failure, back after three successes."""
    budget = new(kind="tokens", tokens=10, share=0.5)
    allowed = []
    for _ in range(6):
        retry_budget.ended(budget, False, False, False)
        allowed.append(bool(retry_budget.allow(budget)))
    assert allowed == [True] * 4 + [False] * 2
    for expected in (False, False, True):
        retry_budget.ended(budget, False, True, False)
        assert retry_budget.allow(budget) == expected


def test_tokens_stay_between_none_and_all():
    budget = new(kind="tokens", tokens=3, share=1)
    for _ in range(10):
        retry_budget.ended(budget, False, False, False)
    assert budget["tokens"] == 0
    for _ in range(10):
        retry_budget.ended(budget, False, True, False)
    assert budget["tokens"] == 3


def test_released_tries_move_no_tokens():
    budget = new(kind="tokens", tokens=10)
    retry_budget.ended(budget, True, False, True)
    assert budget["tokens"] == 10


def test_without_a_budget_every_retry_is_allowed():
    budget = new()
    for _ in range(100):
        assert retry_budget.allow(budget)
        retry(budget)
