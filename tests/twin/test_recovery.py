"""Triggers and what comes after them, on a station whose collapse can be reckoned by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.twin.hand import T0
from workbench.errors import SettingError
from workbench.knobs import settings_of
from workbench.network import Call, Change, Demand, Network, Pool, Scenario, Station, Workload
from workbench.settings import Knob
from workbench.tuning.margin import smallest_fixes
from workbench.twin import recovery as subject
from workbench.twin.model import Twin
from workbench.twin.recovery import recovery, trigger, withstands

WORK_S, SERVERS, RATE_RPS = 0.1, 10, 60.0  # 100 requests/s are the most: 60 % busy


def shop(*, attempts: int, timeout_s: float, queue: float = 200.0) -> Twin:
    """Callers who give up after timeout_s and try again, at a pool whose queue outlasts their patience."""
    client = Station("client", calls=(Call("s", timeout_s=timeout_s, attempts=attempts),))
    network = Network((client, Station("s", Pool(SERVERS, queue))), entry="client")
    workload = Workload(np.array([RATE_RPS]), 5.0, {"s": Demand(np.full(8, WORK_S))})
    knobs = (
        Knob("client", "attempts", "tries", 1, 5, "", "client.calls.s.attempts", whole=True),
        Knob("s", "queue", "places", 0, 1000, "", "s.pool.queue", whole=True, log=True),
    )
    return Twin(
        name="storm",
        network=network,
        workload=workload,
        knobs=knobs,
        settings=settings_of(network, knobs),
        replicates=(workload,) * 8,
        start=T0,
        duration_s=60.0,
    )


def test_a_storm_of_retries_outlasts_its_trigger_and_one_try_does_not():
    """Three tries of 60 requests/s are 180, more than the 100 that can be served, all too late to count.

    A full queue takes 2 s, and callers wait half a second: once full it stays so, while with one try
    60 requests/s leave 40 a second to empty it.
    """
    stall = trigger("hanging", "s", duration_s=3.0)
    eager = recovery(shop(attempts=3, timeout_s=0.5), scenario=_slow(12.0), watch_s=40)
    once = recovery(shop(attempts=1, timeout_s=0.5), scenario=_slow(12.0), watch_s=40)
    assert eager.metastable
    assert eager.returned == 0.0
    assert np.isnan(eager.after_s[0])
    assert not once.metastable
    assert once.returned == 1.0
    assert 1.0 <= once.after_s[0] <= 8.0
    assert stall.changes[0].end_s == pytest.approx(subject.CALM_S + 3.0)


def _slow(duration_s: float) -> Scenario:
    return trigger("slow", "s", amount=5.0, duration_s=duration_s)


def test_before_the_trigger_service_is_what_it_is_without_it():
    found = recovery(shop(attempts=3, timeout_s=0.5), scenario=_slow(5.0), watch_s=20)
    calm = found.table[found.table["time_s"] <= subject.CALM_S]
    np.testing.assert_array_equal(calm["served"], calm["untroubled"])
    assert (found.table[["served", "low", "high", "untroubled"]].stack().between(0, 1)).all()


def test_served_counts_only_answers_within_the_slo():
    """Work takes 0.1 s, so that nobody is served within 0.05 s and everybody within a second."""
    twin = shop(attempts=1, timeout_s=5.0)
    nobody = recovery(twin, scenario=_slow(1.0), slo_s=0.05, watch_s=10)
    assert (nobody.table["untroubled"].dropna() == 0).all()
    assert recovery(twin, scenario=_slow(1.0), slo_s=1.0, watch_s=10).table["untroubled"].min() == 1.0


def test_longer_and_larger_triggers_are_withstood_less():
    table = withstands(
        shop(attempts=3, timeout_s=0.5),
        kind="slow",
        station="s",
        amounts=(1.2, 6.0),
        durations_s=(0.5, 12.0),
        runs=2,
    )
    returned = table.set_index(["amount", "duration_s"])["returned"]
    assert returned[1.2, 0.5] == 1.0
    assert returned[6.0, 12.0] == 0.0


def test_the_smallest_fixes_are_fewer_tries_or_a_shorter_queue():
    """A queue that is emptied within half a second (50 places) cannot hold requests nobody waits for."""
    fixes = smallest_fixes(shop(attempts=3, timeout_s=0.5), scenario=_slow(12.0)).set_index("key")
    assert fixes.loc["client/attempts", "to"] == 1
    assert fixes.loc["s/queue", "to"] <= 60
    assert (fixes["served"] > 0.98).all()


def test_the_same_seed_gives_the_same_answer():
    first, again = (recovery(shop(attempts=2, timeout_s=0.5), scenario=_slow(4.0), seed=7) for _ in range(2))
    assert first.table.equals(again.table)
    assert first.sentence == again.sentence


def test_a_scenario_without_changes_is_refused():
    with pytest.raises(SettingError, match="no changes"):
        recovery(shop(attempts=1, timeout_s=1.0), scenario=Scenario("calm"))


@pytest.mark.parametrize("kind", [k for k in Change.KINDS if k != "load"])
def test_every_kind_of_change_is_felt(kind: str):
    amount = {"slow": 20.0, "failing": 1.0, "lost": 1.0}.get(kind, 1.0)
    scenario = trigger(kind, "s", amount=amount, duration_s=5.0)
    found = recovery(shop(attempts=1, timeout_s=0.5), scenario=scenario, watch_s=20, runs=2)
    during = found.table[found.table["time_s"].between(subject.CALM_S + 1, subject.CALM_S + 4)]
    assert during["served"].mean() < 0.5
