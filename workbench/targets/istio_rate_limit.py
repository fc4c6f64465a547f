"""Istio's EnvoyFilter that puts Envoy's local rate limit before a service.

    kind: EnvoyFilter
    spec:
      workloadSelector: {labels: {app: orders}}

Of several it is found by the label app of its workload. Tokens are counted by the second: a bucket with
another fill_interval is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _nested, _yaml
from workbench.targets._durations import seconds
from workbench.targets._resources import Place, name_of, only, resources
from workbench.targets._seam import one_service

FORMAT = "Istio EnvoyFilter of local rate limits"
SYSTEMS = ("istio_rate_limit",)
FILENAME = "{service}/istio-rate-limit.yaml"
ENCODING = "utf-8"

_TYPE = "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_RESOURCE = """\
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata:
  name: {name}-rate-limit
spec:
  workloadSelector:
    labels:
      app: {service}
  configPatches:
    - applyTo: HTTP_FILTER
      match:
        context: SIDECAR_INBOUND
        listener:
          filterChain:
            filter:
              name: envoy.filters.network.http_connection_manager
      patch:
        operation: INSERT_BEFORE
        value:
          name: envoy.filters.http.local_ratelimit
          typed_config:
            "@type": {type}
            stat_prefix: http_local_rate_limiter
            token_bucket:
              max_tokens: 1000000
              tokens_per_fill: 4294967295
              fill_interval: 1s
            filter_enabled:
              default_value: {{numerator: 100}}
            filter_enforced:
              default_value: {{numerator: 100}}
"""


def blank(knobs: Iterable[Knob]) -> str:
    """Give a filter of the service that limits nothing."""
    (service,) = {knob.service for knob in one_service(knobs, FILENAME)}
    return _RESOURCE.format(name=name_of(service), service=_yaml.quoted(service), type=_TYPE)


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the filter sets of these knobs, which are of one service."""
    return _nested.current(text, one_service(knobs, where), _placed(where), where=where)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the filter with these settings."""
    return _nested.edit(text, settings, one_service(knobs, where), _placed(where), why=why, where=where)


def _placed(where: str) -> _nested.Place:
    def place(documents: tuple[_yaml.Node, ...], knob: Knob) -> Place:
        found = _filter(documents, knob.service, where)
        if found is None:
            raise TargetError(
                f"no EnvoyFilter with a LocalRateLimit whose workload is {knob.service!r}",
                where=where,
                expected=f"workloadSelector.labels.app: {knob.service}",
                remedy="export without a file to begin with, which writes a new one",
            )
        interval = _yaml.find(documents[int(found[0])], *found[1:], "token_bucket", "fill_interval")
        if interval is None or seconds(_yaml.scalar(interval)) != 1:
            raise TargetError(
                f"{_yaml.scalar(interval)!r}",
                where=f"{where}, token_bucket.fill_interval",
                expected="1s",
                remedy="write the tokens of a second, then export again",
            )
        return (*found, *knob.name.split("."))

    return place


def _filter(documents: tuple[_yaml.Node, ...], service: str, where: str) -> Place | None:
    """Give the place of the typed_config of a service's rate limit."""
    found: list[tuple[Place, _yaml.Node]] = []
    for place, node in resources(documents, "EnvoyFilter", "networking.istio.io"):
        if _yaml.scalar(_yaml.find(node, "spec", "workloadSelector", "labels", "app")) == service:
            for index, patch in enumerate(_yaml.items(_yaml.find(node, "spec", "configPatches"))):
                config = _yaml.find(patch, "patch", "value", "typed_config")
                if _yaml.scalar(_yaml.find(config, "@type")).endswith(".LocalRateLimit"):
                    steps = ("spec", "configPatches", index, "patch", "value", "typed_config")
                    found.append(((*place, *steps), patch))
    return only(found, "EnvoyFilter", service, where)
