"""Istio's own validation takes the exported resources, understands every value, and refuses what is wrong."""

from __future__ import annotations

import json

import pytest

from tests.conformance.conftest import Run
from tests.targets.shop import NETWORK, knobs_of, moved, sample
from workbench.knobs import settings_of
from workbench.settings import Knob, Value
from workbench.targets import istio, istio_rate_limit

KNOBS, BUCKET = knobs_of("istio"), knobs_of("istio_rate_limit")


def asked(go: Run, text: str) -> list[dict]:
    return [json.loads(line) for line in go("istio", text).splitlines()]


@pytest.mark.parametrize("share", [0.2, 0.37, 1.0])
@pytest.mark.parametrize("begin", ["sample", "blank"])
def test_istio_takes_what_was_exported_and_understands_every_value(go, begin, share):
    text = sample("istio") if begin == "sample" else istio.blank(KNOBS)
    wanted = moved(KNOBS, share)
    said = asked(go, istio.edit(text, wanted, KNOBS, why=dict.fromkeys(wanted, "a: reason")))
    assert [one for one in said if "error" in one] == []
    by_host = {(one["kind"], host_of(one["spec"])): one["spec"] for one in said}
    for knob in KNOBS:
        kind, *steps = knob.name.split(".")
        held = in_words(found(by_host[kind, knob.service], steps), knob)
        assert held == (wanted[knob.key] if knob.choices else pytest.approx(wanted[knob.key])), knob.key


@pytest.mark.parametrize("begin", ["sample", "blank"])
def test_istio_takes_a_network_without_retries(go, begin):
    text = sample("istio") if begin == "sample" else istio.blank(KNOBS)
    now = settings_of(NETWORK.set("gateway.calls.orders.timeout_s", 0.4), KNOBS)
    assert now["orders/VirtualService.http[].retries.attempts"] == 0
    said = asked(go, istio.edit(text, now, KNOBS, why={}))
    assert [one for one in said if "error" in one] == []
    (route,) = [
        one["spec"] for one in said if one["kind"] == "VirtualService" and host_of(one["spec"]) == "orders"
    ]
    assert found(route, ["http[]", "timeout"]) == "0.400s"
    assert found(route, ["http[]", "retries"]).get("attempts", 0) == 0


@pytest.mark.parametrize("begin", ["sample", "blank"])
def test_istio_takes_the_rate_limit(go, begin):
    text = sample("istio_rate_limit") if begin == "sample" else istio_rate_limit.blank(BUCKET)
    wanted = moved(BUCKET, 0.37)
    (said,) = asked(go, istio_rate_limit.edit(text, wanted, BUCKET, why={}))
    value = said["spec"]["configPatches"][0]["patch"]["value"]
    bucket = value["typed_config"]["token_bucket"]
    assert {
        f"orders/token_bucket.{name}": bucket[name] for name in ("max_tokens", "tokens_per_fill")
    } == wanted


WRONG = {
    "a duration without unit": ("perTryTimeout: 222001ms", "perTryTimeout: 222"),
    "a time below what Istio counts": ("perTryTimeout: 222001ms", "perTryTimeout: 100us"),
    "tries below none": ("attempts: 4", "attempts: -1"),
    "patience for tries that are not made": ("attempts: 4", "attempts: 0"),
    "a condition of no name": ("retryOn: 5xx", "retryOn: sometimes"),
    "more than all instances": ("maxEjectionPercent: 38", "maxEjectionPercent: 138"),
    "a policy of no name": ("simple: ROUND_ROBIN", "simple: LEAST_ACTIVE"),
    "a key of no name": ("maxConnections:", "maxConnection:"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_istio_refuses_what_is_wrong(go, wrong):
    right = istio.edit(istio.blank(KNOBS), moved(KNOBS, 0.37), KNOBS, why={})
    assert wrong[0] in right
    assert any("error" in one for one in asked(go, right.replace(*wrong)))


def host_of(spec: dict) -> str:
    return (spec.get("host") or spec["hosts"][0]).split(".")[0]


def found(spec: dict, steps: list[str]):
    """What stands at a knob's path; of several routes the one without conditions. Zeros are left out."""
    held = spec
    for step in steps:
        held = held.get(step.removesuffix("[]"), 0)
        if step.endswith("[]"):
            held = next(route for route in held if not route.get("match"))
    return held


def in_words(held, knob: Knob) -> Value:
    """A duration in ms, or the value itself."""
    return float(held.removesuffix("s")) * 1000 if knob.unit == "ms" and held else held
