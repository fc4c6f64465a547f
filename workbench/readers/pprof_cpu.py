"""The binary CPU profile of gperftools, which C++ and early Go wrote: machine words, then what is mapped.

0 3 0 10000 0 | 12 2 0x410bc0 0x41a771 | … | 0 1 0 and text: count, depth and addresses of each stack
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from workbench import tables
from workbench.errors import Malformed, Unrecognized
from workbench.readers import _addresses, _stacks
from workbench.readers._seam import Parts, Stream

FORMAT = "gperftools CPU profile"

_WORDS = ("<u8", "<u4", ">u8", ">u4")
_HEADER = 5  # words: 0, how many follow, version, period in µs, 0
_LONGEST_PERIOD = 10**9  # µs


def sniff(head: bytes) -> bool:
    """True if the first five words, of 4 or 8 bytes in either order, are the header."""
    return _word(head) is not None


def read(*streams: Stream) -> Parts:
    """Read profiles: a row of type `samples` and one of type `cpu`, in nanoseconds, for each stack.

    Frames are named by their address, with the binary mapped there, or as the text at the end names them.
    What the signal's handler put between leaf and caller is taken out, as in pprof.
    """
    known: dict[_stacks.Frame, int] = {}
    parts = Parts()
    found = [_read_one(stream, known) for stream in streams]
    parts.frames = {"frames": _stacks.frames_table(known), "stacks": tables.STACKS.concat(found)}
    return parts


def _word(head: bytes) -> np.dtype | None:
    """Give the kind of word that makes the header true."""
    for kind in map(np.dtype, _WORDS):
        if len(head) >= (_HEADER + 3) * kind.itemsize:
            first, words, version, period, last = np.frombuffer(head, kind, _HEADER).tolist()
            if (first, words, last) == (0, 3, 0) and version in (0, 1) and 0 < period < _LONGEST_PERIOD:
                return kind
    return None


def _read_one(stream: Stream, known: dict[_stacks.Frame, int]) -> pd.DataFrame:
    content = stream.content()
    kind = _word(content)
    if kind is None:
        raise Unrecognized("not a CPU profile of gperftools", where=stream.name, expected=FORMAT)
    words = np.frombuffer(content, kind, len(content) // kind.itemsize)
    period_ns = int(words[3]) * 1000
    stacks, counts, end = _stacks_of(words, stream.name)
    names = _addresses.Names()  # of binaries and, in Java's, functions
    for line in content[end * kind.itemsize :].decode("utf-8", "backslashreplace").split("\n"):
        names.take(line)
    codes = [_stacks.intern(known, (names.of(hex(address)) for address in stack)) for stack in stacks]
    depths = [len(stack) for stack in codes]
    if not depths:
        return tables.STACKS.empty()
    flat = np.array([code for stack in codes for code in stack], np.int32)
    samples = np.array(counts, np.float64)
    return tables.STACKS.build(
        {
            "frames": _stacks.column([_stacks.stack_lists(flat, depths)] * 2),
            "type": np.repeat(["samples", "cpu"], len(depths)),
            "value": np.concatenate([samples, samples * period_ns]),
            "unit": np.repeat(["count", "nanoseconds"], len(depths)),
        },
        where=stream.name,
    )


def _stacks_of(words: np.ndarray, name: str) -> tuple[list[list[int]], list[int], int]:
    """Give addresses and count of each stack, and the word after the trailer."""
    listed = words.tolist()
    stacks: list[list[int]] = []
    counts: list[int] = []
    at = _HEADER
    while True:
        if at + 2 >= len(listed) or at + 2 + listed[at + 1] > len(listed):
            raise Malformed(
                f"{name}, word {at}",
                "it is cut off in a stack",
                expected="0 1 0 after the last",
                remedy="copy or record it again",
            )
        count, depth = listed[at], listed[at + 1]
        stack = listed[at + 2 : at + 2 + depth]
        at += 2 + depth
        if (count, stack) == (0, [0]):
            break
        stacks.append(stack)
        counts.append(count)
    return stacks if words[2] else _without_handler(stacks), counts, at


def _without_handler(stacks: list[list[int]]) -> list[list[int]]:
    """Take out a second frame that nearly all stacks share, twice, then one that repeats the leaf."""
    for _ in range(2):
        seconds = Counter(stack[1] for stack in stacks if len(stack) > 1)
        for address, count in seconds.most_common(1):
            if count >= len(stacks) - len(stacks) // 32:
                stacks = [s[:1] + s[2:] if len(s) > 1 and s[1] == address else s for s in stacks]
    return [s[:1] + s[2:] if len(s) > 1 and s[0] == s[1] else s for s in stacks]
