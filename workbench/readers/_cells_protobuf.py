"""The scanner of protobuf for `_cells`: a walk over fields by number, for any layout.

Left to the plain readers: fields told twice that are not lists (of which protobuf merges or keeps the last),
groups, and everything that is damaged.
"""

from __future__ import annotations

from typing import Any

from workbench._compiled import compiled_with
from workbench.readers._cells import (
    AT,
    BEGIN_AT,
    DEPTH,
    FIXED,
    FOUND,
    FRAMING,
    FULL,
    INSIDE,
    IRREGULAR,
    LEAF,
    MOST_SIZE,
    ROWS,
    SHAPE_AT,
    SIZE_AT,
    TEXT,
    VARINT,
    WIDE,
    sources_of,
)

_compiled = compiled_with(*sources_of("protobuf"))

_END, _NODE, _SEEN, _LAST = range(4)  # of a frame


@_compiled
def scan_protobuf(
    text: Any, extra: Any, state: Any, frames: Any, plan: Any, store: Any, base: Any, room: Any, rows: Any
) -> int:
    """Find cells from where `state` says, until all are found, or there is no room for the next."""
    at, depth, end = state[AT], state[DEPTH], len(text)
    while True:
        state[AT], state[DEPTH] = at, depth
        if depth == 0:
            if at >= end:
                return FOUND
            if rows[0] == room[0]:
                return FULL
            stop = end
            if state[FRAMING]:
                at, size = _length(text, at, end, state[FRAMING])
                if at < 0 or size > end - at:
                    return IRREGULAR
                stop = at + size
            _new_row(0, plan, store, base, rows)
            store[base[0] + rows[0] - 1], store[base[1] + rows[0] - 1] = at, stop
            depth = _open(frames, 0, stop, 0)
            continue
        limit, node = frames[_END, depth], frames[_NODE, depth]
        if at >= limit:
            depth -= 1
            continue
        tag, begin = varint(text, at, limit)
        if begin < 0 or tag < 8 or tag >= 1 << 32:
            return IRREGULAR
        wire = tag & 7
        if wire == 0:
            _, after = varint(text, begin, limit)
            shape = VARINT
            if after < 0:
                return IRREGULAR
        elif wire == 2:
            size, begin = varint(text, begin, limit)
            if begin < 0 or size < 0 or size > limit - begin:
                return IRREGULAR
            after, shape = begin + size, TEXT
        elif wire == 1 or wire == 5:
            after, shape = begin + (8 if wire == 1 else 4), FIXED
            if after > limit:
                return IRREGULAR
        else:
            return IRREGULAR
        member = _member(tag >> 3, node, frames[_LAST, depth], plan)
        if member < 0:
            if plan.strict[node]:
                return IRREGULAR
            at = after
            continue
        if frames[_LAST, depth] >= 0:
            plan.follower[frames[_LAST, depth]] = member
        frames[_LAST, depth] = member
        action, target = plan.action[member], plan.target[member]
        if action == ROWS:
            table = plan.table[target]
            if wire != 2:
                return IRREGULAR
            if rows[table] == room[table]:
                return FULL
            _new_row(table, plan, store, base, rows)
            if plan.plain[target]:
                member = plan.first_member[target]
                action, target = LEAF, plan.target[member]
        else:
            bit = 1 << (member - plan.first_member[node])
            if frames[_SEEN, depth] & bit:
                return IRREGULAR
            frames[_SEEN, depth] |= bit
        if action == LEAF:
            place = base[target] + rows[plan.leaf_table[target]] - 1
            size = after - begin
            if store[place] or size >= MOST_SIZE:
                return IRREGULAR
            store[place] = begin << BEGIN_AT | size << SIZE_AT | shape << SHAPE_AT | plan.code[member]
            at = after
        elif wire == 2 and (action in (ROWS, INSIDE)):
            depth = _open(frames, depth, after, target)
            at = begin
        else:
            return IRREGULAR


@_compiled
def varint(text: Any, at: int, limit: int) -> tuple[int, int]:
    """Give the number at `at`, as 64 bits with a sign, and where it ends, or -1 where it has no end."""
    if at < limit and text[at] < 0x80:
        return text[at], at + 1
    value = 0
    for place in range(10):
        if at >= limit:
            return 0, -1
        byte = text[at]
        at += 1
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, -1 if place == 9 and byte > 1 else at
    return 0, -1


@_compiled
def _length(text: Any, at: int, end: int, framing: int) -> tuple[int, int]:
    """Give where a message begins, or -1, and how long it is."""
    if framing == WIDE:
        if end - at < 4:
            return -1, 0
        size = 0
        for place in range(4):
            size = size << 8 | text[at + place]
        return at + 4, size
    size, begin = varint(text, at, end)
    return begin if size >= 0 else -1, size


@_compiled
def _open(frames: Any, depth: int, end: int, node: int) -> int:
    depth += 1
    frames[_END, depth], frames[_NODE, depth] = end, node
    frames[_SEEN, depth], frames[_LAST, depth] = 0, -1
    return depth


@_compiled
def _new_row(table: int, plan: Any, store: Any, base: Any, rows: Any) -> None:
    row = rows[table]
    for child in range(plan.first_child[table], plan.first_child[table + 1]):
        store[base[plan.child_leaf[child]] + row] = rows[plan.child[child]]
    rows[table] = row + 1


@_compiled
def _member(number: int, node: int, last: int, plan: Any) -> int:
    """Give the member with this field number, or -1; the one that followed the last is tried first."""
    first, end = plan.first_member[node], plan.first_member[node + 1]
    guess = plan.follower[last] if last >= 0 else first
    if guess < end and plan.key_begin[guess] == number:
        return guess
    for member in range(first, end):
        if plan.key_begin[member] == number:
            return member
    return -1
