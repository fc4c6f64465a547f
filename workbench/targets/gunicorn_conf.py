"""gunicorn.conf.py, one service: Python, of which only assignments of literals are read, and nothing is run.

    bind = "127.0.0.1:8000"
    workers = 4

A setting that the file computes (`workers = cpu_count() * 2 + 1`) or sets under a condition is left alone: it
has no value here, and to change it is refused.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets._seam import changed, natural_lines, one_service, plain, said
from workbench.targets._splice import Splice, extended, splice

FORMAT = "gunicorn.conf.py"
SYSTEMS = ("gunicorn",)
FILENAME = "{service}/gunicorn.conf.py"
ENCODING = "utf-8"


def blank(knobs: Iterable[Knob]) -> str:
    """Give a heading: settings are appended as they are asked for."""
    return '"""Settings of gunicorn."""\n'


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs to a literal."""
    held = _assigned(text, where)
    found: dict[str, Value] = {}
    for knob in one_service(knobs, where):
        one = held.get(knob.name)
        if one is not None and one.literal is not None:
            found[knob.key] = said(one.literal, knob, f"{where}:{one.line}")
    return Settings(found)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the file with these settings, missing ones appended."""
    known, held = list(knobs), _assigned(text, where)
    splices, added = [], []
    for knob, value in changed(settings, current(text, known, where=where), known).items():
        says, reason = json.dumps(value) if isinstance(value, str) else plain(value), why.get(knob.key, "")
        one = held.get(knob.name)
        if one is None:
            added.append((f"{knob.name} = {says}", knob.key, reason))
        elif one.literal is None:
            raise TargetError(
                f"{knob.name} is computed, or set under a condition",
                where=f"{where}:{one.line}",
                expected=f"{knob.name} = {says}",
                remedy="write a number in its place, then export again",
            )
        else:
            splices.append(Splice(one.start, one.end, says, knob.key, reason, above=one.begun))
    after = extended(splice(text, splices), added)
    _refuse_side_effects(text, after, settings, where)
    return after


@dataclass(frozen=True)
class _Assigned:
    """A name's last value: its text (None if it is computed), where it and its statement stand, the line."""

    literal: str | None
    start: int
    end: int
    begun: int
    line: int


def _assigned(text: str, where: str) -> dict[str, _Assigned]:
    tree, places = _parsed(text, where), _Places(text)
    found: dict[str, _Assigned] = {}
    plainly: set[int] = set()
    for statement in tree.body:
        target = _single_target(statement)
        value = getattr(statement, "value", None)
        if target is not None and value is not None:
            plainly.add(id(target))
            literal = _literal(value)
            start, end = (
                places.at(value.lineno, value.col_offset),
                places.at(value.end_lineno, value.end_col_offset),
            )
            begun = places.at(statement.lineno, statement.col_offset)
            found[target.id] = _Assigned(literal, start, end, begun, statement.lineno)
    for node in _of_module(tree):  # what is set elsewhere may be set after
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in plainly:
            begun = places.at(node.lineno, node.col_offset)
            found[node.id] = _Assigned(None, begun, begun, begun, node.lineno)
    return found


def _of_module(node: ast.AST) -> Iterator[ast.AST]:
    """Give the nodes whose names are the file's own, and all of a function that says `global`."""
    inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)
    if inner and not any(isinstance(below, ast.Global) for below in ast.walk(node)):
        return
    yield node
    for below in ast.iter_child_nodes(node):
        yield from _of_module(below)


def _single_target(statement: ast.stmt) -> ast.Name | None:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    single = isinstance(statement, ast.Assign | ast.AnnAssign) and len(targets) == 1
    return targets[0] if single and isinstance(targets[0], ast.Name) else None


def _literal(value: ast.expr) -> str | None:
    """Give the text of a number or a string, or None."""
    negative = isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub)
    inner = value.operand if isinstance(value, ast.UnaryOp) and negative else value
    if not isinstance(inner, ast.Constant) or not isinstance(inner.value, int | float | str):
        return None
    if isinstance(inner.value, str):
        return None if negative or re.search(r"[\r\n]", inner.value) else inner.value
    return ("-" if negative else "") + (
        str(inner.value) if isinstance(inner.value, bool) else plain(inner.value)
    )


class _Places:
    """Where a line and a column of UTF-8 bytes, as ast has them, stand in the text."""

    def __init__(self, text: str) -> None:
        self.lines = natural_lines(text)
        self.starts = [0, *itertools.accumulate(map(len, self.lines))]
        self.mark = text.startswith("\ufeff")

    def at(self, line: int | None, column: int | None) -> int:
        if line is None or column is None:
            raise ValueError("a node without a place")  # ast.parse gives every node one
        shift = 1 if self.mark and line == 1 else 0
        before = self.lines[line - 1][shift:].encode()[:column]
        return self.starts[line - 1] + shift + len(before.decode())


def _parsed(text: str, where: str) -> ast.Module:
    try:
        return ast.parse(text.removeprefix("\ufeff"))
    except SyntaxError as error:
        raise TargetError(
            f"not Python: {error.msg}",
            where=f"{where}:{error.lineno or 1}",
            remedy="correct the file, then export again",
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise TargetError(f"not Python: {error}", where=where) from error


def _refuse_side_effects(before: str, after: str, settings: Mapping[str, Value], where: str) -> None:
    own = {key.partition("/")[2] for key in settings}

    def others(text: str) -> list[str]:
        kept = (s for s in _parsed(text, where).body if getattr(_single_target(s), "id", "") not in own)
        return [ast.dump(statement) for statement in kept]

    if others(before) != others(after):
        raise TargetError(
            "the edit would change other statements too",
            where=where,
            expected="one setting a line",
            remedy="write each setting on a line of its own, then export again",
        )
