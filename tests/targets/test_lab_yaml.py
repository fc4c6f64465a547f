"""The lab reads what was written for it."""

from __future__ import annotations

import pytest

from tests.targets.shop import NETWORK, knobs_of, moved, sample
from workbench.errors import TargetError
from workbench.knobs import apply
from workbench.knobs.lab import network_from
from workbench.lab.shop import flat, parse
from workbench.targets import lab_yaml


def test_the_lab_itself_reads_the_edited_file():
    knobs = knobs_of("lab_yaml")
    wanted = moved(knobs, 0.37)
    after = lab_yaml.edit(
        sample("lab_yaml"), wanted, knobs, why=dict.fromkeys(wanted, "because: {of} # this")
    )
    assert flat(parse(after)) == wanted
    assert flat(parse(lab_yaml.edit(lab_yaml.blank(knobs), wanted, knobs, why={}))) == wanted


def test_what_the_file_sets_builds_the_network():
    knobs = knobs_of("lab_yaml")
    now = lab_yaml.current(sample("lab_yaml"), knobs)
    network = network_from(now, {"gateway": ["orders"], "orders": ["payments"]})
    assert network == apply(NETWORK, knobs, now)
    assert network["gateway"].calls[0].attempts == 3


def test_a_service_that_the_file_lacks_is_named():
    text = "services:\n  gateway: {workers: 4}\n"
    with pytest.raises(TargetError, match=r"no service 'orders'; expected one of \['gateway'\]"):
        lab_yaml.edit(text, {"orders/workers": 4}, knobs_of("lab_yaml"), why={})


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "services:\n", "services: 4\n", "a: 1\n---\nb: 1\n", "[]\n"]
)
def test_a_file_without_services_is_refused(text):
    with pytest.raises(TargetError, match="expected one document with the key services"):
        lab_yaml.current(text, knobs_of("lab_yaml"))


@pytest.mark.parametrize("value", ["many", "true", ".inf", "'8'", "0x10", "[8]", "{a: 1}"])
def test_a_value_that_is_no_number_is_refused(value):
    with pytest.raises(TargetError, match="expected a whole number from 1 to 256") as error:
        lab_yaml.current(f"services:\n  orders:\n    workers: {value}\n", knobs_of("lab_yaml"))
    assert error.value.where == "lab.yaml:3, orders/workers"
