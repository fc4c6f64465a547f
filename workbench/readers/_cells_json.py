"""The scanner of JSON for `_cells`: strict, and quick to refuse what it does not know to the last detail.

Content is read up to the NUL that ends every `bytes` of CPython: no rule of JSON accepts it, so no loop
passes it.
"""

from __future__ import annotations

from typing import Any

from workbench._compiled import compiled_with
from workbench.readers._cells import (
    AT,
    BEGIN_AT,
    DEPTH,
    FOUND,
    FULL,
    IRREGULAR,
    LEAF,
    MOST_SIZE,
    NEEDED,
    NESTED,
    REAL,
    REFUSED,
    ROWS,
    SHAPE_AT,
    SIZE_AT,
    TEXT,
    USED,
    WHOLE,
    WORD,
    sources_of,
)

_compiled = compiled_with(*sources_of("json"))

_QUOTE, _BACKSLASH, _COMMA, _COLON, _NEWLINE = 0x22, 0x5C, 0x2C, 0x3A, 0x0A
_OBJECT, _END_OBJECT, _LIST, _END_LIST = 0x7B, 0x7D, 0x5B, 0x5D
_MINUS, _PLUS, _POINT, _ZERO, _NINE = 0x2D, 0x2B, 0x2E, 0x30, 0x39
_KIND, _NODE, _SEEN, _AFTER, _LAST = range(5)  # of a frame; _AFTER: a member stands before


@_compiled
def scan_json(
    text: Any, extra: Any, state: Any, frames: Any, plan: Any, store: Any, base: Any, room: Any, rows: Any
) -> int:
    """Find cells from where `state` says, until all are found, or there is no room for the next."""
    at, depth, used, end = state[AT], state[DEPTH], state[USED], len(text)
    while True:
        state[AT], state[DEPTH], state[USED], state[NEEDED] = at, depth, used, 0
        at = _space(text, at)
        byte = text[at] if at < end else 0
        if depth == 0:
            if at >= end:
                return FOUND
            if rows[0] == room[0]:
                return FULL
            _new_row(0, plan, store, base, rows)
            store[base[0] + rows[0] - 1] = at
            if byte == _OBJECT:
                node = 0
            elif byte == _LIST and plan.list_node[0] >= 0:
                node = plan.list_node[0]
            else:
                return IRREGULAR
            depth = _open(frames, 0, byte, node)
            at += 1
            continue
        kind, node = frames[_KIND, depth], frames[_NODE, depth]
        if byte == kind + 2:  # its closing bracket
            at, depth = at + 1, depth - 1
            if depth == 0:
                store[base[1] + rows[0] - 1] = at
            continue
        if frames[_AFTER, depth]:
            if byte != _COMMA:
                return IRREGULAR
            at = _space(text, at + 1)
            byte = text[at]
        if kind == _LIST:
            table = plan.table[node]
            if byte == _LIST and plan.grouped[node] and depth == 1:
                frames[_AFTER, depth] = 1
                depth = _open(frames, depth, byte, node)
                at += 1
                continue
            if byte != _OBJECT:
                return IRREGULAR
            if rows[table] == room[table]:
                return FULL
            _new_row(table, plan, store, base, rows)
            frames[_AFTER, depth] = 1
            depth = _open(frames, depth, byte, node)
            at += 1
            continue

        if byte != _QUOTE:
            return IRREGULAR
        is_map = plan.key_leaf[node] >= 0
        if is_map:
            member = plan.first_member[node]
            table = plan.table[node]
            if rows[table] == room[table]:
                return FULL
            begin = at + 1
            close, escaped = _string(text, begin)
            if close < 0:
                return IRREGULAR
            size = close - begin
            if escaped:
                if used + size > len(extra):
                    state[NEEDED] = used + size - state[USED]
                    return FULL
                size = _unescape(text, begin, close, extra, used)
                if size < 0:
                    return IRREGULAR
                begin, used = end + used, used + size
            if size >= MOST_SIZE:
                return IRREGULAR
            key = begin << BEGIN_AT | size << SIZE_AT | TEXT << SHAPE_AT
            at = close + 1
        else:
            member = _member(text, at + 1, node, frames[_LAST, depth], plan)
            if member >= 0:
                at += plan.key_size[member] + 2
            else:
                close, escaped = _string(text, at + 1)
                if close < 0 or escaped or plan.strict[node]:
                    return IRREGULAR
                at = close + 1
        at = _space(text, at)
        if text[at] != _COLON:
            return IRREGULAR
        at = _space(text, at + 1)
        byte = text[at]
        if member < 0:
            at = _skip(text, at, extra)
            if at < 0:
                return IRREGULAR
            frames[_AFTER, depth] = 1
            continue
        action, target = plan.action[member], plan.target[member]
        shape = 0
        begin, size, after = at, 0, at
        if byte == _QUOTE:
            begin = at + 1
            close, escaped = _string(text, begin)
            if close < 0 or action != LEAF:
                return IRREGULAR
            size, after, shape = close - begin, close + 1, TEXT
            if escaped:
                if used + size > len(extra):
                    state[NEEDED] = used + size - state[USED]
                    return FULL
                size = _unescape(text, begin, close, extra, used)
                if size < 0:
                    return IRREGULAR
                begin, used = end + used, used + size
        elif byte == _MINUS or _ZERO <= byte <= _NINE:
            after, shape = _number(text, at)
            if after < 0 or action != LEAF:
                return IRREGULAR
            size = after - at
        elif byte in (_OBJECT, _LIST):
            if action == LEAF:
                if not plan.nested[member]:
                    return IRREGULAR
                after, shape = _skip(text, at, extra), NESTED
                if after < 0:
                    return IRREGULAR
                size = after - at
            elif (action == ROWS) != (byte == _LIST):
                return IRREGULAR
        else:
            after, shape = _word(text, at), WORD
            if after < 0:
                return IRREGULAR
            size = after - at
            if byte == 0x6E:  # null is as good as absent, but where a code says what is null
                shape = WORD if action == LEAF and plan.code[member] else 0
            elif action != LEAF:
                return IRREGULAR
        if size >= MOST_SIZE or action == REFUSED:
            return IRREGULAR

        if is_map:
            _new_row(table, plan, store, base, rows)
            store[base[plan.key_leaf[node]] + rows[table] - 1] = key
        else:
            bit = 1 << (member - plan.first_member[node])
            if frames[_SEEN, depth] & bit:
                return IRREGULAR
            frames[_SEEN, depth] |= bit
            if frames[_LAST, depth] >= 0:
                plan.follower[frames[_LAST, depth]] = member
            frames[_LAST, depth] = member
        frames[_AFTER, depth] = 1
        if action == LEAF:
            if shape:
                place = base[target] + rows[plan.leaf_table[target]] - 1
                if store[place]:
                    return IRREGULAR
                store[place] = begin << BEGIN_AT | size << SIZE_AT | shape << SHAPE_AT | plan.code[member]
            at = after
        elif byte in (_OBJECT, _LIST):
            depth = _open(frames, depth, byte, target)
            at += 1
        else:
            at = after


@_compiled
def _open(frames: Any, depth: int, kind: int, node: int) -> int:
    depth += 1
    frames[_KIND, depth], frames[_NODE, depth] = kind, node
    frames[_SEEN, depth], frames[_AFTER, depth], frames[_LAST, depth] = 0, 0, -1
    return depth


@_compiled
def _new_row(table: int, plan: Any, store: Any, base: Any, rows: Any) -> None:
    row = rows[table]
    for child in range(plan.first_child[table], plan.first_child[table + 1]):
        store[base[plan.child_leaf[child]] + row] = rows[plan.child[child]]
    rows[table] = row + 1


@_compiled
def _member(text: Any, at: int, node: int, last: int, plan: Any) -> int:
    """Give the member with the key at `at`, or -1; the one that followed the last is tried first."""
    first, end = plan.first_member[node], plan.first_member[node + 1]
    guess = plan.follower[last] if last >= 0 else first
    if guess < end and _is_key(text, at, guess, plan):
        return guess
    for member in range(first, end):
        if _is_key(text, at, member, plan):
            return member
    return -1


@_compiled
def _is_key(text: Any, at: int, member: int, plan: Any) -> bool:
    begin, size = plan.key_begin[member], plan.key_size[member]
    for place in range(size):
        if text[at + place] != plan.keys[begin + place]:
            return False
    return text[at + size] == _QUOTE


@_compiled
def _space(text: Any, at: int) -> int:
    while text[at] == 0x20 or text[at] == _NEWLINE or text[at] == 0x0D or text[at] == 0x09:
        at += 1
    return at


@_compiled
def _string(text: Any, at: int) -> tuple[int, bool]:
    """Give where the closing quote is, or -1, and whether anything before it is escaped."""
    escaped = False
    while True:
        byte = text[at]
        if byte == _QUOTE:
            return at, escaped
        if byte < 0x20:
            return -1, escaped
        if byte == _BACKSLASH:
            escaped = True
            at += 1
            if text[at] < 0x20:
                return -1, escaped
        at += 1


@_compiled
def _number(text: Any, at: int) -> tuple[int, int]:
    """Give where the number ends, or -1, and its shape; numbers at the edge of what has room are refused."""
    begin, shape = at, WHOLE
    if text[at] == _MINUS:
        at += 1
    if text[at] == _ZERO:
        at += 1
    else:
        digits = at
        at = _digits(text, at)
        if at == digits or at - begin > 19:
            return -1, 0
    if text[at] == _POINT:
        shape, digits = REAL, at + 1
        at = _digits(text, digits)
        if at == digits:
            return -1, 0
    if text[at] == 0x65 or text[at] == 0x45:
        shape, digits = REAL, at + 1
        if text[digits] == _PLUS or text[digits] == _MINUS:
            digits += 1
        at = _digits(text, digits)
        if at == digits or at - digits > 3 or (at - digits == 3 and text[digits] > 0x32):
            return -1, 0
    if shape == WHOLE and text[begin] == _MINUS and text[begin + 1] == _ZERO:
        return -1, 0
    return at, shape


@_compiled
def _digits(text: Any, at: int) -> int:
    while _ZERO <= text[at] <= _NINE:
        at += 1
    return at


@_compiled
def _word(text: Any, at: int) -> int:
    """Give where true, false or null ends, or -1."""
    if text[at] == 0x74:  # t
        rue = text[at + 1] == 0x72 and text[at + 2] == 0x75 and text[at + 3] == 0x65
        return at + 4 if rue else -1
    if text[at] == 0x66:  # f
        alse = text[at + 1] == 0x61 and text[at + 2] == 0x6C and text[at + 3] == 0x73 and text[at + 4] == 0x65
        return at + 5 if alse else -1
    if text[at] == 0x6E:  # n
        ull = text[at + 1] == 0x75 and text[at + 2] == 0x6C and text[at + 3] == 0x6C
        return at + 4 if ull else -1
    return -1


@_compiled
def _skip(text: Any, at: int, unwritten: Any) -> int:
    """Give where the value at `at` ends, or -1 if it is not JSON or nested too deeply to be ordinary."""
    depth, objects = 0, 0  # a bit for each container: is it an object
    while True:
        at = _space(text, at)
        byte = text[at]
        if byte in (_OBJECT, _LIST):
            at = _space(text, at + 1)
            if text[at] == byte + 2:
                at += 1
            else:
                depth += 1
                if depth > 60:
                    return -1
                objects = objects << 1 | (byte == _OBJECT)
                if byte == _OBJECT:
                    at = _skip_key(text, at)
                    if at < 0:
                        return -1
                continue
        elif byte == _QUOTE:
            close, escaped = _string(text, at + 1)
            if close < 0 or (escaped and _unescape(text, at + 1, close, unwritten, -1) < 0):
                return -1
            at = close + 1
        elif byte == _MINUS or _ZERO <= byte <= _NINE:
            at, _ = _number(text, at)
        else:
            at = _word(text, at)
        if at < 0:
            return -1
        going = False
        while depth and not going:
            at = _space(text, at)
            byte = text[at]
            at += 1
            if byte == _COMMA:
                going = True
                if objects & 1:
                    at = _skip_key(text, _space(text, at))
                    if at < 0:
                        return -1
            elif byte == (_END_OBJECT if objects & 1 else _END_LIST):
                depth, objects = depth - 1, objects >> 1
            else:
                return -1
        if not going:
            return at


@_compiled
def _skip_key(text: Any, at: int) -> int:
    if text[at] != _QUOTE:
        return -1
    close, escaped = _string(text, at + 1)
    if close < 0 or escaped:
        return -1
    at = _space(text, close + 1)
    return at + 1 if text[at] == _COLON else -1


@_compiled
def _unescape(text: Any, at: int, end: int, out: Any, to: int) -> int:
    """Write text[at:end] without escapes from out[to] on, unless `to` is -1; give its size, -1 if bad."""
    size, write = 0, to >= 0
    while at < end:
        byte = text[at]
        at += 1
        if byte != _BACKSLASH:
            if write:
                out[to + size] = byte
            size += 1
            continue
        byte = text[at]
        at += 1
        if byte == 0x75:  # u
            point = _hexadecimal(text, at)
            at += 4
            if 0xD800 <= point < 0xDC00 and text[at] == _BACKSLASH and text[at + 1] == 0x75:
                low = _hexadecimal(text, at + 2)
                at += 6
                if not 0xDC00 <= low < 0xE000:
                    return -1
                point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00)
            elif 0xD800 <= point < 0xE000:
                return -1
            if point < 0:
                return -1
            many = 1 if point < 0x80 else 2 if point < 0x800 else 3 if point < 0x10000 else 4
            if write:
                if many == 1:
                    out[to + size] = point
                else:
                    lead = 0xC0 if many == 2 else 0xE0 if many == 3 else 0xF0
                    out[to + size] = lead | point >> 6 * (many - 1)
                    for place in range(1, many):
                        out[to + size + place] = 0x80 | (point >> 6 * (many - 1 - place) & 0x3F)
            size += many
            continue
        if byte == 0x62:  # b
            byte = 0x08
        elif byte == 0x66:  # f
            byte = 0x0C
        elif byte == 0x6E:  # n
            byte = 0x0A
        elif byte == 0x72:  # r
            byte = 0x0D
        elif byte == 0x74:  # t
            byte = 0x09
        elif byte != _QUOTE and byte != _BACKSLASH and byte != 0x2F:
            return -1
        if write:
            out[to + size] = byte
        size += 1
    return size


@_compiled
def _hexadecimal(text: Any, at: int) -> int:
    """Give the number that four digits write, or -1."""
    value = 0
    for place in range(at, at + 4):
        byte = text[place]
        if _ZERO <= byte <= _NINE:
            digit = byte - _ZERO
        elif 0x61 <= byte | 0x20 <= 0x66:
            digit = (byte | 0x20) - 0x57
        else:
            return -1
        value = value << 4 | digit
    return value
