"""Every stop of the world: when, and how long."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from workbench.figures._axes import colours, log_seconds, seconds_text
from workbench.figures.theme import figure, plain

_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star")


def pauses(table: pd.DataFrame) -> go.Figure:
    """Draw `analysis.pauses.pause_times`: a colour per service, a shape per kind of pause."""
    made = figure(
        "When does garbage collection stop a service, and for how long?",
        x="time since the window began, or uptime (s)",
        y="pause (log scale)",
    )
    colour = colours(table["service"])
    kinds = sorted(set(table["kind"]))
    for service, kind in sorted(set(zip(table["service"], table["kind"], strict=True))):
        own = table[(table["service"] == service) & (table["kind"] == kind)]
        name = f"{plain(service, most=24)} {plain(kind, most=32)}".strip()
        made.add_scattergl(
            x=own["at_s"], y=own["duration_s"], name=name, mode="markers",
            marker={"color": colour[service], "size": 7, "opacity": 0.75,
                    "symbol": _SYMBOLS[kinds.index(kind) % len(_SYMBOLS)]},
            text=[seconds_text(v) for v in own["duration_s"]],
            hovertemplate=f"{name}: %{{text}}<br>at %{{x:.1f}} s<extra></extra>",
        )  # fmt: skip
    made.update_yaxes(log_seconds(table["duration_s"]))
    made.update_layout(showlegend=True)
    return made
