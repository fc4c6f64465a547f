"""Figures that stay on the page while their numbers change."""

from __future__ import annotations

import plotly.graph_objects as go

Figure = go.Figure  # what panels, which do not know plotly, say that they draw

_DATA = ("x", "y", "customdata", "visible", "name")
_LAYOUT = ("shapes", "annotations")
_AXES = ("range", "tickvals", "ticktext")


def live(figure: go.Figure) -> go.FigureWidget:
    """Give the figure as a widget that `redraw` updates in place."""
    made = go.FigureWidget(figure)
    made._config = made._config | {"responsive": True, "displaylogo": False}
    return made


def fit(shown: go.FigureWidget) -> None:
    """Have the page measure the figure's width again; it is drawn before it has a place there."""
    shown.layout.autosize = None
    shown.layout.autosize = True


def redraw(shown: go.FigureWidget, figure: go.Figure) -> None:
    """Move the data, marks and ranges of a figure of the same make into the shown one, in one message."""
    with shown.batch_update():
        for old, new in zip(shown.data, figure.data, strict=True):
            for name in _DATA:
                if name in new:
                    old[name] = new[name]
        for name in _LAYOUT:
            shown.layout[name] = figure.layout[name]
        for axis in (name for name in figure.layout if name[1:5] == "axis"):
            old, new = shown.layout[axis], figure.layout[axis]
            for name in _AXES:
                if new[name] is not None and new[name] != old[name]:
                    old[name] = new[name]
