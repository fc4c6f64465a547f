"""The values of a knob that a search tries and a slider stops at."""

from __future__ import annotations

import numpy as np

from workbench.settings import Knob, Value


def grid(knob: Knob, current: float, *, points: int = 24) -> list[float]:
    """Give values from low to high, the current one among them, and last "no limit" where there is one.

    Whole numbers near the current value are all there; beyond, and for others, steps grow by a factor; shares
    go in steps of a twentieth.
    """
    low, high = knob.low, knob.high
    if knob.whole and high - low <= points:
        values = {float(v) for v in range(int(low), int(high) + 1)}
    elif knob.unit == "share":
        values = {round(float(v), 2) for v in np.linspace(low, high, 21)}
    elif knob.whole:
        near = current if current != knob.off else low
        values = {float(v) for v in range(int(max(low, near - 4)), int(min(high, near + 8)) + 1)}
        values |= {float(round(v)) for v in np.geomspace(max(low, 1), min(high, max(64, 8 * near)), points)}
    else:
        centre = current if current > 0 else float(np.sqrt(max(low, 1e-3) * high))
        first, last = max(low, centre / 16, 1e-3), min(high, centre * 16)
        values = {float(f"{v:.2g}") for v in np.geomspace(first, last, points)} if last > first else {low}
        values = {min(max(v, low), high) for v in values}
    limited = sorted((values | {current, float(low)}) - {knob.off})
    return limited if knob.off is None else [*limited, knob.off]


def number(value: Value, knob: Knob) -> float:
    """Give a setting as a number; unset is no limit where the knob has a word for it, else its least."""
    if value is None:
        return knob.off if knob.off is not None else knob.low
    return knob.check(value)
