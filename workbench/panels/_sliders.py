"""A slider for each knob, by service: the recorded value is named beside it and marked below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

import ipywidgets as widgets

from workbench.errors import SettingError
from workbench.knobs import settings_of
from workbench.settings import Knob, Value
from workbench.tuning.grid import grid
from workbench.tuning.objective import shown_setting
from workbench.twin.model import Twin

_NAME_PX, _TRACK_PX, _TEXT_PX = 70, 150, 142
_MARK_PX, _RUN_PX = -140, 130  # where the handle is at the first step, and how far it runs


@dataclass(frozen=True, eq=False)
class KnobSlider:
    """One knob's slider: `now` is the recorded value, `choice` what people move, `row` all of it."""

    knob: Knob
    now: Value
    choice: widgets.SelectionSlider
    mark: widgets.HTML
    text: widgets.HTML
    row: widgets.HBox

    @property
    def changed(self) -> bool:
        """True if the slider stands elsewhere than the recorded value."""
        return self.choice.value != self.now

    def put(self, value: Value) -> None:
        """Move the slider to a value, which becomes one of its steps if it was none."""
        values = [v for _, v in self.choice.options]
        if value not in values:
            self.choice.options = _options(self.knob, [*values, value])
        self.choice.value = value

    def say(self) -> None:
        """Write the chosen value and the recorded one beside the slider, and mark the latter below it."""
        values = [v for _, v in self.choice.options]
        share = values.index(self.now) / max(1, len(values) - 1)
        self.mark.value = f"<div class='wb-mark' style='left:{_MARK_PX + share * _RUN_PX:.1f}px'></div>"
        value = escape(shown_setting(self.knob, self.choice.value))
        now = escape(_short(self.knob, self.now))
        self.text.value = (
            f"<span class='wb-changed'>{value}</span> <span class='wb-faint'>(now {now})</span>"
            if self.changed
            else f"{value} <span class='wb-faint'>(now)</span>"
        )


def sliders(twin: Twin) -> dict[str, list[KnobSlider]]:
    """Make a slider for each knob that has a value, by service in the order of the knobs."""
    known = dict(settings_of(twin.network, twin.knobs)) | dict(twin.settings)
    services: dict[str, list[KnobSlider]] = {}
    for knob in twin.knobs:
        if knob.key in known:
            services.setdefault(knob.service, []).append(_slider(knob, known[knob.key]))
    return services


def column(rows: list[KnobSlider]) -> widgets.VBox:
    """Put the sliders of one service below each other, with a heading where names share a beginning."""
    made: list[widgets.Widget] = []
    for stem, group in groupby(rows, lambda row: row.knob.name.rpartition(".")[0]):
        if stem:
            made.append(widgets.HTML(f"<div class='wb-head'>{escape(stem)}</div>"))
        made += [row.row for row in group]
    return widgets.VBox(made)


def steps(knob: Knob, now: Value) -> list[Value]:
    """Give the values of a slider in order, as the configuration holds them."""
    return [knob.check(value) for value in grid(knob, knob.check(now))]


def _slider(knob: Knob, now: Value) -> KnobSlider:
    try:
        values = steps(knob, now)
    except SettingError:  # what was recorded lies outside the bounds: shown, not moved
        values = [now]
    able = knob.tunable and len(values) > 1
    choice = widgets.SelectionSlider(
        options=_options(knob, values),
        value=now,
        description=knob.name.rpartition(".")[2],
        tooltip=f"{knob.key}: {knob.meaning}; {knob.bounds}",
        readout=False,
        disabled=not able,
        continuous_update=True,
        style={"description_width": f"{_NAME_PX}px"},
        layout={"width": f"{_NAME_PX + _TRACK_PX}px"},
    )
    mark = widgets.HTML(layout={"width": "0px"})
    text = widgets.HTML(layout={"width": f"{_TEXT_PX}px"})
    row = widgets.HBox([choice, mark, text])
    row.add_class("wb-row" if able else "wb-fixed")
    made = KnobSlider(knob, now, choice, mark, text, row)
    made.say()
    return made


def _options(knob: Knob, values: Sequence[Value]) -> list[tuple[str, Value]]:
    """Name the values; no limit is beyond the largest."""
    order = sorted(values, key=lambda v: (knob.off is not None and v == knob.off, isinstance(v, str), v))
    return [(shown_setting(knob, value), value) for value in order]


def _short(knob: Knob, value: Value) -> str:
    text = shown_setting(knob, value)
    return text.removesuffix(f" {knob.unit}") if knob.unit != "s" else text
