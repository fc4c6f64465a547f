"""Rules of thumb, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.twin import hand
from workbench.knobs import all_knobs
from workbench.tuning.folklore import folklore

TWIN = hand.twin()
CORES = "cores × 2 + spindles (4 cores where not known)"


def changes(twin, system=None):
    knobs = [k for k in (all_knobs(system, twin.network) if system else twin.knobs) if k.tunable]
    return {name: twin.settings.difference(settings) for name, settings in folklore(twin, knobs).items()}


def test_the_shop_gets_twice_its_workers_and_nine_for_four_cores():
    found = changes(TWIN)
    assert {k: to for k, (_, to) in found["twice the workers"].items()} == {
        "gateway/workers": 64, "orders/workers": 16, "payments/workers": 16,
    }  # fmt: skip
    assert {to for _, to in found[CORES].values()} == {9}
    assert "no retries" not in found  # there are none to leave out


def test_where_cores_are_known_they_count():
    network = TWIN.network.set("payments.cpu.quota_cores", 1.5)
    assert changes(replace(TWIN, network=network))[CORES]["payments/workers"][1] == 2 * 2 + 1


@pytest.mark.parametrize(
    ("system", "rule", "expected"),
    [
        ("envoy", "1024 connections, 3 retries, 15 s (Envoy)", {
            "circuit_breakers.thresholds[].max_connections": 1024,
            "circuit_breakers.thresholds[].max_pending_requests": 1024,
            "retry_policy.num_retries": 3,
            "timeout": 15_000,
        }),
        ("hikari", CORES, {"maximumPoolSize": 9}),
    ],
)  # fmt: skip
def test_known_defaults_are_written_in_the_units_of_the_system(system, rule, expected):
    found = changes(TWIN, system)[rule]
    for end, value in expected.items():
        assert {
            to for key, (_, to) in found.items() if key.endswith(f".{end}") or key.endswith(f"/{end}")
        } == {value}


def test_rules_that_say_the_same_are_given_once():
    settings = [tuple(sorted(found.items())) for found in changes(TWIN).values()]
    assert len(set(settings)) == len(settings)
