"""Latency distributions side by side, with as much room for the tail as for the body."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.figures._axes import log_seconds, quantile_name, seconds_text
from workbench.figures.theme import GREEN, GREY, LIMIT, MEASURED, PREDICTED, figure, plain

_STYLES = (
    (MEASURED, "solid", "circle"),
    (PREDICTED, "dash", "diamond"),
    (GREY, "dot", "square"),
    (GREEN, "dashdot", "cross"),
)
_TICKS = (0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999)


def distribution(
    curves: Mapping[str, pd.DataFrame],
    quantiles: Mapping[str, pd.DataFrame] | None = None,
    *,
    title: str = "How are latencies distributed?",
    slo_s: float | None = None,
) -> go.Figure:
    """Draw distribution functions by name (`analysis.latency.ecdf`, seconds), the measured one first.

    `quantiles` gives, by the same names, markers with intervals (`analysis.latency.quantiles`). The height of
    a point is the share of requests beyond it on a downward log scale: 90 to 99 % gets the room of 0 to 90 %.
    """
    made = figure(title, x="latency (log scale)", y="share of requests at most this slow")
    beyond = [1.0]
    values: list[float] = [] if slo_s is None else [slo_s]
    for at, (name, curve) in enumerate(curves.items()):
        colour, dash, symbol = _STYLES[at % len(_STYLES)]
        inside = curve[curve["share"] < 1]
        beyond += list(1 - inside["share"])
        values += list(inside["value"])
        made.add_scatter(
            x=inside["value"], y=1 - inside["share"], name=plain(name), legendgroup=name, mode="lines",
            line={"color": colour, "dash": dash},
            customdata=np.column_stack(
                [[seconds_text(v) for v in inside["value"]], [f"{s:.2%}" for s in inside["share"]]]
            ),
            hovertemplate="%{customdata[1]} within %{customdata[0]}<extra>" + plain(name) + "</extra>",
        )  # fmt: skip
        points = (quantiles or {}).get(name)
        if points is not None:
            values += list(points["value"])
            _markers(made, points, name, colour, symbol)
    if slo_s is not None:
        made.add_vline(x=slo_s, line={"color": LIMIT, "dash": "dash", "width": 1.5})
        # Annotations on a log axis stand at the logarithm.
        made.add_annotation(
            x=np.log10(slo_s), xanchor="right", y=1, yref="paper", yanchor="top", textangle=-90,
            showarrow=False, text=f"SLO {seconds_text(slo_s)}", font_color=LIMIT,
        )  # fmt: skip
    ticks = [t for t in _TICKS if 1 - t >= min(beyond) * 0.7]
    made.update_xaxes(log_seconds(values, finely=3))
    made.update_yaxes(
        type="log",
        range=[0.04, np.log10(min(beyond)) - 0.1],
        tickvals=[1 - t for t in ticks],
        ticktext=["0 %" if t == 0 else f"{t * 100:g} %" for t in ticks],
    )
    return made


def _markers(made: go.Figure, points: pd.DataFrame, name: str, colour: str, symbol: str) -> None:
    points = points.dropna(subset="value")
    made.add_scatter(
        x=points["value"], y=1 - points["q"], mode="markers", legendgroup=name, showlegend=False,
        marker={"color": colour, "symbol": symbol, "size": 10, "line": {"color": "#FFFFFF", "width": 1}},
        error_x={
            "type": "data", "symmetric": False, "array": points["high"] - points["value"],
            "arrayminus": points["value"] - points["low"], "thickness": 1.5, "width": 5, "color": colour,
        },
        customdata=[
            f"{quantile_name(p.q)} {seconds_text(p.value)}"
            + ("" if np.isnan(p.low) else f" ({seconds_text(p.low)} to {seconds_text(p.high)})")
            for p in points.itertuples()
        ],
        hovertemplate="%{customdata}<extra>" + plain(name) + "</extra>",
    )  # fmt: skip
