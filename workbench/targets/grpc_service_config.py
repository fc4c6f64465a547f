"""gRPC's service config of one service, as JSON.

{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.1s", …}}]}

Of several method configs that for all methods is read and edited, or else the first. JSON has no comments:
where a value came from stands in recommendation.json alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _json
from workbench.targets._seam import changed, one_service, said

FORMAT = "gRPC service config"
SYSTEMS = ("grpc",)
FILENAME = "{service}/grpc-service-config.json"
ENCODING = "utf-8"

# A policy is refused unless all of it is said: what the twin retries, and gRPC's own examples for the rest.
_WHOLE = {
    "retryPolicy": {
        "maxAttempts": "2",
        "initialBackoff": '"0.1s"',
        "maxBackoff": '"1s"',
        "backoffMultiplier": "2",
        "retryableStatusCodes": '["UNAVAILABLE"]',
    },
    "hedgingPolicy": {"maxAttempts": "2", "nonFatalStatusCodes": '["UNAVAILABLE"]'},
    "retryThrottling": {"maxTokens": "10", "tokenRatio": "0.1"},
}
_OF_CHANNEL = ("retryThrottling", "loadBalancingPolicy")


def blank(knobs: Iterable[Knob]) -> str:
    """Give a config for all methods that says nothing yet."""
    return '{\n  "methodConfig": [\n    {\n      "name": [{}]\n    }\n  ]\n}\n'


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the config sets of these knobs, which are of one service."""
    root, found = _json.parse(text, where=where), dict[str, Value]()
    for knob in one_service(knobs, where):
        node = _json.find(root, *_place(root, knob))
        if node is not None:
            found[knob.key] = _value(node, knob, f"{where}:{_json.line_of(text, node)}")
    return Settings(found)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the config with these settings; a policy that is not there is begun with all that it needs."""
    known = list(knobs)
    wanted = changed(settings, current(text, known, where=where), known)
    root = _json.parse(text, where=where)
    if wanted and _json.find(root, "methodConfig", 0) is None:
        raise TargetError(
            "no methodConfig",
            where=where,
            expected='a list with an entry such as {"name": [{}]}',
            remedy="add it to the file, then export again",
        )
    changes, needed = dict[tuple[_json.Step, ...], str](), dict[tuple[_json.Step, ...], str]()
    for knob, value in wanted.items():
        place = _place(root, knob)
        changes[place] = _written(value, knob)
        *above, _ = place
        section = _json.find(root, *above)
        for name, default in _WHOLE.get(str(above[-1]) if above else "", {}).items():
            if section is None or name not in (section.members or {}):
                needed.setdefault((*above, name), default)
    changes = {**needed, **changes}
    return _json.write(text, changes, where=where)


def _place(root: _json.Node, knob: Knob) -> tuple[_json.Step, ...]:
    steps = knob.name.split(".")
    if steps[0] in _OF_CHANNEL:
        return tuple(steps)
    configs = _json.find(root, "methodConfig")
    listed = configs.items or [] if configs is not None else []
    for_all = [i for i, one in enumerate(listed) if _is_for_all(one)]
    return ("methodConfig", (for_all or [0])[0], *steps)


def _is_for_all(config: _json.Node) -> bool:
    names = _json.find(config, "name")
    return names is not None and any(
        not one.members or _json.find(one, "service") is None for one in names.items or []
    )


def _value(node: _json.Node, knob: Knob, where: str) -> float | str:
    text = json.loads(node.raw) if node.raw.startswith('"') else node.raw
    if knob.choices:
        return text
    if knob.unit == "ms":
        found = re.fullmatch(r"(\d+(\.\d{1,9})?)s", text) if node.raw.startswith('"') else None
        if found is None:
            expected = 'a duration in seconds, such as "0.4s"'
            raise TargetError(f"{text!r}", where=f"{where}, {knob.key}", expected=expected)
        return _number(Decimal(found[1]) * 1000)
    if knob.unit == "thousandths" and re.fullmatch(r"\d+(\.\d+)?", node.raw):
        return _number(Decimal(node.raw) * 1000)
    if node.raw.startswith('"'):
        raise TargetError(f"{text!r}", where=f"{where}, {knob.key}", expected=knob.bounds)
    return said(text, knob, where)


def _written(value: float | str, knob: Knob) -> str:
    if isinstance(value, str) or knob.unit not in ("ms", "thousandths"):
        return _json.literal(value)
    number = f"{Decimal(repr(value)) / 1000:f}"
    return f'"{number}s"' if knob.unit == "ms" else number


def _number(exact: Decimal) -> float:
    return int(exact) if exact == exact.to_integral_value() else float(exact)
