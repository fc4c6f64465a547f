"""The values of a knob that a search tries and a slider stops at."""

from __future__ import annotations

from typing import cast

import numpy as np

from workbench.settings import Knob, Value


def grid(
    knob: Knob, current: float | str, *, step: float | None = None, points: int = 24
) -> list[float | str]:
    """Give values from low to high, the current one among them, and last "no limit" where there is one.

    Whole numbers near the current value are all there; beyond, and for others, steps grow by a factor; shares
    go in steps of a twentieth; with `step` all go in such steps. A knob of words has all, as declared.
    """
    if knob.choices:
        return list(knob.choices)
    now = cast("float", current)
    limited = sorted((_values(knob, now, step, points) | {now, float(knob.low)}) - {knob.off})
    return [*limited] if knob.off is None else [*limited, knob.off]


def present(value: Value, knob: Knob) -> float | str:
    """Give the setting in force as the grid has it; unset is no limit where there is one, else the least."""
    if value is None:
        return knob.choices[0] if knob.choices else knob.low if knob.off is None else knob.off
    return knob.check(value)


def _values(knob: Knob, now: float, step: float | None, points: int) -> set[float]:
    low, high = knob.low, knob.high
    if step:
        return {float(f"{low + n * step:.9g}") for n in range(int((high - low) / step * (1 + 1e-9)) + 1)}
    if knob.whole and high - low <= points:
        return {float(v) for v in range(int(low), int(high) + 1)}
    if knob.unit == "share":
        return {round(float(v), 2) for v in np.linspace(low, high, 21)}
    if knob.whole:
        near = now if now != knob.off else low
        values = {float(v) for v in range(int(max(low, near - 4)), int(min(high, near + 8)) + 1)}
        return values | {
            float(round(v)) for v in np.geomspace(max(low, 1), min(high, max(64, 8 * near)), points)
        }
    centre = now if now > 0 else float(np.sqrt(max(low, 1e-3) * high))
    first, last = max(low, centre / 16, 1e-3), min(high, centre * 16)
    spread = {float(f"{v:.2g}") for v in np.geomspace(first, last, points)} if last > first else {low}
    return {min(max(v, low), high) for v in spread}
