"""Where the settings of a service stand in Kubernetes' resources, and how they are spelled there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from workbench.settings import Knob, Settings, Value
from workbench.targets import _yaml
from workbench.targets._quantity import quantity, with_unit
from workbench.targets._resources import Place, name_of, only, resources
from workbench.targets._seam import plain

GROUPS = {"Deployment": "apps", "HorizontalPodAutoscaler": "autoscaling", "PodDisruptionBudget": "policy"}
VERSIONS = {
    "Deployment": "apps/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
}
_SPECS = {
    "Deployment": "",
    "HorizontalPodAutoscaler": (
        "  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: {name}\n"
    ),
    "PodDisruptionBudget": "  selector:\n    matchLabels:\n      app: {service}\n",
}

_CPU = {"m": Decimal(1), "cores": Decimal(1000)}
_BINARY = {f"{letter}i": Decimal(2) ** (10 * power - 20) for power, letter in enumerate("KMGT", 1)}
_DECIMAL = {letter: Decimal(10) ** (3 * power) / 2**20 for power, letter in enumerate("kMGT", 1)}
_MEMORY = {"bytes": Decimal(1) / 2**20, **_BINARY, **_DECIMAL}

_REQUEST, _AIM = "Deployment.template.spec.containers[].resources.requests.cpu", "metrics"


def made(kind: str, service: str) -> str:
    """Give a new resource: a patch of one that there is, or one with Kubernetes' own defaults."""
    spec = _SPECS[kind].format(name=name_of(service), service=_yaml.quoted(service))
    head = f"apiVersion: {VERSIONS[kind]}\nkind: {kind}\nmetadata:\n  name: {name_of(service)}\nspec:\n"
    return head + spec


def resource(documents: tuple[_yaml.Node, ...], kind: str, service: str, where: str) -> Place | None:
    """Give the place of the one resource of a kind that is the service's, by name or by what it refers to."""
    of_kind = list(resources(documents, kind, GROUPS[kind]))
    for says in (_named, _refers):
        found = [(place, node) for place, node in of_kind if service in says(node)]
        if found:
            return only(found, kind, service, where)
    return None


def _named(node: _yaml.Node) -> list[str]:
    return [_yaml.scalar(_yaml.find(node, "metadata", "name"))]


def _refers(node: _yaml.Node) -> list[str]:
    places = [("scaleTargetRef", "name"), *(("selector", "matchLabels", k) for k in _LABELS)]
    return [_yaml.scalar(_yaml.find(node, "spec", *place)) for place in places]


_LABELS = ("app", "app.kubernetes.io/name", "k8s-app")


def place(documents: tuple[_yaml.Node, ...], knob: Knob, where: str) -> Place | None:
    """Give where a knob's value stands or is to stand; None if there is no such resource."""
    kind, *steps = knob.name.split(".")
    found = resource(documents, kind, knob.service, where) if kind in GROUPS else None
    if found is None:
        return None
    found = (*found, "spec")
    for step in steps:
        found = (*found, step.removesuffix("[]"))
        if step.endswith("[]"):
            listed = _yaml.items(_yaml.find(documents[int(found[0])], *found[1:]))
            found = (*found, _entry(listed, "cpu" if step == "metrics[]" else knob.service))
    return found


def _entry(listed: list[_yaml.Node], name: str) -> int:
    """Give the container of that name, or the metric of that resource; else the first container there is."""
    for index, one in enumerate(listed):
        if name in (_yaml.scalar(_yaml.find(one, *at)) for at in (("name",), ("resource", "name"))):
            return index
    return 0


def current(documents: tuple[_yaml.Node, ...], knobs: Iterable[Knob], where: str) -> Settings:
    """Give what the resources set of these knobs; a share of pods, such as 50%, is left out."""
    found: dict[str, Value] = {}
    for knob in knobs:
        at = place(documents, knob, where)
        node = _yaml.find(documents[int(at[0])], *at[1:]) if at else None
        if node is not None and not (knob.unit == "pods" and _yaml.scalar(node).endswith("%")):
            line = f"{where}:{_yaml.line_of(node)}"
            units, bare = (_CPU, "cores") if knob.unit == "m" else (_MEMORY, "bytes")
            found[knob.key] = quantity(_yaml.scalar(node), knob, line, units=units, bare=bare)
    return Settings(found)


def changes(
    documents: tuple[_yaml.Node, ...],
    wanted: Mapping[Knob, float | str],
    now: Settings,
    *,
    why: Mapping[str, str],
    where: str,
) -> Iterator[_yaml.Change]:
    """Give the changes that make the resources say so; every knob's resource must be there."""
    for knob, value in wanted.items():
        at = place(documents, knob, where)
        assert at is not None
        units = _CPU if knob.unit == "m" else _MEMORY
        yield _yaml.Change(at, with_unit(value, knob, units), knob.key, why.get(knob.key, ""))
        yield from _told(documents, at, knob)
        if knob.name == _REQUEST and knob.key in now and not isinstance(value, str):
            yield from _kept(documents, knob, now, wanted, value, where)


def _told(documents: tuple[_yaml.Node, ...], at: Place, knob: Knob) -> Iterator[_yaml.Change]:
    """Give what a list's new entry must say of itself."""
    for index, step in enumerate(at):
        if isinstance(step, int) and index and _yaml.find(documents[int(at[0])], *at[1 : index + 1]) is None:
            entry = at[: index + 1]
            if at[index - 1] == "containers":
                yield _yaml.Change((*entry, "name"), _yaml.quoted(knob.service))
            else:
                yield _yaml.Change((*entry, "type"), "Resource")
                yield _yaml.Change((*entry, "resource", "name"), "cpu")
                yield _yaml.Change((*entry, "resource", "target", "type"), "Utilization")


def _kept(
    documents: tuple[_yaml.Node, ...],
    request: Knob,
    now: Settings,
    wanted: Mapping[Knob, float | str],
    value: float,
    where: str,
) -> Iterator[_yaml.Change]:
    """Give the autoscaler's aim at which it scales at the CPU at which it did before the request changed."""
    name = "HorizontalPodAutoscaler.metrics[].resource.target.averageUtilization"
    aim = Knob(request.service, name, "%", 1, 1000, "CPU used of CPU requested", whole=True)
    held = current(documents, [aim], where).get(aim.key)
    old = now[request.key]
    if held is None or aim.key in [knob.key for knob in wanted]:
        return
    assert isinstance(held, int | float)
    assert isinstance(old, int | float)
    at = place(documents, aim, where)
    assert at is not None
    point = Decimal(str(held)) * Decimal(str(old)) / 100
    kept = max(1, round(point * 100 / Decimal(str(value))))
    reason = f"was {held:g} %; scales at {point.normalize():f} m of CPU, as before requests.cpu changed"
    yield _yaml.Change(at, plain(kept), aim.key, reason)
