"""Resources of Kubernetes: many documents in one file, each with kind and spec, or in a List."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from workbench.errors import TargetError
from workbench.targets import _yaml
from workbench.targets._seam import line_end

Place = tuple[_yaml.Step, ...]


def resources(documents: tuple[_yaml.Node, ...], kind: str, group: str) -> Iterator[tuple[Place, _yaml.Node]]:
    """Give every resource of a kind of an API group, of any version, with its place."""
    for place, node in _all(documents):
        of_kind = _yaml.scalar(_yaml.find(node, "kind")) == kind
        if of_kind and _yaml.scalar(_yaml.find(node, "apiVersion")).startswith(f"{group}/"):
            yield place, node


def _all(documents: tuple[_yaml.Node, ...]) -> Iterator[tuple[Place, _yaml.Node]]:
    for number, document in enumerate(documents):
        if _yaml.scalar(_yaml.find(document, "kind")) == "List":
            for index, item in enumerate(_yaml.items(_yaml.find(document, "items"))):
                yield (number, "items", index), item
        else:
            yield (number,), document


def only(found: list[tuple[Place, _yaml.Node]], kind: str, service: str, where: str) -> Place | None:
    """Give the place of the one that was found, None for none, or raise TargetError for several."""
    if len(found) > 1:
        raise TargetError(
            f"{len(found)} resources of kind {kind} for {service!r}, at lines "
            + " and ".join(str(_yaml.line_of(node)) for _, node in found),
            where=where,
            expected="one",
            remedy="export to a file that holds one of them",
        )
    return found[0][0] if found else None


def appended(text: str, made: Iterable[str], *, where: str) -> str:
    """Give the text with further documents at its end."""
    nl, begun = line_end(text), bool(_yaml.parse(text, where=where))
    for document in made:
        text += nl if text and not text.endswith(("\n", "\r")) else ""
        text += (f"---{nl}" if begun else "") + document.replace("\n", nl)
        begun = True
    return text


def name_of(service: str) -> str:
    """Give a name that Kubernetes allows (RFC 1123), quoted where YAML needs it."""
    return _yaml.quoted(re.sub(r"[^a-z0-9]+", "-", service.lower()).strip("-") or "service")
