"""The settings of a Go service as YAML that it loads into the libraries; one service.

http:
  server: {requestTimeout: 800ms, idleTimeout: 2m}
  clients:
    payments: {timeout: 400ms, maxConnsPerHost: 16}
database: {maxOpenConns: 10}
limiter: {rate: 50, burst: 5}
breakers:
  payments: {tripAfter: 5, timeout: 5s}
workers: {count: 8, queue: 64}

Times are those of time.ParseDuration, which yaml.v3 reads into a time.Duration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workbench.errors import TargetError
from workbench.settings import Knob, Settings, Value
from workbench.targets import _nested, _yaml
from workbench.targets._durations import duration, seconds
from workbench.targets._seam import one_service, plain

FORMAT = "YAML of a Go service"
SYSTEMS = ("go_http", "go_sql", "go_rate", "go_breaker", "go_workers")
FILENAME = "{service}/service.yaml"
ENCODING = "utf-8"

_PLACE = _nested.below()


def blank(knobs: Iterable[Knob]) -> str:
    """Give the libraries without settings."""
    return _nested.blank("Settings of the service.", knobs, keys=lambda knob: knob.name.split(".")[0])


def current(text: str, knobs: Iterable[Knob], *, where: str = FILENAME) -> Settings:
    """Give what the file sets of these knobs; durations in seconds."""
    return _nested.current(text, one_service(knobs, where), _PLACE, where=where, read=_read)


def edit(
    text: str,
    settings: Mapping[str, Value],
    knobs: Iterable[Knob],
    *,
    why: Mapping[str, str],
    where: str = FILENAME,
) -> str:
    """Give the file with these settings, missing ones added."""
    known = list(knobs)
    return _nested.edit(text, settings, known, _PLACE, why=why, where=where, read=_read, write=_written)


def _read(node: _yaml.Node, knob: Knob, where: str) -> float | str:
    if knob.unit != "s":
        return _nested.number(node, knob, where)
    text = _yaml.scalar(node)
    found = seconds(text)
    if found is None:
        raise TargetError(
            f"{text!r}" if text else "no value",
            where=f"{where}:{_yaml.line_of(node)}, {knob.key}",
            expected="a duration such as 400ms or 1m30s",
        )
    return found


def _written(value: float | str, knob: Knob) -> str:
    return duration(value) if knob.unit == "s" and not isinstance(value, str) else plain(value)
