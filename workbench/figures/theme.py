"""How every figure looks: the plotly templates "workbench" and "workbench dark", colours, and plain text.

A figure begins with `figure(title, x=…, y=…)` and puts any text that comes from telemetry through `plain`.
`dark(figure)` gives the same figure for a dark page; colours of traces hold on both, so nobody chooses twice.
"""

from __future__ import annotations

import html
import re

import plotly.graph_objects as go
import plotly.io as pio

LIGHT, DARK = "workbench", "workbench dark"

BLUE, ORANGE, GREEN, SKY = "#1F5AEE", "#CE7612", "#357354", "#59A4C1"
PURPLE, BRICK, SAND, GREY = "#93447C", "#A92E0C", "#B19259", "#7F7F7F"
# Searched so that any two stay apart (CIE76 ≥ 20) for protanopes, deuteranopes and tritanopes too, and so
# that each has a contrast of 2.6 or more to both backgrounds; GREY is for what is not a category.
PALETTE = (BLUE, ORANGE, GREEN, SKY, PURPLE, BRICK, SAND)

MEASURED, PREDICTED = BLUE, ORANGE  # the same two things keep the same two colours in every figure
GOOD, BAD, LIMIT = GREEN, BRICK, BRICK  # never by colour alone: say it in words too

SANS = "'Source Sans 3', Segoe UI, Helvetica Neue, Arial, sans-serif"
MONO = "DejaVu Sans Mono, Menlo, Consolas, monospace"

_SEQUENTIAL = ("#F4F6FB", "#C6D6F5", "#8FB1EF", "#5585EE", "#1F5AEE", "#14399A", "#0B1F57")
_DIVERGING = ("#1F5AEE", "#8FB1EF", "#F4F4F2", "#E3B178", "#CE7612")


def figure(title: str, *, x: str = "", y: str = "") -> go.Figure:
    """Give an empty figure in the light template: a title that asks or answers, axes named with their units.

    The three may hold plotly's markup (`<b>`, `<br>`); text from telemetry goes through `plain` first.
    """
    made = go.Figure()
    made.update_layout(template=LIGHT, title_text=title, xaxis_title_text=x, yaxis_title_text=y)
    return made


def dark(figure: go.Figure) -> go.Figure:
    """Give a copy of a figure in the dark template."""
    copy = go.Figure(figure)
    copy.update_layout(template=DARK)
    return copy


def plain(text: str, *, most: int = 0) -> str:
    """Make untrusted text safe where plotly takes markup; cut its middle to leave `most` characters."""
    text = re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text)
    if most and len(text) > most:
        left = (most - 1) // 2
        text = text[: most - 1 - left] + "…" + (text[-left:] if left else "")
    # `$` starts TeX where a page has MathJax, and `%{` a field in a hover template
    return html.escape(text, quote=True).replace("$", "&#36;").replace("%{", "&#37;{")


def _template(*, ink: str, faint: str, grid: str, paper: str) -> go.layout.Template:
    axis = {
        "automargin": True,
        "color": ink,
        "gridcolor": grid,
        "linecolor": faint,
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": faint,
        "tickfont": {"size": 13},
        "title": {"font": {"size": 14}, "standoff": 10},
        "zeroline": False,
    }
    colorbar = {"outlinewidth": 0, "ticks": "outside", "tickcolor": faint, "thickness": 14}
    return go.layout.Template(
        layout={
            "autosize": True,
            "bargap": 0.1,
            "coloraxis": {"colorbar": colorbar},
            "colorscale": {"sequential": _scale(_SEQUENTIAL), "diverging": _scale(_DIVERGING)},
            "colorway": PALETTE,
            "font": {"family": SANS, "size": 14, "color": ink},
            "height": 440,
            "hoverlabel": {
                "align": "left",
                "bgcolor": paper,
                "bordercolor": faint,
                "font": {"family": SANS, "size": 13, "color": ink},
                "namelength": -1,
            },
            "hovermode": "closest",
            "legend": {
                "bgcolor": "rgba(0,0,0,0)",
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 1.01,
                "yanchor": "bottom",
                "font": {"size": 13},
            },
            "margin": {"l": 72, "r": 24, "t": 88, "b": 56},
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": faint, "activecolor": ink},
            "paper_bgcolor": paper,
            "plot_bgcolor": paper,
            "title": {
                "font": {"size": 18},
                "x": 0,
                "xref": "paper",
                "xanchor": "left",
                "y": 0.97,
                "yref": "container",
                "yanchor": "top",
            },
            "xaxis": axis,
            "yaxis": axis,
        },
        data={
            "heatmap": [{"colorbar": colorbar}],
            "scatter": [{"line": {"width": 2}}],
            "table": [
                {
                    "cells": {"align": "left", "fill": {"color": paper}, "font": {"color": ink, "size": 13}},
                    "header": {"align": "left", "fill": {"color": grid}, "font": {"color": ink, "size": 13}},
                }
            ],
        },
    )


def _scale(colours: tuple[str, ...]) -> list[tuple[float, str]]:
    return [(i / (len(colours) - 1), colour) for i, colour in enumerate(colours)]


pio.templates[LIGHT] = _template(ink="#1E2329", faint="#8A9099", grid="#E8EAED", paper="#FFFFFF")
pio.templates[DARK] = _template(ink="#E4E7EB", faint="#7C838D", grid="#2A2F37", paper="#15181C")
