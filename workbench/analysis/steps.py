"""The steps of a recorded load: where the load generator's plan changes its rate."""

from __future__ import annotations

import pandas as pd

from workbench.capture import Capture
from workbench.errors import SettingError


def steps(capture: Capture, *, settle_s: float = 10.0) -> list[tuple[float, Capture]]:
    """Cut a recording at the steps of its load, each without its first `settle_s`; give (requests/s, part).

    Raises SettingError for a recording that keeps no plan of its load.
    """
    if "plan" not in capture.load:
        raise SettingError("no plan of the load", where=capture.name, expected="a recording of the lab")
    start, found = capture.start, []
    for duration_s, rate_rps in capture.load["plan"]:
        end = start + pd.Timedelta(duration_s, "s")
        found.append((float(rate_rps), capture.between(start + pd.Timedelta(settle_s, "s"), end)))
        start = end
    return found
