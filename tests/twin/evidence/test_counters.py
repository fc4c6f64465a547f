"""What metrics alone say of systems whose every parameter is known, and what they leave open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.analysis.hand import metrics
from tests.twin import hand
from tests.twin.evidence import known
from workbench.capture import Capture
from workbench.errors import CalibrationError
from workbench.network import Call, Network, Scenario, Station
from workbench.policies import Pool
from workbench.settings import Settings
from workbench.twin.calibrate import calibrate
from workbench.twin.model import predict, run
from workbench.twin.simulate import simulate

SECONDS = 60
LATENCY = "http_server_request_duration_seconds"
DESK = Network((Station("client", calls=(Call("desk"),)), Station("desk", pool=Pool(servers=1))), "client")


@pytest.fixture(scope="module")
def calm() -> Capture:
    return simulate(hand.twin(), duration_s=SECONDS, seed=101)


@pytest.fixture(scope="module")
def desk() -> Capture:
    """One server, half busy: half of the latency is waiting."""
    asked = known.work(25.0, {"desk": 0.02})
    return replace(simulate(known.twin(DESK, asked), duration_s=120, seed=9), settings=Settings())


def test_work_comes_back_from_busy_seconds_and_latency_sums(calm):
    """What the network and the gateway's own counters do not tell apart is taken for the caller's."""
    found = calibrate(known.metered(calm), network=hand.twin().network)
    out = hand.TRANSIT_S
    true = {
        "gateway": 0.003 + out["gateway.orders"],
        "orders": 0.02 + out["orders.payments"],
        "payments": 0.03,
    }
    n = 40 * SECONDS
    for name, mean_s in true.items():
        error = 4 * mean_s / np.sqrt(n) + 0.01 * mean_s  # what is in flight at a scrape is counted later
        assert found.workload.demand[name].mean_s() == pytest.approx(mean_s, abs=error), name
    assert found.workload.mean_rps() == pytest.approx(40, abs=4 * np.sqrt(40 / SECONDS))


def test_its_predictions_hold_what_the_true_system_does(calm):
    found = calibrate(known.metered(calm), network=hand.twin().network)
    _, truth = run(hand.twin(), hand.twin().network, hand.workload(), duration_s=SECONDS, seed=555)
    predicted = predict(found, {})
    for quantity in ("p50_s", "p95_s", "throughput_rps", "utilisation/payments", "utilisation/orders"):
        low, high = predicted.interval(quantity)
        assert low <= truth.numbers[quantity] <= high, quantity


def test_rate_and_latency_alone_leave_open_whether_it_queues(desk):
    found = calibrate(known.metered(desk, LATENCY), system="gunicorn")
    assert [s.name for s in found.network.stations] == ["client", "desk"]
    worst = max(replicate.demand["desk"].mean_s() for replicate in found.replicates)
    least = min(replicate.demand["desk"].mean_s() for replicate in found.replicates)
    assert worst == pytest.approx(0.02, rel=0.15)  # what it truly is: a single server half busy
    assert least < 0.1 * worst
    assert any(note.startswith("desk: its rate and latency fit anything") for note in found.notes)


def test_both_extremes_are_in_what_is_predicted_at_a_higher_load(desk):
    """At 1.7 times the load M/M/1 takes 133 ms, a service without queue 40 ms as before."""
    found = calibrate(known.metered(desk, LATENCY), system="gunicorn")
    same, more = (predict(found, {}, scenario=Scenario(load=load), duration_s=120) for load in (1.0, 1.7))
    assert same["mean_s"] == pytest.approx(0.04, rel=0.25)
    low, high = more.interval("mean_s")
    assert low < 0.045
    assert high > 0.02 / (1 - 1.7 * 25 * 0.02)


def test_the_workers_in_use_settle_it(desk):
    found = calibrate(known.metered(desk, LATENCY, "worker_pool"), system="gunicorn")
    assert found.network["desk"].pool.servers == 1
    spread = [replicate.demand["desk"].mean_s() for replicate in found.replicates]
    assert min(spread) > 0.8 * max(spread)
    assert np.mean(spread) == pytest.approx(0.02, rel=4 / np.sqrt(3000) + 0.01)


def test_a_known_pool_tells_the_wait_by_the_law_of_its_queue(desk):
    """Of exponential work in one server half is waiting; of constant work a third."""
    found = calibrate(known.metered(desk, LATENCY, "worker_pool_size"), system="gunicorn")
    spread = [replicate.demand["desk"].mean_s() for replicate in found.replicates]
    assert min(spread) < 0.0215
    assert 0.0225 < max(spread) < 0.028


def by_calls(per_visit: float) -> Capture:
    """A shop that answers 600 requests in a minute, and calls a store without metrics of its own."""
    at = np.arange(61.0)
    own, there = {"service": "shop", "instance": "a"}, {"server_address": "store.shop.svc:8080"}
    calls = "http_client_request_duration_seconds"
    rows = [
        (f"{LATENCY}_count", {**own, "http_response_status_code": "200"}, 10 * at),
        (f"{LATENCY}_sum", {**own, "http_response_status_code": "200"}, 10 * at * 0.05),
        (f"{calls}_count", {**own, **there}, 10 * per_visit * at),
        (f"{calls}_sum", {**own, **there}, 10 * per_visit * at * 0.012),
        ("process_cpu_seconds_total", own, 10 * at * 0.09),
        ("http_server_active_requests", own, 0 * at + 7),
    ]
    return Capture(name="shop", **metrics(*((name, dict(labels), list(v)) for name, labels, v in rows)))


def test_counters_of_calls_give_the_network_and_own_work_is_what_they_leave():
    found = calibrate(by_calls(2.5), system="gunicorn")
    calls = found.network["shop"].calls
    assert sorted(call.share for call in calls) == pytest.approx([0.5, 1.0, 1.0])
    assert {call.to for call in calls} == {"store.shop.svc:8080"}
    assert found.workload.demand["shop"].mean_s() == pytest.approx(0.05 - 2.5 * 0.012, rel=1e-6)


def test_cpu_time_that_exceeds_the_work_is_named_with_both_numbers():
    notes = calibrate(by_calls(2), system="gunicorn").notes
    assert any("CPU time is 0.09 s a visit, its own work 0.026 s" in note for note in notes), notes


def test_littles_law_that_does_not_hold_is_named_with_both_numbers():
    """10 requests a second of 50 ms are half a request in flight."""
    notes = calibrate(by_calls(2), system="gunicorn").notes
    assert any("in flight by metrics is 7, but rate × mean latency 0.5" in note for note in notes), notes


def test_services_without_a_count_of_calls_between_them_are_refused(calm):
    with pytest.raises(CalibrationError, match=r"metrics of 3 services.*Record traces, or give the network"):
        calibrate(known.metered(calm))
