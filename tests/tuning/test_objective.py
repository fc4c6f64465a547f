"""Service levels and costs, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.twin import hand
from workbench.errors import SettingError
from workbench.settings import Knob, Settings
from workbench.tuning._pricing import RESOURCES
from workbench.tuning.grid import grid
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
        (SLO("wait/orders", 0.02), "orders wait ≤ 20 ms"),
        (SLO("p99_s/orders", 0.02), "orders P99 ≤ 20 ms"),
        (SLO("utilisation/orders", 0.8), "orders busy ≤ 80 %"),
    ],
)
def test_an_slo_reads_as_people_say_it(slo, text):
    assert str(slo) == text


@pytest.mark.parametrize(
    ("quantity", "limit"), [("p98_s", 1), ("p99_s", -1), ("p99_s", np.nan), ("p99_s", np.inf), ("wait", 1)]
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


TWIN = hand.twin()  # 32 + 8 + 8 servers


def cost(objective=None, twin=TWIN, **moved):
    """The cost after moves, named with double underscores for slashes and dots."""
    settings = {key.replace("__", "/", 1).replace("__", "."): value for key, value in moved.items()}
    return (objective or Objective()).pricing(twin).cost(settings)


def test_cost_is_what_is_used_by_weight_and_a_price_for_each_change_and_each_doubling():
    assert cost() == 48
    dear = Objective(cost={"servers": 1.0, "orders/workers": 2.0, "gateway.pool.servers": -0.5})
    assert cost(dear) == 48 + 16 - 16
    # One knob doubled twice, one doubled once.
    moved = {"orders__workers": 32, "gateway__calls__orders__attempts": 2}
    assert cost(**moved) == (48 + 24) + (1 + 2) + (1 + 1)
    assert cost(Objective(change_price=0.1), **moved) == pytest.approx(72.5)


def test_a_server_given_back_saves_a_twentieth_of_its_weight_and_what_is_named_all_of_it():
    free = {"change_price": 0.0}
    assert cost(Objective(**free), gateway__workers=12) == pytest.approx(48 - 20 * 0.05)
    assert cost(Objective(given_back=1, **free), gateway__workers=12) == 28
    assert cost(Objective(cost={"gateway/workers": 1.0}, **free), gateway__workers=12) == 12


def test_a_change_to_or_from_no_limit_counts_as_two_doublings():
    assert cost(orders__deadline_s=1.0) == 48 + 3


def test_resources_are_counted_over_instances_and_what_has_no_limit_costs_nothing_unless_it_had_one():
    network = hand.twin().network.set("orders.instances", 3).set("gateway.pool.servers", np.inf)
    network = network.set("orders.calls.payments.pool.servers", 5).set("payments.cpu.quota_cores", 1.5)
    twin = replace(TWIN, network=network)
    used = {name: cost(Objective(cost={name: 1.0}), twin) for name in RESOURCES}
    assert used == {"servers": 3 * 8 + 8, "instances": 5, "connections": 15, "cores": 1.5}
    unlimited = Objective(cost={"payments/limit.rate_rps": 1.0}, change_price=0.0)
    limited = replace(TWIN, network=TWIN.network.set("payments.limit.rate_rps", 40))
    limited = replace(limited, settings=TWIN.settings.with_({"payments/limit.rate_rps": 40.0}))
    assert cost(unlimited) == 0
    assert cost(unlimited, limited) == 40
    assert cost(unlimited, limited, payments__limit__rate_rps=0) > 10_000


def test_a_predicted_quantity_is_a_cost_too():
    aim = Objective(cost={"servers": 1.0, "p99_s": 10.0, "wait/orders": 2.0})
    assert aim.measured_cost({"p99_s": 0.3, "wait/orders": 0.5, "error_share": 9}) == pytest.approx(4.0)
    assert cost(aim) == 48


@pytest.mark.parametrize("name", ["orders/nothing", "orders.nothing", "nothing", "orders.pool.order"])
def test_a_cost_of_nothing_known_or_of_a_word_is_refused(name):
    with pytest.raises(SettingError):
        cost(Objective(cost={name: 1.0}))


def test_bounds_narrow_steps_are_kept_and_some_knobs_are_left_alone():
    aim = Objective(bounds={"orders/workers": (2, 6)}, leave=("payments/*", "*.jitter"))
    allowed = {knob.key: knob for knob in aim.allowed(TWIN.knobs)}
    assert (allowed["orders/workers"].low, allowed["orders/workers"].high) == (2, 6)
    assert not [key for key in allowed if key.startswith("payments/") or key.endswith(".jitter")]
    assert grid(allowed["orders/workers"], 4, step=2) == [2, 4, 6]
    with pytest.raises(SettingError, match="bounds 0 to 6"):
        Objective(bounds={"orders/workers": (0, 6)}).allowed(TWIN.knobs)
    with pytest.raises(SettingError, match="no knob"):
        Objective(steps={"orders/worker": 2}).allowed(TWIN.knobs)


def test_the_default_objective_looks_at_more_load_too():
    assert [s.load for s in Objective().scenarios] == [1.0, 1.25]
    assert replace(Objective(), slos=()).slos == ()
