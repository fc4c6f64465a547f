"""The naive reference against requests followed by hand, mechanism by mechanism: times are exact."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.reference.draws import splitmix
from tests.reference.naive import Visit, run
from workbench.network import Call, Change, Demand, Network, Station, Workload
from workbench.policies import (
    Autoscaler,
    Balance,
    Breaker,
    Codel,
    Concurrency,
    Contention,
    Cpu,
    Gc,
    Limit,
    Outliers,
    Pool,
    RetryBudget,
)


def test_splitmix64_gives_the_numbers_of_its_authors():
    """The first outputs of Vigna's splitmix64.c from state 0; the state grows by the golden ratio."""
    assert splitmix(0) == 0xE220A8397B1DCDAF
    assert splitmix(0x9E3779B97F4A7C15) == 0x6E789E6AA1B965F4


# -- a station by itself -----------------------------------------------------------------------------------


def test_fifo_takes_the_first_and_lifo_the_last_to_come():
    for order, started in [("fifo", [0.0, 2.0, 4.0]), ("lifo", [0.0, 4.0, 2.0])]:
        log = follow([Station("a", Pool(1, order=order))], {"a": 2.0}, [0.0, 0.5, 1.0])
        assert [visit.started for visit in log] == started


def test_who_has_waited_long_enough_for_a_server_is_refused():
    log = follow([Station("a", Pool(1, wait_s=1.0))], {"a": 2.0}, [0.0, 0.5, 1.5])
    assert ends(log) == [(2.0, "ok"), (1.5, "refused"), (4.0, "ok")]  # the third waits for half a second


def test_token_bucket_lets_wait_for_a_token():
    """One token a second. The second arrival's is there at 1; the third's, at 2, is too far."""
    log = limited(Limit(1.0, 1, wait_s=1.0), [0.0, 0.0, 0.0])
    assert [visit.started for visit in log[:2]] == [0.0, 1.0]
    assert ends(log)[2] == (0.0, "limited")


def test_leaky_bucket_spaces_out():
    """Half a second apart, one may be ahead; at 0.75 the turn at 0.5 is over and the next is at 1."""
    log = limited(Limit(2.0, 1, "leaky bucket"), [0.0, 0.0, 0.0, 0.75])
    assert [visit.started for visit in log if visit.outcome == "ok"] == [0.0, 0.5, 1.0]
    assert ends(log)[2] == (0.0, "limited")


def test_fixed_window_begins_anew_and_permits_of_the_next_can_be_reserved():
    times = [0.125, 0.25, 0.5, 0.75, 1.0]
    refusing = limited(Limit(2.0, 1, "fixed window"), times)
    assert [visit.outcome for visit in refusing] == ["ok", "ok", "limited", "limited", "ok"]
    waiting = limited(Limit(2.0, 1, "fixed window", wait_s=1.0), times)
    assert [visit.started for visit in waiting[:4]] == [0.125, 0.25, 1.0, 1.0]
    assert waiting[4].started == 2.0  # those two have taken what the second window had


def test_sliding_window_looks_back_one_window():
    log = limited(Limit(2.0, 1, "sliding window"), [0.0, 0.5, 0.875, 1.0, 1.25])
    assert [visit.outcome for visit in log] == ["ok", "ok", "limited", "ok", "limited"]


def test_fixed_concurrency_counts_those_that_wait():
    log = follow(
        [Station("a", Pool(1), concurrency=Concurrency("fixed", 2))], {"a": 1.0}, [0.0, 0.0, 0.0, 1.5]
    )
    assert [visit.outcome for visit in log] == ["ok", "ok", "refused", "ok"]


def test_aimd_halves_after_a_slow_visit_and_grows_by_one_while_half_used():
    """At 1 a visit of 1 s (above ½ s) makes 4 to 2; of three at 1.5 one is refused."""
    aimd = Concurrency("aimd", 4, timeout_s=0.5, backoff=0.5)
    log = follow([Station("a", concurrency=aimd)], {"a": 1.0}, [0.0, 1.5, 1.5, 1.5])
    assert [visit.outcome for visit in log] == ["ok", "ok", "ok", "refused"]
    growing = Concurrency("aimd", 2, timeout_s=5.0)
    log = follow([Station("a", concurrency=growing)], {"a": 1.0}, [0.0, 1.5, 1.5, 1.5, 1.5])
    assert [visit.outcome for visit in log] == ["ok", "ok", "ok", "ok", "refused"]  # from 2 to 3


def test_codel_drops_after_an_interval_of_long_waits_but_not_the_last_in_the_queue():
    """Six at once, 1 s each, target ½ s. At 1 the wait is long: until 2. At 2 it still is: the third is shed
    and the fourth given. At 3 only one would stay behind, which ends the matter.
    """
    log = follow([Station("a", Pool(1), codel=Codel(0.5, 1.0))], {"a": 1.0}, [0.0] * 6)
    assert ends(log) == [(1.0, "ok"), (2.0, "ok"), (2.0, "refused"), (3.0, "ok"), (4.0, "ok"), (5.0, "ok")]


def test_two_share_one_core():
    """Alone until ½, then half speed each: the first needs 1 s more, the second has ½ left then."""
    log = follow([Station("a", cpu=Cpu("shared", 1.0))], {"a": 1.0}, [0.0, 0.5])
    assert [visit.ended for visit in log] == [1.5, 2.0]


def test_quota_stops_work_until_the_next_period():
    one = follow([Station("a", cpu=Cpu("shared", 1.0, 0.5, 1.0))], {"a": 1.0}, [0.0])
    assert one[0].ended == 1.5  # works until ½, and from 1 on
    two = follow([Station("a", cpu=Cpu("shared", 2.0, 0.5, 1.0))], {"a": 0.5}, [0.0, 0.0])
    assert [visit.ended for visit in two] == [1.25, 1.25]  # on two cores ½ s of processor lasts ¼ s


def test_quota_that_lasts_to_the_end_of_its_period_stops_nothing():
    log = follow([Station("a", cpu=Cpu("shared", 1.0, 1.0, 0.25))], {"a": 1.0}, [0.0])
    assert log[0].ended == 1.0


def test_event_loop_works_one_piece_after_the_other_and_waits_beside():
    assert [v.ended for v in follow([Station("a", cpu=Cpu("loop"))], {"a": 1.0}, [0.0, 0.0, 0.5])] == [
        1,
        2,
        3,
    ]
    half = follow([Station("a", cpu=Cpu("loop", share=0.5))], {"a": 1.0}, [0.0, 0.0])
    assert [visit.ended for visit in half] == [1.0, 1.5]  # loop 0 to ½ and ½ to 1, each then waits ½


def test_contention_and_speed_change_the_work():
    log = follow([Station("a", contention=Contention(1.0, 0.5))], {"a": 1.0}, [0.0, 0.0])
    assert [visit.ended for visit in log] == [1.0, 3.0]  # 1 + 1·1 + ½·2·1 = 3 for the second
    log = follow([Station("a", instances=2, speeds=(1.0, 4.0))], {"a": 1.0}, [0.0, 0.0])
    assert [(visit.instance, visit.ended) for visit in log] == [(0, 1.0), (1, 0.25)]


@pytest.mark.parametrize("cpu", [Cpu(), Cpu("shared", 8.0)])
def test_collection_stops_what_runs_and_who_comes(cpu: Cpu):
    """The second visit fills the heap at ½: nothing runs until 3½, itself included."""
    station = Station("a", cpu=cpu, gc=Gc(1.0, 2.0))
    log = follow([station], {"a": 1.0}, [0.0, 0.5, 2.0], pauses={"a": 3.0})
    assert [visit.arrived for visit in log] == [0.0, 0.5, 3.5]
    assert [visit.ended for visit in log] == [4.0, 4.5, 4.5]


def test_paused_instance_neither_works_nor_gives_up_on_others():
    """a stands still from 1 to 3: it hears b's answer of 1½ at 3, before its timer of 2 rings late."""
    paused = Change("paused", 1.0, 3.0, "a")
    log = follow([Station("a")], {"a": 2.0}, [0.0, 2.0], changes=[paused])
    assert [visit.ended for visit in log] == [4.0, 5.0]
    stations = [Station("a", calls=(Call("b", timeout_s=2.0),)), Station("b")]
    root, this = follow(stations, {"b": 1.5}, [0.0], changes=[paused])
    assert (this.ended, this.heard, this.result) == (1.5, 3.0, "ok")
    assert (root.ended, root.outcome) == (3.0, "ok")


def test_warm_up_begins_when_an_instance_comes_back():
    """Back at 1, three times as slow at first, 2 s long; at 1½ it is 1 + 2 · ¾ times as slow."""
    station = Station("a", warm_up_s=2.0, cold=3.0)
    log = follow([station], {"a": 1.0}, [0.0, 0.75, 1.5, 4.0], changes=[Change("lost", 0.5, 1.0, "a")])
    assert [visit.outcome for visit in log] == ["running", "unconnected", "ok", "ok"]
    assert math.isnan(log[0].ended)
    assert [log[2].ended, log[3].ended] == [4.0, 5.0]


def test_slow_failing_and_hanging_are_so_for_a_while():
    changes = [Change("slow", 1.0, 2.0, "a", 3.0), Change("failing", 2.0, 3.0, "a", 1.0)]
    changes.append(Change("hanging", 3.0, 4.0, "a"))
    log = follow([Station("a")], {"a": 0.5}, [0.0, 1.0, 2.0, 3.0, 4.0], changes=changes)
    assert [visit.outcome for visit in log] == ["ok", "ok", "failed", "running", "ok"]
    assert [log[1].ended, log[2].ended, log[4].ended] == [2.5, 2.0, 4.5]


def test_change_that_ends_gives_way_to_one_that_begins_whatever_their_order():
    changes = [Change("slow", 1.0, 2.0, "a", 3.0), Change("slow", 0.0, 1.0, "a", 2.0)]
    assert follow([Station("a")], {"a": 1.0}, [1.0], changes=changes)[0].ended == 4.0


def test_users_think_then_wait_for_the_answer():
    """Think 1, served 2: sent at 1 and 4; the next would be sent at 7, the end."""
    log = follow([Station("a")], {"a": 2.0}, [], users=1, think=1.0, end_s=7.0)
    assert [(visit.request, visit.sent, visit.ended) for visit in log] == [(0, 1.0, 3.0), (1, 4.0, 6.0)]


def test_autoscaler_adds_an_instance_that_begins_cold_and_takes_it_away():
    """Busy all of the first second: utilisation 1 of ½ wants 2, there from 1½ on. From 3 on nobody is busy.

    The second, whose turn is that of the instance yet to come, goes to the first. At 1.75 the new one is
    1 + 2 · (1 - ¼/2) = 2¾ times as slow.
    """
    scaler = Autoscaler(2, 0.5, period_s=1.0, start_s=0.5, stabilise_s=1.0, tolerance=0.0)
    station = Station("a", Pool(1), autoscaler=scaler, warm_up_s=2.0, cold=3.0)
    times = [0.0, 0.5, 1.75, 1.75, 7.5, 7.5]
    log = follow([station], {"a": 1.0}, times)
    assert [visit.instance for visit in log] == [0, 0, 0, 1, 0, 0]
    assert [visit.ended for visit in log] == [1.0, 2.0, 3.0, 4.5, 8.5, 9.5]


# -- calls -------------------------------------------------------------------------------------------------


def test_calls_together_overlap_and_stages_follow_each_other():
    calls = (Call("b"), Call("c", together=True), Call("b"))
    log = follow([Station("a", calls=calls), Station("b"), Station("c")], {"b": 1.0, "c": 2.0}, [0.0])
    assert [visit.sent for visit in log] == [0.0, 0.0, 0.0, 2.0]
    assert log[0].ended == 3.0


def test_copies_must_all_succeed_and_work_once_done_comes_after_them():
    stations = [Station("a", calls=(Call("b", copies=3),)), Station("b", Pool(1))]
    log = follow(stations, {"b": 1.0}, [0.0], after={"a": 0.5})
    assert [visit.ended for visit in log] == [3.5, 1.0, 2.0, 3.0]
    stations[1] = Station("b", Pool(1, 1))
    log = follow(stations, {"b": 1.0}, [0.0], after={"a": 0.5})
    assert ends(log) == [(0.0, "failed"), (1.0, "ok"), (2.0, "ok"), (0.0, "refused")]
    assert [visit.result for visit in log[1:]] == ["cancelled", "cancelled", "refused"]


def test_call_that_is_not_made_or_is_answered_by_the_cache_leaves_no_row():
    for call, hit_shares in [(Call("b", share=0.0), {}), (Call("b"), {0: 1.0})]:
        stations = [Station("a", calls=(call, Call("b"))), Station("b")]
        log = follow(stations, {"b": 1.0}, [0.0], hit_shares=hit_shares)
        assert [visit.call_row for visit in log] == [-1, 1]


def test_overall_time_bounds_all_tries():
    """b hangs: tries at 0, 1, 2; the third has half a second, and no fourth can begin."""
    call = Call("b", timeout_s=1.0, attempts=5, overall_s=2.5)
    hangs = Change("hanging", 0.0, 9.0, "b")
    log = follow([Station("a", calls=(call,)), Station("b")], {}, [0.0], changes=[hangs])
    assert [(visit.sent, visit.heard) for visit in log[1:]] == [(0.0, 1.0), (1.0, 2.0), (2.0, 2.5)]
    assert (log[0].ended, log[0].outcome) == (2.5, "failed")


def test_backoff_has_a_cap_and_envoys_law_is_one_less():
    """Refused four times: pauses of 1, 2, 3 (capped); Envoy's are U times 1, 3, 3."""
    hold = [0.0, 0.0]  # the first keeps b's server
    call = Call("b", attempts=4, backoff_s=1.0, backoff_cap_s=3.0)
    log = follow([Station("a", calls=(call,)), Station("b", Pool(1, 0))], {"b": 99.0}, hold)
    assert [visit.sent for visit in log if visit.request == 1 and visit.caller] == [0.0, 1.0, 3.0, 6.0]
    call = Call("b", attempts=4, backoff_s=1.0, backoff_cap_s=3.0, backoff_law="envoy")
    log = follow([Station("a", calls=(call,)), Station("b", Pool(1, 0))], {"b": 99.0}, hold)
    sent = [visit.sent for visit in log if visit.request == 1 and visit.caller]
    assert all(0 < pause < most for pause, most in zip(np.diff(sent), [1.0, 3.0, 3.0], strict=True))


def test_callee_inherits_the_deadline_less_the_reserve():
    """Three ask b at once, 2 s each on one server; 3 - ½ s are left, so none starts at 4."""
    for inherits, third in [(True, (4.0, "expired")), (False, (6.0, "ok"))]:
        call = Call("b", inherits=inherits, reserve_s=0.5)
        log = follow(
            [Station("a", calls=(call,), deadline_s=3.0), Station("b", Pool(1))], {"b": 2.0}, [0.0] * 3
        )
        assert ends(log)[3:] == [(2.0, "ok"), (4.0, "ok"), third]
        assert ends(log)[:3] == [(2.0, "ok"), (3.0, "expired"), (3.0, "expired")]


def test_cancelled_try_leaves_the_queue_at_once_and_the_server_after_its_work():
    call = Call("b", timeout_s=1.0, cancels=True)
    log = follow(
        [Station("a", calls=(call,)), Station("b", Pool(1))], {"b": 3.0}, [0.0, 0.0], after={"b": 5.0}
    )
    assert ends(log)[2:] == [(3.0, "cancelled"), (1.0, "cancelled")]


def test_cancelling_goes_down_the_chain_where_calls_cancel():
    for cancels, ended in [(True, (4.0, "cancelled")), (False, (4.0, "ok"))]:
        stations = [
            Station("a", calls=(Call("b", timeout_s=1.0, cancels=True),)),
            Station("b", calls=(Call("c", cancels=cancels),)),
            Station("c"),
        ]
        log = follow(stations, {"c": 4.0}, [0.0])
        assert ends(log) == [(1.0, "failed"), (1.0, "cancelled"), ended]
        assert (log[2].heard, log[2].result) == (1.0, "cancelled")


def test_fallback_stands_in_and_the_answer_is_degraded_all_the_way_up():
    stations = [
        Station("a", calls=(Call("b"),)),
        Station("b", calls=(Call("c", timeout_s=1.0, fallback=True),)),
        Station("c"),
    ]
    log = follow(stations, {"c": 4.0}, [0.0])
    assert ends(log) == [(1.0, "ok"), (1.0, "ok"), (4.0, "ok")]
    assert [visit.degraded for visit in log] == [1, 1, 0]


def test_what_may_have_been_done_is_not_tried_again_unless_idempotent():
    """The first of two keeps b busy; its timeout is final, the other's refusal is not."""
    call = Call("b", timeout_s=1.0, attempts=2, backoff_s=0.25, idempotent=False)
    log = follow([Station("a", calls=(call,)), Station("b", Pool(1, 0))], {"b": 9.0}, [0.0, 0.0])
    tries = [(visit.request, visit.result) for visit in log if visit.caller]
    assert tries == [(0, "timeout"), (1, "refused"), (1, "refused")]


def test_hedge_asks_another_instance_and_the_first_answer_counts():
    """Instance 0 takes 8 s, instance 1 takes 1; asked at 2, it answers at 3."""
    for cancels, first in [(False, "ok"), (True, "cancelled")]:
        call = Call("b", attempts=2, hedge_s=2.0, cancels=cancels)
        stations = [Station("a", calls=(call,)), Station("b", instances=2, speeds=(0.125, 1.0))]
        root, slow, quick = follow(stations, {"b": 1.0}, [0.0])
        assert (root.ended, quick.sent, quick.instance, quick.result) == (3.0, 2.0, 1, "ok")
        assert (slow.heard, slow.result, slow.ended, slow.outcome) == (3.0, "cancelled", 8.0, first)


def test_hedge_is_not_sent_while_the_call_waits_to_try_again():
    """The first try fails at 0; its hedge at 1 falls into the backoff that ends at 2."""
    call = Call("b", attempts=3, backoff_s=2.0, hedge_s=1.0)
    failing = Change("failing", 0.0, 0.5, "b", 1.0)
    log = follow([Station("a", calls=(call,)), Station("b")], {"b": 0.5}, [0.0], changes=[failing])
    assert [visit.sent for visit in log[1:]] == [0.0, 2.0]


def test_connections_are_held_until_the_caller_has_its_answer():
    call = Call("b", pool=Pool(1))
    stations = [Station("a", calls=(call,)), Station("b")]
    log = follow(stations, {"b": 2.0}, [0.0, 0.0], transit={"a.b": 0.5})
    assert [(visit.sent, visit.arrived) for visit in log[2:]] == [(0.0, 0.5), (0.0, 3.0)]


def test_try_without_a_connection_is_unconnected():
    """One connection, one place to wait for half a second: the third is turned away at once."""
    call = Call("b", pool=Pool(1, 1, wait_s=0.5))
    log = follow([Station("a", calls=(call,)), Station("b")], {"b": 2.0}, [0.0] * 3)
    assert ends(log)[3:] == [(2.0, "ok"), (0.5, "unconnected"), (0.0, "unconnected")]
    assert [visit.instance for visit in log[3:]] == [0, -1, -1]


def test_breaker_of_gobreaker_opens_after_failures_in_a_row_and_closes_after_a_trial():
    """Failures at 0 and 1 open it until after 11: at 11 it still refuses."""
    call = Call("b", breaker=Breaker("consecutive", failures=2, open_s=10.0, trials=1))
    failing = Change("failing", 0.0, 5.0, "b", 1.0)
    log = follow(
        [Station("a", calls=(call,)), Station("b")],
        {"b": 0.5},
        [0.0, 1.0, 2.0, 11.0, 11.25, 11.5, 12.0],
        changes=[failing],
    )
    tried = [visit.result for visit in log if visit.caller]
    assert tried == ["failed", "failed", "open", "open", "ok", "open", "ok"]  # one trial, until 11.75


def test_breaker_of_resilience4j_opens_at_half_of_the_last_four():
    call = Call("b", breaker=Breaker("count window", window=4, minimum=4, open_s=10.0, trials=2))
    failing = Change("failing", 0.0, 2.0, "b", 1.0)
    times = [0.0, 1.0, 2.0, 3.0, 4.0, 13.75, 14.0, 14.25]
    log = follow([Station("a", calls=(call,)), Station("b")], {"b": 0.5}, times, changes=[failing])
    tried = [visit.result for visit in log if visit.caller]
    assert tried == ["failed", "failed", "ok", "ok", "open", "ok", "ok", "open"]  # opened at 3.5


def test_abandoned_trial_gives_its_place_back():
    """b fails at 0, which opens the breaker until after 1. The trial at 2 is given up, as c fails."""
    breaker = Breaker("consecutive", failures=1, open_s=1.0, trials=1)
    calls = (Call("b", breaker=breaker, fallback=True), Call("c", together=True))
    changes = [Change("failing", 0.0, 1.0, "b", 1.0), Change("failing", 0.0, 2.5, "c", 1.0)]
    stations = [Station("a", calls=calls), Station("b"), Station("c")]
    log = follow(stations, {"b": 0.25}, [0.0, 2.0, 3.0], changes=changes)
    assert [visit.result for visit in log if visit.call_row == 0] == ["failed", "cancelled", "ok"]


def test_retry_tokens_run_out():
    """Three tokens: after one failure two are left, more than half; after the second one is, which is not."""
    call = Call("b", attempts=9, budget=RetryBudget("tokens", tokens=3))
    failing = Change("failing", 0.0, 9.0, "b", 1.0)
    log = follow([Station("a", calls=(call,)), Station("b")], {}, [0.0], changes=[failing])
    assert len(log) == 1 + 2


def test_retry_that_waits_for_its_turn_counts_against_the_budget():
    """Both fail at 0; the first's retry is the one allowed, though it is sent only at 1."""
    call = Call("b", attempts=2, backoff_s=1.0, budget=RetryBudget("active", share=0.0, floor=1))
    failing = Change("failing", 0.0, 9.0, "b", 1.0)
    log = follow([Station("a", calls=(call,)), Station("b")], {}, [0.0, 0.0, 2.0], changes=[failing])
    assert [visit.request for visit in log if visit.attempt > 0] == [0, 2]


# -- which instance ----------------------------------------------------------------------------------------


def test_round_robin_goes_around_and_least_active_to_the_idle():
    for kind, instances in [("round robin", [0, 1, 0, 1]), ("least active", [0, 1, 1, 0])]:
        stations = [
            Station("a", calls=(Call("b", balance=Balance(kind)),)),
            Station("b", instances=2, speeds=(0.25,)),
        ]
        log = follow(stations, {"b": 1.0}, [0.0, 0.5, 2.0, 4.5])  # instance 0 is busy until 4
        assert [visit.instance for visit in log if visit.caller] == instances


def test_two_choices_of_two_take_the_idle_one():
    stations = [Station("a", calls=(Call("b", balance=Balance("two choices")),)), Station("b", instances=2)]
    log = follow(stations, {"b": 1.0}, [0.0, 0.0])
    assert {visit.instance for visit in log if visit.caller} == {0, 1}


def test_ring_hash_passes_over_who_is_known_to_be_down():
    """Instance 0 is lost from 1 on: probes every ½ s notice the first time at 1½."""
    call = Call("b", balance=Balance("ring hash", probe_s=0.5, threshold=1))
    stations = [Station("a", calls=(call,)), Station("b", instances=2)]
    ring = [(2**62, 0), (2**63, 0), (2**64 - 1, 0), (2**64 - 1, 1)]
    lost = Change("lost", 1.0, 9.0, "b", 1.0)
    log = follow(stations, {"b": 0.25}, [0.0, 1.25, 1.5], changes=[lost], rings={0: ring})
    tried = [(visit.instance, visit.result) for visit in log if visit.caller]
    assert tried == [(0, "ok"), (0, "unconnected"), (1, "ok")]


def test_tries_at_a_lost_instance_end_with_their_timeout():
    """The first is at instance 0 when that is lost at 1; the third meets it while it is, the fifth after."""
    stations = [Station("a", calls=(Call("b", timeout_s=4.0),)), Station("b", instances=2)]
    lost = Change("lost", 1.0, 2.0, "b", 1.0)
    log = follow(stations, {"b": 3.0}, [0.0, 0.5, 1.5, 1.5, 2.0], changes=[lost])
    tried = [(visit.instance, visit.heard, visit.result) for visit in log if visit.caller]
    assert tried == [
        (0, 4.0, "timeout"),
        (1, 3.5, "ok"),
        (0, 1.5, "unconnected"),
        (1, 4.5, "ok"),
        (0, 5.0, "ok"),
    ]


def test_outlier_is_ejected_and_comes_back():
    """Instance 0 is lost and refuses at 0 and 1: ejected until 3. At 3 its turn comes again, until 7 then."""
    call = Call("b", outliers=Outliers(failures=2, ejection_s=2.0, share=0.5))
    stations = [Station("a", calls=(call,)), Station("b", instances=2)]
    lost = Change("lost", 0.0, 99.0, "b", 1.0)
    times = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 3.5, 4.0, 4.5]
    log = follow(stations, {"b": 0.125}, times, changes=[lost])
    assert [visit.instance for visit in log if visit.caller] == [0, 1, 0, 1, 1, 0, 1, 0, 1]


# -- how the above is run ----------------------------------------------------------------------------------


def follow(
    stations: list[Station],
    work: dict[str, float],
    times: list[float],
    *,
    after: dict[str, float] | None = None,
    transit: dict[str, float] | None = None,
    pauses: dict[str, float] | None = None,
    users: int = 0,
    think: float = 0.0,
    **more: Any,
) -> list[Visit]:
    """Run with constant times: work before and after the calls, on the way, of pauses, of thinking."""
    names = [station.name for station in stations]
    demand = {
        name: Demand(
            np.full(1, work.get(name, 0.0)), np.full(1, after[name]) if name in (after or {}) else None
        )
        for name in names
    }
    constant = [{key: np.full(1, value) for key, value in (some or {}).items()} for some in (transit, pauses)]
    workload = Workload(
        np.ones(1), 1.0, demand, constant[0], users=users, think=np.full(1, think), pauses=constant[1]
    )
    return run(Network(tuple(stations), names[0]), workload, times, 1, **more)


def limited(limit: Limit, times: list[float]) -> list[Visit]:
    return follow([Station("a", limit=limit)], {"a": 0.125}, times)


def ends(log: list[Visit]) -> list[tuple[float, str]]:
    return [(visit.ended, visit.outcome) for visit in log]
