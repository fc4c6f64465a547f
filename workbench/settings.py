"""Knobs and settings: the named values of real systems, and where each acts in the network.

A `Knob` is declared in `knobs/`, one file per tuned system. A `Settings` maps `service/knob` to values:

    Settings({"orders/workers": 8, "gateway/calls.orders.timeout_s": 0.4})
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape

from workbench.errors import SettingError

Value = int | float | str | bool | None


@dataclass(frozen=True)
class Knob:
    """A bounded named parameter of one service of a real system.

    `name` is spelled as in the system's own configuration; `unit` is the unit there. `path` is the network
    path that the knob moves ("" if no mechanism moves it yet: it is exported and shown, never tuned), and
    the network's value is `value · scale + offset` (scale 0.001 for milliseconds, offset 1 for retries that
    count beyond the first try). `off` is the configured value that means "without limit", where there is one.
    A knob with `choices` is a word of the configuration; `words` are the network's for them, in that order.
    """

    service: str
    name: str
    unit: str
    low: float
    high: float
    meaning: str
    path: str = ""
    scale: float = 1.0
    offset: float = 0.0
    whole: bool = False
    log: bool = False
    off: float | None = None
    choices: tuple[str, ...] = ()
    words: tuple[float | str, ...] = ()

    @property
    def key(self) -> str:
        """`service/name`, as in Settings."""
        return f"{self.service}/{self.name}"

    @property
    def tunable(self) -> bool:
        """True if a mechanism of the twin moves with it."""
        return bool(self.path)

    def check(self, value: Value) -> float | str:
        """Give the value as a number within bounds, or as one of the choices, or raise SettingError."""
        if self.choices:
            if value not in self.choices:
                raise SettingError(f"{value!r}", where=self.key, expected=self.bounds)
            return str(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise SettingError(f"{value!r}", where=self.key, expected=self.bounds)
        if value == self.off:
            return value
        if not self.low <= value <= self.high or (self.whole and value != int(value)):
            raise SettingError(
                f"{value:g} {self.unit}".rstrip(),
                where=self.key,
                expected=self.bounds,
                remedy="choose a value inside the bounds, or widen them where the knob is declared",
            )
        return int(value) if self.whole else value

    @property
    def bounds(self) -> str:
        """The bounds in words, with the unit."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        kind = "a whole number" if self.whole else "a number"
        off = f", or {self.off:g} for no limit" if self.off is not None else ""
        return f"{kind} from {self.low:g} to {self.high:g} {self.unit}".rstrip() + off

    def to_network(self, value: Value) -> float | str:
        """Give the network's value for a configured one (checked)."""
        number = self.check(value)
        if isinstance(number, str):
            return self.words[self.choices.index(number)] if self.words else number
        if number == self.off:
            return math.inf
        moved = number * self.scale + self.offset
        return int(moved) if self.whole and moved == int(moved) else moved

    def from_network(self, value: float | str) -> float | str:
        """Give the configured value for the network's, rounded to what the configuration can hold."""
        if self.choices:
            words = self.words or self.choices
            if value not in words:
                raise SettingError(f"{value!r}", where=self.key, expected=self.bounds)
            return self.choices[words.index(value)]
        if isinstance(value, str):
            raise SettingError(f"{value!r}", where=self.key, expected=self.bounds)
        if math.isinf(value):
            if self.off is None:
                raise SettingError("no limit", where=self.key, expected=self.bounds)
            return self.off
        number = (value - self.offset) / self.scale
        number = round(number) if self.whole else float(f"{number:.6g}")
        if number == self.off:
            raise SettingError(f"{value:g}, written as no limit", where=self.key, expected=self.bounds)
        return self.check(number)


class Settings(Mapping[str, Value]):
    """An immutable mapping from `service/knob` to the configured value."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Value] | None = None) -> None:
        self._values = dict(sorted((values or {}).items()))
        for key, value in self._values.items():
            if "/" not in key:
                raise SettingError(f"key {key!r}", expected="service/knob, such as orders/workers")
            if not isinstance(value, int | float | str | bool | None):
                raise SettingError(f"{value!r}", where=key, expected="a number, text, true, false or null")

    def __getitem__(self, key: str) -> Value:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def with_(self, changes: Mapping[str, Value]) -> Settings:
        """Give a changed copy."""
        return Settings({**self._values, **changes})

    def difference(self, other: Mapping[str, Value]) -> dict[str, tuple[Value, Value]]:
        """Map each key on which `other` differs to (here, there); None where absent."""
        keys = sorted(set(self) | set(other))
        return {k: (self.get(k), other.get(k)) for k in keys if self.get(k) != other.get(k)}

    def __repr__(self) -> str:
        return f"Settings({self._values!r})"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{escape(k)}</td><td>{escape(str(v))}</td></tr>" for k, v in self.items())
        return f"<table><tr><th>setting</th><th>value</th></tr>{rows}</table>"


def find(knobs: Iterable[Knob], key: str) -> Knob:
    """Give the knob of that key among `knobs`, or raise SettingError naming near keys."""
    known = {knob.key: knob for knob in knobs}
    if key not in known:
        near = difflib.get_close_matches(key, known, n=3)
        raise SettingError(
            f"no knob {key!r}",
            expected=f"one of {near or sorted(known)[:8]}",
            remedy="list the knobs with `workbench knobs`",
        )
    return known[key]
