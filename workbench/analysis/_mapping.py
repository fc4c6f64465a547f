"""A mapping by hand: a few lines of YAML that say which metric fills which role.

latency: {metric: shop_handler_millis, unit: ms, labels: {status: code, service: app}}
pool_in_use: db_conns_busy
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.capture import Capture
from workbench.errors import Malformed, ReadError
from workbench.presets import ROLES, UNITS, Fill

_KEYS = ("metric", "unit", "labels", "where", "values", "traffic")
_FORM = "role: metric, or role: {metric: …, unit: …, labels: {ours: theirs}, where: {label: pattern}}"


def fills_by_hand(mapping: str | Path | Mapping[str, Any] | None, capture: Capture) -> tuple[Fill, ...]:
    """Give the fills of a mapping (a YAML file, or what it would hold), checked against the capture.

    A role may have a list of entries. Raises Malformed naming the entry where a role, key, unit, metric or
    label is not known.
    """
    if mapping is None:
        return ()
    place = str(mapping) if isinstance(mapping, str | Path) else "mapping"
    given = _parsed(Path(mapping), place) if isinstance(mapping, str | Path) else mapping
    if not isinstance(given, Mapping) or not given:
        raise Malformed(place, f"{_kind(given)}", expected=_FORM)
    return tuple(
        _fill(f"{place}, {role}", str(role), entry, capture)
        for role, entries in given.items()
        for entry in (entries if isinstance(entries, list) else [entries])
    )


def _parsed(path: Path, place: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror}", where=place, expected="a mapping") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        at = getattr(error, "problem_mark", None)
        raise Malformed(
            f"{place}, line {at.line + 1}" if at else place,
            f"not YAML: {getattr(error, 'problem', error)}",
            expected=_FORM,
        ) from error


def _fill(place: str, role: str, entry: Any, capture: Capture) -> Fill:
    entry = {"metric": entry} if isinstance(entry, str) else entry
    if not isinstance(entry, Mapping) or not isinstance(entry.get("metric"), str):
        raise Malformed(place, f"{_kind(entry)} without a metric", expected=_FORM)
    _among(place, "key", entry, _KEYS)
    _among(f"{place}.unit", "unit", [entry.get("unit", "")], UNITS)
    maps = {key: _texts(f"{place}.{key}", entry.get(key, {})) for key in ("labels", "where")}
    base = role.rpartition("_")[0] if role.endswith(("_bucket", "_count", "_sum")) else role
    _among(place, "role", [base if base in ROLES else role], ROLES)
    ours = ("service", "instance", *ROLES[base if base in ROLES else role].labels)
    _among(f"{place}.labels", "label of the role", maps["labels"], ours)
    for label, pattern in maps["where"].items():
        _check_pattern(f"{place}.where.{label}", pattern)
    values = entry.get("values", {})
    if not isinstance(values, Mapping):
        raise Malformed(f"{place}.values", _kind(values), expected="{label: {theirs: ours}}")
    fill = Fill(
        role, (entry["metric"],), maps["labels"], where=maps["where"], unit=entry.get("unit", ""),
        values={str(label): _texts(f"{place}.values.{label}", own) for label, own in values.items()},
        traffic=str(entry.get("traffic", "http")),
    )  # fmt: skip
    found = capture.series[capture.series["metric"].isin(fill.names())]
    if found.empty:
        known = _families(capture.series["metric"])
        raise Malformed(
            f"{place}.metric", f"no metric {entry['metric']!r} in the capture",
            expected=_near(entry["metric"], known), remedy="see `workbench catalogue` for what is there",
        )  # fmt: skip
    theirs = {str(name) for labels in found["labels"] for name, _ in labels}
    for key, names in (("labels", maps["labels"].values()), ("where", maps["where"].keys())):
        _among(f"{place}.{key}", f"label of {entry['metric']}", names, theirs)
    return fill


def _families(metrics: pd.Series) -> set[str]:
    names = set(metrics.unique())
    return names | {name.removesuffix("_bucket") for name in names}


def _among(place: str, what: str, given: Iterable[Any], known: Iterable[str]) -> None:
    for one in given:
        if not isinstance(one, str) or one not in known:
            raise Malformed(place, f"no {what} {one!r}", expected=_near(str(one), known))


def _check_pattern(place: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise Malformed(place, f"{pattern!r}: {error}", expected="a pattern of Python's re") from error


def _near(given: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(given, list(known), n=4)
    return "one of " + ", ".join(near or sorted(name for name in known if name)[:40])


def _texts(place: str, given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping) or not all(isinstance(value, str) for value in given.values()):
        raise Malformed(place, _kind(given), expected="names and texts, as {status: code}")
    return {str(key): value for key, value in given.items()}


def _kind(given: Any) -> str:
    return f"{given!r:.60}" if given is not None else "nothing"
