"""JSON as telemetry has it: recognised from its first bytes, parsed whole or by line, laid out in columns."""

from __future__ import annotations

import functools
import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pyarrow as pa

from workbench.errors import Malformed

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]|"', re.DOTALL)
_DEEPEST = 12  # deeper containers are followed, not named
_BOM = b"\xef\xbb\xbf"


@functools.lru_cache(maxsize=4)
def outline(head: bytes) -> dict[str, str]:
    """Give the keys of the JSON document that begins with `head`, whole or cut off.

    Keys are paths such as `data.result[].metric`, and `data.result[]` where a list begins; values are the
    first text found at the path, "" where there is none.
    """
    found: dict[str, str] = {}
    if head.removeprefix(_BOM).lstrip()[:1] not in (b"{", b"["):
        return found
    opened: list[tuple[bool, str]] = []  # (is it an object, path of its members)
    here, key_next = "", False
    for match in _TOKEN.finditer(head):
        token = match[0]
        if token in (b"{", b"["):
            if token == b"[" and len(opened) < _DEEPEST:
                here += "[]"
                found.setdefault(here, "")
            opened.append((token == b"{", here))
            key_next = token == b"{"
        elif token in (b"}", b"]"):
            opened.pop()
            if not opened:
                break
            here, key_next = opened[-1][1], False
        elif token == b",":
            key_next, here = opened[-1] if opened else (False, "")
        elif token == b'"':
            break  # a string that the head cuts off
        elif not opened:
            break
        elif key_next:
            key_next = False
            if len(opened) < _DEEPEST:
                here = f"{here}.{_text(token)}" if here else _text(token)
                found.setdefault(here, "")
        else:
            found[here] = found.get(here) or _text(token)
    return found


def parse(content: bytes, name: str) -> Any:
    """Parse one document; raise Malformed with the byte where it breaks."""
    content = content.removeprefix(_BOM)
    try:
        with collector_resting():
            return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        byte = _byte(content, error)
        cut = byte >= len(content.rstrip())
        raise Malformed(
            f"{name}, byte {byte:,} of {len(content):,}",
            "the JSON is cut off" if cut else f"not JSON: {error.msg}",
            expected="one whole JSON document",
            remedy="copy or record the file again" + ("; it is not all there" if cut else ""),
        ) from error


def parse_lines(content: bytes, name: str) -> Iterator[tuple[str, Any]]:
    """Give (place, document) for each line of JSON lines, or once for a document over many lines.

    A line that is not JSON gives None; what is no JSON from its first line raises Malformed.
    """
    first, _, rest = content.partition(b"\n")
    lines = bool(rest.strip())
    if lines:
        try:
            orjson.loads(first.removeprefix(_BOM))
        except orjson.JSONDecodeError:
            lines = False
    if not lines:
        yield name, parse(content, name)
        return
    for number, line in enumerate(content.removeprefix(_BOM).split(b"\n"), 1):
        if line.strip():
            try:
                yield f"{name}:{number}", orjson.loads(line)
            except orjson.JSONDecodeError:
                yield f"{name}:{number}", None


@contextmanager
def collector_resting() -> Iterator[None]:
    """Stop cyclic collection meanwhile: it finds nothing in parsed JSON and takes half of the time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def text(value: Any) -> str:
    """Give a JSON value as text: text as it is, anything else as JSON."""
    return value if type(value) is str else orjson.dumps(value).decode()


def map_column(keys: list[str], items: list[str], offsets: list[int]) -> pa.MapArray:
    """Make a map column; row i holds the pairs from `offsets[i]` up to `offsets[i + 1]`."""
    return pa.MapArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.array(keys, pa.string()), pa.array(items, pa.string())
    )


def _byte(content: bytes, error: orjson.JSONDecodeError) -> int:
    """Turn orjson's position, in characters, into bytes."""
    try:
        return len(content.decode()[: error.pos].encode())
    except UnicodeDecodeError as broken:
        return broken.start


def _text(token: bytes) -> str:
    return token[1:-1].decode("utf-8", "replace")
