"""What a trigger does, whether it passes, and how much of it the system takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.figures._axes import seconds_text
from workbench.figures.theme import GOOD, GREY, LIMIT, PREDICTED, figure, plain


def recovery(
    table: pd.DataFrame, *, begins_s: float, ends_s: float, title: str = "Does it come back by itself?"
) -> go.Figure:
    """Draw the share of requests served over time: columns time_s, served, low, high and untroubled.

    The trigger lasts from `begins_s` to `ends_s`.
    """
    made = figure(title, x="time (s)", y="share of requests served")
    made.add_vrect(x0=begins_s, x1=ends_s, fillcolor=LIMIT, opacity=0.12, line_width=0, layer="below")
    made.add_annotation(
        x=(begins_s + ends_s) / 2, y=0.02, yref="paper", yanchor="bottom", showarrow=False, text="trigger",
        font_color=LIMIT,
    )  # fmt: skip
    x = table["time_s"]
    made.add_scatter(
        x=[*x, *x[::-1]], y=[*table["high"], *table["low"][::-1]], fill="toself", line_width=0, mode="lines",
        fillcolor="rgba(206,118,18,0.18)", hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    made.add_scatter(
        x=x, y=table["untroubled"], name="without it", mode="lines", line={"color": GREY, "dash": "dot"},
        hovertemplate="without it at %{x:.0f} s: %{y:.1%}<extra></extra>",
    )  # fmt: skip
    made.add_scatter(
        x=x, y=table["served"], name="with it, and the range of the runs", mode="lines", line_color=PREDICTED,
        hovertemplate="%{x:.0f} s: %{y:.1%}<extra></extra>",
    )  # fmt: skip
    made.update_yaxes(range=[-0.02, 1.04], tickformat=".0%")
    return made


def withstood(
    table: pd.DataFrame, *, amount: str, marked: tuple[float, float] | None = None, title: str
) -> go.Figure:
    """Draw which triggers the system comes back from: columns amount, duration_s, returned, after_s.

    `amount` names that axis with its unit; `marked` is the (duration, amount) of one of them.
    """
    returned = table.pivot(index="amount", columns="duration_s", values="returned").sort_index()
    after = table.pivot(index="amount", columns="duration_s", values="after_s").sort_index()
    texts = [
        [_cell(share, seconds) for share, seconds in zip(*rows, strict=True)]
        for rows in zip(returned.to_numpy(), after.to_numpy(), strict=True)
    ]
    made = figure(title, x="how long it lasts (s)", y=plain(amount))
    across, up = ([f"{v:g}" for v in axis] for axis in (returned.columns, returned.index))
    made.add_heatmap(
        z=returned.to_numpy(), x=across, y=up, text=texts, texttemplate="%{text}", textfont_size=13,
        zmin=0, zmax=1, showscale=False, xgap=2, ygap=2,
        colorscale=[[0, LIMIT], [0.5, "#E9E4DA"], [1, GOOD]],
        hovertemplate="%{y} for %{x} s: %{text}<extra></extra>",
    )  # fmt: skip
    made.update_xaxes(type="category", showgrid=False)
    made.update_yaxes(type="category", showgrid=False)
    if marked is not None:
        made.add_annotation(
            x=across.index(f"{marked[0]:g}"), y=up.index(f"{marked[1]:g}"), text="◆", showarrow=False,
            yshift=15, font={"color": "white", "size": 13},
        )  # fmt: skip
    return made


def _cell(share: float, seconds: float) -> str:
    if share == 0 or np.isnan(seconds):
        return "stays down"
    back = "at once" if seconds == 0 else f"back in {seconds_text(seconds)}"
    return back if share == 1 else f"{share:.0%} back"
