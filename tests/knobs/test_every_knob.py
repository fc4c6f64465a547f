"""What holds for every knob of every system: its path, its bounds, and the way to the network and back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.targets.shop import at
from workbench import knobs as seam
from workbench.errors import SettingError
from workbench.knobs.lab import network_from
from workbench.settings import Knob, Settings

CALLS = {"gateway": ["orders"], "orders": ["payments"]}
NETWORK = network_from(
    {f"{name}/{knob}": 9 for name in ("gateway", "orders", "payments") for knob in ("workers", "queue")},
    CALLS,
)
SYSTEMS = pytest.mark.parametrize("system", seam.systems())


def knobs_of(system: str) -> list[Knob]:
    return seam.all_knobs(system, NETWORK)


@SYSTEMS
def test_a_system_names_itself_and_gives_each_key_once(system):
    keys = [knob.key for knob in knobs_of(system)]
    module = seam.systems()[system]
    assert module.SYSTEM
    assert system == "lab" or "\nEvidence: " in module.__doc__, "which evidence moves its knobs"
    assert keys
    assert len(set(keys)) == len(keys)


@SYSTEMS
def test_the_callers_at_the_entry_have_no_knobs(system):
    assert NETWORK.entry not in {knob.service for knob in knobs_of(system)}


@SYSTEMS
def test_a_knob_says_what_it_is_and_its_path_exists(system):
    for knob in knobs_of(system):
        assert knob.meaning, knob.key
        assert knob.low < knob.high or knob.choices, knob.key
        assert knob.unit or knob.choices, knob.key
        assert not knob.log or knob.low > 0, knob.key
        assert len(knob.words) in (0, len(knob.choices)), knob.key
        assert not knob.tunable or knob.path in dict(NETWORK.paths()), knob.key


@SYSTEMS
@settings(max_examples=10)
@given(share=st.floats(0, 1))
def test_a_value_within_bounds_goes_to_the_network_and_comes_back(system, share):
    for knob in knobs_of(system):
        value = at(knob, share)
        moved = knob.to_network(value)
        if not knob.choices:
            assert moved == pytest.approx(value * knob.scale + knob.offset), knob.key
        assert knob.from_network(moved) == value
        if knob.tunable:
            assert NETWORK.set(knob.path, moved).get(knob.path) == moved


@SYSTEMS
def test_a_value_out_of_bounds_names_the_knob_and_its_bounds(system):
    for knob in knobs_of(system):
        beyond = [knob.low - 1, knob.high + 1] if not knob.choices else ["a word of no system"]
        for value in beyond:
            with pytest.raises(SettingError) as error:
                knob.check(value - 1 if value == knob.off else value)
            assert error.value.where == knob.key
            assert error.value.expected == knob.bounds


@SYSTEMS
@pytest.mark.parametrize("value", [math.nan, "8", None, True])
def test_what_is_no_number_is_refused(system, value):
    for knob in knobs_of(system):
        with pytest.raises(SettingError):
            knob.check(value)


@SYSTEMS
def test_off_is_no_limit_both_ways(system):
    for knob in knobs_of(system):
        if knob.off is None:
            with pytest.raises(SettingError):
                knob.from_network(math.inf)
        else:
            assert knob.to_network(knob.off) == math.inf
            assert knob.from_network(math.inf) == knob.off


@SYSTEMS
def test_settings_of_a_network_put_it_back_as_it_was(system):
    knobs = knobs_of(system)
    found = seam.settings_of(NETWORK, knobs)
    tunable = {knob.key: knob for knob in knobs if knob.tunable}
    assert set(found) <= set(tunable)
    moved = seam.apply(NETWORK, knobs, {key: at(tunable[key], 0.37) for key in found})
    assert seam.apply(moved, knobs, found) == NETWORK


@SYSTEMS
def test_an_unknown_key_names_near_ones(system):
    knobs = seam.all_knobs(system, NETWORK)
    with pytest.raises(SettingError, match=r"no knob 'payments/nonsense'.*List the knobs"):
        seam.apply(NETWORK, knobs, {"payments/nonsense": 1})


def test_a_knob_that_moves_nothing_is_checked_and_leaves_the_network():
    still = {system: [k for k in knobs_of(system) if not k.tunable] for system in seam.systems()}
    assert "orders/maxLifetime" in {knob.key for knob in still["hikari"]}
    for knobs in still.values():
        assert seam.apply(NETWORK, knobs, {knob.key: at(knob, 1) for knob in knobs}) == NETWORK
        for knob in knobs:
            with pytest.raises(SettingError):
                seam.apply(NETWORK, [knob], {knob.key: math.nan})


def test_an_unknown_system_names_those_there_are():
    with pytest.raises(SettingError, match=r"no system 'abacus'; expected one of \[.*'hikari', .*'lab'"):
        seam.all_knobs("abacus", NETWORK)


def test_a_key_that_is_planted_in_no_system_is_no_setting():
    assert isinstance(seam.settings_of(NETWORK, []), Settings)
    assert len(seam.settings_of(NETWORK, [])) == 0
