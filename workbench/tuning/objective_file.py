"""An objective as a small YAML, so that a pipeline and a colleague ask for the same.

slos: {p99_s: 0.4, error_share: 0.01}
cost: {servers: 1, orders.instances: 20}
bounds: {orders/workers: [2, 32]}
leave: [payments/*]
scenarios:
  - {name: as recorded}
  - {name: a quarter more load, load: 1.25}
  - {name: slow payments, slower: {payments: 2}}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from workbench.errors import SettingError
from workbench.network import Change, Scenario
from workbench.tuning.objective import SLO, Objective

_KEYS = ("slos", "scenarios", "cost", "given_back", "change_price", "bounds", "steps", "leave")


def read_objective(path: str | Path) -> Objective:
    """Read an objective; what the file leaves out is as in `Objective()`. Raises SettingError."""
    try:
        found = YAML(typ="safe", pure=True).load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise SettingError(f"not YAML: {' '.join(str(error).split())[:160]}", where=str(path)) from error
    given = _mapping(found, str(path), _KEYS)
    made: dict[str, Any] = {}
    for key in ("given_back", "change_price"):
        if key in given:
            made[key] = _number(given[key], f"{path}, {key}")
    for key in ("cost", "steps"):
        if key in given:
            made[key] = _numbers(given[key], f"{path}, {key}")
    if "bounds" in given:
        bounds = _mapping(given["bounds"], f"{path}, bounds").items()
        made["bounds"] = {str(key): _bounds(ends, f"{path}, bounds.{key}") for key, ends in bounds}
    if "leave" in given:
        made["leave"] = tuple(str(pattern) for pattern in _list(given["leave"], f"{path}, leave"))
    if "slos" in given:
        limits = _numbers(given["slos"], f"{path}, slos")
        made["slos"] = tuple(SLO(quantity, limit) for quantity, limit in limits.items())
    if "scenarios" in given:
        entries = _list(given["scenarios"], f"{path}, scenarios")
        made["scenarios"] = tuple(_scenario(one, f"{path}, scenarios[{n}]") for n, one in enumerate(entries))
    return Objective(**made)


def _scenario(given: Any, where: str) -> Scenario:
    own = _mapping(given, where, ("name", "load", "slower", "changes"))
    load = _number(own.get("load", 1.0), f"{where}.load")
    slower = _numbers(own.get("slower", {}), f"{where}.slower")
    changes = tuple(_change(one, f"{where}.changes[{n}]") for n, one in enumerate(own.get("changes") or []))
    return Scenario(str(own.get("name", f"{load:g} × the load")), load=load, slower=slower, changes=changes)


def _change(given: Any, where: str) -> Change:
    own = _mapping(given, where, ("kind", "start_s", "end_s", "station", "amount"))
    try:
        return Change(**own)
    except TypeError as error:
        raise SettingError(
            f"{own!r}", where=where, expected="kind, start_s, end_s, and where it happens: station, amount"
        ) from error


def _bounds(given: Any, where: str) -> tuple[float, float]:
    if not isinstance(given, list) or len(given) != 2:
        raise SettingError(f"{given!r}", where=where, expected="[low, high]")
    low, high = (_number(end, where) for end in given)
    return low, high


def _list(given: Any, where: str) -> list[Any]:
    if not isinstance(given, list) or not given:
        raise SettingError(f"{given!r}", where=where, expected="a list")
    return given


def _numbers(given: Any, where: str) -> dict[str, float]:
    return {str(name): _number(value, f"{where}.{name}") for name, value in _mapping(given, where).items()}


def _number(given: Any, where: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise SettingError(f"{given!r}", where=where, expected="a number")
    return float(given)


def _mapping(given: Any, where: str, known: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise SettingError(f"{given!r}", where=where, expected=f"keys {', '.join(known)}".rstrip())
    unknown = [key for key in given if known and key not in known]
    if unknown:
        raise SettingError(f"{unknown[0]!r}", where=where, expected=f"keys {', '.join(known)}")
    return given
