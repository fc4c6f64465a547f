"""Up to three settings kept as A, B and C, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

import ipywidgets as widgets

from workbench.settings import Knob, Settings
from workbench.tuning.objective import SLO, shown_setting
from workbench.tuning.recommendation import SHOWN
from workbench.twin.model import Prediction
from workbench.twin.outcome import label, shown

LETTERS = ("A", "B", "C")


class Kept:
    """`row` has the buttons, `table` shows what is kept; `settings` are those kept, by letter."""

    def __init__(self, now: Callable[[], Settings], put: Callable[[Settings], None]) -> None:
        self._now, self._put = now, put
        self.settings: dict[str, Settings] = {}
        self.keep = {letter: _button(f"Keep as {letter}", "thumb-tack", "100px") for letter in LETTERS}
        self.take = {letter: _button(f"Take {letter}", "arrow-up", "80px") for letter in LETTERS}
        for letter in LETTERS:
            self.take[letter].disabled = True
            self.keep[letter].on_click(lambda _, letter=letter: self._keep(letter))
            self.take[letter].on_click(lambda _, letter=letter: self._put(self.settings[letter]))
        self.row = widgets.HBox([b for letter in LETTERS for b in (self.keep[letter], self.take[letter])])
        self.table = widgets.HTML("<p class='wb-faint'>Nothing is kept yet.</p>")
        self.kept: Callable[[], None] = lambda: None  # called after one was kept

    def _keep(self, letter: str) -> None:
        self.settings[letter] = self._now()
        self.take[letter].disabled = False
        self.kept()


def side_by_side(
    kept: Mapping[str, Settings],
    predicted: Mapping[str, Prediction],
    current: Settings,
    knobs: Sequence[Knob],
    slos: Sequence[SLO],
) -> str:
    """Give the table of what is kept: the settings that differ, the numbers with intervals, the SLOs.

    `predicted` is by the same names; a name without a prediction has its numbers to come.
    """
    if not kept:
        return "<p class='wb-faint'>Nothing is kept yet.</p>"
    columns = {"now": current, **kept}
    known = {knob.key: knob for knob in knobs}
    moved = sorted({key for settings in kept.values() for key in current.difference(settings)})
    rows = [
        [key, *(shown_setting(known[key], settings.get(key)) for settings in columns.values())]
        for key in moved
    ]
    rows += [[label(q), *(_told(q, predicted.get(name)) for name in columns)] for q in SHOWN]
    rows += [[str(slo), *(_held(slo, predicted.get(name)) for name in columns)] for slo in slos]
    head = "".join(f"<th>{escape(name)}</th>" for name in ("", *columns))
    body = "".join(
        "<tr>" + "".join(f"<td title='{escape(cell)}'>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table class='wb-table'><tr>{head}</tr>{body}</table>"


def _told(quantity: str, prediction: Prediction | None) -> str:
    if prediction is None:
        return "…"
    low, high = (shown(quantity, end) for end in prediction.interval(quantity))
    return f"{shown(quantity, prediction[quantity])} ({low} to {high})"


def _held(slo: SLO, prediction: Prediction | None) -> str:
    if prediction is None:
        return "…"
    return "✓ holds" if slo.holds(prediction) else "✗ broken"


def _button(text: str, icon: str, width: str) -> widgets.Button:
    return widgets.Button(description=text, icon=icon, layout={"width": width})
