"""Kubernetes' resources, many documents in one file: as they are in use, or as a patch of those.

    kind: Deployment
    metadata: {name: orders}
    spec:
      replicas: 3

A resource is found by its kind and name, an autoscaler by what it scales and a budget by the label of its
pods too. What is missing is appended: of a Deployment as a patch (kubectl patch --patch-file, or apply
--server-side), the others whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _kubernetes, _yaml
from workbench.targets._resources import appended
from workbench.targets._seam import changed

FORMAT = "Kubernetes resources"
SYSTEMS = ("kubernetes",)
FILENAME = "kubernetes.yaml"
ENCODING = "utf-8"


def blank(knobs: Iterable[Knob]) -> str:
    """Give a heading: resources are appended as settings ask for them."""
    return "# Deployments of the services, their autoscalers and disruption budgets.\n"


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the resources set of these knobs."""
    return _kubernetes.current(_yaml.parse(text, where=where), knobs, where)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the resources with these settings, missing ones appended."""
    known = list(knobs)
    now = current(text, known, where=where)
    wanted = changed(settings, now, known)
    documents = _yaml.parse(text, where=where)
    lacking = [
        (kind, service)
        for kind, service in dict.fromkeys((knob.name.split(".")[0], knob.service) for knob in wanted)
        if kind not in _kubernetes.GROUPS or _kubernetes.resource(documents, kind, service, where) is None
    ]
    for kind, service in lacking:
        if kind not in _kubernetes.GROUPS:
            raise TargetError(
                f"kind {kind!r} of {service!r}", where=where, expected=f"one of {sorted(_kubernetes.GROUPS)}"
            )
    text = appended(text, (_kubernetes.made(*one) for one in lacking), where=where)
    documents = _yaml.parse(text, where=where)
    return _yaml.write(text, _kubernetes.changes(documents, wanted, now, why=why, where=where), where=where)
