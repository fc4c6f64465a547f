"""client-go decodes the exported resources strictly, and kustomize renders the overlay onto a base."""

from __future__ import annotations

import json

import pytest

from tests.conformance.conftest import Run
from tests.targets.shop import knobs_of, moved, sample
from workbench.settings import Knob
from workbench.targets import kubernetes, kustomize

KNOBS = knobs_of("kubernetes")
OF_ORDERS = [knob for knob in KNOBS if knob.service == "orders"]
FACTORS = {
    "m": 0.001,
    "": 1,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


def decoded(go: Run, files: dict[str, str], root: str = "") -> list[dict]:
    return [
        json.loads(line) for line in go("kubernetes", json.dumps({"files": files, "root": root})).splitlines()
    ]


@pytest.mark.parametrize("share", [0.0, 0.37, 1.0])
@pytest.mark.parametrize("begin", ["sample", "blank"])
def test_client_go_understands_every_value(go, begin, share):
    text = sample("kubernetes") if begin == "sample" else kubernetes.blank(KNOBS)
    wanted = moved(KNOBS, share)
    after = kubernetes.edit(text, wanted, KNOBS, why=dict.fromkeys(wanted, "a: reason"))
    assert_said(decoded(go, {"resources.yaml": after}), KNOBS, wanted)


@pytest.mark.parametrize("share", [0.0, 0.37, 1.0])
@pytest.mark.parametrize("begin", ["sample", "blank"])
def test_kustomize_renders_the_overlay(go, begin, share):
    text = (
        sample("kustomize").replace("- path: gateway.yaml\n", "")
        if begin == "sample"
        else kustomize.blank(KNOBS)
    )
    wanted = moved(OF_ORDERS, share)
    after = kustomize.edit(text, wanted, OF_ORDERS, why=dict.fromkeys(wanted, "a: reason"))
    base = "kind: Kustomization\nresources: [resources.yaml]\n"
    files = {
        "base/kustomization.yaml": base,
        "base/resources.yaml": sample("kubernetes").replace("name: orders-by-cpu", "name: orders"),
        "tuned/kustomization.yaml": after,
    }
    said = decoded(go, files, "tuned")
    assert_said(said, OF_ORDERS, wanted)
    (deployment,) = [one for one in said if one.get("kind") == "Deployment"]
    images = [one.get("image") for one in deployment["spec"]["template"]["spec"]["containers"]]
    assert sorted(filter(None, images)) == ["registry.example/orders:7.1", "registry.example/shipper:3"]


def test_kustomize_refuses_a_patch_of_what_is_nowhere(go):
    text = kustomize.edit(kustomize.blank(KNOBS), {"payments/Deployment.replicas": 2}, KNOBS, why={})
    files = {
        "base/kustomization.yaml": "kind: Kustomization\nresources: [resources.yaml]\n",
        "base/resources.yaml": sample("kubernetes"),
        "tuned/kustomization.yaml": text,
    }
    assert "no matches" in decoded(go, files, "tuned")[0]["error"]


WRONG = {
    "a word for a number": ("maxReplicas: 371", "maxReplicas: many"),
    "half a pod": ("maxReplicas: 371", "maxReplicas: 3.7"),
    "a unit of no name": ("cpu: 94721m", "cpu: 94721millis"),
    "a key of no name": ("minReplicas:", "minReplica:"),
    "a key in the wrong place": ("terminationGracePeriodSeconds:", "gracePeriodSeconds:"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_client_go_refuses_what_is_wrong(go, wrong):
    right = kubernetes.edit(kubernetes.blank(KNOBS), moved(KNOBS, 0.37), KNOBS, why={})
    assert wrong[0] in right
    assert any("error" in one for one in decoded(go, {"resources.yaml": right.replace(*wrong)}))


def assert_said(said: list[dict], knobs: list[Knob], wanted) -> None:
    assert [one for one in said if "error" in one] == []
    for knob in knobs:
        kind, *steps = knob.name.split(".")
        (held,) = [one["spec"] for one in said if one["kind"] == kind and service_of(one) == knob.service]
        for step in steps:
            held = held.get(step.removesuffix("[]"), 0)
            if step.endswith("[]"):
                name = "cpu" if step == "metrics[]" else knob.service
                held = next(
                    one for one in held if name in (one.get("name"), one.get("resource", {}).get("name"))
                )
        assert in_words(held, knob) == pytest.approx(wanted[knob.key]), knob.key


def service_of(resource: dict) -> str:
    scaled = resource["spec"].get("scaleTargetRef", {}).get("name")
    return scaled or resource["metadata"]["name"]


def in_words(held, knob: Knob) -> float:
    """A quantity in the knob's unit, or the number itself."""
    if knob.unit not in ("m", "Mi"):
        return held
    number = held.rstrip("mkMGTi")
    return float(number) * FACTORS[held[len(number) :]] / FACTORS[knob.unit]
