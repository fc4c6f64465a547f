"""Backoff through its hook, with the arithmetic in the test."""

from __future__ import annotations

import math

import pytest

from workbench.twin.mechanisms import backoff

DOUBLING, ENVOY = range(2)


def test_backoff_doubles_up_to_its_cap_and_jitter_only_shortens_it():
    waits = [backoff.delay_s(n, DOUBLING, 0.1, 0.5, 0.0, 0.9) for n in (1, 2, 3, 4)]
    assert waits == [0.1, 0.2, 0.4, 0.5]
    assert backoff.delay_s(2, DOUBLING, 0.1, math.inf, 1.0, 0.75) == pytest.approx(0.05)
    assert backoff.delay_s(2, DOUBLING, 0.1, math.inf, 0.5, 0.5) == pytest.approx(0.15)
    assert backoff.delay_s(5, DOUBLING, 0.0, math.inf, 1.0, 0.5) == 0.0


def test_envoy_waits_anything_up_to_one_less_than_the_doubled_steps():
    """25 ms: at most 25, 75, 175 and then the cap of 250 ms, as its documentation has it."""
    waits = [backoff.delay_s(n, ENVOY, 0.025, 0.25, 0.0, 0.5) * 2 for n in (1, 2, 3, 4)]
    assert waits == pytest.approx([0.025, 0.075, 0.175, 0.25])
