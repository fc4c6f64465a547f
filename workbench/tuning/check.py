"""`check`: would this file of settings hold the objective? Held, broken, or what is missing to tell.

An SLO holds where the bad end of its interval holds, and is broken where the good end is. Between the two, or
where the settings leave the evidence, nothing can be told.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from workbench import targets
from workbench.consistency import line_of
from workbench.errors import SettingError
from workbench.knobs import all_knobs, apply, settings_of
from workbench.network import Scenario
from workbench.settings import Knob, Settings, Value
from workbench.tuning.objective import SLO, Objective, said, shown_setting
from workbench.tuning.pipeline import BROKEN, HELD, NOTED, UNKNOWN, Result
from workbench.twin.model import Prediction, Twin, predict
from workbench.twin.outcome import shown, unit

SETTINGS = "settings"
_PASSES = 4


@dataclass(frozen=True)
class Asked:
    """What a file asks of a twin: the twin's settings, the file's changes with their lines, and doubts."""

    settings: Settings
    changes: Mapping[str, tuple[Value, Value, int]]
    doubts: tuple[Result, ...]


def check(
    twin: Twin,
    path: str | Path,
    objective: Objective | None = None,
    *,
    target: str = "lab_yaml",
    seed: int = 0,
) -> list[Result]:
    """Give a result for every SLO in every scenario, and one for each thing that stands in the way.

    What the file does not set stays as it was recorded. Raises TargetError for a file that the target cannot
    read, and SettingError for a value out of bounds.
    """
    objective = objective or Objective()
    asked = read_settings(twin, path, target=target)
    changed = "; ".join(f"{key} {old} → {new}" for key, (old, new, _) in asked.changes.items())
    line = next((number for _, _, number in asked.changes.values() if number), 0)
    results = list(asked.doubts)
    for scenario in objective.scenarios:
        prediction = predict(twin, asked.settings, scenario=scenario, seed=seed + 1)
        results += [
            _judged(slo, scenario, prediction, changed or "the settings of the recording", str(path), line)
            for slo in objective.slos
        ]
    return results


def read_settings(twin: Twin, path: str | Path, *, target: str = "lab_yaml") -> Asked:
    """Read a file of `target`'s format as settings of the twin, by way of the network."""
    module = targets.target(target)
    text = targets.read(module, path)
    network, knobs, moved = twin.network, list[Knob](), dict[str, Value]()
    for _ in range(
        _PASSES
    ):  # what a setting moves may hang on others: a timeout on whether there are retries
        knobs = [k for system in module.SYSTEMS for k in all_knobs(system, network)] or list(twin.knobs)
        found = module.current(text, knobs, where=str(path))
        now = settings_of(twin.network, knobs)
        moved = {
            k.key: found[k.key]
            for k in knobs
            if k.tunable and k.key in found and found[k.key] != now.get(k.key)
        }
        before, network = network, apply(twin.network, knobs, moved)
        if network == before:
            break
    own = [knob for knob in twin.knobs if knob.tunable]
    recorded, asked = settings_of(twin.network, own), settings_of(network, own)
    settings = Settings({key: value for key, value in asked.items() if value != recorded.get(key)})
    if twin.at(settings) != network:
        raise SettingError(
            f"{', '.join(moved)} move what no knob of the recording moves",
            where=str(path),
            expected=f"settings that act on one of {', '.join(knob.key for knob in own[:8])}, …",
        )
    known = {knob.key: knob for knob in knobs}
    lines = {key: line_of(module, text, key, knobs) for key in moved}
    changes = {
        key: (shown_setting(known[key], now.get(key)), shown_setting(known[key], value), lines[key])
        for key, value in moved.items()
    }
    doubts = (*_unmoved(twin, found, knobs, str(path)), *_misspelt(text, knobs, str(path)))
    return Asked(settings, changes, doubts)


def _unmoved(twin: Twin, found: Settings, knobs: list[Knob], file: str) -> Iterator[Result]:
    """Settings that no mechanism of the twin moves: nothing is known of what they do."""
    greyed = [k for k in knobs if not k.tunable and k.key in found]
    differing = [k for k in greyed if k.key in twin.settings and found[k.key] != twin.settings[k.key]]
    for knob in differing:
        why = f"was {twin.settings[knob.key]} in the recording, and no mechanism of the twin moves with it"
        yield Result(knob.key, SETTINGS, UNKNOWN, why, file)
    unknown = [k.key for k in greyed if k.key not in twin.settings]
    if unknown:
        why = f"{', '.join(unknown)}: taken to be as in the recording; no mechanism of the twin moves with it"
        yield Result("not predicted", SETTINGS, NOTED, why, file)


def _misspelt(text: str, knobs: list[Knob], file: str) -> Iterator[Result]:
    """Keys of a YAML that lie near a knob's name which the file does not set."""
    try:
        loaded = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError):
        return
    services = loaded.get("services") if isinstance(loaded, dict) else None
    for service, own in (services or {}).items() if isinstance(services, dict) else ():
        names = {knob.name for knob in knobs if knob.service == service}
        given = set(_leaves(own))
        for name in sorted(given - names):
            near = difflib.get_close_matches(name, names - given, n=1, cutoff=0.8)
            if near:
                yield Result(
                    f"{service}/{name}", SETTINGS, UNKNOWN, f"no such knob; is {near[0]} meant?", file
                )


def _leaves(node: Any, above: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, f"{above}.{key}" if above else str(key))
    elif above:
        yield above


def _judged(
    slo: SLO, scenario: Scenario, prediction: Prediction, changed: str, file: str, line: int
) -> Result:
    q = slo.quantity
    value, (low, high) = prediction[q], prediction.interval(q)
    bad = slo.worst(prediction)
    good = low if bad == high else high
    answer = HELD if slo.excess(bad) <= 0 else BROKEN if slo.excess(good) > 0 else UNKNOWN
    why = f"{said(q)} {shown(q, value)} ({shown(q, low)} to {shown(q, high)})"
    if answer == BROKEN:
        why += f", {_beyond(slo, value)}; with {changed}"
    elif answer == UNKNOWN:
        why += (
            ": the interval holds the limit. A longer recording, or one nearer to these settings, would tell"
        )
    elif prediction.outside:
        answer = UNKNOWN
        why += f", but outside the evidence: {'; '.join(prediction.outside)}"
    numbers = {"quantity": q, "limit": slo.limit, "value": value, "low": low, "high": high, "unit": unit(q)}
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in numbers.items()}
    return Result(str(slo), scenario.name, answer, why, file, line if answer == BROKEN else 0, finite)


def _beyond(slo: SLO, value: float) -> str:
    """Say by how much a value breaks the bound."""
    distance = abs(value - slo.limit)
    share = f" ({distance / slo.limit:.0%})" if slo.limit > 0 else ""
    side = "below" if slo.at_least else "above"
    return f"{shown(slo.quantity, distance)} {side} the limit{share}"
