"""Long lists of points in JSON, [[1435781430.781,"1"],…], read as arrays, not as a Python object per point.

Where a list is laid out as Prometheus and its kin write it, positions of quotes are all its structure. Any
other layout is left to the JSON parser.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

_BEGIN, _END, _NEXT = b'"values":[[', b"]]", b',"histograms":[['
_WORTH_BYTES = 4096  # of shorter lists the arrays cost more than they save
_QUOTE, _COMMA, _OPEN, _CLOSE, _PLUS = b'",[]+'

Points = tuple[np.ndarray, np.ndarray]


def set_aside(content: bytes) -> tuple[bytes, list[Points]]:
    """Give `content` with each long list of points replaced by its number, and times and values of these.

    Where one of the lists is laid out in another way, all stay where they are.
    """
    whole, done, at = memoryview(content), 0, 0
    pieces: list[bytes | memoryview] = []
    lists: list[Points] = []
    while (at := content.find(_BEGIN, at)) >= 0:
        begin = at + len(_BEGIN)
        end = _end_of(content, begin)
        if end < 0 or content[at - 1 : at] == b"\\":  # cut off, or inside a text
            return content, []
        if end - begin >= _WORTH_BYTES:
            points = _parse(whole[begin - 1 : end + 1])
            if points is None:
                return content, []
            pieces += [whole[done : begin - 2], str(len(lists)).encode()]
            lists.append(points)
            done = end + 2
        at = end
    return b"".join([*pieces, whole[done:]]) if lists else content, lists


def _end_of(content: bytes, begin: int) -> int:
    """Find where a list ends, from behind: a search for one rare byte is ten times as fast as for a pair."""
    brace = content.find(b"}", begin)
    opened = content.find(b"{", begin, brace)
    after = opened if opened >= 0 else brace
    end = content.rfind(_END, begin, after) if after >= 0 else -1
    rest = content[end + 2 : after] if end >= 0 else b"?"
    if not rest or rest.startswith(_NEXT):
        return end
    return content.find(_END, begin)


def _parse(points: memoryview) -> Points | None:
    text = np.frombuffer(points, np.uint8)[1:-1]
    quotes = np.flatnonzero(text == _QUOTE)
    if not len(quotes) or len(quotes) % 2 or quotes[-1] != len(text) - 1:
        return None
    opening, closing = quotes[::2], quotes[1::2]
    between = closing[:-1]
    if not (
        (text[opening - 1] == _COMMA).all()
        and (text[between + 1] == _CLOSE).all()
        and (text[between + 2] == _COMMA).all()
        and (text[between + 3] == _OPEN).all()
    ):
        return None
    edges = np.empty((len(opening), 4), np.int32)  # where time and value begin and end
    edges[0, 0] = 0
    edges[1:, 0] = between + 4
    edges[:, 1] = opening - 1
    edges[:, 2] = opening + 1 + (text[opening + 1] == _PLUS)  # +Inf is Inf
    edges[:, 3] = closing
    if (np.diff(edges.ravel()) < 0).any():
        return None
    pieces = pa.StringArray.from_buffers(edges.size - 1, pa.py_buffer(edges), pa.py_buffer(text))
    try:
        times, values = (
            pieces.take(pa.array(np.arange(first, edges.size - 1, 4))).cast(pa.float64()).to_numpy()
            for first in (0, 2)
        )
    except pa.ArrowInvalid:
        return None
    return (times, values) if np.isfinite(times).all() else None
