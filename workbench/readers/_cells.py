"""Documents as cells: where in the bytes each value stands, table by table, without an object per value.

A layout says which values of a document are wanted, and is laid out as the document is: a dict for an object,
a column's name (or `Leaf`) for a plain value, `Rows` for a list of objects or a map, each a table of its own.
Its keys are texts for JSON and field numbers for protobuf. `scan` finds the cells of a whole file in compiled
code (`_cells_json`, `_cells_protobuf`), or gives None for anything out of the ordinary, which is left to the
plain reader of the format.

A cell is one number: 0 for none, else the address and size of its bytes, its shape, and the code that its
member has in the layout. Addresses past the end of the content are in `Cells.extra`, where texts stand that
had to be rewritten, as those with escapes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from workbench._compiled import is_cached

TEXT, WHOLE, REAL, WORD, NESTED, VARINT, FIXED = range(1, 8)  # the shapes of cells
SHAPE_AT, SIZE_AT, BEGIN_AT = 4, 7, 29  # bits: 4 of code, 3 of shape, 22 of size, 34 of address
MOST_BYTES = 2**32  # of content; that which is extra has as many addresses again
MOST_SIZE = 2**22
DEEPEST = 32
_WORTH_BYTES, _WORTH_LOADING_BYTES, _WORTH_COMPILING_BYTES = 2**20, 2**24, 2**26

LEAF, INSIDE, ROWS, MAP, REFUSED = range(5)  # what a member is
FOUND, IRREGULAR, FULL = range(3)  # how a scanner comes back; it goes on when there is room
AT, DEPTH, USED, NEEDED, FRAMING = range(5)  # what its state holds
WHOLE_FILE, SHORT, WIDE = range(3)  # framing of protobuf: none, lengths as varints, of four bytes

REFUSE = object()  # a member that only the plain reader knows
STRICT = object()  # as a key: members that the layout lacks are irregular


@dataclass(frozen=True)
class Leaf:
    """A value of `column`; of several members with one column, `code` tells which it was."""

    column: str
    code: int = 0
    nested: bool = False  # whether it may be a container, kept whole


@dataclass(frozen=True)
class Rows:
    """A list, of which each member is a row of `table`; with `key` a map, whose keys are that column."""

    table: str
    of: Any
    key: str = ""
    grouped: bool = False  # whether its members may be lists of rows too


class Plan(NamedTuple):
    """A layout as arrays: members laid end to end, by node; node 0 is the document, table 0 the documents."""

    keys: np.ndarray
    key_begin: np.ndarray  # or the field number
    key_size: np.ndarray
    action: np.ndarray
    target: np.ndarray  # its leaf, or the node inside it
    code: np.ndarray
    nested: np.ndarray
    follower: np.ndarray  # which member came next last time: a guess that is kept up to date
    first_member: np.ndarray  # by node, and the end of the last
    strict: np.ndarray
    table: np.ndarray
    key_leaf: np.ndarray  # of a map, or -1
    plain: np.ndarray  # whether its rows are values instead of objects
    grouped: np.ndarray
    list_node: np.ndarray  # of a document that is a list, or -1
    leaf_table: np.ndarray  # by leaf
    first_child: np.ndarray  # by table, and the end of the last
    child: np.ndarray
    child_leaf: np.ndarray  # tells at which row of the child those of this row begin


class Layout:
    """A layout, planned; `top` is a document that is an object, `listed` one that is a list."""

    def __init__(self, top: dict[Any, Any], listed: Rows | None = None) -> None:
        self.tables, self.leaves = ["documents"], [(0, "begin"), (0, "end")]
        self._nodes: list[tuple[list[tuple[Any, int, int, int, bool]], bool, int, int, bool, bool]] = []
        self._children: list[tuple[int, int, int]] = []
        self._node(top, 0)
        list_node = self._rows(listed, 0) if listed else -1
        self.plan = self._planned(list_node)

    def _node(self, spec: Any, table: int, key: str = "", grouped: bool = False) -> int:
        number = len(self._nodes)
        self._nodes.append(([], False, table, -1, False, False))
        plain = not isinstance(spec, dict)
        key_leaf = self._leaf(table, key) if key else -1
        members = {"": spec} if plain or key else spec
        made = [self._member(name, inner, table) for name, inner in members.items() if name is not STRICT]
        self._nodes[number] = (made, STRICT in members, table, key_leaf, plain and not key, grouped)
        return number

    def _member(self, name: Any, spec: Any, table: int) -> tuple[Any, int, int, int, bool]:
        if spec is REFUSE:
            return name, REFUSED, 0, 0, False
        if isinstance(spec, str):
            spec = Leaf(spec)
        if isinstance(spec, Leaf):
            return name, LEAF, self._leaf(table, spec.column), spec.code, spec.nested
        if isinstance(spec, Rows):
            return name, MAP if spec.key else ROWS, self._rows(spec, table), 0, False
        return name, INSIDE, self._node(spec, table), 0, False

    def _rows(self, rows: Rows, parent: int) -> int:
        if rows.table in self.tables:
            own = self.tables.index(rows.table)
        else:
            self.tables.append(rows.table)
            own = len(self.tables) - 1
            self._children.append((parent, own, self._leaf(parent, f"first of {rows.table}")))
        return self._node(rows.of, own, rows.key, rows.grouped)

    def _leaf(self, table: int, column: str) -> int:
        if (table, column) not in self.leaves:
            self.leaves.append((table, column))
        return self.leaves.index((table, column))

    def _planned(self, list_node: int) -> Plan:
        members = [member for node in self._nodes for member in node[0]]
        texts = [name.encode() if isinstance(name, str) else b"" for name, *_ in members]
        begins = np.cumsum([0, *map(len, texts)])[:-1]
        numbers = [begin if isinstance(m[0], str) else m[0] for begin, m in zip(begins, members, strict=True)]
        ends = np.cumsum([0, *(len(node[0]) for node in self._nodes)])
        last = set(ends[1:] - 1)
        children = sorted(self._children)
        return Plan(
            np.frombuffer(b"".join(texts) + b"\0", np.uint8),
            np.array(numbers, np.int64),
            np.array([len(text) for text in texts], np.int64),
            np.array([member[1] for member in members], np.int64),
            np.array([member[2] for member in members], np.int64),
            np.array([member[3] for member in members], np.int64),
            np.array([member[4] for member in members], np.bool_),
            np.array([n if n in last else n + 1 for n in range(len(members))], np.int64),
            ends,
            np.array([node[1] for node in self._nodes], np.bool_),
            np.array([node[2] for node in self._nodes], np.int64),
            np.array([node[3] for node in self._nodes], np.int64),
            np.array([node[4] for node in self._nodes], np.bool_),
            np.array([node[5] for node in self._nodes], np.bool_),
            np.array([list_node], np.int64),
            np.array([table for table, _ in self.leaves], np.int64),
            np.searchsorted([parent for parent, _, _ in children], np.arange(len(self.tables) + 1)),
            np.array([child for _, child, _ in children], np.int64),
            np.array([leaf for _, _, leaf in children], np.int64),
        )


def pay(content_bytes: int, scanner: str) -> bool:
    """True if reading so much by cells is quicker than plainly, with what compiled code costs to begin."""
    if f"{__name__}_{scanner}" in sys.modules:
        return content_bytes >= _WORTH_BYTES
    return content_bytes >= (
        _WORTH_LOADING_BYTES if is_cached(f"scan_{scanner}", *sources_of(scanner)) else _WORTH_COMPILING_BYTES
    )


def sources_of(*parts: str) -> tuple[Path, ...]:
    """Give the files that compiled code of these `_cells_…` modules depends on."""
    here = Path(__file__)
    return (*(here.with_name(f"_cells_{part}.py") for part in parts), here)


class Cells:
    """What was found: `cells[table, column]` has one cell a row."""

    def __init__(self, content: bytes, layout: Layout) -> None:
        self.content, self.text = content, np.frombuffer(content, np.uint8)
        self.extra, self.used = np.empty(65536, np.uint8), 0
        self.is_text = False  # whether all of it is known to be UTF-8
        self._layout, self._store = layout, np.zeros(0, np.int64)
        self._base = np.zeros(len(layout.leaves), np.int64)
        self._room = np.zeros(len(layout.tables), np.int64)
        self._rows = np.zeros(len(layout.tables), np.int64)

    def __getitem__(self, place: tuple[str, str]) -> np.ndarray:
        table, column = place
        number = self._layout.tables.index(table)
        begin = self._base[self._layout.leaves.index((number, column))]
        return self._store[begin : begin + self._rows[number]]

    def rows(self, table: str) -> int:
        """Count the rows of a table."""
        return int(self._rows[self._layout.tables.index(table)])

    def first(self, table: str, child: str) -> np.ndarray:
        """Give the row of `child` at which those of each row of `table` begin, and where the last end."""
        return np.append(self[table, f"first of {child}"], self.rows(child))

    def sources(self) -> tuple[np.ndarray, np.ndarray]:
        """Give what addresses lead to, the content and what is extra, as one type: neither may be written."""
        extra = self.extra.view()
        extra.flags.writeable = False
        return self.text, extra

    def add(self, content: bytes | np.ndarray) -> int:
        """Keep bytes of ours; give their address."""
        size = len(content)
        self._widen(size)
        self.extra[self.used : self.used + size] = np.frombuffer(content, np.uint8)
        self.used += size
        return len(self.content) + self.used - size

    def constant(self, text: str) -> int:
        """Give a cell for a text of ours."""
        written = text.encode()
        return (self.add(written) << BEGIN_AT) | (len(written) << SIZE_AT) | (TEXT << SHAPE_AT)

    def _widen(self, size: int) -> None:
        if self.used + size > len(self.extra):
            wider = np.empty(2 * (self.used + size), np.uint8)
            wider[: self.used] = self.extra[: self.used]
            self.extra = wider

    def _find(self, scanner: Callable[..., int], framing: int) -> bool:
        state, frames = np.array([0, 0, 0, 0, framing], np.int64), np.zeros((5, DEEPEST), np.int64)
        self._make_room(0)
        while True:
            outcome = scanner(
                self.text, self.extra, state, frames, self._layout.plan, self._store, self._base, self._room,
                self._rows,
            )  # fmt: skip
            self.used = int(state[USED])
            if outcome != FULL:
                return outcome == FOUND
            self._make_room(int(state[AT]))
            self._widen(int(state[NEEDED]))

    def _make_room(self, at: int) -> None:
        """Take the rows so far for what the rest will bring; memory that stays untouched costs nothing."""
        share = max(len(self.content) / at * 1.1, 1.25) if at else 0
        wanted = (self._rows * share).astype(np.int64) + 1024
        self._room, before = np.maximum(self._room, wanted), self._room
        if not (self._room > before).any():
            return
        rooms = self._room[self._layout.plan.leaf_table]
        base = np.concatenate([[0], np.cumsum(rooms)])
        store = np.zeros(base[-1], np.int64)
        if at:
            for old, new, table in zip(self._base, base, self._layout.plan.leaf_table, strict=False):
                rows = self._rows[table]
                store[new : new + rows] = self._store[old : old + rows]
        self._base, self._store = base[:-1], store


def scan(
    content: bytes, layout: Layout, scanner: Callable[..., int], framing: int = WHOLE_FILE
) -> Cells | None:
    """Find the cells of a file, or give None; `scanner` is that of its format."""
    if not 0 < len(content) < MOST_BYTES:
        return None
    cells = Cells(content, layout)
    return cells if cells._find(scanner, framing) else None
