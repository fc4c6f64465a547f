"""One trace as bars in time, waits hatched."""

from __future__ import annotations

from html import unescape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from workbench.figures._axes import colours, seconds_text, waiting
from workbench.figures.theme import BAD, GREY, figure, plain

_ROW_PX = 24
_INDENT_PX = 12
_FULL, _THIN = 0.72, 0.34


def waterfall(rows: pd.DataFrame) -> go.Figure:
    """Draw `analysis.traces.waterfall`: a bar per span, parents above children, its wait hatched.

    Bars of server spans (visits) are full, those of other spans thin and pale; outcomes but ok stand beside.
    The title names the time of the first span; work that goes on after it is drawn too.
    """
    rows = rows.reset_index(drop=True)
    whole_s = float(rows["duration_s"].iloc[0]) if len(rows) else 0.0
    end_s = float((rows["start_s"] + rows["duration_s"]).max()) if len(rows) else 1.0
    made = figure(f"Where did this request spend its {seconds_text(whole_s)}?", x="time since its start (ms)")
    visits = rows["kind"] == "server"
    for service, colour in colours(rows["service"]).items():
        own = rows["service"] == service
        _bars(made, rows[own & ~visits], service, {"color": colour}, width=_THIN, opacity=0.4)
        _bars(made, rows[own & visits], service, {"color": colour}, width=_FULL)
        _bars(made, rows[own & (rows["wait_s"] > 0)], service, waiting(colour), width=_FULL, waits=True)
        made.add_bar(x=[None], y=[None], name=plain(service, most=24), marker_color=colour, orientation="h")
    if (rows["wait_s"] > 0).any():
        made.add_bar(x=[None], y=[None], name="waiting for a worker", marker=waiting(GREY), orientation="h")
    for row in rows[~rows["outcome"].isin(["", "ok"])].itertuples():
        made.add_annotation(
            x=(row.start_s + row.duration_s) * 1e3, y=row.Index, text=plain(row.outcome),
            showarrow=False, xanchor="left", xshift=4, font={"color": BAD, "size": 12},
        )  # fmt: skip
    _name_rows(made, rows)
    made.update_xaxes(range=[-10 * end_s, 1090 * end_s])
    made.update_layout(barmode="overlay", height=170 + _ROW_PX * len(rows))
    return made


def _bars(
    made: go.Figure, rows: pd.DataFrame, service: str, marker: dict,
    *, width: float, opacity: float = 1.0, waits: bool = False,
) -> None:  # fmt: skip
    if rows.empty:
        return
    begin = rows["start_s"] + (0.0 if waits else rows["wait_s"])
    length = rows["wait_s"] if waits else rows["duration_s"] - rows["wait_s"]
    what = " waiting for a worker" if waits else ""
    made.add_bar(
        x=length * 1e3, base=begin * 1e3, y=rows.index, orientation="h", width=width, opacity=opacity,
        marker=marker, showlegend=False, name=plain(service, most=24),
        customdata=[
            f"{_label(row)}<br>{seconds_text(s)}{what}<br>{plain(row.outcome)}"
            for row, s in zip(rows.itertuples(), length, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip


def _name_rows(made: go.Figure, rows: pd.DataFrame) -> None:
    """Write the names at the left, indented by depth (tick labels are flush right and cannot be)."""
    labels = [_label(row) for row in rows.itertuples()]
    indents = [_INDENT_PX * int(depth) for depth in rows["depth"]]
    room = 14 + max((7 * len(unescape(t)) + i for t, i in zip(labels, indents, strict=True)), default=0)
    for at, (label, indent) in enumerate(zip(labels, indents, strict=True)):
        made.add_annotation(
            x=0,
            xref="paper",
            xanchor="left",
            xshift=indent - room,
            y=at,
            text=label,
            showarrow=False,
            font_size=13,
        )
    made.update_yaxes(range=[len(rows) - 0.4, -0.6], showgrid=False, showticklabels=False, ticks="")
    made.update_layout(margin_l=room)


def _label(row: Any) -> str:
    return f"{plain(row.service, most=18)} · {plain(row.name, most=24)}"
