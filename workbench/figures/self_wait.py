"""Own work against waiting for workers, by service, for all requests and for the slowest."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.figures._axes import seconds_text, waiting
from workbench.figures.theme import BLUE, GREY, LIGHT, ORANGE, plain

_PARTS: tuple[tuple[str, str, dict], ...] = (
    ("self", "own work", {"color": BLUE}),
    ("wait", "waiting for a worker", waiting(ORANGE)),
    ("elsewhere", "elsewhere", {"color": GREY}),
)
_ELSEWHERE = "network, backoff, unknown"


def self_wait(breakdown: pd.DataFrame) -> go.Figure:
    """Draw `analysis.traces.breakdown`: mean time of a request by service, left all, right the slowest."""
    scopes = [scope for scope in ("all", "slowest") if (breakdown["scope"] == scope).any()]
    made = make_subplots(
        rows=1,
        cols=max(1, len(scopes)),
        shared_yaxes=True,
        horizontal_spacing=0.06,
        subplot_titles=[_heading(breakdown[breakdown["scope"] == scope], scope) for scope in scopes],
    )
    for column, scope in enumerate(scopes, 1):
        own = breakdown[breakdown["scope"] == scope]
        for part, name, marker in _PARTS:
            chosen = own[(own["part"] == part) & (own["mean_s"] > 0)]
            made.add_bar(
                x=chosen["mean_s"] * 1e3, y=[_service(s) for s in chosen["service"]], orientation="h",
                name=name, legendgroup=part, showlegend=column == 1, marker=marker,
                customdata=[
                    f"{seconds_text(row.mean_s)}, {row.share:.1%} of the time" for row in chosen.itertuples()
                ],
                hovertemplate=f"%{{y}}, {name}: %{{customdata}}<extra></extra>", row=1, col=column,
            )  # fmt: skip
        _name_shares(made, own, column)
        made.update_xaxes(title_text="mean time per request (ms)", rangemode="tozero", row=1, col=column)
    order = [_service(name) for name in sorted(set(breakdown["service"]), key=lambda name: (not name, name))]
    made.update_yaxes(
        categoryorder="array", categoryarray=order[::-1], range=[-0.6, len(order) - 0.4], ticks=""
    )
    made.update_layout(
        template=LIGHT,
        title_text="Do requests work or wait, and where?",
        barmode="stack",
        height=230 + 44 * breakdown["service"].nunique(),
        margin_t=132,
        legend_y=1.16,
    )
    return made


def _name_shares(made: go.Figure, own: pd.DataFrame, column: int) -> None:
    """Write what share of the request each service takes at the end of its bar."""
    longest = 0.0
    for service in own["service"].unique():
        rows = own[own["service"] == service]
        end = float(rows["mean_s"].sum() * 1e3)
        longest = max(longest, end)
        made.add_annotation(
            x=end, y=_service(service), text=f"{rows['share'].sum():.0%}", showarrow=False, xanchor="left",
            xshift=3, font_size=12, row=1, col=column,
        )  # fmt: skip
    made.update_xaxes(range=[0, longest * 1.14], row=1, col=column)


def _heading(own: pd.DataFrame, scope: str) -> str:
    row = own.iloc[0]
    if scope == "all":
        return f"all {row['requests']:,} requests at {plain(row['entry'], most=24)}"
    return f"the slowest {row['requests']:,}: {seconds_text(row['from_s'])} or more"


def _service(name: str) -> str:
    return plain(name, most=24) if name else _ELSEWHERE
