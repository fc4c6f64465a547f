"""What is there to choose from, and what does each knob do to it?"""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from workbench.figures.theme import BAD, GOOD, GREY, LIMIT, MEASURED, PREDICTED, figure, plain
from workbench.tuning.objective import SLO, said
from workbench.twin.outcome import shown, unit

_MANY = {"s": (1e3, "ms"), "share": (1e2, "%"), "1/s": (1.0, "requests per s")}

_FRONT = "nothing tried is both cheaper and better (● holds with its interval, × does not, ○ not asked)"
_SIGNS = {"holds": "circle", "broken": "x", "": "circle-open"}
_CONFIRMED = {
    "holds": "holds with its interval",
    "broken": "its interval breaks an SLO",
    "": "no interval yet",
}


def front(
    front: pd.DataFrame,
    slo: SLO,
    *,
    tried: pd.DataFrame | None = None,
    chosen: int | None = None,
    title: str = "What does better service cost?",
) -> go.Figure:
    """Draw a study's front against `slo`, what was `tried` near it behind; the row `chosen` is marked.

    Both are tables of a `Study`: the knobs' values, cost, the SLO's quantity, worst over the scenarios, and
    what intervals said: ● holds, × broken, ○ not asked.
    """
    scale, written = _written(slo.quantity)
    name = f"{said(slo.quantity)} ({written}), worst over the scenarios"
    made = figure(title, x="cost (by the objective's weights)", y=plain(name))
    least, most = front["cost"].min(), front["cost"].max()
    high = 1.25 * max(slo.limit, front[slo.quantity].max()) * scale
    if tried is not None:
        made.add_scatter(
            x=tried["cost"], y=tried[slo.quantity] * scale, name="tried", mode="markers",
            marker={"color": GREY, "size": 5, "opacity": 0.6}, customdata=_texts(tried, slo),
            hovertemplate="%{customdata}<extra>tried</extra>",
        )  # fmt: skip
    made.add_scatter(
        x=front["cost"], y=front[slo.quantity] * scale, name=_FRONT, showlegend=True,
        mode="lines+markers", line={"color": PREDICTED, "shape": "hv", "width": 1.5},
        marker={"size": 9, "color": PREDICTED, "symbol": [_SIGNS[c] for c in front["confirmed"]]},
        customdata=_texts(front, slo),
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    if chosen is not None:
        row = front.iloc[chosen]
        made.add_scatter(
            x=[row["cost"]], y=[row[slo.quantity] * scale], name="chosen", mode="markers", hoverinfo="skip",
            marker={"symbol": "circle-open", "size": 18, "color": MEASURED, "line": {"width": 3}},
        )  # fmt: skip
    made.add_hline(
        y=slo.limit * scale, line={"color": LIMIT, "dash": "dash", "width": 1.5},
        annotation={"text": plain(f"SLO {slo}"), "font": {"color": LIMIT}},
    )  # fmt: skip
    span = (most - least) or 0.05 * abs(most) or 1.0  # what was tried far away stays out of the picture
    made.update_xaxes(range=[least - 0.1 * span, most + 0.7 * span])
    made.update_yaxes(range=[0, high])
    return made


def matters(table: pd.DataFrame, *, title: str = "Which knob matters how much?") -> go.Figure:
    """Draw what each knob put elsewhere does: a study's `matters`, for each knob the value that does most."""
    most = table.loc[table.groupby("knob", sort=False)["effect"].apply(lambda own: own.abs().idxmax())]
    most = most.sort_values("effect", key=abs, ascending=True, kind="stable")
    quantity = str(most["quantity"].iloc[0]) if len(most) else "p99_s"
    scale, name = _written(quantity)
    scenario = str(most["scenario"].iloc[0]) if len(most) else ""
    made = figure(title, x=f"change of {said(quantity)} ({name}), {plain(scenario)}")
    better = -1.0 if quantity.startswith("throughput") else 1.0
    made.add_bar(
        orientation="h",
        x=most["effect"] * scale,
        y=[plain(f"{r.knob}: {_brief(r.value)} → {_brief(r.instead)}", most=52) for r in most.itertuples()],
        marker_color=[BAD if effect * better > 0 else GOOD for effect in most["effect"]],
        error_x={
            "type": "data",
            "array": (most["high"] - most["effect"]) * scale,
            "arrayminus": (most["effect"] - most["low"]) * scale,
            "thickness": 1.5,
        },
        customdata=[
            f"{'+' if r.effect >= 0 else '−'}{shown(quantity, abs(r.effect))}" for r in most.itertuples()
        ],
        hovertemplate="%{y}: %{customdata}<extra></extra>",
    )
    made.update_layout(height=150 + 34 * max(1, len(most)), showlegend=False, margin_t=64)
    made.add_vline(x=0, line={"color": GREY, "width": 1})
    return made


def _written(quantity: str) -> tuple[float, str]:
    """Give times what a quantity is drawn, and in which unit."""
    return _MANY.get(unit(quantity), (1.0, unit(quantity)))


def _brief(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _texts(table: pd.DataFrame, slo: SLO) -> list[str]:
    """Say what settings of a study give, what they cost, and what they are."""
    knobs = list(table)[: list(table).index("cost")]
    return [
        plain(f"{said(slo.quantity)} {shown(slo.quantity, row[slo.quantity])}, cost {row['cost']:.4g}")
        + f"<br>{_CONFIRMED[row['confirmed']]}<br>"
        + "<br>".join(plain(f"{name} {_brief(row[name])}") for name in knobs)
        for row in table.to_dict("records")
    ]
