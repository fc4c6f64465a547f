"""A kustomize overlay: patches of the services' resources, each a text in the kustomization.

    patches:
      - patch: |-
          kind: Deployment
          metadata: {name: orders}
          spec: {replicas: 3}

A patch changes a resource that the base has: kustomize refuses one of a resource that is nowhere. Only those
that are resources are read, no lists of JSON operations, and they must be written as blocks (|).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ruamel.yaml.nodes import ScalarNode

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _kubernetes, _yaml
from workbench.targets._seam import changed, line_end, natural_lines

FORMAT = "kustomize overlay"
SYSTEMS = ("kubernetes",)
FILENAME = "kustomization.yaml"
ENCODING = "utf-8"


def blank(knobs: Iterable[Knob]) -> str:
    """Give an overlay of ../base that changes nothing."""
    return (
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        "# Where the resources are that the patches change.\nresources:\n  - ../base\n"
    )


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the patches set of these knobs."""
    known, found = list(knobs), dict[str, Value]()
    for patch in _patches(text, where):
        own = _of(known, patch, where)
        found |= _kubernetes.current(_yaml.parse(patch.text, where=where), own, where)
    return Settings(found)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the overlay with these settings, missing patches added."""
    known = list(knobs)
    now = current(text, known, where=where)
    wanted = changed(settings, now, known)
    text = _with_patches(text, wanted, where)
    for number in range(len(_patches(text, where))):
        patch = _patches(text, where)[number]
        own = {knob: wanted[knob] for knob in _of(wanted, patch, where)}
        documents = _yaml.parse(patch.text, where=where)
        changes = _kubernetes.changes(documents, own, now, why=why, where=where) if own else ()
        after = _yaml.write(patch.text, changes, where=where)
        if after != patch.text:
            text = text[: patch.start] + patch.indented(after) + text[patch.end :]
    return text


@dataclass(frozen=True)
class _Patch:
    """A patch's text at the lines at which it stands in the file, and where that is."""

    text: str
    indent: str
    start: int
    end: int
    line: int

    def indented(self, text: str) -> str:
        lines = natural_lines(text)[self.line :]
        return "".join(self.indent + line if line.strip() else line for line in lines)


def _patches(text: str, where: str) -> list[_Patch]:
    documents = _yaml.parse(text, where=where)
    if len(documents) != 1 or _yaml.scalar(_yaml.find(documents[0], "kind")) != "Kustomization":
        raise TargetError(
            "no Kustomization",
            where=where,
            expected="one document of that kind",
            remedy="export without a file to begin with, which writes a new one",
        )
    nodes = [_yaml.find(one, "patch") for one in _yaml.items(_yaml.find(documents[0], "patches"))]
    blocks = [node for node in nodes if isinstance(node, ScalarNode) and node.style == "|"]
    return [_patch(text, node) for node in blocks]


def _patch(text: str, node: ScalarNode) -> _Patch:
    """Cut a block out of the file, with line ends before it so that its lines keep their numbers."""
    lines = natural_lines(text)
    first = node.start_mark.line + 1
    indent = ""
    last = first
    for number in range(first, len(lines)):
        bare = lines[number].strip()
        blanks = re.match(" *", lines[number])[0]  # type: ignore[index]
        indent = indent or (blanks if bare else "")
        if bare and (not indent or not blanks.startswith(indent)):
            break
        last = number + 1 if bare else last
    start = sum(map(len, lines[:first]))
    block = "".join(line.removeprefix(indent) for line in lines[first:last])
    end = start + sum(map(len, lines[first:last]))
    return _Patch(line_end(text) * first + block, indent, start, end, first)


def _of(knobs: Iterable[Knob], patch: _Patch, where: str) -> list[Knob]:
    documents = _yaml.parse(patch.text, where=where)
    return [knob for knob in knobs if _kubernetes.place(documents, knob, where) is not None]


def _with_patches(text: str, wanted: Iterable[Knob], where: str) -> str:
    known = list(wanted)
    have = {knob for patch in _patches(text, where) for knob in _of(known, patch, where)}
    lacking = dict.fromkeys((knob.name.split(".")[0], knob.service) for knob in known if knob not in have)
    if not lacking:
        return text
    for kind, service in lacking:
        if kind not in _kubernetes.GROUPS:
            raise TargetError(
                f"kind {kind!r} of {service!r}", where=where, expected=f"one of {sorted(_kubernetes.GROUPS)}"
            )
    nl = line_end(text)
    column, position = _end_of_list(text, where)
    if position is None:
        text += "" if text.endswith(("\n", "\r")) else nl
        text, column, position = text + "patches:" + nl, "  ", len(text) + len("patches:" + nl)
    elif not text[:position].endswith(("\n", "\r")):
        text, position = text[:position] + nl + text[position:], position + len(nl)
    made = "".join(_entry(_kubernetes.made(*one), column) for one in lacking).replace("\n", nl)
    return text[:position] + made + text[position:]


def _entry(document: str, column: str) -> str:
    lines = "".join(f"{column}    {line}" for line in document.splitlines(keepends=True))
    return f"{column}- patch: |-\n{lines}"


def _end_of_list(text: str, where: str) -> tuple[str, int | None]:
    """Give the indent of the entries of patches, and where the next one is to stand; None without a list."""
    (root,) = _yaml.parse(text, where=where)
    listed = _yaml.find(root, "patches")
    entries = _yaml.items(listed)
    if listed is None and "patches" not in _yaml.names(root):
        return "", None
    lines = natural_lines(text)
    if not entries or lines[entries[0].start_mark.line].lstrip()[:1] != "-":
        raise TargetError(
            "patches in brackets, or none",
            where=f"{where}:{_yaml.line_of(listed)}" if listed is not None else where,
            expected="entries that each begin a line with -",
            remedy="write the list so, then export again",
        )
    first = lines[entries[0].start_mark.line]
    column = first[: len(first) - len(first.lstrip())]
    number = entries[-1].start_mark.line + 1
    while number < len(lines):
        line = lines[number]
        if line.strip() and len(line) - len(line.lstrip(" ")) <= len(column):
            break
        number += 1
    while not lines[number - 1].strip():
        number -= 1
    return column, sum(map(len, lines[:number]))
