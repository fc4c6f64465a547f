"""JSON edited in place: every byte outside the changed values and the added members is the file's."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets._seam import changed, line_end, plain, said
from workbench.targets._splice import Splice, splice

Step = str | int
Place = Callable[[Knob], tuple[Step, ...]]

_BLANK = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(
    r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
    r"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null"
)
_DEPTH = 200


@dataclass
class Node:
    """A value where it stands: members of an object, items of an array, or else `raw` as it is written."""

    start: int
    end: int = 0
    raw: str = ""
    members: dict[str, Node] | None = None
    items: list[Node] | None = None
    keys: list[int] = field(default_factory=list)


def parse(text: str, *, where: str) -> Node:
    """Give the root, or raise TargetError with the line and column at which the text is no JSON."""
    reader = _Reader(text, where)
    root, end = reader.value(reader.blank(1 if text.startswith("\ufeff") else 0), 0)
    if reader.blank(end) != len(text):
        raise reader.against(reader.blank(end), "the end")
    return root


def find(node: Node | None, *steps: Step) -> Node | None:
    """Give the node at a place below `node`, or None; null counts as none."""
    for step in steps:
        if node is None:
            return None
        if isinstance(step, int):
            node = node.items[step] if node.items is not None and step < len(node.items) else None
        else:
            node = (node.members or {}).get(step)
    return None if node is None or node.raw == "null" else node


def line_of(text: str, node: Node) -> int:
    """Give the line at which a node begins, counted from 1."""
    return len(re.findall(r"\r\n|\r|\n", text[: node.start])) + 1


def current(text: str, knobs: Iterable[Knob], place: Place, *, where: str) -> Settings:
    """Give what the file sets of these knobs."""
    root, found = parse(text, where=where), dict[str, Value]()
    for knob in knobs:
        node = find(root, *place(knob))
        if node is not None:
            found[knob.key] = _value(node, knob, f"{where}:{line_of(text, node)}")
    return Settings(found)


def edit(text: str, settings: Mapping[str, Value], knobs: Iterable[Knob], place: Place, *, where: str) -> str:
    """Give the file with these settings, missing ones added; JSON has no comments to say why."""
    known = list(knobs)
    wanted = changed(settings, current(text, known, place, where=where), known)
    return write(text, {place(knob): literal(value) for knob, value in wanted.items()}, where=where)


def literal(value: float | str) -> str:
    """Write a number, a word, true or false."""
    word = isinstance(value, str) and value not in ("true", "false")
    return json.dumps(value) if word else plain(value)


def write(text: str, changes: Mapping[tuple[Step, ...], str], *, where: str) -> str:
    """Give the text with JSON values at places, or raise TargetError where one cannot stand."""
    root, nl = parse(text, where=where), line_end(text)
    splices, added = [], dict[int, tuple[Node, dict]]()
    for place, value in changes.items():
        node, rest = root, list(place)
        while rest and (below := _below(node, rest[0])) is not None:
            node = below
            rest.pop(0)
        if not rest and node.members is None and node.items is None:
            splices.append(Splice(node.start, node.end, value))
        elif rest and all(isinstance(step, str) for step in rest) and _takes_members(node):
            nested = added.setdefault(id(node), (node, {}))[1]
            for step in rest[:-1]:
                nested = nested.setdefault(step, {})
            nested[rest[-1]] = value
        else:
            raise TargetError(
                f"{text[node.start : node.end][:40]!r} at {'.'.join(map(str, place))}",
                where=f"{where}:{line_of(text, node)}",
                expected="an object" if rest else "a number, a text, true, false or null",
            )
    splices += [_insertion(text, node, nested, nl) for node, nested in added.values()]
    return splice(text, splices)


def _value(node: Node, knob: Knob, where: str) -> float | str:
    if not node.raw.startswith('"') or knob.choices:
        return said(json.loads(node.raw) if knob.choices and node.raw[:1] == '"' else node.raw, knob, where)
    raise TargetError(f"{json.loads(node.raw)!r}", where=f"{where}, {knob.key}", expected=knob.bounds)


def _below(node: Node, step: Step) -> Node | None:
    if isinstance(step, int):
        return node.items[step] if node.items is not None and step < len(node.items) else None
    return (node.members or {}).get(step)


def _takes_members(node: Node) -> bool:
    return node.members is not None or node.raw == "null"


def _insertion(text: str, node: Node, nested: dict, nl: str) -> Splice:
    """Add members behind the last one, each on a line of its own if the others are."""
    if not node.members:
        own = text[text.rfind("\n", 0, node.start) + 1 : node.start]
        indent = own[: len(own) - len(own.lstrip(" \t"))]
        over_lines = re.search(r"[\r\n]", text[node.start : node.end]) is not None
        inner = f"{nl}{indent}{_step(text)}" if over_lines else ""
        body = _members(nested, inner, _step(text) if over_lines else "")
        return Splice(node.start, node.end, "{" + body + (f"{nl}{indent}" if over_lines else "") + "}")
    last = max(node.members.values(), key=lambda one: one.end)
    before = text[: node.keys[-1]]
    blank = before[len(before.rstrip(" \t\r\n")) :]
    over_lines = "\n" in blank or "\r" in blank
    inner = (
        nl + re.split(r"[\r\n]", blank)[-1] if over_lines else (blank or " ") * (len(node.members) > 1) or " "
    )
    body = _members(nested, inner, _step(text) if over_lines else "")
    return Splice(last.end, last.end, "," + body)


def _members(nested: dict, inner: str, step: str) -> str:
    parts = []
    for name, value in nested.items():
        if isinstance(value, dict):
            end = inner if step else ""
            value = "{" + _members(value, inner + step if step else "", step) + end + "}"
        parts.append(f"{inner}{json.dumps(name)}: {value}")
    return ",".join(parts)


def _step(text: str) -> str:
    """Give the indent of the first member that has one, which is the file's step."""
    first = re.search(r"[\r\n]([ \t]+)\"", text)
    return first[1] if first else "  "


class _Reader:
    def __init__(self, text: str, where: str) -> None:
        self.text, self.where = text, where

    def blank(self, position: int) -> int:
        return _BLANK.match(self.text, position).end()  # type: ignore[union-attr]

    def value(self, start: int, depth: int) -> tuple[Node, int]:
        opened = self.text[start : start + 1]
        if depth > _DEPTH:
            raise self.against(start, f"at most {_DEPTH} levels")
        if opened in ("{", "["):
            node = Node(start)
            return node, self.held(node, opened, depth)
        match = _SCALAR.match(self.text, start)
        if match is None:
            raise self.against(start, "a value")
        return Node(start, match.end(), match[0]), match.end()

    def held(self, node: Node, opened: str, depth: int) -> int:
        """Read what stands between the brackets, and give where they end."""
        closing = "}" if opened == "{" else "]"
        node.members, node.items = ({}, None) if opened == "{" else (None, [])
        position = self.blank(node.start + 1)
        for number in itertools.count():
            if self.text[position : position + 1] == closing and number == 0:
                break
            if node.members is not None:
                key, position = self.key(node, position)
                node.members[key], position = self.value(position, depth + 1)
            else:
                one, position = self.value(position, depth + 1)
                node.items.append(one)  # type: ignore[union-attr]
            position = self.blank(position)
            if self.text[position : position + 1] == closing:
                break
            position = self.blank(self.sign(position, ",", f", or {closing}"))
        node.end = position + 1
        return node.end

    def key(self, node: Node, position: int) -> tuple[str, int]:
        match = _SCALAR.match(self.text, position)
        if match is None or not match[0].startswith('"'):
            raise self.against(position, "a key in quotes")
        name = json.loads(match[0])
        if name in (node.members or {}):
            raise self.against(position, f"each key once, and {name!r} stands there before")
        node.keys.append(position)
        return name, self.blank(self.sign(self.blank(match.end()), ":", ":"))

    def sign(self, position: int, sign: str, expected: str) -> int:
        if self.text[position : position + 1] != sign:
            raise self.against(position, expected)
        return position + 1

    def against(self, position: int, expected: str) -> TargetError:
        lines = re.split(r"\r\n|\r|\n", self.text[:position])
        return TargetError(
            f"not JSON: {self.text[position : position + 20]!r}"
            if self.text[position:]
            else "the end of the file",
            where=f"{self.where}:{len(lines)}:{len(lines[-1]) + 1}",
            expected=expected,
            remedy="correct the file, then export again",
        )
