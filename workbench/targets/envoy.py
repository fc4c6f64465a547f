"""Envoy's configuration of the proxy beside one service: a bootstrap, or files of its clusters and routes.

    clusters:
    - name: payments
      circuit_breakers: {thresholds: [{max_connections: 100, max_pending_requests: 32}]}

A cluster is found by its name, a route by the cluster that it leads to, wherever they stand. Of several
routes the first without conditions is read and edited, or else the first. The filters are those of the
listener that leads to the service itself, or of the only one there is; one that is missing is put in with
Envoy's defaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _yaml
from workbench.targets._seam import changed, one_service, plain, said

FORMAT = "Envoy configuration"
SYSTEMS = ("envoy",)
FILENAME = "{service}/envoy.yaml"
ENCODING = "utf-8"

# What the twin does and Envoy must be told: written where there was no word yet on what is below the key.
_TOLD = {
    "retry_policy": ("retry_on", "5xx"),
    "outlier_detection": ("always_eject_one_host", "true"),
}

_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_FILTERS = {
    "local_ratelimit": """\
- name: envoy.filters.http.local_ratelimit
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
    stat_prefix: local_ratelimit
    token_bucket:
      max_tokens: 1000000
      tokens_per_fill: 4294967295
      fill_interval: 1s
    filter_enabled: {default_value: {numerator: 100}}
    filter_enforced: {default_value: {numerator: 100}}
""",
    "adaptive_concurrency": """\
- name: envoy.filters.http.adaptive_concurrency
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency
    enabled:
      default_value: false
      runtime_key: adaptive_concurrency.enabled
    gradient_controller_config:
      sample_aggregate_percentile: {value: 50}
      concurrency_limit_params:
        concurrency_update_interval: 0.1s
      min_rtt_calc_params:
        interval: 60s
        request_count: 50
""",
}
_LISTENER = """\
  - name: {name}
    address: {{socket_address: {{address: {address}, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/{manager}
          stat_prefix: {name}
          route_config:
            virtual_hosts:
{hosts}          http_filters:
{filters}          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"""
_HOST = """\
            - name: {host}
              domains: [{domains}]
              routes:
              - match: {{prefix: "/"}}
                route:
                  cluster: {host}
"""
_CLUSTER = """\
  - name: {host}
    type: STRICT_DNS
    load_assignment:
      cluster_name: {host}
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: {address}, port_value: {port}}}}}}}
"""

Place = tuple[_yaml.Step, ...]


def blank(knobs: Iterable[Knob]) -> str:
    """Give a bootstrap with a listener towards the service and one for its calls; the ports are to be set."""
    known = one_service(knobs, FILENAME)
    callees = [name for name in dict.fromkeys(_parts(knob)[1] for knob in known) if name]
    own = known[0].service
    filters = "".join(_indented(text, " " * 10) for text in _FILTERS.values())
    listeners = _listener("inbound", "0.0.0.0", 15006, [(own, '"*"')], filters)
    if callees:
        by_name = [(name, f"{_yaml.quoted(name)}, {_yaml.quoted(name + ':*')}") for name in callees]
        listeners += _listener("outbound", "127.0.0.1", 15001, by_name, "")
    return (
        "# Envoy beside the service. Addresses and ports are to be set to those of the system.\n"
        f"static_resources:\n  listeners:\n{listeners}  clusters:\n"
        + _CLUSTER.format(host=_yaml.quoted(own), address="127.0.0.1", port=8080)
        + "".join(
            _CLUSTER.format(host=_yaml.quoted(name), address=_yaml.quoted(name), port=15006)
            for name in callees
        )
    )


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs, which are of one service."""
    documents = _yaml.parse(text, where=where)
    found: dict[str, Value] = {}
    for knob in one_service(knobs, where):
        place = _place(documents, knob, where)
        node = _at(documents, place) if place else None
        if place is not None and node is not None:
            found[knob.key] = _value(documents, place, node, knob, where)
    return Settings(found)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the file with these settings; a filter that is missing is put in, a cluster or route is not."""
    known = list(knobs)
    wanted = changed(settings, current(text, known, where=where), known)
    text = _with_filters(text, wanted, where)
    documents = _yaml.parse(text, where=where)
    changes: list[_yaml.Change] = []
    for knob, value in wanted.items():
        place = _place(documents, knob, where)
        if place is None:
            kind, name, _ = _parts(knob)
            raise TargetError(
                f"no {kind.removesuffix('s')} to {name!r}"
                if name
                else f"no listener towards {knob.service!r}",
                where=where,
                expected="one that leads there",
                remedy="add it to the file, then export again",
            )
        written = _written(documents, place, value, knob, where)
        changes.append(_yaml.Change(place, written, knob.key, why.get(knob.key, "")))
        for told in _told(documents, place):
            if told.place not in [change.place for change in changes]:
                changes.append(told)
    return _yaml.write(text, changes, where=where)


def _parts(knob: Knob) -> tuple[str, str, str]:
    """Give what a knob is of (clusters, routes or a filter), the callee if any, and the path below."""
    named = re.match(r"(clusters|routes)\[(.+?)\]\.(.+)", knob.name)
    if named:
        return named[1], named[2], named[3]
    kind, _, path = knob.name.partition(".")
    return kind, "", path


def _place(documents: tuple[_yaml.Node, ...], knob: Knob, where: str) -> Place | None:
    kind, name, path = _parts(knob)
    if kind in _FILTERS:
        listener = _listener_of(documents, knob.service)
        found = _filter(documents, listener, kind) if listener else None
    else:
        found = (_route if kind == "routes" else _cluster)(documents, name, where)
    if found is None:
        return None
    for step in path.split("."):
        found = (*found, step.removesuffix("[]"))
        if step.endswith("[]"):
            found = (*found, _default(_at(documents, found), where))
    return found


def _cluster(documents: tuple[_yaml.Node, ...], name: str, where: str) -> Place | None:
    return _one(
        [
            (place, node)
            for place, node in _yaml.mappings(documents)
            if _yaml.scalar(_yaml.find(node, "name")) == name
            and (_is(node, "Cluster") or place[-2:-1] == ("clusters",))
            and "weighted_clusters" not in place
        ],
        f"clusters named {name!r}",
        where,
    )


def _route(documents: tuple[_yaml.Node, ...], name: str, where: str) -> Place | None:
    leading = [
        (place, node)
        for place, node in _yaml.mappings(documents)
        if name in _leads_to(node) and "routes" in place
    ]
    open_to_all = [
        one for one in leading if _yaml.names(_yaml.find(one[1], "match")) in (["prefix"], ["path"])
    ]
    chosen = next(iter(open_to_all or leading), None)
    return (*chosen[0], "route") if chosen else None


def _leads_to(route: _yaml.Node) -> list[str]:
    action = _yaml.find(route, "route")
    weighted = _yaml.items(_yaml.find(action, "weighted_clusters", "clusters"))
    names = [_yaml.find(action, "cluster"), *(_yaml.find(one, "name") for one in weighted)]
    return [_yaml.scalar(name) for name in names if name is not None]


def _listener_of(documents: tuple[_yaml.Node, ...], service: str) -> Place | None:
    """Give the place of the connection manager whose listener leads to the service, or of the only one."""
    managers = [(p, n) for p, n in _yaml.mappings(documents) if _yaml.items(_yaml.find(n, "http_filters"))]
    own = [
        place
        for place, node in managers
        if any(service in _leads_to(inner) for _, inner in _yaml.mappings((node,)))
    ]
    if own:
        return own[0]
    return managers[0][0] if len(managers) == 1 else None


def _filter(documents: tuple[_yaml.Node, ...], listener: Place, kind: str) -> Place | None:
    filters = _yaml.items(_at(documents, (*listener, "http_filters")))
    for index, one in enumerate(filters):
        config = _yaml.find(one, "typed_config")
        if config is not None and f".{kind}." in _yaml.scalar(_yaml.find(config, "@type")):
            return (*listener, "http_filters", index, "typed_config")
    return None


def _one(found: list[tuple[Place, _yaml.MappingNode]], what: str, where: str) -> Place | None:
    if len(found) > 1:
        lines = " and ".join(str(_yaml.line_of(node)) for _, node in found)
        raise TargetError(f"{len(found)} {what}, at lines {lines}", where=where, expected="one")
    return found[0][0] if found else None


def _is(node: _yaml.Node, message: str) -> bool:
    return _yaml.scalar(_yaml.find(node, "@type")).endswith(f".{message}")


def _default(thresholds: _yaml.Node | None, where: str) -> int:
    """Give the position of the thresholds of default priority; 0 where there are none yet."""
    listed = _yaml.items(thresholds)
    for index, one in enumerate(listed):
        if _yaml.scalar(_yaml.find(one, "priority")) in ("", "DEFAULT"):
            return index
    if listed and thresholds is not None:
        raise TargetError(
            "no thresholds of priority DEFAULT",
            where=f"{where}:{_yaml.line_of(thresholds)}",
            expected="an entry without priority",
            remedy="add one to the list, then export again",
        )
    return 0


def _at(documents: tuple[_yaml.Node, ...], place: Place) -> _yaml.Node | None:
    return _yaml.find(documents[int(place[0])], *place[1:])


def _value(
    documents: tuple[_yaml.Node, ...], place: Place, node: _yaml.Node, knob: Knob, where: str
) -> float | str:
    text, line = _yaml.scalar(node), f"{where}:{_yaml.line_of(node)}"
    if knob.unit == "ms":
        found = re.fullmatch(r"(\d+(\.\d{1,9})?)s", text)
        if found is None:
            expected = "a duration in seconds, such as 0.4s"
            raise TargetError(f"{text!r}", where=f"{line}, {knob.key}", expected=expected)
        return _number(Decimal(found[1]) * 1000)
    value = said(text, knob, line)
    if place[-1] == "tokens_per_fill" and not isinstance(value, str) and value != knob.off:
        return _number(Decimal(value) / _fill_s(documents, place, where))
    return value


def _written(
    documents: tuple[_yaml.Node, ...], place: Place, value: float | str, knob: Knob, where: str
) -> str:
    if isinstance(value, str):
        return value
    if knob.unit == "ms":
        return f"{(Decimal(repr(value)) / 1000).normalize():f}s"
    if place[-1] == "tokens_per_fill" and value != knob.off:
        tokens = Decimal(repr(value)) * _fill_s(documents, place, where)
        if tokens != tokens.to_integral_value() or tokens < 1:
            raise TargetError(
                f"{tokens:f} tokens each fill_interval",
                where=f"{where}, {knob.key}",
                expected="a whole number",
                remedy="set fill_interval to 1s, then export again",
            )
        return f"{tokens:f}".partition(".")[0]
    return plain(value)


def _fill_s(documents: tuple[_yaml.Node, ...], place: Place, where: str) -> Decimal:
    node = _at(documents, (*place[:-1], "fill_interval"))
    found = re.fullmatch(r"(\d+(\.\d{1,9})?)s", _yaml.scalar(node))
    if found is None or Decimal(found[1]) == 0:
        bucket = _at(documents, place[:-1])
        line = f":{_yaml.line_of(bucket)}" if bucket is not None else ""
        raise TargetError("no fill_interval", where=f"{where}{line}", expected="one such as 1s")
    return Decimal(found[1])


def _number(exact: Decimal) -> float:
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def _told(documents: tuple[_yaml.Node, ...], place: Place) -> Iterator[_yaml.Change]:
    for key, (name, value) in _TOLD.items():
        if key in place:
            above = place[: place.index(key) + 1]
            if _at(documents, above) is None:
                yield _yaml.Change((*above, name), value)


def _with_filters(text: str, wanted: Iterable[Knob], where: str) -> str:
    for kind, service in dict.fromkeys((_parts(knob)[0], knob.service) for knob in wanted):
        documents = _yaml.parse(text, where=where)
        listener = _listener_of(documents, service) if kind in _FILTERS else None
        if listener and _filter(documents, listener, kind) is None:
            filters = _at(documents, (*listener, "http_filters"))
            text = _yaml.insert_before_last(text, filters, _FILTERS[kind], where=where)
    return text


def _listener(name: str, address: str, port: int, hosts: list[tuple[str, str]], filters: str) -> str:
    listed = "".join(_HOST.format(host=_yaml.quoted(host), domains=domains) for host, domains in hosts)
    return _LISTENER.format(
        name=name, address=address, port=port, manager=_MANAGER, hosts=listed, filters=filters
    )


def _indented(text: str, indent: str) -> str:
    return "".join(indent + line for line in text.splitlines(keepends=True))
