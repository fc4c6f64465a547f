"""A twin as text, to be run again years later: JSON of its values, arrays as base64 of little-endian float64.

{"type": "Pool", "servers": 8, "queue": {"number": "inf"}}
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from inspect import getmembers, isclass
from typing import Any

import numpy as np
import pandas as pd

from workbench import network, policies
from workbench.errors import Malformed
from workbench.settings import Knob, Settings
from workbench.twin.model import Twin

FORMAT = "workbench twin 1"
_CLASSES = {
    name: one
    for module in (network, policies)
    for name, one in getmembers(module, lambda one: isclass(one) and is_dataclass(one))
} | {"Knob": Knob, "Twin": Twin}


def freeze(twin: Twin) -> str:
    """Give a twin as text; `thaw` gives an equal one."""
    return json.dumps({"format": FORMAT, "twin": _plain(twin)}, allow_nan=False)


def thaw(text: str, *, where: str = "twin") -> Twin:
    """Read what `freeze` wrote, or raise Malformed. What a later version added stands at its default."""
    try:
        record = json.loads(text)
        if record["format"] != FORMAT:
            raise Malformed(where, f"format {record['format']!r}", expected=FORMAT)
        twin = _value(record["twin"])
        if not isinstance(twin, Twin):
            raise TypeError(type(twin).__name__)
        return twin
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Malformed(where, f"not a frozen twin: {error!r}", expected=FORMAT) from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"array": base64.b64encode(value.astype("<f8").tobytes()).decode(), "shape": list(value.shape)}
    if isinstance(value, pd.Timestamp):
        return {"time": value.isoformat()}
    if isinstance(value, Mapping):
        return {
            "settings" if isinstance(value, Settings) else "map": [[k, _plain(v)] for k, v in value.items()]
        }
    if is_dataclass(value) and not isinstance(value, type):
        return {"type": type(value).__name__} | {
            f.name: _plain(getattr(value, f.name)) for f in fields(value)
        }
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not np.isfinite(value):
        return {"number": repr(float(value))}
    return value.item() if isinstance(value, np.generic) else value


def _value(plain: Any) -> Any:
    if isinstance(plain, list):
        return tuple(_value(one) for one in plain)
    if not isinstance(plain, dict):
        return plain
    if "type" in plain:  # before the others, which names of fields could be
        return _made(plain)
    if "array" in plain:
        return np.frombuffer(base64.b64decode(plain["array"]), "<f8").astype(float).reshape(plain["shape"])
    if "time" in plain:
        return pd.Timestamp(plain["time"])
    if "number" in plain:
        return float(plain["number"])
    entries = {key: _value(one) for key, one in plain["map" if "map" in plain else "settings"]}
    return entries if "map" in plain else Settings(entries)


def _made(plain: dict[str, Any]) -> Any:
    kind = _CLASSES[plain["type"]]
    known = {f.name for f in fields(kind)}
    return kind(**{name: _value(one) for name, one in plain.items() if name in known})
