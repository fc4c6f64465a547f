"""What Consul takes at /v1/txn: a list of operations on keys, with values in Base64.

[{"KV": {"Verb": "set", "Key": "config/development/orders/workers", "Value": "OA=="}}]

Consul carries out all or nothing, at most 128 operations.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _json, _keys
from workbench.targets._seam import changed, line_end, plain, said
from workbench.targets._splice import Splice, splice


@dataclass(frozen=True)
class Sets:
    """A transaction that sets every setting below a prefix."""

    prefix: str

    def blank(self, knobs: Iterable[Knob]) -> str:
        """Give a transaction without operations."""
        return "[\n]\n"

    def current(self, text: str, knobs: Iterable[Knob], *, where: str = "sets.json") -> Settings:
        """Give what the transaction sets of these knobs."""
        held, found = self._operations(text, where)[0], dict[str, Value]()
        for knob in knobs:
            node = held.get(_keys.key(self.prefix, knob))
            if node is not None:
                found[knob.key] = said(_decoded(node), knob, f"{where}:{_json.line_of(text, node)}")
        return Settings(found)

    def edit(
        self,
        text: str,
        settings: Mapping[str, Value],
        knobs: Iterable[Knob],
        *,
        why: Mapping[str, str],
        where: str = "sets.json",
    ) -> str:
        """Give the transaction with these settings, missing ones added; JSON has no comments to say why."""
        known = list(knobs)
        held, root = self._operations(text, where)
        nl, splices, added = line_end(text), [], []
        for knob, value in changed(settings, self.current(text, known, where=where), known).items():
            name, encoded = _keys.key(self.prefix, knob), base64.b64encode(plain(value).encode()).decode()
            if name in held:
                splices.append(Splice(held[name].start, held[name].end, f'"{encoded}"'))
            else:
                added.append({"KV": {"Verb": "set", "Key": name, "Value": encoded}})
        if added:
            entries = f",{nl}  ".join(map(json.dumps, added))
            last = root.items[-1].end if root.items else root.start + 1
            before = f",{nl}  " if root.items else f"{nl}  "
            splices.append(Splice(last, last, before + entries))
        return splice(text, splices)

    def _operations(self, text: str, where: str) -> tuple[dict[str, _json.Node], _json.Node]:
        """Give the values by key, and the list of all operations."""
        root = _json.parse(text, where=where)
        if root.items is None:
            raise TargetError("no list", where=where, expected="a list of operations")
        held: dict[str, _json.Node] = {}
        for one in root.items:
            key, value = _json.find(one, "KV", "Key"), _json.find(one, "KV", "Value")
            if key is not None and value is not None and key.raw.startswith('"'):
                name = json.loads(key.raw)
                if name in held:
                    line = _json.line_of(text, key)
                    raise TargetError(f"{name!r} a second time", where=f"{where}:{line}", expected="once")
                held[name] = value
        return held, root


def _decoded(value: _json.Node) -> str:
    """Give the text of a value, or what stands there if it is no Base64."""
    try:
        return base64.b64decode(json.loads(value.raw), validate=True).decode()
    except (ValueError, TypeError):
        return value.raw
