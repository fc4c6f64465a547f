"""Figures of a first look show what they were given, escape foreign text, and stay empty on nothing."""

from __future__ import annotations

import json

import pandas as pd
import plotly.graph_objects as go
import pytest

from workbench.analysis.latency import ecdf, latency, quantiles
from workbench.analysis.pauses import pause_times
from workbench.analysis.pools import pools_over_time
from workbench.analysis.rates import rates
from workbench.analysis.traces import breakdown
from workbench.capture import Capture
from workbench.figures import distribution as distributions
from workbench.figures import latency as latencies
from workbench.figures import load_curve as curves
from workbench.figures import overview as overviews
from workbench.figures import pauses as stops
from workbench.figures import self_wait as bars
from workbench.figures import utilisation as loads
from workbench.figures import waterfall as waterfalls

EVIL = "<script>alert(1)</script>"
T = pd.date_range("2026-11-20T10:00:00Z", periods=3, freq="10s", unit="ns")


def rate_table(service: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": T,
            "service": service,
            "rate_rps": [1.0, 2, 3],
            "error_share": [0, 0.5, 1],
            "limited_share": 0.0,
        }
    )


def latency_table(service: str) -> pd.DataFrame:
    return pd.DataFrame(
        [(t, service, q, q, 9) for q in (0.5, 0.95, 0.99) for t in T],
        columns=["time", "service", "q", "value_s", "n"],
    )


def pool_table(service: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"time": T, "service": service, "pool": "", "utilisation": [0.1, 0.5, 1],
         "saturated_share": [0, 0.2, 1], "queue": [0, 1, 7], "queue_limit": 8}
    )  # fmt: skip


def pause_table(service: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"service": service, "kind": ["gen0", EVIL], "at_s": [1.0, 2], "duration_s": [0.001, 0.02]}
    )


def span_rows(service: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"depth": [0, 1], "service": service, "name": [EVIL, "GET"], "kind": ["client", "server"],
         "start_s": [0.0, 0.01], "duration_s": [0.1, 0.3], "wait_s": [0.0, 0.2], "outcome": ["timeout", "ok"],
         "span_id": ["1", "2"]}
    )  # fmt: skip


def parts(service: str) -> pd.DataFrame:
    return pd.DataFrame(
        [(scope, service, who, part, s, s, 7, 0.5) for scope in ("all", "slowest")
         for who, part, s in ((service, "self", 0.3), (service, "wait", 0.6), ("", "elsewhere", 0.1))],
        columns=["scope", "entry", "service", "part", "mean_s", "share", "requests", "from_s"],
    )  # fmt: skip


def curve_table() -> pd.DataFrame:
    return pd.DataFrame(
        [(load, q, load * q, load * q / 2, load * q * 2) for q in (0.5, 0.99) for load in (10, 20)],
        columns=["load_rps", "q", "value_s", "low_s", "high_s"],
    )


def figures(service: str) -> dict[str, go.Figure]:
    curve = {service: ecdf([0.1, 0.2, 0.3]), "simulated": ecdf([0.1, 0.25])}
    marks = {service: quantiles([0, 1, 20], [0.1, 0.2, 0.3])}
    return {
        "overview": overviews.overview(rate_table(service), latency_table(service)),
        "latency": latencies.latency(latency_table(service)),
        "utilisation": loads.utilisation(pool_table(service)),
        "pauses": stops.pauses(pause_table(service)),
        "waterfall": waterfalls.waterfall(span_rows(service)),
        "self_wait": bars.self_wait(parts(service)),
        "distribution": distributions.distribution(curve, marks, slo_s=0.2),
        "load_curve": curves.load_curve(curve_table(), slo_s=5, now_rps=15),
    }


NAMES = list(figures("a"))


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_asks_or_answers_and_names_its_units(name: str) -> None:
    figure = figures("shop")[name]
    assert figure.layout.title.text.endswith("?")
    said = [axis.title.text for axis in figure.select_xaxes() if axis.title.text]
    said += [note.text for note in figure.layout.annotations]
    said += [axis.title.text for axis in figure.select_yaxes() if axis.title.text]
    units = ("(s)", "(ms)", "(%", "(per s)", "(log scale)", "(requests per s)", "(UTC)")
    assert any(unit in text for text in said for unit in units)


@pytest.mark.parametrize("name", NAMES)
def test_names_from_telemetry_are_escaped(name: str) -> None:
    figure = figures(EVIL)[name]
    shown = json.loads(figure.to_json())
    # legendgroup is a key that nobody sees; all else could become markup
    texts = [text for text in strings(shown) if EVIL in text]
    assert set(texts) <= {trace.legendgroup for trace in figure.data}


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in strings(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in strings(inner)]
    return [value] if isinstance(value, str) else []


def test_an_empty_capture_gives_empty_figures() -> None:
    nothing = Capture()
    for figure in (
        overviews.overview(rates(nothing), latency(nothing)),
        latencies.latency(latency(nothing)),
        loads.utilisation(pools_over_time(nothing)),
        stops.pauses(pause_times(nothing)),
        bars.self_wait(breakdown(nothing)),
        distributions.distribution({"measured": ecdf([])}, {"measured": quantiles([], [])}),
        curves.load_curve(curve_table().head(0)),
    ):
        assert figure.layout.title.text
        assert all(trace.x is None or len(trace.x) == 0 for trace in figure.data)


def test_the_overview_draws_shares_in_percent_and_limits_only_where_there_are_any() -> None:
    figure = overviews.overview(rate_table("a"), latency_table("a"))
    (failed,) = figure.select_traces({"name": "failed"})
    assert list(failed.y) == [0, 50, 100]
    assert not list(figure.select_traces({"name": "refused by a rate limit"}))
    limited = overviews.overview(rate_table("a").assign(limited_share=0.25), latency_table("a"))
    (trace,) = limited.select_traces({"name": "refused by a rate limit"})
    assert list(trace.y) == [25, 25, 25]


def test_a_wait_is_the_hatched_begin_of_its_bar() -> None:
    figure = waterfalls.waterfall(span_rows("a"))
    drawn = [
        (list(bar.base), list(bar.x), bar.marker.pattern.shape) for bar in figure.data if bar.base is not None
    ]
    assert drawn == [
        (pytest.approx([0]), pytest.approx([100]), None),
        (pytest.approx([210]), pytest.approx([100]), None),
        (pytest.approx([10]), pytest.approx([200]), "/"),
    ]
    assert figure.layout.title.text == "Where did this request spend its 100 ms?"
    assert "timeout" in [note.text for note in figure.layout.annotations]


def test_bars_of_a_service_stack_to_its_share() -> None:
    figure = bars.self_wait(parts("a"))
    assert [list(trace.x) for trace in figure.data[:3]] == [[300], [600], [100]]
    assert [note.text for note in figure.layout.annotations if note.text.endswith("%")][:2] == ["90%", "10%"]


def test_the_distribution_draws_what_lies_beyond_and_marks_quantiles() -> None:
    figure = distributions.distribution(
        {"m": ecdf([0.1, 0.2, 0.4, 0.8])}, {"m": quantiles([0], [0.4], (0.5,))}
    )
    line, marks = figure.data
    assert list(line.x) == [0.1, 0.2, 0.4]
    assert list(line.y) == pytest.approx([0.75, 0.5, 0.25])
    assert (list(marks.x), list(marks.y)) == ([0.4], [0.5])


def test_the_load_curve_has_a_band_and_a_line_for_each_quantile() -> None:
    figure = curves.load_curve(curve_table(), slo_s=5)
    band, line = figure.data[:2]
    assert list(line.y) == [5, 10]
    assert list(band.x) == [10, 20, 20, 10]
    assert list(band.y) == [10, 20, 5, 2.5]
    assert figure.layout.shapes[0].y0 == 5


def test_a_load_curve_without_intervals_has_no_band() -> None:
    figure = curves.load_curve(curve_table().drop(columns=["low_s", "high_s"]))
    assert [trace.name for trace in figure.data] == ["P50", "P99"]
