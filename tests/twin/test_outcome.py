"""Numbers of a log, by hand for five requests and by operational laws for many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.twin import hand
from workbench.network import Call, Network, Pool, Station
from workbench.twin import world
from workbench.twin.model import run
from workbench.twin.outcome import outcome, unit

SHOP = Network((Station("callers", calls=(Call("shop"),)), Station("shop", pool=Pool(2, 3))), entry="callers")
NAN = np.nan


def log(*rows: dict[str, Any]) -> np.ndarray:
    made = np.zeros(len(rows), world.LOG)
    for place, row in zip(made, rows, strict=True):
        for name, value in row.items():
            place[name] = value
    return made


def root(request: int, sent: float, heard: float, result: int) -> dict[str, Any]:
    times = {"sent": sent, "arrived": sent, "started": sent, "ended": heard, "heard": heard}
    return {"request": request, "parent": -1, "station": 0, "outcome": result, "result": result, **times}


def visit(request: int, parent: int, arrived: float, started: float, ended: float) -> dict[str, Any]:
    times = {"sent": arrived, "arrived": arrived, "started": started, "ended": ended, "heard": ended}
    return {"request": request, "parent": parent, "station": 1, **times}


@pytest.fixture(scope="module")
def numbers() -> dict[str, float]:
    """Window [10, 20): requests at 9 (outside), 10, 12 and 19 (failed), and 20 (outside)."""
    rows = [
        root(0, 9.0, 11.0, world.OK),
        visit(0, 0, 9.0, 9.0, 11.0),
        root(1, 10.0, 14.0, world.OK),
        visit(1, 2, 10.0, 10.5, 14.0),
        root(2, 12.0, 13.0, world.OK),
        visit(2, 4, 12.0, 12.0, 13.0),
        root(3, 19.0, 22.0, world.FAILED),
        visit(3, 6, 19.0, 19.5, 21.0),
        visit(3, 6, 19.8, NAN, 19.8),  # refused: it never got a server
        root(4, 20.0, 20.1, world.OK),
        visit(4, 9, 20.0, 20.0, 20.1),
    ]
    return outcome(log(*rows), SHOP, start_s=10.0, end_s=20.0).numbers


def test_latency_counts_every_request_that_arrived_in_the_window_and_no_other(numbers):
    assert numbers["mean_s"] == pytest.approx((4 + 1 + 3) / 3)
    assert numbers["p50_s"] == pytest.approx(3.0)
    assert numbers["p99_s"] == pytest.approx(3 + 0.98 * 1)  # between the last two, at 0.99·2 = 1.98


def test_throughput_counts_good_answers_and_errors_their_share(numbers):
    assert numbers["throughput_rps"] == pytest.approx(2 / 10)
    assert numbers["error_share"] == pytest.approx(1 / 3)
    assert numbers["load_rps"] == pytest.approx(3 / 10)


def test_utilisation_is_the_held_time_inside_the_window_over_servers_and_time(numbers):
    held = (11 - 10) + 3.5 + 1 + (20 - 19.5)
    assert numbers["utilisation/shop"] == pytest.approx(held / (2 * 10))


def test_wait_is_the_mean_of_those_that_got_a_server_and_queue_the_mean_number(numbers):
    assert numbers["wait/shop"] == pytest.approx((0.5 + 0 + 0.5) / 3)
    assert numbers["queue/shop"] == pytest.approx((0.5 + 0.5) / 10)


def test_tries_are_visits_per_request(numbers):
    assert numbers["tries/shop"] == pytest.approx(4 / 3)


def test_the_entry_has_no_numbers_of_its_own_and_every_name_has_a_unit(numbers):
    assert not any("callers" in name for name in numbers)
    assert {name: unit(name) for name in ("p99_s", "wait/shop", "queue/shop", "tries/shop")} == {
        "p99_s": "s",
        "wait/shop": "s",
        "queue/shop": "requests",
        "tries/shop": "per request",
    }
    assert unit("throughput_rps") == unit("load_rps") == "1/s"
    assert unit("error_share") == unit("utilisation/shop") == "share"


def test_a_window_without_requests_has_no_latency_but_a_throughput_of_0():
    empty = outcome(log(), SHOP, start_s=0.0, end_s=10.0).numbers
    assert np.isnan(empty["p99_s"])
    assert np.isnan(empty["error_share"])
    assert empty["throughput_rps"] == 0
    assert empty["utilisation/shop"] == 0


def test_utilisation_is_rate_times_mean_hold_over_servers_and_queue_is_rate_times_wait():
    """The utilisation law and Little's law, on a window so long that its ends are a thousandth of it."""
    twin = hand.twin()
    rows, out = run(twin, twin.network, twin.workload, duration_s=400, seed=5)
    for index, station in enumerate(twin.network.stations):
        if station.name == "client":
            continue
        seen = rows[(rows["station"] == index) & (rows["arrived"] >= 20) & (rows["arrived"] < 420)]
        rate, hold_s = seen.size / 400, (seen["ended"] - seen["started"]).mean()
        assert out.numbers[f"utilisation/{station.name}"] == pytest.approx(
            rate * hold_s / station.pool.servers, rel=0.005
        )
        queue = rate * out.numbers[f"wait/{station.name}"]
        assert out.numbers[f"queue/{station.name}"] == pytest.approx(queue, rel=0.005, abs=1e-4)


def test_payments_are_busy_for_the_offered_load():
    """Rate × mean work / servers: 40/s × 30 ms / 8, whose error is that of a compound Poisson sum."""
    twin = hand.twin()
    _, out = run(twin, twin.network, twin.workload, duration_s=400, seed=6)
    error = np.sqrt(40 * 400 * 2 * 0.03**2) / (8 * 400)
    assert out.numbers["utilisation/payments"] == pytest.approx(40 * 0.03 / 8, abs=4 * error)
