"""Knobs check and translate values; settings are an immutable mapping."""

from __future__ import annotations

import json
import math

import pytest

from workbench.errors import SettingError
from workbench.settings import Knob, Settings, find

RETRIES = Knob("orders", "retries", "retries", 0, 10, "beyond the first try", "a.b", offset=1, whole=True)
TIMEOUT = Knob("orders", "timeout", "ms", 250, 30_000, "patience", "a.c", scale=0.001, whole=True, off=0)
RATE = Knob("orders", "rate", "requests/s", 0.1, 1000, "admitted", "a.d", off=0)
SHOWN = Knob("orders", "idle", "s", 1, 60, "not modelled")


def test_a_key_is_service_and_name_and_a_knob_without_a_path_is_not_tuned():
    assert RETRIES.key == "orders/retries"
    assert RETRIES.tunable
    assert not SHOWN.tunable


@pytest.mark.parametrize(
    ("knob", "value", "network"),
    [(RETRIES, 2, 3), (RETRIES, 0, 1), (TIMEOUT, 400, 0.4), (TIMEOUT, 0, math.inf), (RATE, 12.5, 12.5)],
)
def test_a_value_goes_to_the_network_and_back(knob, value, network):
    assert knob.to_network(value) == pytest.approx(network)
    assert knob.from_network(network) == value
    assert type(knob.from_network(network)) is type(value)


def test_what_the_configuration_cannot_hold_is_rounded_to_what_it_can():
    assert TIMEOUT.from_network(0.4004) == 400
    assert RATE.from_network(12.345678912) == 12.3457


def test_a_finite_value_is_never_written_as_no_limit():
    with pytest.raises(SettingError, match="written as no limit"):
        TIMEOUT.from_network(0.0001)


def test_no_limit_where_the_system_has_no_word_for_it_is_refused():
    with pytest.raises(SettingError, match=r"orders/retries: no limit; expected a whole number from 0 to 10"):
        RETRIES.from_network(math.inf)


@pytest.mark.parametrize(
    ("knob", "value", "message"),
    [
        (RETRIES, 11, r"orders/retries: 11 retries; expected a whole number from 0 to 10 retries\. Choose"),
        (RETRIES, 1.5, r"1.5 retries"),
        (RATE, -1, "or 0 for no limit"),
        (RATE, math.nan, "nan"),
        (RATE, math.inf, "inf"),
        (RATE, "12", "'12'"),
        (RATE, True, "True"),
        (RATE, None, "None"),
    ],
)
def test_what_is_out_of_bounds_or_no_number_names_knob_value_and_bounds(knob, value, message):
    with pytest.raises(SettingError, match=message):
        knob.check(value)


def test_a_whole_number_written_as_float_is_one():
    assert RETRIES.check(3.0) == 3
    assert isinstance(RETRIES.check(3.0), int)


def test_an_unknown_key_names_near_ones():
    with pytest.raises(SettingError, match=r"no knob 'orders/retry'; expected one of \['orders/retries'"):
        find([RETRIES, TIMEOUT], "orders/retry")
    with pytest.raises(SettingError, match=r"expected one of \['orders/retries', 'orders/timeout'\]"):
        find([RETRIES, TIMEOUT], "zzz")


def test_settings_are_sorted_equal_by_content_hashable_and_never_changed():
    one, other = Settings({"b/x": 1, "a/y": None}), Settings({"a/y": None, "b/x": 1})
    assert list(one) == ["a/y", "b/x"]
    assert one == other
    assert hash(one) == hash(other)
    assert one.with_({"b/x": 2})["b/x"] == 2
    assert one["b/x"] == 1
    with pytest.raises(TypeError):
        one["b/x"] = 3  # type: ignore[index]
    assert json.loads(json.dumps(dict(one))) == {"a/y": None, "b/x": 1}


def test_a_difference_maps_keys_to_here_and_there():
    here = Settings({"a/x": 1, "a/y": 2, "a/z": 3})
    assert here.difference({"a/x": 1, "a/y": 5, "a/w": 4}) == {
        "a/w": (None, 4),
        "a/y": (2, 5),
        "a/z": (3, None),
    }
    assert here.difference(here) == {}


def test_keys_and_values_of_other_kinds_are_refused():
    with pytest.raises(SettingError, match=r"key 'workers'; expected service/knob"):
        Settings({"workers": 8})
    with pytest.raises(SettingError, match=r"a/x: \[1\]; expected a number, text"):
        Settings({"a/x": [1]})  # type: ignore[dict-item]


def test_foreign_text_in_settings_is_escaped_in_html():
    html = Settings({"a/<b>": "<script>"})._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
