"""What do changed settings do to latency? Its distribution, and P99 against load, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.figures._axes import log_seconds, seconds_text
from workbench.figures.theme import GREY, LIGHT, LIMIT, MEASURED, PREDICTED, plain

_STYLES = ((MEASURED, "solid"), (PREDICTED, "dash"))
_BEYOND = (1.0, 0.5, 0.1, 0.05, 0.01, 0.001)
_CLEAR = "rgba(0,0,0,0)"
_SMALL = {"tickfont": {"size": 11}, "automargin": False}


def tuning(
    distributions: Mapping[str, pd.DataFrame],
    curves: Mapping[str, pd.DataFrame],
    *,
    slo_s: float | None = None,
    recorded_rps: tuple[float, float] | None = None,
) -> go.Figure:
    """Draw distribution functions (columns value, share; s) and P99 against load (load_rps, value_s) by name.

    Both mappings hold the same two names, the present settings first; `recorded_rps` is the mean and the peak
    of the recorded load. The ground is clear, so that the page's own colour shows; ranges go in half decades,
    so that small changes move the lines and not the axes.
    """
    # Made of plain values and checked once: a slider redraws it, and plotly's updates would take 50 ms.
    names = [*distributions]
    shares = [*map(_distribution, names, distributions.values(), _STYLES)]
    times = [*map(_curve, names, curves.values(), _STYLES)]
    limits = [] if slo_s is None else [slo_s]
    slowest = [v for trace in shares for v in trace["x"][trace["y"] > 0.0005]]
    layout = {
        "template": LIGHT,
        "height": 250,
        "margin": {"l": 64, "r": 14, "t": 48, "b": 42},
        "paper_bgcolor": _CLEAR,
        "plot_bgcolor": _CLEAR,
        "uirevision": "kept",
        "legend": {"x": 1, "xanchor": "right", "y": 1.11, "font": {"size": 12}},
        "xaxis": _SMALL
        | _seconds([*slowest, *limits], most=4)
        | {"domain": [0, 0.44], "title": _title("latency (log scale)")},
        "yaxis": _SMALL
        | {
            "type": "log",
            "range": [0.04, -3.1],
            "tickvals": _BEYOND,
            "ticktext": [f"{(1 - beyond) * 100:g} %" for beyond in _BEYOND],
            "title": _title("share answered"),
        },
        "xaxis2": _SMALL
        | {
            "anchor": "y2",
            "domain": [0.56, 1],
            "rangemode": "tozero",
            "title": _title("load (requests per s)"),
        },
        "yaxis2": _SMALL
        | _seconds([*(v for trace in times for v in trace["y"]), *limits], most=3)
        | {"anchor": "x2", "title": _title("P99 (log scale)")},
        "shapes": _lines(slo_s, recorded_rps),
        "annotations": _heads() + _names(slo_s, recorded_rps),
    }
    return go.Figure({"data": [*shares, *times], "layout": layout})


def _distribution(name: str, curve: pd.DataFrame, style: tuple[str, str]) -> dict[str, Any]:
    inside = curve[curve["share"] < 1]
    value, share = inside["value"].to_numpy(), inside["share"].to_numpy()
    return _trace(name, style) | {
        "x": value,
        "y": 1 - share,
        "mode": "lines",
        "customdata": [f"{s:.2%} within {seconds_text(v)}" for v, s in zip(value, share, strict=True)],
        "hovertemplate": "%{customdata}<extra>" + plain(name) + "</extra>",
    }


def _curve(name: str, table: pd.DataFrame, style: tuple[str, str]) -> dict[str, Any]:
    return _trace(name, style) | {
        "x": table["load_rps"].to_numpy(),
        "y": table["value_s"].to_numpy(),
        "xaxis": "x2",
        "yaxis": "y2",
        "mode": "lines+markers",
        "marker": {"size": 5},
        "showlegend": False,
        "customdata": [seconds_text(v) for v in table["value_s"]],
        "hovertemplate": "P99 %{customdata} at %{x:.1f} requests/s<extra>" + plain(name) + "</extra>",
    }


def _trace(name: str, style: tuple[str, str]) -> dict[str, Any]:
    colour, dash = style
    line = {"color": colour, "dash": dash, "width": 2}
    return {"type": "scatter", "name": plain(name), "legendgroup": name, "line": line}


def _title(text: str) -> dict[str, Any]:
    return {"text": text, "font": {"size": 12}, "standoff": 6}


def _lines(slo_s: float | None, recorded_rps: tuple[float, float] | None) -> list[dict[str, Any]]:
    slo = {"type": "line", "line": {"color": LIMIT, "dash": "dash", "width": 1.5}}
    recorded = {"type": "line", "line": {"color": GREY, "dash": "dot", "width": 1.5}}
    made = []
    if slo_s is not None:
        made.append(slo | {"xref": "x", "x0": slo_s, "x1": slo_s, "yref": "y domain", "y0": 0, "y1": 1})
        made.append(slo | {"xref": "x2 domain", "x0": 0, "x1": 1, "yref": "y2", "y0": slo_s, "y1": slo_s})
    for rps in recorded_rps or ():
        made.append(recorded | {"xref": "x2", "x0": rps, "x1": rps, "yref": "y2 domain", "y0": 0, "y1": 1})
    return made


def _names(slo_s: float | None, recorded_rps: tuple[float, float] | None) -> list[dict[str, Any]]:
    """Name the lines; annotations on a log axis stand at the logarithm."""
    text = {"showarrow": False, "xanchor": "left", "yanchor": "bottom", "font": {"size": 12}}
    red = text | {"font": {"size": 12, "color": LIMIT}}
    made = []
    if slo_s is not None:
        slo, at = f"SLO {seconds_text(slo_s)}", np.log10(slo_s)
        made.append(red | {"text": slo, "xref": "x", "x": at, "yref": "y domain", "y": 0.02})
        made.append(red | {"text": slo, "xref": "x2 domain", "x": 0.01, "yref": "y2", "y": at})
    places = (("recorded mean", 0.98, "top"), ("peak", 0.02, "bottom"))
    for rps, (name, y, anchor) in zip(recorded_rps or (), places, strict=False):
        at = {"xref": "x2", "x": rps, "xanchor": "right", "yref": "y2 domain", "y": y, "yanchor": anchor}
        made.append(text | at | {"text": f"{name} {rps:.0f}/s"})
    return made


def _heads() -> list[dict[str, Any]]:
    head = {"showarrow": False, "xanchor": "left", "yanchor": "bottom", "xref": "paper", "yref": "paper"}
    return [
        head
        | {"text": "<b>How many requests are answered by when?</b>", "x": 0, "y": 1.01, "font": {"size": 13}},
        head | {"text": "<b>How slow is P99 at other loads?</b>", "x": 0.56, "y": 1.01, "font": {"size": 13}},
    ]


def _seconds(values: Iterable[float], *, most: int) -> dict[str, Any]:
    """Give a log axis of times that ends at half decades and spans at most `most` decades."""
    known = np.array([v for v in values if np.isfinite(v) and v > 0])
    low, high = (known.min(), known.max()) if known.size else (0.01, 1.0)
    last = np.ceil(np.log10(high) * 2 + 0.1) / 2
    first = max(np.floor(np.log10(low) * 2 - 0.1) / 2, last - most)
    return log_seconds([10**first, 10**last], finely=1.2) | {"range": [first, last]}
