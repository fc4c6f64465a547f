"""How busy pools are over time, and how many wait for them."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from workbench.figures._axes import LINE, multiples
from workbench.figures.theme import BAD, BLUE, LIMIT, ORANGE


def utilisation(pools: pd.DataFrame) -> go.Figure:
    """Draw `analysis.pools.pools_over_time`: a row per service and pool, workers left, queue right."""
    pools = pools.assign(service=(pools["service"].astype(str) + " " + pools["pool"].astype(str)).str.strip())
    services = sorted(set(pools["service"]))
    made = multiples(
        "Are the workers all busy, and how many requests wait for one?",
        services,
        ["busy workers (% of the pool)", "waiting requests (mean number)"],
    )
    for row, service in enumerate(services, 1):
        own = pools[pools["service"] == service]
        made.add_scatter(
            x=own["time"], y=own["saturated_share"] * 100, name="time with all workers busy",
            legendgroup="full", showlegend=row == 1, line={"color": BAD, "width": 0}, fill="tozeroy",
            fillcolor="rgba(169,46,12,0.22)", hovertemplate="all busy %{y:.0f} % of the time<extra></extra>",
            row=row, col=1,
        )  # fmt: skip
        made.add_scatter(
            x=own["time"], y=own["utilisation"] * 100, name="busy workers", legendgroup="busy",
            showlegend=row == 1, line_color=BLUE, **LINE, hovertemplate="%{y:.0f} % busy<extra></extra>",
            row=row, col=1,
        )  # fmt: skip
        made.add_scatter(
            x=own["time"], y=own["queue"], name="queue", legendgroup="queue", showlegend=row == 1,
            line_color=ORANGE, **LINE, hovertemplate="%{y:.1f} waiting<extra></extra>", row=row, col=2,
        )  # fmt: skip
        made.add_scatter(
            x=own["time"], y=own["queue_limit"], name="places in the queue", legendgroup="limit",
            showlegend=row == 1, line={"color": LIMIT, "dash": "dash", "width": 1},
            hovertemplate="%{y:.0f} places<extra></extra>", row=row, col=2,
        )  # fmt: skip
    made.update_yaxes(range=[-3, 108], col=1)
    made.update_yaxes(rangemode="tozero", col=2)
    made.update_xaxes(title_text="time (UTC)", row=len(services) or 1)
    return made
