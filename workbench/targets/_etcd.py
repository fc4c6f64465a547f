"""What `etcdctl txn` reads: comparisons, requests and requests otherwise, an empty line after each.

put "/config/development/orders/workers" "8"

etcd carries out all or nothing, at most 128 requests unless it was told otherwise (--max-txn-ops).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _keys
from workbench.targets._seam import changed, line_end, natural_lines, plain, said
from workbench.targets._splice import Splice, splice

_PUT = re.compile(r'(put "([^"\\]*)" ")([^"\\]*)"[ \t]*')


@dataclass(frozen=True)
class Puts:
    """A transaction that puts every setting below a prefix."""

    prefix: str

    def blank(self, knobs: Iterable[Knob]) -> str:
        """Give a transaction without requests."""
        return "\n\n\n"

    def current(self, text: str, knobs: Iterable[Knob], *, where: str = "puts.txn") -> Settings:
        """Give what the transaction puts of these knobs."""
        held, found = self._requests(text, where)[0], dict[str, Value]()
        for knob in knobs:
            if self._key(knob) in held:
                start, end, line = held[self._key(knob)]
                found[knob.key] = said(text[start:end], knob, f"{where}:{line}")
        return Settings(found)

    def edit(
        self,
        text: str,
        settings: Mapping[str, Value],
        knobs: Iterable[Knob],
        *,
        why: Mapping[str, str],
        where: str = "puts.txn",
    ) -> str:
        """Give the transaction with these settings, missing ones added; it has no place to say why."""
        known = list(knobs)
        held, end = self._requests(text, where)
        added, splices = "", []
        for knob, value in changed(settings, self.current(text, known, where=where), known).items():
            name = self._key(knob)
            if name in held:
                splices.append(Splice(*held[name][:2], plain(value)))
            else:
                added += f'put "{name}" "{plain(value)}"{line_end(text)}'
        return splice(text, [*splices, Splice(end, end, added)])

    def _key(self, knob: Knob) -> str:
        return f"/{_keys.key(self.prefix, knob)}"

    def _requests(self, text: str, where: str) -> tuple[dict[str, tuple[int, int, int]], int]:
        """Give by key where its value stands and at which line, and where the requests end."""
        held: dict[str, tuple[int, int, int]] = {}
        part, position = 0, 0
        end = None
        for number, line in enumerate(natural_lines(text), 1):
            bare = line.removeprefix("\ufeff").rstrip("\r\n")
            put = _PUT.fullmatch(bare)
            if not bare:
                end = position if part == 1 else end
                part += 1
            elif (put is None) == (part == 1) or (put and part != 1):
                expected = 'put "KEY" "VALUE"' if part == 1 else "requests below the first empty line alone"
                raise TargetError(f"{bare[:60]!r}", where=f"{where}:{number}", expected=expected)
            elif put:
                if put[2] in held:
                    raise TargetError(f"{put[2]!r} a second time", where=f"{where}:{number}", expected="once")
                start = position + len(line) - len(line.lstrip("\ufeff")) + put.end(1)
                held[put[2]] = (start, start + len(put[3]), number)
            position += len(line)
        if end is None:
            raise TargetError(
                "no empty line after the requests",
                where=where,
                expected="comparisons, requests and requests otherwise, an empty line after each",
                remedy="export without a file to begin with, which writes a new one",
            )
        return held, end
