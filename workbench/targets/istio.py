"""Istio's VirtualService and DestinationRule, many documents in one file.

    kind: VirtualService
    spec:
      hosts: [orders]
      http:
        - route: [{destination: {host: orders}}]
          retries: {attempts: 2, perTryTimeout: 400ms, retryOn: 5xx}

A resource is found by kind and host; one that is missing is appended. Of several HTTP routes to the host the
first without conditions is read and edited, or else the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _yaml
from workbench.targets._durations import duration, seconds
from workbench.targets._seam import changed, line_end, plain

FORMAT = "Istio resources"
SYSTEMS = ("istio",)
FILENAME = "istio.yaml"
ENCODING = "utf-8"

# What the twin retries; Istio's own default leaves timeouts and most 5xx answers alone.
RETRY_ON = "5xx"

_RESOURCES = {
    "VirtualService": """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: {name}
spec:
  hosts:
    - {host}
  http:
    - route:
        - destination:
            host: {host}
""",
    "DestinationRule": """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: {name}
spec:
  host: {host}
""",
}

Place = tuple[_yaml.Step, ...]


def blank(knobs: Iterable[Knob]) -> str:
    """Give a heading: resources are appended as settings ask for them."""
    return "# Traffic policy of the services.\n"


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the resources set of these knobs; durations in seconds."""
    documents = _yaml.parse(text, where=where)
    found: dict[str, Value] = {}
    for knob in knobs:
        place = _place(documents, knob, where)
        node = _yaml.find(documents[int(place[0])], *place[1:]) if place else None
        if node is not None:
            found[knob.key] = _value(node, where, knob)
    return Settings(found)


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
    wanted = changed(settings, current(text, known, where=where), known)
    text = _with_resources(text, wanted, where)
    documents = _yaml.parse(text, where=where)
    changes = []
    for knob, value in wanted.items():
        place = _place(documents, knob, where)
        if place is None:
            raise TargetError(
                f"no HTTP route to {knob.service!r} in its {knob.name.split('.')[0]}",
                where=where,
                expected="an entry below spec.http",
                remedy="add the route to the file, then export again",
            )
        changes.append(_yaml.Change(place, _written(value, knob), knob.key, why.get(knob.key, "")))
        retry_on = _retry_on(documents, place)
        if retry_on and retry_on not in [change.place for change in changes]:
            changes.append(_yaml.Change(retry_on, RETRY_ON))
    return _yaml.write(text, changes, where=where)


def _value(node: _yaml.Node, where: str, knob: Knob) -> float:
    text = _yaml.scalar(node)
    if knob.unit in ("s", "ms"):
        number, expected = seconds(text), "a duration such as 400ms or 2s"
        number = number if number is None or knob.unit == "s" else float(Decimal(repr(number)) * 1000)
    else:
        whole = re.fullmatch(r"-?\d+", text)
        number, expected = int(text) if whole else _float(text), knob.bounds
    if number is None:
        raise TargetError(
            f"{text!r}" if text else "no value",
            where=f"{where}:{_yaml.line_of(node)}, {knob.key}",
            expected=expected,
        )
    return number


def _float(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?\d+\.\d*([eE][-+]?\d+)?", text) else None


def _written(value: float | str, knob: Knob) -> str:
    if isinstance(value, str) or knob.unit not in ("s", "ms"):
        return plain(value)
    return duration(value if knob.unit == "s" else float(Decimal(repr(value)) / 1000))


def _place(documents: tuple[_yaml.Node, ...], knob: Knob, where: str) -> Place | None:
    kind, *steps = knob.name.split(".")
    found = _resource(documents, kind, knob.service, where)
    if found is None:
        return None
    place: Place = (*found, "spec")
    for step in steps:
        place = (*place, step.removesuffix("[]"))
        if step.endswith("[]"):
            routes = _yaml.items(_yaml.find(documents[int(place[0])], *place[1:]))
            chosen = _route(routes, knob.service)
            if chosen is None:
                return None
            place = (*place, chosen)
    return place


def _resource(documents: tuple[_yaml.Node, ...], kind: str, service: str, where: str) -> Place | None:
    of_kind = [
        (place, node)
        for place, node in _resources(documents)
        if _yaml.scalar(_yaml.find(node, "kind")) == kind
        and _yaml.scalar(_yaml.find(node, "apiVersion")).startswith("networking.istio.io/")
    ]
    for hosts in (_own_hosts, _destinations):
        found = [(place, node) for place, node in of_kind if any(_is(h, service) for h in hosts(node))]
        if len(found) > 1:
            raise TargetError(
                f"{len(found)} resources of kind {kind} for {service!r}, at lines "
                + " and ".join(str(_yaml.line_of(node)) for _, node in found),
                where=where,
                expected="one",
                remedy="export to a file that holds one of them",
            )
        if found:
            return found[0][0]
    return None


def _resources(documents: tuple[_yaml.Node, ...]) -> Iterator[tuple[Place, _yaml.Node]]:
    for number, document in enumerate(documents):
        if _yaml.scalar(_yaml.find(document, "kind")) == "List":
            for index, item in enumerate(_yaml.items(_yaml.find(document, "items"))):
                yield (number, "items", index), item
        else:
            yield (number,), document


def _own_hosts(resource: _yaml.Node) -> list[str]:
    hosts = [_yaml.scalar(host) for host in _yaml.items(_yaml.find(resource, "spec", "hosts"))]
    return [*hosts, _yaml.scalar(_yaml.find(resource, "spec", "host"))]


def _destinations(resource: _yaml.Node) -> list[str]:
    return [host for route in _yaml.items(_yaml.find(resource, "spec", "http")) for host in _leads_to(route)]


def _leads_to(route: _yaml.Node) -> list[str]:
    targets = _yaml.items(_yaml.find(route, "route"))
    return [_yaml.scalar(_yaml.find(target, "destination", "host")) for target in targets]


def _route(routes: list[_yaml.Node], service: str) -> int | None:
    leading = [i for i, route in enumerate(routes) if any(_is(host, service) for host in _leads_to(route))]
    leading = leading or [i for i, route in enumerate(routes) if _leads_to(route)]
    open_to_all = [i for i in leading if not _yaml.items(_yaml.find(routes[i], "match"))]
    return next(iter(open_to_all or leading), None)


def _is(host: str, service: str) -> bool:
    """True for the short name, and for service.namespace with or without .svc and the cluster's domain."""
    rest = host.removeprefix(service)
    return host.startswith(service) and bool(re.fullmatch(r"(\.[a-z0-9-]+(\.svc(\..+)?)?)?", rest))


def _retry_on(documents: tuple[_yaml.Node, ...], place: Place) -> Place | None:
    if "retries" not in place:
        return None
    retries = place[: place.index("retries") + 1]
    absent = _yaml.find(documents[int(retries[0])], *retries[1:]) is None
    return (*retries, "retryOn") if absent else None


def _with_resources(text: str, wanted: Iterable[Knob], where: str) -> str:
    documents = _yaml.parse(text, where=where)
    nl, added = line_end(text), False
    for kind, service in dict.fromkeys((knob.name.split(".")[0], knob.service) for knob in wanted):
        if _resource(documents, kind, service, where) is not None:
            continue
        if kind not in _RESOURCES:
            raise TargetError(
                f"no {kind} of {service!r}",
                where=where,
                expected=f"a new one can be of kind {sorted(_RESOURCES)}",
            )
        name = re.sub(r"[^a-z0-9]+", "-", service.lower()).strip("-") or "service"
        made = _RESOURCES[kind].format(name=_yaml.quoted(name), host=_yaml.quoted(service))
        text += nl if text and not text.endswith(("\n", "\r")) else ""
        text += f"---{nl}" if documents or added else ""
        text += made.replace("\n", nl)
        added = True
    return text
