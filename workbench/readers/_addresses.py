"""Addresses of pprof's older kinds: named by lines of the file, or shown with the binary mapped there."""

from __future__ import annotations

import re
from bisect import bisect_right

from workbench.readers import _stacks

_JAVA = re.compile(r"\s+(0x[0-9a-f]+) (.+?)(?: \((.*?)(?::(\d+))?\))?\s*")
_MAP = re.compile(r"\s*([0-9a-f]+)-([0-9a-f]+):? +(?:[r-][w-]([x-])[ps] [0-9a-f]+ \S+ \d+ *)?(.*)")
_MOST_LINE = 10_000  # characters


class Names:
    """What is known of addresses; `take` learns from a line, `of` gives the frame."""

    def __init__(self) -> None:
        self._named: dict[int, _stacks.Frame] = {}
        self._maps: list[tuple[int, int, str]] = []
        self._frames: dict[str, _stacks.Frame] = {}

    def take(self, line: str) -> bool:
        """Learn a mapped binary, or the name of an address as Java writes it; False if it is neither."""
        if len(line) > _MOST_LINE:
            return False
        if mapped := _MAP.fullmatch(line):
            if mapped[3] != "-" and mapped[4].strip():  # code, of a file
                self._maps.append((int(mapped[1], 16), int(mapped[2], 16), mapped[4].strip()))
        elif named := _JAVA.fullmatch(line):
            number = int(named[4]) if named[4] and len(named[4]) < 10 else 0
            self._named[int(named[1], 16)] = (named[2], named[3] or None, number or None, None)
        else:
            return False
        return True

    def name(self, address: str, function: str) -> None:
        """Learn the function at an address; one that is no number is passed over."""
        if (number := _number(address)) is not None:
            self._named[number] = (function, None, None, None)

    def of(self, address: str) -> _stacks.Frame:
        """Give the frame of an address; without a name, the address and its binary. All is learnt by then."""
        frame = self._frames.get(address)
        if frame is None:
            self._frames[address] = frame = self._frame(address)
        return frame

    def _frame(self, address: str) -> _stacks.Frame:
        number = _number(address)
        if number is None:
            return address, None, None, False
        if not self._frames:
            self._maps.sort()
        at = bisect_right(self._maps, number, key=lambda mapped: mapped[0]) - 1
        binary = self._maps[at][2] if at >= 0 and number < self._maps[at][1] else None
        return self._named.get(number) or (address, binary, None, False)


def _number(address: str) -> int | None:
    try:
        return int(address, 16)
    except ValueError:
        return None
