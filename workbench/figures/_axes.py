"""Axes and marks that several figures share: seconds on a log axis, small multiples, colours by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.figures.theme import BLUE, LIGHT, PALETTE, PURPLE, SKY, plain

QUANTILE_COLOURS = (SKY, BLUE, PURPLE)  # body to tail
LINE: dict[str, Any] = {"mode": "lines+markers", "marker_size": 4}  # one point alone is seen too
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def seconds_text(seconds: float) -> str:
    """Give a time in the unit that suits it, e.g. "250 ms"."""
    size = abs(seconds)
    factor, unit = next(((f, u) for f, u in _UNITS if size >= f * 0.9995), _UNITS[-1])
    return f"{seconds / factor:.3g} {unit}" if seconds else "0 s"


def log_seconds(values: Iterable[float], *, finely: float = 1.7) -> dict:
    """Give the settings of a log axis for times: ticks named with their units.

    They stand at 1, 2 and 5 where the axis spans fewer than `finely` decades, else at whole decades.
    """
    known = np.array([v for v in values if v is not None and np.isfinite(v) and v > 0])
    low, high = (known.min(), known.max()) if len(known) else (1e-3, 1.0)
    decades = range(int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 2)
    room = 0.05 + 0.05 * np.log10(high / low)
    steps = (1, 2, 5) if np.log10(high / low) < finely else (1,)
    ticks = [float(f"{step}e{decade}") for decade in decades for step in steps]
    return {
        "type": "log",
        "tickvals": ticks,
        "ticktext": [seconds_text(tick) for tick in ticks],
        "range": [np.log10(low) - room, np.log10(high) + room],
    }


def multiples(title: str, rows: Sequence[str], columns: Sequence[str], *, row_px: int = 150) -> go.Figure:
    """Give a grid of panels: a row by name at the left, a heading above each column, one time axis."""
    made = make_subplots(
        rows=max(1, len(rows)),
        cols=len(columns),
        shared_xaxes=True,
        vertical_spacing=min(0.06, 0.3 / max(1, len(rows))),
        horizontal_spacing=0.075,
        column_titles=list(columns),
    )
    height = 150 + row_px * max(1, len(rows))
    made.update_layout(template=LIGHT, title_text=title, height=height, margin_t=104)
    # Below the title, above the headings, however high the figure is.
    made.update_layout(legend={"yref": "container", "y": 1 - 42 / height, "yanchor": "top"})
    for row, name in enumerate(rows, 1):
        made.update_yaxes(title_text=f"<b>{plain(name, most=22)}</b>", row=row, col=1)
    return made


def quantile_lines(made: go.Figure, own: pd.DataFrame, row: int, column: int) -> None:
    """Draw latency quantiles over time (time, q, value_s) in one panel."""
    for colour, q in zip(QUANTILE_COLOURS, sorted(own["q"].unique()), strict=False):
        chosen, name = own[own["q"] == q], quantile_name(q)
        made.add_scatter(
            x=chosen["time"], y=chosen["value_s"], name=name, legendgroup=name, showlegend=row == 1,
            line_color=colour, text=[seconds_text(v) for v in chosen["value_s"]], **LINE,
            hovertemplate=f"{name}: %{{text}}<extra></extra>", row=row, col=column,
        )  # fmt: skip


def waiting(colour: str) -> dict:
    """Give the marker of a bar that means waiting: hatched, whatever the page's colour."""
    hatch = {"shape": "/", "solidity": 0.4, "size": 7, "fillmode": "replace"}
    return {"color": colour, "line": {"color": colour, "width": 1}, "pattern": hatch}


def colours(names: Iterable[str]) -> dict[str, str]:
    """Give each name a colour, the same for the same set of names."""
    return {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(sorted(set(names)))}


def quantile_name(q: float) -> str:
    """Name a quantile: 0.99 is P99, 0.999 is P99.9."""
    return f"P{q * 100:.6g}"
