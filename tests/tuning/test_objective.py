"""Service levels and costs, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.twin import hand
from workbench.errors import SettingError
from workbench.settings import Knob, Settings
from workbench.tuning.objective import SLO, Objective, shown, shown_setting
from workbench.twin.model import AS_RECORDED, Prediction

ROWS = {
    "p99_s": (0.3, 0.2, 0.5, "s"),
    "error_share": (0.004, 0.0, 0.02, "share"),
    "throughput_rps": (40.0, 38.0, 42.0, "1/s"),
}
TABLE = pd.DataFrame.from_dict(ROWS, orient="index", columns=["value", "low", "high", "unit"])
PREDICTION = Prediction(Settings(), AS_RECORDED, 60.0, TABLE, np.array([]))


@pytest.mark.parametrize(
    ("slo", "holds"),
    [
        (SLO("p99_s", 0.5), True),
        (SLO("p99_s", 0.49), False),  # the value holds, the bad end does not
        (SLO("error_share", 0.02), True),
        (SLO("error_share", 0.019), False),
        (SLO("throughput_rps", 38), True),
        (SLO("throughput_rps", 39), False),
    ],
)
def test_an_slo_holds_if_the_bad_end_of_the_interval_does(slo, holds):
    assert slo.holds(PREDICTION) is holds


def test_the_excess_is_relative_negative_inside_and_infinite_where_nothing_is_known():
    assert SLO("p99_s", 0.4).excess(0.6) == pytest.approx(0.5)
    assert SLO("p99_s", 0.4).excess(0.2) == pytest.approx(-0.5)
    assert SLO("throughput_rps", 40).excess(30) == pytest.approx(0.25)
    assert SLO("error_share", 0.01).excess(0.03) == pytest.approx(2.0)
    assert SLO("error_share", 0.0).excess(0.001) == pytest.approx(1.0)
    assert SLO("error_share", 0.0).excess(0.0) == 0
    assert SLO("p99_s", 0.4).excess(np.nan) == np.inf


@pytest.mark.parametrize(
    ("slo", "text"),
    [
        (SLO("p99_s", 0.4), "P99 ≤ 400 ms"),
        (SLO("mean_s", 0.0042), "mean ≤ 4.2 ms"),
        (SLO("p50_s", 3), "P50 ≤ 3.00 s"),
        (SLO("error_share", 0.01), "errors ≤ 1.00 %"),
        (SLO("throughput_rps", 40), "throughput ≥ 40.0/s"),
    ],
)
def test_an_slo_reads_as_people_say_it(slo, text):
    assert str(slo) == text


@pytest.mark.parametrize(
    ("quantity", "limit"), [("p98_s", 1), ("p99_s", -1), ("p99_s", np.nan), ("p99_s", np.inf)]
)
def test_an_slo_on_nothing_known_or_without_a_bound_is_refused(quantity, limit):
    with pytest.raises(SettingError, match="SLO"):
        SLO(quantity, limit)


def test_numbers_read_with_their_units():
    assert shown("p99_s", np.nan) == "–"
    assert shown("error_share", 0.25) == "25 %"
    assert shown("tries/orders", 1.256) == "1.26"
    knob = Knob("a", "b", "s", 1, 9, "", off=0)
    assert [shown_setting(knob, v) for v in (0, 2.5, None)] == ["no limit", "2.5 s", "unset"]


def test_cost_is_servers_times_prices_and_a_price_for_each_change_and_each_doubling():
    network = hand.twin().network  # 32 + 8 + 8 servers
    assert Objective().cost(network, hand.CALM, now=hand.twin().network, current=hand.CALM) == 48
    assert (
        Objective(prices={"gateway": 0.5, "orders": 3}).cost(
            network, hand.CALM, now=hand.twin().network, current=hand.CALM
        )
        == 16 + 24 + 8
    )
    changed = hand.CALM.with_({"orders/workers": 32, "gateway/calls.orders.attempts": 2})
    more = network.set("orders.pool.servers", 32)
    # One knob doubled twice, one doubled once.
    assert Objective().cost(more, changed, now=hand.twin().network, current=hand.CALM) == (48 + 24) + (
        1 + 2
    ) + (1 + 1)
    assert Objective(change_price=0.1).cost(
        more, changed, now=hand.twin().network, current=hand.CALM
    ) == pytest.approx(72.5)


def test_a_server_given_back_saves_a_twentieth_of_its_price():
    now = hand.twin().network
    fewer = now.set("gateway.pool.servers", 12)
    cost = Objective().cost(fewer, hand.CALM, now=now, current=hand.CALM)
    assert cost == pytest.approx(48 - 20 * 0.05)
    assert Objective(given_back=1).cost(fewer, hand.CALM, now=now, current=hand.CALM) == 28


def test_a_change_to_or_from_no_limit_counts_as_two_doublings():
    changed = hand.CALM.with_({"orders/deadline_s": 1.0})
    assert (
        Objective(change_price=1).cost(
            hand.twin().network, changed, now=hand.twin().network, current=hand.CALM
        )
        == 48 + 3
    )


def test_stations_without_limit_cost_nothing():
    endless = hand.twin().network.set("gateway.pool.servers", np.inf)
    assert Objective().cost(endless, hand.CALM, now=hand.twin().network, current=hand.CALM) == 16


def test_the_default_objective_looks_at_more_load_too():
    assert [s.load for s in Objective().scenarios] == [1.0, 1.25]
    assert replace(Objective(), slos=()).slos == ()
