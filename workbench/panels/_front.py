"""The front of a search to walk along: a slider from cheap to good, and a figure to click."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import numpy as np

from workbench.figures.choice import front as drawn
from workbench.figures.live import fit, live
from workbench.settings import Settings, find
from workbench.tuning.grid import present
from workbench.tuning.objective import said
from workbench.tuning.recommendation import Recommendation
from workbench.twin.model import Twin
from workbench.twin.outcome import shown

_NONE = "search first"
_CLEAR = "rgba(0,0,0,0)"
_LINE, _RING = 1, 2  # traces of the figure


class Front:
    """`walk` is the slider, `place` holds the figure; `put` is called with the settings of each step."""

    def __init__(self, twin: Twin, put: Callable[[Settings], None]) -> None:
        self._twin, self._put, self._silent = twin, put, False
        self._steps: list[Settings] = []
        self._figure: Any = None
        self.walk = widgets.SelectionSlider(
            options=[_NONE],
            description="front",
            tooltip="From the cheapest to the best that was tried",
            disabled=True,
            continuous_update=False,
            style={"description_width": "50px"},
            layout={"flex": "1 1 auto", "min_width": "0"},
        )
        self.place = widgets.VBox([widgets.HTML("<p class='wb-faint'>Find settings first.</p>")])
        self.walk.observe(lambda _: self._walked(), "index")

    def take(self, found: Recommendation) -> None:
        """Take the front of a search, and stand at what it recommends if that lies on it."""
        study = found.study
        if study is None or study.front.empty or not found.slos:
            return
        slo = found.slos[0]
        rows = study.front.to_dict("records")
        self._steps = [step(self._twin, row) for row in rows]
        at = self._steps.index(found.settings) if found.settings in self._steps else 0
        self._silent = True
        told = [f"{said(slo.quantity)} {shown(slo.quantity, row[slo.quantity])}" for row in rows]
        self.walk.options = [
            (f"{n} of {len(rows)}: cost {row['cost']:.4g}, {text}", n)
            for n, (row, text) in enumerate(zip(rows, told, strict=True), 1)
        ]
        self.walk.index, self.walk.disabled = at, False
        self._silent = False
        self._figure = live(
            drawn(study.front, slo, tried=study.tried, chosen=at).update_layout(
                height=300, margin={"t": 76, "b": 44}, paper_bgcolor=_CLEAR, plot_bgcolor=_CLEAR
            )
        )
        self._figure.data[_LINE].on_click(lambda _, points, __: self._clicked(points.point_inds))
        self.place.children = [self._figure]

    def measure(self) -> None:
        """Have the figure fit its place, which had no width while it was hidden."""
        if self._figure is not None:
            fit(self._figure)

    def _clicked(self, which: list[int]) -> None:
        if which:
            self.walk.index = which[0]

    def _walked(self) -> None:
        if self._silent or not self._steps:
            return
        at = self.walk.index
        ring, line = self._figure.data[_RING], self._figure.data[_LINE]
        with self._figure.batch_update():
            ring.x, ring.y = [line.x[at]], [line.y[at]]
        self._put(self._steps[at])


def step(twin: Twin, row: dict[str, Any]) -> Settings:
    """Give the settings of a row of a front: what it has of the knobs, where that is not as it was."""
    known = {knob.key for knob in twin.knobs}
    moved = {}
    for key in known & set(row):
        knob = find(twin.knobs, key)
        value = row[key].item() if isinstance(row[key], np.generic) else row[key]
        if value != present(twin.settings.get(key), knob):
            moved[key] = knob.check(value)
    return twin.settings.with_(moved)
