"""Figures in a page that needs no server: the drawing library once, and colours that follow the page's."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.io import to_html

_CLEAR = "rgba(0,0,0,0)"
_CONFIG = {"responsive": True, "displaylogo": False, "displayModeBar": False}

# The page sets --ink, --faint, --line and --bad, for light and for dark; figures take them.
STYLE = """
.js-plotly-plot .cartesianlayer text, .js-plotly-plot .infolayer text { fill: var(--ink) !important; }
.js-plotly-plot .infolayer .annotation text[style*="169, 46, 12"] { fill: var(--bad) !important; }
.js-plotly-plot .gridlayer path { stroke: var(--line) !important; }
.js-plotly-plot .errorbar path { stroke: var(--faint) !important; }
"""


def embedded(figures: Sequence[go.Figure]) -> list[str]:
    """Give each figure as a piece of HTML; the first carries the drawing library for all."""
    return [_piece(figure, library=number == 0) for number, figure in enumerate(figures)]


def _piece(figure: go.Figure, *, library: bool) -> str:
    clear = go.Figure(figure).update_layout(paper_bgcolor=_CLEAR, plot_bgcolor=_CLEAR)
    return str(to_html(clear, include_plotlyjs=library, full_html=False, config=_CONFIG))
