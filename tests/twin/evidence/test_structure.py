"""A network that is known comes back from its spans, where no settings say what it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.analysis.hand import metrics
from tests.twin import hand
from tests.twin.evidence import known
from workbench.network import Call, Network, Station
from workbench.policies import Pool
from workbench.settings import Settings
from workbench.twin.calibrate import calibrate
from workbench.twin.model import Twin
from workbench.twin.simulate import simulate

CALLS = (
    Call("stock"),
    Call("price", together=True),
    Call("mail", share=0.3),
    Call("search", copies=3),
    Call("pay"),
)
LEAVES = dict.fromkeys(("stock", "price", "mail", "search", "pay"), 0.004)
FAN = Network(
    (
        Station("client", calls=(Call("front", timeout_s=10.0),)),
        Station("front", calls=CALLS, instances=2, pool=Pool(servers=40)),
        *(Station(name, pool=Pool(servers=30)) for name in sorted(LEAVES)),
    ),
    "client",
)
REQUESTS = 30 * 30


@pytest.fixture(scope="module")
def fan() -> Twin:
    asked = known.work(30.0, {"front": 0.002, **LEAVES})
    return calibrate(simulate(known.twin(FAN, asked), duration_s=30, seed=2))


def test_who_is_called_in_which_order_together_and_how_often(fan):
    found = {call.to: call for call in fan.network["front"].calls}
    assert list(found)[2:] == ["mail", "search", "pay"]
    assert set(list(found)[:2]) == {"stock", "price"}
    assert [call.together for call in fan.network["front"].calls] == [False, True, False, False, False]
    assert {name: call.copies for name, call in found.items() if call.copies > 1} == {"search": 3}


def test_a_call_that_some_visits_make_has_their_share(fan):
    shares = {call.to: call.share for call in fan.network["front"].calls}
    assert shares.pop("mail") == pytest.approx(0.3, abs=4 * np.sqrt(0.3 * 0.7 / REQUESTS))
    assert set(shares.values()) == {1.0}


def test_instances_and_pools_are_those_that_labels_and_gauges_name(fan):
    assert fan.network["front"].instances == 2
    assert fan.network["pay"].pool.servers == 30
    assert fan.network["pay"].instances == 1


def test_calls_of_one_callee_one_after_the_other_are_as_many_calls():
    repeated = known.changed(FAN, replace(FAN["front"], calls=(Call("stock"), Call("stock"), Call("pay"))))
    asked = known.work(20.0, {"front": 0.002, **LEAVES})
    found = calibrate(simulate(known.twin(repeated, asked), duration_s=15, seed=4))
    assert [call.to for call in found.network["front"].calls] == ["stock", "stock", "pay"]
    assert any("front calls stock 2.0 times a visit" in note for note in found.notes)


def test_patience_and_retries_are_those_seen_where_no_settings_say():
    capture = simulate(hand.twin(hand.EAGER), duration_s=30, seed=7)
    found = calibrate(replace(capture, settings=Settings()))
    call = found.network["orders"].calls[0]
    assert call.timeout_s == pytest.approx(0.05, abs=1e-6)
    assert call.attempts == 3
    assert call.backoff_s == pytest.approx(0.01, abs=1e-6)
    assert call.jitter == pytest.approx(0.0, abs=1e-6)
    assert [s.pool.servers for s in found.network.stations[1:]] == [32, 8, 8]  # by their gauges


def test_without_settings_and_gauges_pools_are_unlimited_and_a_note_says_so():
    capture = simulate(hand.twin(), duration_s=15, seed=8)
    bare = replace(capture, settings=Settings(), series=capture.series[:0], samples=capture.samples[:0])
    found = calibrate(bare)
    assert np.isinf(found.network["orders"].pool.servers)
    assert any(note.startswith("gateway, orders, payments: no pool is known") for note in found.notes)


def test_a_pool_of_connections_belongs_to_the_only_callee_that_calls_nobody():
    gauges = {
        "hikaricp_connections_max": [6.0] * 16,
        "hikaricp_connections_active": [2.0] * 16,
    }
    labels = {"service": "orders", "instance": "orders-0", "pool": "HikariPool-1"}
    capture = simulate(hand.twin(), duration_s=15, seed=8)
    pools = metrics(*((name, dict(labels), values) for name, values in gauges.items()))
    found = calibrate(replace(capture, settings=Settings(), **pools), system=("lab", "hikari"))
    assert found.network["orders"].calls[0].pool.servers == 6
    assert "orders/maximumPoolSize" in {knob.key for knob in found.knobs}
    assert found.at({"orders/maximumPoolSize": 12})["orders"].calls[0].pool.servers == 12


def test_settings_and_metrics_that_differ_are_both_named():
    capture = simulate(hand.twin(), duration_s=15, seed=8)
    found = calibrate(replace(capture, settings=hand.CALM.with_({"orders/workers": 12})))
    assert "orders: pool size by metrics is 8, by settings 12" in found.notes
