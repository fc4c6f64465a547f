"""Consul's own types decode the exported transaction, values and all."""

from __future__ import annotations

import subprocess

import pytest

from tests.targets.shop import knobs_of, moved, sample
from workbench.targets import target

KNOBS = knobs_of("consul_development")
WANTED = moved(KNOBS, 0.37)


@pytest.mark.parametrize("prefix", ["development", "production"])
@pytest.mark.parametrize("begin", ["sample", "blank"])
def test_consul_understands_every_operation(go, prefix, begin):
    name = f"consul_{prefix}"
    text = sample(name) if begin == "sample" else target(name).blank(KNOBS)
    said = [
        line.split(" ", 2)
        for line in go("consul", target(name).edit(text, WANTED, KNOBS, why={})).splitlines()
    ]
    below = "config/development" if prefix == "development" else "config/proposed/production"
    held = {key: float(value) for _, key, value in said if key.startswith(below)}
    assert held == {f"{below}/{key}": value for key, value in WANTED.items()}
    assert {verb for verb, _, _ in said} <= {"set", "cas"}


@pytest.mark.parametrize(("right", "wrong"), [('"Value": "', '"Value": "%'), ('"Verb"', '"Verbs"')])
def test_consul_refuses_what_is_wrong(go, right, wrong):
    text = target("consul_development").edit("[]", WANTED, KNOBS, why={})
    assert right in text
    with pytest.raises(subprocess.CalledProcessError):
        go("consul", text.replace(right, wrong))
