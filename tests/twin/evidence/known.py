"""Captures of networks made by hand, whose every parameter is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from tests.twin import hand
from workbench import tables
from workbench.capture import Capture
from workbench.network import Demand, Network, Station, Workload
from workbench.settings import Settings
from workbench.twin.model import Twin


def twin(network: Network, asked: Workload, settings: Settings | None = None) -> Twin:
    """A twin without knobs, sure of its parameters."""
    return Twin("known", network, asked, (), settings or Settings(), (asked,) * 20, hand.T0, 60.0)


def work(rate_rps: float, means_s: dict[str, float], *, transit: dict[str, float] | None = None) -> Workload:
    """Exponential work, in one piece."""
    demand = {name: Demand(hand.exponential(mean_s)) for name, mean_s in means_s.items()}
    out = {key: np.full(hand.POINTS, mean_s) for key, mean_s in (transit or {}).items()}
    return Workload(np.array([rate_rps]), 60.0, demand, out)


def changed(network: Network, station: Station) -> Network:
    """The network with one station changed."""
    return replace(
        network, stations=tuple(station if s.name == station.name else s for s in network.stations)
    )


def metered(capture: Capture, *metrics: str, service: str = "") -> Capture:
    """The capture with nothing but metrics whose names begin so (of one service)."""
    heads = capture.series
    kept = heads["metric"].str.startswith(metrics or ("",))
    kept &= heads["service"].eq(service) if service else True
    heads = heads[kept].reset_index(drop=True)
    samples = capture.samples[capture.samples["series"].isin(heads["series"])].reset_index(drop=True)
    return replace(capture, spans=tables.SPANS.empty(), series=heads, samples=samples)


def moved(capture: Capture, service: str, ahead_s: float) -> Capture:
    """The capture with the clock of a service ahead."""
    spans = capture.spans.copy()
    own = spans["service"] == service
    spans.loc[own, "start"] = spans.loc[own, "start"] + pd.Timedelta(round(ahead_s * 1e9), "ns")
    return replace(capture, spans=spans)
