"""What holds for every knob of every system: its path, its bounds, and the way to the network and back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import knobs as seam
from workbench.errors import SettingError
from workbench.knobs.lab import network_from
from workbench.settings import Settings

CALLS = {"gateway": ["orders"], "orders": ["payments"]}
NETWORK = network_from(
    {f"{name}/{knob}": 9 for name in ("gateway", "orders", "payments") for knob in ("workers", "queue")},
    CALLS,
)
EVERY = [(system, knob) for system in seam.systems() for knob in seam.all_knobs(system, NETWORK)]
KNOBS = pytest.mark.parametrize("knob", [k for _, k in EVERY], ids=[f"{s}:{k.key}" for s, k in EVERY])


def test_every_system_names_itself_and_gives_each_key_once():
    for name, system in seam.systems().items():
        keys = [knob.key for knob in seam.all_knobs(name, NETWORK)]
        assert system.SYSTEM
        assert keys
        assert len(set(keys)) == len(keys)


def test_the_callers_at_the_entry_have_no_knobs():
    assert {knob.service for _, knob in EVERY} == {"gateway", "orders", "payments"}


@KNOBS
def test_a_knob_says_what_it_is_and_its_path_exists(knob):
    assert knob.meaning
    assert knob.unit
    assert knob.low < knob.high
    assert not knob.log or knob.low > 0
    if knob.tunable:
        assert knob.path in dict(NETWORK.paths())


@KNOBS
@given(share=st.floats(0, 1))
def test_a_value_within_bounds_goes_to_the_network_and_comes_back(knob, share):
    value = knob.low + share * (knob.high - knob.low)
    value = round(value) if knob.whole else min(max(float(f"{value:.6g}"), knob.low), knob.high)
    moved = knob.to_network(value)
    assert moved == pytest.approx(value * knob.scale + knob.offset)
    assert knob.from_network(moved) == value
    if knob.tunable:
        assert NETWORK.set(knob.path, moved).get(knob.path) == moved


@KNOBS
@pytest.mark.parametrize("beyond", [-1, 1])
def test_a_value_out_of_bounds_names_the_knob_and_its_bounds(knob, beyond):
    value = knob.low - 1 if beyond < 0 else knob.high + 1
    if value == knob.off:
        value -= 1
    with pytest.raises(SettingError, match="Choose a value inside the bounds") as error:
        knob.check(value)
    assert error.value.where == knob.key
    assert error.value.expected == knob.bounds


@KNOBS
@pytest.mark.parametrize("value", [math.nan, "8", None, True])
def test_what_is_no_number_is_refused(knob, value):
    with pytest.raises(SettingError):
        knob.check(value)


@KNOBS
def test_off_is_no_limit_both_ways(knob):
    if knob.off is None:
        with pytest.raises(SettingError):
            knob.from_network(math.inf)
    else:
        assert knob.to_network(knob.off) == math.inf
        assert knob.from_network(math.inf) == knob.off


@pytest.mark.parametrize("system", seam.systems())
def test_settings_of_a_network_put_it_back_as_it_was(system):
    knobs = seam.all_knobs(system, NETWORK)
    settings = seam.settings_of(NETWORK, knobs)
    assert set(settings) <= {knob.key for knob in knobs if knob.tunable}
    moved = NETWORK
    for path, _ in NETWORK.paths():
        if path.endswith("pool.servers"):
            moved = moved.set(path, 3)
    assert seam.apply(moved, knobs, settings) == _with_pools_of(knobs, moved)


def _with_pools_of(knobs, moved):
    """The network in which the pools that the system has a knob for stand as in NETWORK."""
    for knob in knobs:
        if knob.path.endswith("pool.servers"):
            moved = moved.set(knob.path, NETWORK.get(knob.path))
    return moved


@pytest.mark.parametrize("system", seam.systems())
def test_an_unknown_key_names_near_ones(system):
    knobs = seam.all_knobs(system, NETWORK)
    with pytest.raises(SettingError, match=r"no knob 'payments/nonsense'.*List the knobs"):
        seam.apply(NETWORK, knobs, {"payments/nonsense": 1})


def test_a_knob_that_moves_nothing_is_checked_and_leaves_the_network():
    knobs = [k for _, k in EVERY if not k.tunable]
    assert {k.key for k in knobs} >= {"orders/VirtualService.http[].timeout", "payments/maxLifetime"}
    for knob in knobs:
        assert seam.apply(NETWORK, knobs, {knob.key: knob.high}) == NETWORK
        with pytest.raises(SettingError):
            seam.apply(NETWORK, knobs, {knob.key: knob.high + 1})


def test_an_unknown_system_names_those_there_are():
    with pytest.raises(
        SettingError, match=r"no system 'nginx'; expected one of \['hikari', 'istio', 'lab'\]"
    ):
        seam.all_knobs("nginx", NETWORK)


def test_a_key_that_is_planted_in_no_system_is_no_setting():
    assert isinstance(seam.settings_of(NETWORK, []), Settings)
    assert len(seam.settings_of(NETWORK, [])) == 0
