"""The product-limit estimate, by hand and by the law that was censored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.twin import hand
from workbench.twin.calibrate import calibrate
from workbench.twin.evidence.censored import survival_table
from workbench.twin.simulate import simulate


def test_five_times_by_hand():
    """1, 2+, 3, 4+, 5: alive are 4/5 after 1, 4/5 · 2/3 after 3, none after 5."""
    values, ended = np.arange(1.0, 6.0), np.array([True, False, True, False, True])
    table, left = survival_table(values, ended, np.ones(5), beyond=10)
    assert left == pytest.approx(0.0, abs=1e-12)
    assert table.mean() == pytest.approx(0.2 * 1 + 0.8 / 3 * 3 + 0.8 * 2 / 3 * 5, rel=0.05)


def test_what_is_cut_off_at_one_time_leaves_what_the_law_has_beyond():
    rng = np.random.default_rng(5)
    drawn = rng.exponential(0.03, 20_000)
    table, left = survival_table(np.minimum(drawn, 0.05), drawn < 0.05, np.ones(drawn.size), beyond=10)
    beyond = np.exp(-0.05 / 0.03)
    assert left == pytest.approx(beyond, abs=4 * np.sqrt(beyond * (1 - beyond) / drawn.size))
    assert np.quantile(table, 0.5) == pytest.approx(0.03 * np.log(2), rel=0.03)
    assert table.max() == pytest.approx(0.5)


def test_censoring_at_random_times_does_not_shorten_work():
    """What a mean of those that ended would."""
    rng = np.random.default_rng(6)
    work, patience = rng.exponential(0.03, 40_000), rng.exponential(0.1, 40_000)
    table, _ = survival_table(np.minimum(work, patience), work < patience, np.ones(work.size), beyond=1)
    assert table.mean() == pytest.approx(0.03, rel=0.03)
    assert work[work < patience].mean() < 0.025


def test_a_callee_that_only_its_caller_saw_is_known_up_to_the_timeout():
    settings = hand.CALM.with_({"orders/calls.payments.timeout_s": 0.05})
    capture = simulate(hand.twin(settings), duration_s=40, seed=21)
    seen = capture.spans[(capture.spans["service"] != "payments")].reset_index(drop=True)
    bare = replace(capture, spans=seen, series=capture.series[:0], samples=capture.samples[:0])
    found = calibrate(bare)
    n, late = 40 * 40, np.exp(-(0.05 - 0.0006) / 0.03)
    table = found.workload.demand["payments"].before
    assert np.mean(table > 0.0501) == pytest.approx(late, abs=4 * np.sqrt(late * (1 - late) / n))
    assert np.quantile(table, 0.5) == pytest.approx(0.0006 + 0.03 * np.log(2), rel=0.12)
    longest = [replicate.demand["payments"].before.max() for replicate in found.replicates]
    assert min(longest) == pytest.approx(0.05, abs=0.002)
    assert max(longest) == pytest.approx(0.5, abs=0.02)
    assert any(
        note.startswith("payments: ") and "longer than its callers waited" in note for note in found.notes
    )
