"""What HotSpot's options mean to the network, by its tuning guide."""

from __future__ import annotations

import pytest

from workbench.knobs import apply, settings_of
from workbench.knobs.jvm import knobs
from workbench.network import Call, Network, Station
from workbench.policies import Gc

NETWORK = Network(
    (
        Station("client", calls=(Call("orders"),)),
        Station("orders", calls=(Call("payments"),), gc=Gc(bytes_per_visit=1e6, budget_bytes=80 * 2**20)),
        Station("payments"),
    ),
    entry="client",
)


def test_eden_is_eight_tenths_of_the_young_generation():
    # "-XX:SurvivorRatio=6 sets the ratio between eden and a survivor space to 1:6"; by default it is 8.
    assert settings_of(NETWORK, knobs(NETWORK)) == {"orders/Xmn": 100}
    moved = apply(NETWORK, knobs(NETWORK), {"orders/Xmn": 50})
    assert moved["orders"].gc.budget_bytes == pytest.approx(40 * 2**20)


def test_a_service_that_is_not_seen_to_allocate_has_options_that_move_nothing():
    assert [knob.key for knob in knobs(NETWORK) if knob.tunable] == ["orders/Xmn"]
