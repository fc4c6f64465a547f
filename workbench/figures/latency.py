"""Latency quantiles over time, a panel per service on one scale."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from workbench.figures._axes import log_seconds, multiples, quantile_lines


def latency(table: pd.DataFrame) -> go.Figure:
    """Draw `analysis.latency.latency`; panels share their scale, so that heights compare."""
    services = sorted(set(table["service"]))
    made = multiples("How long do requests take?", services, ["latency (log scale)"])
    for row, service in enumerate(services, 1):
        quantile_lines(made, table[table["service"] == service], row, 1)
    made.update_yaxes(log_seconds(table["value_s"]))
    made.update_xaxes(title_text="time (UTC)", row=len(services) or 1)
    return made
