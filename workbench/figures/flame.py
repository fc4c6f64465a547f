"""Which functions does a profile's weight pass through? An icicle: callers above, what they call below."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.analysis import profiles
from workbench.analysis.profiles import Tree
from workbench.figures import theme

_SMALLEST_SHARE = 0.001  # of the whole: what is less is narrower than a pixel or two
_ROW_PX, _LEAST_ROWS, _MOST_ROWS = 22, 12, 60
_WIDTH_PX, _LETTER_PX = 1180, 7.3  # of the plot on a page of 1280 px, and of a letter of the labels
_INK, _PALE = "#1E2329", "#D9DCE0"
_TIMES = {"nanoseconds": 1e-9, "microseconds": 1e-6, "milliseconds": 1e-3, "seconds": 1.0}


def flame(tree: Tree, *, search: str = "") -> go.Figure:
    """Draw a profile's tree; boxes that match `search` stand out, and the title says what share they hold.

    A click on a box widens it, another one goes back up. The modules with most weight of their own have a
    colour each, others are grey. Frames with less than 0.1 % of the weight are left out.
    """
    found = profiles.search(tree, search)
    whole = float(tree.nodes["weight"].iloc[0])
    made = theme.figure(_title(tree, search, found, whole))
    kept = np.flatnonzero(tree.nodes["weight"] >= whole * _SMALLEST_SHARE)
    nodes, matches = tree.nodes.iloc[kept], found.matches[kept]
    rows = min(max(int(nodes["depth"].max()) + 1, _LEAST_ROWS), _MOST_ROWS)
    made.update_layout(
        height=rows * _ROW_PX + 130,
        margin={"l": 16, "r": 16, "b": 16, "t": 104},
        xaxis={"visible": False},
        yaxis={"visible": False},
        uniformtext={"minsize": 10, "mode": "hide"},
    )
    if not whole:
        made.add_annotation(text="The profile holds no samples.", showarrow=False, x=0.5, y=0.5)
        return made
    hues = _hues(nodes)
    for name, hue in hues.items():  # an icicle has no legend: these stand for its colours
        made.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=theme.plain(name, most=40),
            marker={"symbol": "square", "size": 12, "color": _mixed(hue, 0.5)},
            hoverinfo="skip",
        )
    made.add_trace(_icicle(tree, nodes, matches, hues, whole, searching=bool(search)))
    return made


def _title(tree: Tree, search: str, found: profiles.Found, whole: float) -> str:
    of = "" if tree.unit == "count" else f" of {theme.plain(tree.type)}"
    title = f"Where do {_amount(whole, tree)}{of} go?"
    total = float(tree.nodes["total"].iloc[0])
    if total < whole:  # one profile was subtracted from another
        title = f"What changed in {theme.plain(tree.type)}? {_amount(total, tree)} in sum"
    if search:
        held = f"“{theme.plain(search, most=60)}” stands in {found.share:.1%} of it"
        boxes = int(found.matches.sum())
        title += (
            f"<br><span style='font-size:14px'>{held}, in {boxes:,} {'box' if boxes == 1 else 'boxes'}</span>"
        )
    return title


def _icicle(
    tree: Tree,
    nodes: pd.DataFrame,
    matches: np.ndarray,
    hues: dict[str, str],
    whole: float,
    *,
    searching: bool,
) -> go.Icicle:
    shares = (nodes["weight"] / whole).to_numpy()
    letters = (shares * _WIDTH_PX / _LETTER_PX - 1).astype(int)
    names = [name or "all" for name in nodes["function"]]
    colours = {
        name: _mixed(hue, 0.25, _PALE) if searching else _mixed(hue, 0.5) for name, hue in hues.items()
    }
    other = _PALE if searching else _mixed(theme.GREY, 0.3)
    fills = [
        theme.PURPLE if match else colours.get(name, other)
        for name, match in zip(nodes["module"], matches, strict=True)
    ]
    hover = [
        f"<b>{theme.plain(name, most=200)}</b><br>{theme.plain(file, most=120) or '–'}<br>"
        f"total {_amount(total, tree)} ({share:.2%}), self {_amount(own, tree)}"
        for name, file, total, share, own in zip(
            names, nodes["file"], nodes["total"], shares, nodes["self"], strict=True
        )
    ]
    return go.Icicle(
        ids=[str(i) for i in nodes.index],
        parents=["" if parent < 0 else str(parent) for parent in nodes["parent"]],
        labels=[theme.plain(name, most=n) if n > 4 else "" for name, n in zip(names, letters, strict=True)],
        values=nodes["weight"],
        branchvalues="total",
        text=hover,
        textinfo="label",
        textposition="middle left",
        hovertemplate="%{text}<extra></extra>",
        marker={"colors": fills, "line": {"width": 0.5, "color": "#FFFFFF"}},
        textfont={
            "family": theme.MONO,
            "size": 12,
            "color": ["#FFFFFF" if match else _INK for match in matches],
        },
        tiling={"orientation": "v", "pad": 0},
        pathbar={"visible": False},
        root={"color": "rgba(0,0,0,0)"},
        leaf={"opacity": 1},
        maxdepth=-1,
    )


def _hues(nodes: pd.DataFrame) -> dict[str, str]:
    """Give a colour to each of the widest modules."""
    own = nodes["self"].abs()
    weights: dict[str, float] = {}
    for name, weight in zip(nodes["module"], own, strict=True):
        weights[name] = weights.get(name, 0.0) + weight
    widest = sorted((name for name in weights if name), key=lambda name: (-weights[name], name))
    return dict(zip(widest, theme.PALETTE, strict=False))


def _mixed(colour: str, strength: float, other: str = "#FFFFFF") -> str:
    """Mix a colour into another; the result is the same on light and dark pages, as the labels on it are."""
    pairs = [(int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(one * strength + two * (1 - strength)):02X}" for one, two in pairs)


def _amount(value: float, tree: Tree) -> str:
    """Say a weight in the unit that a reader would choose."""
    if tree.unit in _TIMES:
        value, steps = value * _TIMES[tree.unit], ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
    elif tree.unit == "bytes":
        steps = ((1024.0**3, "GiB"), (1024.0**2, "MiB"), (1024.0, "KiB"), (1.0, "bytes"))
    else:
        return f"{value:,.6g} {theme.plain(tree.type if tree.unit == 'count' else tree.unit)}".rstrip()
    size, name = next((step for step in steps if abs(value) >= step[0]), steps[-1])
    return f"{value / size:,.3g} {name}" if abs(value) < 999.5 * size else f"{value / size:,.0f} {name}"
