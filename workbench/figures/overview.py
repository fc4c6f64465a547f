"""Rate, errors and latency of every service over time."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from workbench.figures._axes import LINE, log_seconds, multiples, quantile_lines
from workbench.figures.theme import BAD, GREY, ORANGE

_FAILURES = (
    ("error_share", "failed", BAD, "solid"),
    ("limited_share", "refused by a rate limit", ORANGE, "dash"),
)


def overview(rates: pd.DataFrame, latency: pd.DataFrame) -> go.Figure:
    """Draw `analysis.rates.rates` and `analysis.latency.latency`: a row per service, one time axis."""
    services = sorted(set(rates["service"]) | set(latency["service"]))
    made = multiples(
        "Which service slows down or fails, and when?",
        services,
        ["requests (per s)", "failed (% of requests)", "latency (log scale)"],
        row_px=130,
    )
    for row, service in enumerate(services, 1):
        own = rates[rates["service"] == service]
        made.add_scatter(
            x=own["time"], y=own["rate_rps"], name="rate", line_color=GREY, showlegend=False, **LINE,
            hovertemplate="%{y:.1f} requests/s<extra></extra>", row=row, col=1,
        )  # fmt: skip
        for column, name, colour, dash in _FAILURES:
            if column == "limited_share" and not (rates[column] > 0).any():
                continue
            made.add_scatter(
                x=own["time"], y=own[column] * 100, name=name, legendgroup=name, showlegend=row == 1,
                line={"color": colour, "dash": dash}, **LINE,
                hovertemplate=f"{name}: %{{y:.2f}} %<extra></extra>", row=row, col=2,
            )  # fmt: skip
        quantile_lines(made, latency[latency["service"] == service], row, 3)
    made.update_yaxes(rangemode="tozero", col=1)
    made.update_yaxes(range=[-3, 103], col=2)
    made.update_yaxes(log_seconds(latency["value_s"]), col=3)
    made.update_xaxes(title_text="time (UTC)", row=len(services) or 1)
    return made
