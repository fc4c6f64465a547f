"""Which smallest change of one setting lets the system come back by itself? `smallest_fixes`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from workbench.network import Scenario
from workbench.settings import Knob, Settings, Value
from workbench.tuning.grid import grid, present
from workbench.twin.model import Twin
from workbench.twin.recovery import recovery

_STEPS = 12  # on the grid of a knob, each way
_WORSE = 0.01  # share of requests that a fix may serve less without the trigger
_LOOK, _RUNS = 3, 8  # runs at a first look, and for what passed it


def smallest_fixes(
    twin: Twin,
    settings: Mapping[str, Value] | None = None,
    *,
    scenario: Scenario,
    slo_s: float = np.inf,
    seed: int = 0,
    progress: Callable[[float], None] = lambda share: None,
) -> pd.DataFrame:
    """Give, by knob, the value nearest to the present one with which every run comes back from the scenario.

    Columns: key, now, to, steps (on the knob's grid), after_s (median seconds to come back), served (share of
    requests served without the trigger, which must not fall by a point); fewest steps first. Knobs that no
    single step helps are left out.
    """
    now = twin.settings.with_(settings or {})
    untouched = recovery(twin, now, scenario=scenario, slo_s=slo_s, runs=_LOOK, seed=seed)
    least = _untroubled(untouched.table) - _WORSE
    knobs = [knob for knob in twin.knobs if knob.tunable]
    rows = []
    for i, knob in enumerate(knobs):
        for steps, value in _outwards(knob, now):
            changed = {**now, knob.key: value}
            looked = recovery(twin, changed, scenario=scenario, slo_s=slo_s, runs=_LOOK, seed=seed)
            if looked.returned < 1.0 or _untroubled(looked.table) < least:
                continue
            found = recovery(twin, changed, scenario=scenario, slo_s=slo_s, runs=_RUNS, seed=seed + 1)
            if found.returned == 1.0:
                rows.append(
                    {
                        "key": knob.key,
                        "now": now.get(knob.key),
                        "to": value,
                        "steps": steps,
                        "after_s": found.after_s[0],
                        "served": _untroubled(found.table),
                    }
                )
                break
        progress((i + 1) / len(knobs))
    columns = ["key", "now", "to", "steps", "after_s", "served"]
    return pd.DataFrame(rows, columns=columns).sort_values(["steps", "after_s"], ignore_index=True)


def _untroubled(table: pd.DataFrame) -> float:
    return float(np.average(table["untroubled"].fillna(1.0), weights=table["load_rps"] + 1e-9))


def _outwards(knob: Knob, now: Settings) -> Iterator[tuple[int, Value]]:
    """Values of the knob's grid from the present one outwards, with their distance in steps."""
    here = present(now.get(knob.key), knob)
    values = grid(knob, here)
    place = values.index(here)
    for steps in range(1, _STEPS + 1):
        for at in (place - steps, place + steps):
            if 0 <= at < len(values):
                yield steps, values[at]
