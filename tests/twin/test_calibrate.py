"""A simulation of a known twin gives the twin's parameters back, within the errors that sampling leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.twin import hand
from workbench import tables
from workbench.capture import Capture
from workbench.errors import CalibrationError, Contradiction
from workbench.network import Workload
from workbench.twin.calibrate import calibrate
from workbench.twin.model import Twin
from workbench.twin.simulate import observe, simulate

LONG_S = 100
SIGMAS = 4.0  # standard errors allowed; the chance of one false alarm among 40 checks is then 0.3 %


@pytest.fixture(scope="module")
def calm() -> Capture:
    return simulate(hand.twin(), duration_s=LONG_S, seed=101)


@pytest.fixture(scope="module")
def sampled(calm: Capture) -> Capture:
    return observe(calm, like=replace(calm, load={"sample_share": 0.25}))


@pytest.fixture(scope="module")
def from_calm(calm: Capture) -> Twin:
    return calibrate(calm, seed=3)


@pytest.fixture(scope="module")
def from_sampled(sampled: Capture) -> Twin:
    return calibrate(sampled, seed=3)


def within(found: np.ndarray, true: np.ndarray, n: int) -> None:
    """Hold a fitted quantile table to the law that n values were drawn from.

    The mean's standard error is sd/√n. A sample quantile at p lies between the true ones at p ∓ SIGMAS times
    √(p(1-p)/n), the standard error of the empirical distribution there.
    """
    assert found.mean() == pytest.approx(true.mean(), abs=SIGMAS * true.std() / np.sqrt(n))
    position = (np.arange(true.size) + 0.5) / true.size
    for p in (0.1, 0.5, 0.9, 0.99):
        low, high = np.clip(p + SIGMAS * np.sqrt(p * (1 - p) / n) * np.array([-1, 1]), 0, 1)
        here = np.interp(p, position, found)
        assert np.interp(low, position, true) <= here <= np.interp(high, position, true), (p, n)


def held_to_truth(fitted: Workload, true: Workload, n: int) -> None:
    for name, demand in true.demand.items():
        within(fitted.demand[name].before, demand.before, n)
        if demand.after is None:
            assert fitted.demand[name].after is None
        else:
            within(fitted.demand[name].after, demand.after, n)
    for name, table in true.transit.items():
        within(fitted.transit[name], table, n)


def test_work_and_transit_come_back_from_every_span(from_calm):
    held_to_truth(from_calm.workload, hand.workload(), LONG_S * 40)


def test_work_and_transit_come_back_from_a_quarter_of_the_traces(from_sampled):
    held_to_truth(from_sampled.workload, hand.workload(), LONG_S * 40 // 4)


@pytest.mark.parametrize("which", ["from_calm", "from_sampled"])
def test_the_rate_is_that_of_all_requests_however_few_traces_were_kept(which, request):
    rate = request.getfixturevalue(which).workload.mean_rps()
    assert rate == pytest.approx(40, abs=SIGMAS * np.sqrt(40 / LONG_S))  # a Poisson count


def test_who_calls_whom_and_every_policy_come_back(from_calm):
    assert from_calm.network == hand.twin().network
    assert from_calm.settings == hand.CALM
    assert from_calm.start == hand.T0
    assert from_calm.duration_s == LONG_S


@pytest.mark.parametrize("persistence", [0.0, 1.0])
def test_persistence_and_work_come_back_under_retries(persistence):
    """With P(work > 50 ms) = 19 % there are some 600 retries; a share from 600 pairs has an error of 2 %."""
    made = hand.workload(persistence=persistence)
    capture = simulate(hand.twin(hand.EAGER, made), duration_s=80, seed=7)
    found = calibrate(capture)
    spread = [replicate.persistence for replicate in found.replicates]
    assert found.workload.persistence == pytest.approx(persistence, abs=0.05)
    assert max(spread) - min(spread) < 0.15
    held_to_truth(found.workload, made, 80 * 40)


def test_half_persistence_is_told_from_none_and_from_all():
    capture = simulate(hand.twin(hand.EAGER, hand.workload(persistence=0.5)), duration_s=80, seed=8)
    assert 0.4 < calibrate(capture).workload.persistence < 0.6


def test_without_retries_both_extremes_of_persistence_are_predicted_and_a_note_says_so(from_calm):
    spread = [replicate.persistence for replicate in from_calm.replicates]
    assert min(spread) < 0.05
    assert max(spread) > 0.95
    assert any("slow requests stay slow" in note for note in from_calm.notes)


def test_replicates_spread_as_far_as_means_are_uncertain(from_calm):
    """The bootstrap's spread of a mean, against sd/√n.

    From 10 blocks and 20 replicates each is known to about ±30 %, the mean of five to ±13 %.
    """
    ratios = []
    for name, means_s in hand.MEANS_S.items():
        for part, mean_s in zip(("before", "after"), means_s, strict=True):
            if mean_s is not None:
                drawn = [getattr(r.demand[name], part).mean() for r in from_calm.replicates]
                ratios.append(np.std(drawn, ddof=1) / (mean_s / np.sqrt(LONG_S * 40)))
    assert len(ratios) == 5
    assert 0.6 < np.mean(ratios) < 1.4


def test_the_same_seed_gives_the_same_twin_and_another_one_other_replicates(sampled, from_sampled):
    same, other = calibrate(sampled, seed=3), calibrate(sampled, seed=2)
    table = [t.replicates[0].demand["payments"].before for t in (from_sampled, same, other)]
    assert np.array_equal(table[0], table[1])
    assert not np.array_equal(table[0], table[2])


def test_two_captures_are_pooled_and_their_windows_joined():
    parts = [simulate(hand.twin(), duration_s=30, seed=seed) for seed in (5, 6)]
    both = calibrate(*parts)
    requests = sum((part.spans["parent_id"].isna()).sum() for part in parts)
    assert both.duration_s == 60
    assert both.workload.mean_rps() == pytest.approx(requests / 60)


def test_nothing_to_calibrate_on_says_so():
    with pytest.raises(CalibrationError, match="no capture"):
        calibrate()
    with pytest.raises(CalibrationError, match=r"no server spans.*Record traces"):
        calibrate(Capture(name="bare", settings=hand.CALM))


def test_captures_under_different_settings_are_refused_with_the_setting(calm):
    other = replace(calm, name="other", settings=hand.CALM.with_({"orders/workers": 9}))
    with pytest.raises(CalibrationError, match=r"1 settings differ, e.g. orders/workers: 8 and 9"):
        calibrate(calm, other)


def test_too_few_visits_name_the_station_and_the_remedy(calm):
    few = calm.between(hand.T0, hand.T0 + np.timedelta64(1, "s"))
    with pytest.raises(CalibrationError, match=r"gateway: \d+ visits at work.*Record a longer window"):
        calibrate(few)


def test_without_callers_spans_arrivals_are_what_reached_the_first_service(calm, from_calm):
    served = calm.spans[calm.spans["service"] != "client"].reset_index(drop=True)
    served.loc[served["service"].eq("gateway") & served["kind"].eq("server"), "parent_id"] = None
    found = calibrate(replace(calm, spans=tables.SPANS.check(served)))
    assert found.workload.mean_rps() == pytest.approx(from_calm.workload.mean_rps(), rel=0.01)
    assert found.network == from_calm.network
    assert any("callers' retries count as new requests" in note for note in found.notes)


def test_calls_that_a_window_cuts_off_are_not_taken_for_own_work():
    """Retries come a second after a try is given up; those after the window's end are not in it."""
    call = "gateway/calls.orders"
    slow = {f"{call}.timeout_s": 0.08, f"{call}.attempts": 3, f"{call}.backoff_s": 1.0, f"{call}.jitter": 0}
    whole = simulate(hand.twin(hand.CALM.with_(slow)), duration_s=30, seed=7)
    cut = whole.between(whole.start, whole.start + pd.Timedelta("25s"))
    ends = cut.spans["start"] + pd.to_timedelta(cut.spans["duration_s"], unit="s")
    assert (ends[cut.spans["service"] == "gateway"] > cut.end + pd.Timedelta("100ms")).sum() > 3
    fitted = calibrate(cut).workload.demand["gateway"]
    longest = hand.exponential(hand.MEANS_S["gateway"][1]).max()
    assert fitted.after is not None
    assert fitted.after.max() < 2 * longest < 0.1


def test_metrics_and_spans_of_different_windows_are_refused_with_both_counts(calm: Capture) -> None:
    """Half of the spans gone, and nothing that says so: the counters know twice as many visits."""
    half = calm.spans[calm.spans["trace_id"].str[-1].isin(list("01234567"))].reset_index(drop=True)
    counted = calm.metric("http_server_request_duration_seconds_count", service="orders").iloc[-1].sum()
    with pytest.raises(
        Contradiction, match=r"visits by metrics are \d+, visits by spans.* \d+; expected"
    ) as told:
        calibrate(replace(calm, spans=half))
    assert f" {counted:.0f}," in str(told.value) or "gateway" in str(told.value)
