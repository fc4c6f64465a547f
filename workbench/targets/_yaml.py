"""YAML edited in place: nodes say where a value stands, and only those characters are replaced.

A parser and an emitter would reflow what they do not understand the way its author wrote it; here every byte
outside the changed values, the added lines and our own comments is the file's. The result is parsed again and
compared, so that an edit which would change anything else is refused.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.tokens import (
    AliasToken,
    FlowMappingEndToken,
    FlowSequenceEndToken,
    ScalarToken,
    ValueToken,
)

from workbench.errors import TargetError
from workbench.targets._seam import comments_above, line_end, natural_lines, provenance

Step = str | int
_MERGE = "tag:yaml.org,2002:merge"
NULL = "null"  # as the text of a change: the key stays and says nothing
_NULL = "tag:yaml.org,2002:null"
_CONTENT = (AliasToken, FlowMappingEndToken, FlowSequenceEndToken, ScalarToken, ValueToken)
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_NOT_TEXT = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True)
class Change:
    """A scalar to write at a place: the document's number, then keys and list positions.

    What is not there yet is made, of a list its first entry (position 0). Without `why` the value gets no
    comment, and loses the one it had for `key`.
    """

    place: tuple[Step, ...]
    text: str
    key: str = ""
    why: str = ""


@functools.lru_cache(maxsize=8)  # one edit asks for the same text several times, and ruamel is slow
def parse(text: str, *, where: str) -> tuple[Node, ...]:
    """Give the root of each document, or raise TargetError with the line at which the text is no YAML."""
    try:
        composed = YAML(typ="safe", pure=True).compose_all(text)
        documents = tuple(node for node in composed if node is not None)
        for node in _nodes(documents):
            _refuse_duplicates(node, where)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        raise TargetError(
            f"not YAML: {error.problem or error.context}",
            where=place,
            remedy="correct the file, then export again",
        ) from error
    except (YAMLError, RecursionError) as error:
        raise TargetError(f"not YAML: {' '.join(str(error).split())[:200]}", where=where) from error
    return documents


def find(node: Node | None, *steps: Step) -> Node | None:
    """Give the node at a place below `node`, through merged mappings too, or None."""
    for step in steps:
        entry = _entry(node, step) if node is not None else None
        node = entry[1] if entry else _merged(node, step)
    return None if node is None or node.tag == _NULL else node


def mappings(documents: Iterable[Node]) -> Iterator[tuple[tuple[Step, ...], MappingNode]]:
    """Give every mapping with its place; one that anchors share, at the first of them."""
    seen: set[int] = set()
    ahead: list[tuple[tuple[Step, ...], Node]] = []
    ahead += reversed([((i,), node) for i, node in enumerate(documents)])
    while ahead:
        place, node = ahead.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        below: list[tuple[Step, Node]] = []
        if isinstance(node, MappingNode):
            yield place, node
            below = [(key.value, value) for key, value in node.value if isinstance(key, ScalarNode)]
        elif isinstance(node, SequenceNode):
            below = list(enumerate(node.value))
        ahead += [((*place, step), inner) for step, inner in reversed(below)]


def items(node: Node | None) -> list[Node]:
    """Give the entries of a list, or nothing if it is none."""
    return list(node.value) if isinstance(node, SequenceNode) else []


def names(node: Node | None) -> list[str]:
    """Give the keys of a mapping, or nothing if it is none."""
    return (
        [k.value for k, _ in node.value if isinstance(k, ScalarNode)] if isinstance(node, MappingNode) else []
    )


def scalar(node: Node | None) -> str:
    """Give the text of a scalar, or "" if it is none."""
    return str(node.value) if isinstance(node, ScalarNode) else ""


def line_of(node: Node) -> int:
    """Give the line at which a node begins, counted from 1."""
    return node.start_mark.line + 1


def quoted(text: str) -> str:
    """Give a scalar that every YAML reader takes for this very text."""
    bare = _BARE.fullmatch(text) and text.lower() not in _NOT_TEXT
    return text if bare else json.dumps(text, ensure_ascii=True)


def insert_before_last(text: str, entries: Node | None, made: str, *, where: str) -> str:
    """Give the text with an entry more in a list that is written one to a line, before its last entry."""
    if not items(entries) or not isinstance(entries, SequenceNode) or entries.flow_style:
        raise TargetError(
            "a list that is empty, or in brackets",
            where=f"{where}:{line_of(entries)}" if entries is not None else where,
            expected="entries that each begin a line with -",
            remedy="write the list so, then export again",
        )
    before = natural_lines(text[: text.rindex("-", 0, items(entries)[-1].start_mark.index)])
    indent = before.pop()
    while before and before[-1].lstrip().startswith("#"):
        before.pop()
    start = sum(map(len, before))
    lines = made.replace("\n", line_end(text)).splitlines(keepends=True)
    return text[:start] + "".join(indent + line for line in lines) + text[start:]


def write(text: str, changes: Iterable[Change], *, where: str) -> str:
    """Give the text with each change made and all else kept, or raise TargetError saying why it cannot be."""
    wanted = list(changes)
    if not wanted:
        return text
    edit = _Edit(text, parse(text, where=where), where)
    for change in wanted:
        edit.make(change)
    after = edit.result()
    _refuse_side_effects(edit.documents, parse(after, where=where), wanted, where)
    return after


Entry = tuple[Node | None, Node]


@dataclass
class _Edit:
    """The replacements that one call of `write` collects, all in coordinates of the old text."""

    text: str
    documents: tuple[Node, ...]
    where: str
    splices: list[tuple[int, int, str]] = field(default_factory=list)
    additions: dict[int, tuple[_Spot, dict]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shared = _shared(self.documents)
        self.nl = line_end(self.text)
        self.step = _indent_step(self.documents)

    @functools.cached_property
    def tokens(self) -> list:
        return [t for t in YAML(typ="safe", pure=True).scan(self.text) if isinstance(t, _CONTENT)]

    def make(self, change: Change) -> None:
        spot = _Spot(None, self.documents[int(change.place[0])], None, None)
        for depth, step in enumerate(change.place[1:], 1):
            self._refuse_shared(spot, change)
            entry = _entry(spot.node, step)
            if entry is None:
                self._add(spot, change.place[depth:], change)
                return
            spot = _Spot(entry[0], entry[1], spot.outer, spot.node)
        self._replace(spot, change)

    def result(self) -> str:
        # Where an outer mapping ends with an inner one, what is added to the inner one comes first.
        for spot, nested in sorted(self.additions.values(), key=lambda addition: -addition[0].column):
            self._insert(spot, nested)
        parts, done = [], 0
        for start, end, new in sorted(self.splices, key=lambda splice: splice[:2]):
            parts += [self.text[done:start], new]
            done = max(done, end)
        return "".join([*parts, self.text[done:]])

    def _replace(self, spot: _Spot, change: Change) -> None:
        node = spot.node
        if not isinstance(node, ScalarNode) or node.style in ("|", ">"):
            raise self._against(node, f"{_kind(node)} at {_spelled(change.place)}", "one value on one line")
        start, end = self._span(spot)
        style = "" if change.text == NULL else node.style or ""
        new = f"{style}{change.text}{style}"
        if spot.key is not None and spot.is_alias:
            reference = re.compile(r"\s*:\s*(\*[^\s,\]}]+)").match(self.text, spot.key.end_mark.index)
            if reference is None:
                raise self._against(spot.key, "a reference in an unknown spelling", "key: *anchor")
            (start, end), new = reference.span(1), change.text
        elif id(node) in self.shared:
            raise self._against(
                node,
                f"{_spelled(change.place)} is an anchor that other places refer to",
                "a value of its own",
            )
        else:
            start += len(re.match(r"([&!]\S*\s+)*", self.text[start:end])[0])  # type: ignore[index]
        self._comment(spot, [change])
        self.splices.append((start, end, new if end > start else f" {new}"))

    def _add(self, spot: _Spot, steps: tuple[Step, ...], change: Change) -> None:
        if isinstance(steps[0], int) or not (isinstance(spot.node, MappingNode) or spot.node.tag == _NULL):
            found = f"{_kind(spot.node)} on the way to {_spelled(change.place)}"
            raise self._against(spot.node, found, "keys and values")
        if len(steps) > 1 and _merged(spot.node, steps[0]) is not None:
            raise self._against(
                spot.node, f"{_spelled(change.place)} comes from an anchor that others use", "keys of its own"
            )
        _, nested = self.additions.setdefault(id(spot.node), (spot, {}))
        for step in steps[:-1]:
            nested = nested.setdefault(step, {})
        nested[steps[-1]] = change

    def _insert(self, spot: _Spot, nested: dict) -> None:
        node = spot.node
        if isinstance(node, MappingNode) and not node.flow_style:
            position, column = self._content_end(node), node.value[0][0].start_mark.column
        elif spot.outer is None and spot.key is not None and isinstance(node, ScalarNode) and not node.value:
            position = self._line_end(spot.key.end_mark.index)
            column = spot.key.start_mark.column + self.step
        else:
            self._insert_flow(spot, nested)
            return
        lines = list(self._block(nested, column))
        self.splices.append((position, position, "".join(self.nl + line for line in lines)))

    def _insert_flow(self, spot: _Spot, nested: dict) -> None:
        self._comment(spot, list(_leaves(nested)))
        start, end = self._span(spot)
        if not isinstance(spot.node, MappingNode):
            self.splices.append((start, end, _flow(nested) if end > start else f" {_flow(nested)}"))
        elif spot.node.value:
            last = self._last_token(start, end - 1)
            self.splices.append((last, last, f", {_flow(nested)[1:-1]}"))
        else:
            inside = self.text.index("{", start) + 1
            self.splices.append((inside, inside, _flow(nested)[1:-1]))

    def _block(self, nested: dict, column: int) -> Iterator[str]:
        indent = " " * column
        for name, value in nested.items():
            if isinstance(value, Change):
                if value.why:
                    yield indent + provenance(value.key, value.why)
                yield f"{indent}{quoted(name)}: {value.text}"
            elif 0 in value:
                yield f"{indent}{quoted(name)}:"
                yield from _entry_of_list(self._block(value[0], column + self.step + 2))
            else:
                yield f"{indent}{quoted(name)}:"
                yield from self._block(value, column + self.step)

    def _comment(self, spot: _Spot, changes: list[Change]) -> None:
        above = spot.outer or spot.key or spot.node
        start = above.start_mark.index - above.start_mark.column
        indent = re.compile(" *").match(self.text, start)[0]  # type: ignore[index]
        lines = natural_lines(self.text[:start])
        for change in changes:
            for old in comments_above(lines, len(lines), change.key) if change.key else ():
                begun = sum(map(len, lines[:old]))
                self.splices.append((begun, begun + len(lines[old]), ""))
            if change.why:
                self.splices.append((start, start, indent + provenance(change.key, change.why) + self.nl))

    def _refuse_shared(self, spot: _Spot, change: Change) -> None:
        if id(spot.node) in self.shared and isinstance(spot.node, MappingNode | SequenceNode):
            raise self._against(
                spot.key or spot.node,
                f"{_spelled(change.place)} lies in an anchor that others use",
                "keys of its own",
            )

    def _against(self, node: Node, found: str, expected: str) -> TargetError:
        return TargetError(
            found,
            where=f"{self.where}:{line_of(node)}",
            expected=expected,
            remedy="write the value out at this place, then export again",
        )

    def _span(self, spot: _Spot) -> tuple[int, int]:
        """Where the value stands; an empty one has the marks of what follows, so look behind its key."""
        start, end = spot.node.start_mark.index, spot.node.end_mark.index
        if start == end and spot.key is not None:
            colon = re.compile(r"\s*:|").match(self.text, spot.key.end_mark.index)
            start = end = colon.end()  # type: ignore[union-attr]
        return start, end

    def _content_end(self, node: Node) -> int:
        return self._line_end(self._last_token(node.start_mark.index, node.end_mark.index))

    def _last_token(self, start: int, end: int) -> int:
        inside = [token for token in self.tokens if start <= token.start_mark.index < end]
        last = max(inside, key=lambda token: token.end_mark.index)
        found = last.end_mark.index
        while isinstance(last, ScalarToken) and last.style in ("|", ">") and self.text[found - 1] in "\r\n":
            found -= 1
        return found

    def _line_end(self, position: int) -> int:
        return re.compile(r"[^\r\n]*").match(self.text, position).end()  # type: ignore[union-attr]


class _Spot:
    """A node, the key before it, and the outermost flow collection around it, where there are such."""

    def __init__(self, key: Node | None, node: Node, outer: Node | None, holder: Node | None) -> None:
        self.key, self.node = key, node
        in_flow = isinstance(holder, MappingNode | SequenceNode) and holder.flow_style
        self.outer = outer or (holder if in_flow else None)
        if (
            self.outer is None
            and isinstance(node, MappingNode | SequenceNode)
            and node.flow_style
            and key is None
        ):
            self.outer = node

    @property
    def column(self) -> int:
        """How far in the node stands; one that is empty stands behind its key."""
        if self.key is not None and isinstance(self.node, ScalarNode):
            return self.key.start_mark.column + 1
        return self.node.start_mark.column

    @property
    def is_alias(self) -> bool:
        return self.key is not None and self.node.start_mark.index < self.key.start_mark.index


def _entry(node: Node | None, step: Step) -> Entry | None:
    if isinstance(node, MappingNode) and isinstance(step, str):
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value == step:
                return key, value
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None


def _merged(node: Node | None, step: Step) -> Node | None:
    if not isinstance(node, MappingNode):
        return None
    sources = [value for key, value in node.value if key.tag == _MERGE]
    for source in [one for value in sources for one in (items(value) or [value])]:
        found = find(source, step)
        if found is not None:
            return found
    return None


def _nodes(documents: Iterable[Node]) -> Iterator[Node]:
    for node, first in _visits(documents):
        if first:
            yield node


def _shared(documents: Iterable[Node]) -> set[int]:
    return {id(node) for node, first in _visits(documents) if not first}


def _visits(documents: Iterable[Node]) -> Iterator[tuple[Node, bool]]:
    seen: set[int] = set()
    ahead = list(documents)
    while ahead:
        node = ahead.pop()
        yield node, id(node) not in seen
        if id(node) not in seen:
            seen.add(id(node))
            if isinstance(node, MappingNode):
                ahead += [part for entry in node.value for part in entry]
            elif isinstance(node, SequenceNode):
                ahead += node.value


def _refuse_duplicates(node: Node, where: str) -> None:
    seen = set()
    for key, _ in node.value if isinstance(node, MappingNode) else ():
        if isinstance(key, ScalarNode) and key.value in seen:
            raise TargetError(
                f"key {key.value!r} a second time", where=f"{where}:{line_of(key)}", expected="each key once"
            )
        seen.add(key.value if isinstance(key, ScalarNode) else None)
    seen.discard(None)


def _indent_step(documents: tuple[Node, ...]) -> int:
    steps = []
    for node in _nodes(documents):
        if isinstance(node, MappingNode) and not node.flow_style:
            for key, value in node.value:
                if isinstance(value, MappingNode) and not value.flow_style and value.value:
                    steps.append(value.value[0][0].start_mark.column - key.start_mark.column)
    return min((step for step in steps if step > 0), default=2)


def _leaves(nested: dict) -> Iterator[Change]:
    for value in nested.values():
        if isinstance(value, Change):
            yield value
        else:
            yield from _leaves(value)


def _entry_of_list(lines: Iterable[str]) -> Iterator[str]:
    begun = False
    for line in lines:
        if not begun and not line.lstrip().startswith("#"):
            begun, indent = True, len(line) - len(line.lstrip())
            line = f"{line[: indent - 2]}- {line[indent:]}"
        yield line


def _flow(nested: dict) -> str:
    if 0 in nested:
        return f"[{_flow(nested[0])}]"
    parts = [f"{quoted(k)}: {v.text if isinstance(v, Change) else _flow(v)}" for k, v in nested.items()]
    return "{" + ", ".join(parts) + "}"


def _kind(node: Node) -> str:
    if isinstance(node, ScalarNode):
        return f"{scalar(node)[:40]!r}"
    return "a list" if isinstance(node, SequenceNode) else "a mapping"


def _spelled(place: tuple[Step, ...]) -> str:
    return ".".join(str(step) for step in place[1:])


def _refuse_side_effects(
    before: tuple[Node, ...], after: tuple[Node, ...], changes: list[Change], where: str
) -> None:
    old, new = _plain(before), _plain(after)
    for change in changes:
        _put(old, change.place, change.text)
        _put(new, change.place, change.text)
    said = {change.place: scalar(find(after[int(change.place[0])], *change.place[1:])) for change in changes}
    wrong = [c for c in changes if said[c.place] != ("" if c.text == NULL else c.text)]
    if wrong or not _same(old, new, set()):
        raise TargetError(
            f"the edit of {_spelled((wrong or changes)[0].place)} would change other parts of the file too",
            where=where,
            expected="plain YAML around the values",
            remedy="write the values out without anchors or unusual layout, then export again",
        )


def _plain(documents: tuple[Node, ...]) -> list:
    done: dict[int, Any] = {}

    def plain(node: Node) -> Any:
        if id(node) not in done:
            if isinstance(node, MappingNode):
                done[id(node)] = held = {}
                for key, value in node.value:
                    held[key.value if isinstance(key, ScalarNode) else repr(key)] = plain(value)
            elif isinstance(node, SequenceNode):
                done[id(node)] = entries = []
                entries += [plain(item) for item in node.value]
            else:
                done[id(node)] = (node.tag, node.value)
        return done[id(node)]

    return [plain(node) for node in documents]


def _put(holder: Any, place: tuple[Step, ...], value: str) -> None:
    for step, after in itertools.pairwise(place):
        below = holder[step] if isinstance(step, int) else holder.get(step)
        if not isinstance(below, dict if isinstance(after, str) else list):
            below = holder[step] = {} if isinstance(after, str) else [{}]
        holder = below
    holder[place[-1]] = value


def _same(one: Any, other: Any, seen: set[tuple[int, int]]) -> bool:
    """Compare without going twice through what anchors share, which could take for ever."""
    if not isinstance(one, dict | list) or type(one) is not type(other) or len(one) != len(other):
        return one == other
    if (id(one), id(other)) in seen:
        return True
    seen.add((id(one), id(other)))
    if isinstance(one, list):
        return all(_same(a, b, seen) for a, b in zip(one, other, strict=True))
    return all(key in other and _same(value, other[key], seen) for key, value in one.items())
