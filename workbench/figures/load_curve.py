"""What happens to latency as load grows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.figures._axes import QUANTILE_COLOURS, log_seconds, quantile_name, seconds_text
from workbench.figures.theme import GREY, LIMIT, figure


def load_curve(
    table: pd.DataFrame,
    *,
    slo_s: float | None = None,
    now_rps: float | None = None,
    title: str = "How much load can it take?",
) -> go.Figure:
    """Draw latency quantiles against load: columns load_rps, q, value_s and, optionally, low_s and high_s.

    The last two bound the interval of each value, drawn as a band. `slo_s` and `now_rps` are marked.
    """
    made = figure(title, x="load (requests per s)", y="latency (log scale)")
    values = [*table["value_s"], *([slo_s] if slo_s else [])]
    for colour, q in zip(QUANTILE_COLOURS, sorted(table["q"].unique()), strict=False):
        own = table[table["q"] == q].sort_values("load_rps")
        name = quantile_name(q)
        if {"low_s", "high_s"} <= set(own.columns):
            _band(made, own, colour, name)
        made.add_scatter(
            x=own["load_rps"], y=own["value_s"], name=name, legendgroup=name, mode="lines+markers",
            line_color=colour, marker_size=6, text=[seconds_text(v) for v in own["value_s"]],
            hovertemplate=f"{name} at %{{x:.1f}} requests/s: %{{text}}<extra></extra>",
        )  # fmt: skip
    # Annotations on a log axis stand at the logarithm; those of add_hline do not know.
    if slo_s is not None:
        made.add_hline(y=slo_s, line={"color": LIMIT, "dash": "dash", "width": 1.5})
        made.add_annotation(
            x=0, xref="paper", xanchor="left", y=np.log10(slo_s), yanchor="bottom", showarrow=False,
            text=f"SLO {seconds_text(slo_s)}", font_color=LIMIT,
        )  # fmt: skip
    if now_rps is not None:
        made.add_vline(x=now_rps, line={"color": GREY, "dash": "dot", "width": 1.5})
        made.add_annotation(
            x=now_rps, xanchor="right", y=1, yref="paper", yanchor="top", textangle=-90, showarrow=False,
            text="as recorded",
        )  # fmt: skip
    made.update_yaxes(log_seconds(values, finely=3))
    return made


def _band(made: go.Figure, own: pd.DataFrame, colour: str, name: str) -> None:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    made.add_scatter(
        x=[*own["load_rps"], *own["load_rps"][::-1]], y=[*own["high_s"], *own["low_s"][::-1]], fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.15)", line_width=0, hoverinfo="skip", showlegend=False,
        legendgroup=name, mode="lines",
    )  # fmt: skip
