"""Kubernetes' resources and patches, found by what they are and refer to."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from tests.targets.shop import knobs_of, sample
from workbench.errors import TargetError
from workbench.targets import kubernetes, kustomize

KNOBS = knobs_of("kubernetes")
RESOURCES = "orders/Deployment.template.spec.containers[].resources"
SCALER = "orders/HorizontalPodAutoscaler"
AIM = f"{SCALER}.metrics[].resource.target.averageUtilization"
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: orders}\nspec: {}\n"


def load(text: str) -> list:
    """The documents as ruamel loads them, which is not how the target reads them."""
    return list(YAML(typ="safe").load_all(text))


def test_values_are_those_of_the_service_s_container_and_of_the_metric_of_cpu():
    assert kubernetes.current(sample("kubernetes"), KNOBS) == {
        "orders/Deployment.replicas": 3,
        f"{RESOURCES}.limits.cpu": 1500,
        f"{RESOURCES}.limits.memory": 512,
        "orders/Deployment.template.spec.terminationGracePeriodSeconds": 45,
        f"{SCALER}.minReplicas": 2,
        f"{SCALER}.maxReplicas": 12,
        AIM: 60,
        "orders/PodDisruptionBudget.minAvailable": 2,
    }


# By the documentation of Kubernetes' quantities.
QUANTITIES = {
    "cpu": {"0.5": 500, "2": 2000, "250m": 250, '"1.5"': 1500},
    "memory": {"512Mi": 512, "1Gi": 1024, "524288Ki": 512, "134217728": 128, "1048576k": 1000},
}


@pytest.mark.parametrize(("resource", "text"), [(r, t) for r, texts in QUANTITIES.items() for t in texts])
def test_a_quantity_is_read_as_kubernetes_reads_it(resource, text):
    limits = f"{{limits: {{{resource}: {text}}}}}"
    spec = f"{{template: {{spec: {{containers: [{{name: orders, resources: {limits}}}]}}}}}}"
    now = kubernetes.current(DEPLOYMENT.replace("{}", spec), KNOBS)
    assert now[f"{RESOURCES}.limits.{resource}"] == QUANTITIES[resource][text]


def test_the_autoscaler_keeps_its_scale_point_when_the_request_changes():
    """60 % of 500 m are 300 m of CPU, which are 40 % of 750 m."""
    text = sample("kubernetes").replace(
        "          limits:\n", "          requests: {cpu: 500m}\n          limits:\n"
    )
    after = kubernetes.edit(text, {f"{RESOURCES}.requests.cpu": 750}, KNOBS, why={})
    now = kubernetes.current(after, KNOBS)
    assert now[AIM] == 40
    assert f"# workbench {AIM}: was 60 %; scales at 300 m of CPU, as before requests.cpu changed" in after
    asked = kubernetes.edit(text, {f"{RESOURCES}.requests.cpu": 750, AIM: 70}, KNOBS, why={})
    assert kubernetes.current(asked, KNOBS)[AIM] == 70


def test_missing_resources_are_appended_and_a_new_entry_says_what_it_is():
    wanted = {f"{RESOURCES}.limits.cpu": 250, AIM: 50, "orders/PodDisruptionBudget.minAvailable": 1}
    deployment, scaler, budget = load(kubernetes.edit(kubernetes.blank(KNOBS), wanted, KNOBS, why={}))
    assert deployment["spec"] == {
        "template": {"spec": {"containers": [{"name": "orders", "resources": {"limits": {"cpu": "250m"}}}]}}
    }
    target = {"type": "Utilization", "averageUtilization": 50}
    assert scaler["spec"] == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"},
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    assert budget["spec"] == {"selector": {"matchLabels": {"app": "orders"}}, "minAvailable": 1}


def test_a_share_of_pods_is_left_alone():
    text = sample("kubernetes").replace("minAvailable: 2", "minAvailable: 50%")
    assert "orders/PodDisruptionBudget.minAvailable" not in kubernetes.current(text, KNOBS)
    assert "minAvailable: 50%" in kubernetes.edit(text, {"orders/Deployment.replicas": 4}, KNOBS, why={})


def test_an_overlay_changes_only_the_text_of_its_patch():
    text = sample("kustomize")
    after = kustomize.edit(text, {"orders/Deployment.replicas": 5}, KNOBS, why={})
    assert after == text.replace("replicas: 3", "replicas: 5")


def test_a_patch_that_is_missing_comes_after_the_others():
    text = sample("kustomize")
    after = kustomize.edit(text, {f"{SCALER}.maxReplicas": 9}, KNOBS, why={f"{SCALER}.maxReplicas": "so"})
    (loaded,), (before,) = load(after), load(text)
    assert loaded["patches"][:3] == before["patches"]
    (patch,) = load(loaded["patches"][3]["patch"])
    assert (patch["kind"], patch["spec"]["maxReplicas"]) == ("HorizontalPodAutoscaler", 9)
    assert {k: v for k, v in loaded.items() if k != "patches"} == {
        k: v for k, v in before.items() if k != "patches"
    }


def test_what_is_no_overlay_is_refused():
    with pytest.raises(TargetError, match="no Kustomization"):
        kustomize.current(DEPLOYMENT, KNOBS)
    with pytest.raises(TargetError, match="patches in brackets"):
        kustomize.edit("kind: Kustomization\npatches: []\n", {"orders/Deployment.replicas": 5}, KNOBS, why={})
