"""A simulated capture goes through the analyses like a measured one, and they find what the log holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.twin import hand
from workbench.analysis.findings import findings
from workbench.analysis.latency import latency
from workbench.analysis.laws import contradictions, laws
from workbench.analysis.pools import pools
from workbench.analysis.rates import rates
from workbench.analysis.visits import calls, tries, visits
from workbench.errors import SettingError
from workbench.network import Scenario
from workbench.twin import arrivals, world
from workbench.twin.measured import bootstrap
from workbench.twin.model import run
from workbench.twin.simulate import simulate

BUSY = hand.EAGER.with_(
    {
        "orders/workers": 4,
        "orders/queue": 6,
        "gateway/calls.orders.timeout_s": 0.3,
        "gateway/calls.orders.attempts": 2,
        "payments/limit.rate_rps": 60,
        "payments/limit.burst": 5,
        "orders/deadline_s": 0.1,
    }
)
TWIN = hand.twin(BUSY, hand.workload([60.0, 75.0], bin_s=30.0))
SEED = 21
OUTCOMES = {0: "ok", 1: "failed", 2: "refused", 3: "limited", 4: "expired"}


@pytest.fixture(scope="module")
def capture():
    return simulate(TWIN, duration_s=60, seed=SEED)


@pytest.fixture(scope="module")
def truth():
    """The kernel's log of the same window, its numbers, the whole log, and what of it is in the window."""
    log, out = run(TWIN, TWIN.network, TWIN.workload, duration_s=60, seed=SEED)
    shift = -arrivals.poisson(TWIN.workload, start_s=-20.0, end_s=60.0, seed=SEED)[0]
    entered = log["sent"][log["parent"] < 0][log["request"]]
    inside = (entered >= shift) & (entered < shift + 60)
    return log[inside], out.numbers, log, inside


def test_callers_met_what_the_outcome_says(capture, truth):
    seen, _ = bootstrap(capture)
    for name in ("mean_s", "throughput_rps", "error_share", "load_rps"):
        assert seen[name] == pytest.approx(truth[1][name], rel=1e-6), name
    for name in ("p50_s", "p95_s", "p99_s"):  # one takes the next request's latency, one interpolates
        assert seen[name] == pytest.approx(truth[1][name], rel=0.01), name


def test_visits_and_their_outcomes_are_those_of_the_log(capture, truth):
    found, callers = visits(capture), set(truth[2]["parent"])
    for index, station in enumerate(TWIN.network.stations):
        rows = np.flatnonzero((truth[2]["station"] == index) & truth[3] & (truth[2]["parent"] >= 0))
        own = truth[2][rows]
        seen = found[found["service"] == station.name]
        assert len(seen) == own.size
        if own.size:
            # A 504 after calls is what a failure below looks like from outside: failed, not expired.
            names = [OUTCOMES[row["outcome"]] for row in own]
            late = [name == "expired" and row in callers for name, row in zip(names, rows, strict=True)]
            expected = pd.Series(np.where(late, "failed", names)).value_counts().to_dict()
            assert seen["outcome"].value_counts().to_dict() == expected
            waited = np.nan_to_num(own["started"] - own["arrived"])
            assert seen["wait_s"].sum() == pytest.approx(waited.sum(), rel=1e-6, abs=1e-6)


def test_every_kind_of_outcome_occurs_in_this_window(capture):
    assert set(visits(capture)["outcome"]) == set(OUTCOMES.values())
    assert "timeout" in set(tries(capture)["outcome"])


def test_tries_carry_their_number_and_the_pause_before_them(capture, truth):
    log, made = truth[0], tries(capture)
    counted = np.bincount(log["attempt"][log["parent"] >= 0])
    assert made["attempt"].value_counts().sort_index().to_list() == counted.tolist()
    again = made[(made["caller"] == "orders") & (made["attempt"] > 0)]
    expected = 0.01 * 2.0 ** (again["attempt"] - 1)  # backoff, doubled with each, without jitter
    assert again["backoff_s"].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)


def test_parts_of_a_visit_are_those_that_were_drawn(capture, truth):
    """Own work of a payments visit is ended - started; own work of orders lies around its tries."""
    log, found = truth[0], visits(capture)
    own = log[(log["station"] == 3) & (log["outcome"] == world.OK)]
    seen = found[(found["service"] == "payments") & (found["outcome"] == "ok")]
    assert seen["before_s"].sum() == pytest.approx((own["ended"] - own["started"]).sum(), rel=1e-6)


def test_who_calls_whom_is_the_network(capture):
    assert calls(capture) == {"client": ["gateway"], "gateway": ["orders"], "orders": ["payments"]}


def test_pools_from_scraped_counters_are_the_utilisation_of_the_log(capture, truth):
    found = pools(capture).set_index("service")
    for name in ("gateway", "orders", "payments"):
        assert found.at[name, "size"] == TWIN.network[name].pool.servers
        # The capture lacks what the warm-up left behind: up to a second of every server, of 60.
        assert found.at[name, "utilisation"] == pytest.approx(truth[1][f"utilisation/{name}"], abs=0.02)


def test_rates_count_every_visit_by_its_code(capture):
    found, seen = rates(capture, step_s=5.0), visits(capture)
    for name, own in seen.groupby("service"):
        rate = found[found["service"] == name]
        inside = own["start"] + pd.to_timedelta(own["duration_s"], unit="s") <= capture.end
        assert (rate["rate_rps"] * 5).sum() == pytest.approx(inside.sum(), rel=1e-6)
        limited = (own["outcome"] == "limited")[inside].sum()
        assert (rate["limited_share"] * rate["rate_rps"] * 5).sum() == pytest.approx(limited, rel=1e-6)


def test_every_law_holds(capture):
    assert contradictions(capture) == []
    assert set(laws(capture)["law"]) == {"Little's law", "utilisation law", "one count", "flow balance"}


def test_findings_and_latency_take_it_like_a_measured_one(capture):
    assert len(findings(capture)) > 0
    assert set(latency(capture)["service"]) == {"client", "gateway", "orders", "payments"}


def test_a_step_in_the_load_comes_when_it_should():
    step = hand.twin(asked=hand.workload([20.0, 80.0], bin_s=30.0))
    roots = simulate(step, duration_s=60, seed=1).spans
    roots = roots[roots["parent_id"].isna()]
    early = (roots["start"] < hand.T0 + pd.Timedelta(30, "s")).sum()
    assert early == pytest.approx(600, abs=4 * np.sqrt(600))
    assert len(roots) - early == pytest.approx(2400, abs=4 * np.sqrt(2400))


def test_the_window_is_in_full_swing_from_its_start():
    """Without a warm-up the first second of a loaded window would find every queue empty."""
    loaded = hand.twin(hand.CALM.with_({"payments/workers": 2}), hand.workload([80.0]))
    seen = visits(simulate(loaded, duration_s=20, seed=2))
    early = seen[(seen["service"] == "orders") & (seen["start"] < hand.T0 + pd.Timedelta(1, "s"))]
    # 80/s meet 2 servers of 30 ms, 67/s: the 32 places before orders are full, which is 32/67 = 0.48 s;
    # from an empty start the first second sees at most (80 - 67)/67 = 0.2 s.
    assert early["wait_s"].median() > 0.35


def test_replayed_arrivals_come_when_they_did(capture):
    times = np.array([-3.0, 0.25, 1.0, 7.5])
    spans = simulate(TWIN, duration_s=10, seed=1, times_s=times).spans
    roots = spans.loc[spans["parent_id"].isna(), "start"].sort_values()
    assert [(t - hand.T0).total_seconds() for t in roots] == [0.25, 1.0, 7.5]


def test_settings_and_scenario_are_written_down_and_seeds_repeat():
    changed = simulate(
        TWIN, {"orders/workers": 7}, scenario=Scenario("more", load=1.5), duration_s=20, seed=3
    )
    again = simulate(TWIN, {"orders/workers": 7}, scenario=Scenario("more", load=1.5), duration_s=20, seed=3)
    assert changed.settings["orders/workers"] == 7
    assert changed.load["scenario"] == "more"
    assert pools(changed).set_index("service").at["orders", "size"] == 7
    pd.testing.assert_frame_equal(changed.spans, again.spans)
    roots = changed.spans["parent_id"].isna().sum()
    assert roots == pytest.approx(60 * 1.5 * 20, abs=4 * np.sqrt(1800))


def test_no_requests_at_all_is_an_empty_capture():
    nothing = simulate(TWIN, scenario=Scenario("nobody", load=0.0), duration_s=5)
    assert len(nothing.spans) == 0
    assert nothing.duration_s == 5


def test_an_unknown_setting_or_a_value_out_of_bounds_is_refused():
    with pytest.raises(SettingError, match="no knob 'orders/worker'"):
        simulate(TWIN, {"orders/worker": 7})
    with pytest.raises(SettingError, match=r"orders/workers: 0 workers.*whole number from 1"):
        simulate(TWIN, {"orders/workers": 0})


def test_an_impossible_scenario_is_refused():
    with pytest.raises(SettingError, match=r"scenario.load: -1"):
        Scenario("less than nothing", load=-1)
    with pytest.raises(SettingError, match=r"no station 'order'; expected one of"):
        simulate(TWIN, scenario=Scenario("slow", slower={"order": 2.0}))


def test_a_slower_station_holds_its_servers_longer():
    usual = hand.twin()
    slow = simulate(
        usual, scenario=Scenario("slow payments", slower={"payments": 2.0}), duration_s=40, seed=4
    )
    fast = simulate(usual, duration_s=40, seed=4)
    busy = [pools(c).set_index("service").at["payments", "busy"] for c in (fast, slow)]
    assert busy[1] == pytest.approx(2 * busy[0], rel=0.02)  # the same luck, doubled
