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
from collections.abc import Iterable, Mapping
from decimal import Decimal

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _yaml
from workbench.targets._durations import duration, seconds
from workbench.targets._resources import appended, name_of, only, resources
from workbench.targets._seam import changed, plain, said

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
    """Give what the resources set of these knobs; durations in ms."""
    documents = _yaml.parse(text, where=where)
    found: dict[str, Value] = {}
    for knob in knobs:
        place = _place(documents, knob, where)
        node = _yaml.find(documents[int(place[0])], *place[1:]) if place else None
        if node is not None:
            found[knob.key] = _value(node, where, knob)
        elif place and knob.off is not None and _is_null(documents, place):
            found[knob.key] = knob.off
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
    changes: list[_yaml.Change] = []
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
    changes += _consequences(documents, changes)
    return _yaml.write(text, changes, where=where)


def _value(node: _yaml.Node, where: str, knob: Knob) -> float | str:
    text, line = _yaml.scalar(node), f"{where}:{_yaml.line_of(node)}"
    if knob.unit != "ms":
        return said(text, knob, line)
    number = seconds(text)
    if number is None:
        expected = "a duration such as 400ms or 2s"
        raise TargetError(f"{text!r}" if text else "no value", where=f"{line}, {knob.key}", expected=expected)
    return float(Decimal(repr(number)) * 1000)


def _written(value: float | str, knob: Knob) -> str:
    if isinstance(value, str) or knob.unit != "ms":
        return plain(value)
    if value == knob.off:
        return _yaml.NULL  # Istio refuses durations below 1ms, Envoy's own word for none
    return duration(float(Decimal(repr(value)) / 1000))


def _is_null(documents: tuple[_yaml.Node, ...], place: Place) -> bool:
    return place[-1] in _yaml.names(_yaml.find(documents[int(place[0])], *place[1:-1]))


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
    of_kind = list(resources(documents, kind, "networking.istio.io"))
    for hosts in (_own_hosts, _destinations):
        found = [(place, node) for place, node in of_kind if any(_is(h, service) for h in hosts(node))]
        if found:
            return only(found, kind, service, where)
    return None


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


def _consequences(documents: tuple[_yaml.Node, ...], changes: list[_yaml.Change]) -> list[_yaml.Change]:
    """Give what must change too: what is retried where nothing was said, and no word of it without retries.

    Istio refuses perTryTimeout and retryOn beside attempts 0 (pkg/config/validation, validateHTTPRetry).
    """
    found: list[_yaml.Change] = []
    asked = {change.place: change.text for change in changes}
    for above in dict.fromkeys(p[: p.index("retries") + 1] for p in asked if "retries" in p):
        retries = _yaml.find(documents[int(above[0])], *above[1:])
        now = {name: _yaml.scalar(_yaml.find(retries, name)) for name in ("attempts", "retryOn")}
        if asked.get((*above, "attempts"), now["attempts"]) == "0":
            kept = [name for name in ("perTryTimeout", "retryOn") if _yaml.find(retries, name) is not None]
            found += [_yaml.Change((*above, n), _yaml.NULL) for n in kept if (*above, n) not in asked]
        elif not now["retryOn"] and (retries is None or now["attempts"] == "0"):
            found.append(_yaml.Change((*above, "retryOn"), RETRY_ON))
    return found


def _with_resources(text: str, wanted: Iterable[Knob], where: str) -> str:
    documents = _yaml.parse(text, where=where)
    made = []
    for kind, service in dict.fromkeys((knob.name.split(".")[0], knob.service) for knob in wanted):
        if _resource(documents, kind, service, where) is not None:
            continue
        if kind not in _RESOURCES:
            raise TargetError(
                f"no {kind} of {service!r}",
                where=where,
                expected=f"a new one can be of kind {sorted(_RESOURCES)}",
            )
        made.append(_RESOURCES[kind].format(name=name_of(service), host=_yaml.quoted(service)))
    return appended(text, made, where=where)
