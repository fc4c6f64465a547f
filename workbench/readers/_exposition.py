"""Series as Prometheus' text formats write them, name{label="value"}, and their escapes."""

from __future__ import annotations

import re

_QUOTED = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
SERIES = rb"(?:[^\s{#\"][^\s{\"]*+[ \t]*+)?(?:\{(?:[^\"}]|" + _QUOTED + rb")*+\})?"  # name, labels, or both
_PAIR = re.compile(
    rb"\s*(?:([a-zA-Z_:][a-zA-Z0-9_:.]*+)|(" + _QUOTED + rb"))\s*(?:=\s*(" + _QUOTED + rb"))?\s*(,|$)",
    re.DOTALL,
)
_NAME = re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:.]*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


def series(text: bytes) -> tuple[str, dict[str, str]] | None:
    """Take a series apart into its name and labels; None if it is none. A quoted name stands in braces."""
    name, _, rest = text.partition(b"{")
    name = name.rstrip()
    if name and not _NAME.fullmatch(name):
        return None
    found = labels(rest.removesuffix(b"}")) if rest else {}
    if found is None:
        return None
    named = found.pop("__name__", name.decode())
    return (named, found) if named or found else None


def labels(text: bytes) -> dict[str, str] | None:
    """Take apart what stands in braces; a text alone is the name of the metric."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None or (pair[1] and pair[3] is None):
            return found if not text[at:].strip() else None
        key = pair[1].decode() if pair[1] else _plain(pair[2])
        if pair[3] is None:
            key, value = "__name__", key
        else:
            value = _plain(pair[3])
        if key in found:
            return None
        found[key] = value
        at = pair.end()
    return found


def _plain(quoted: bytes) -> str:
    text = quoted[1:-1].decode("utf-8", "replace")
    return _ESCAPE.sub(lambda e: _ESCAPED.get(e[1], e[1]), text) if "\\" in text else text
