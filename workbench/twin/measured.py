"""The numbers of `outcome`, from a capture: what was measured, and how well the twin reproduces it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.analysis.latency import ecdf
from workbench.analysis.pools import pools_over_time
from workbench.capture import Capture
from workbench.errors import Contradiction
from workbench.twin.evidence.counters import Counters, metered
from workbench.twin.model import Twin, predict, student_95
from workbench.twin.outcome import QUANTILES, label, shown, unit
from workbench.twin.simulate import observe, simulate

BLOCK_S = 5.0
AS_GOOD_AS_EQUAL = 0.01  # of a value, or of a share: timers and schedulers of real systems are no truer
_RESAMPLES = 400
_NORMAL_95 = 1.645


def callers(capture: Capture) -> pd.DataFrame:
    """Give every new request as its caller met it: at_s (from the window's start), latency_s, ok.

    Callers are services with root client spans that serve nobody; where there are none, requests are the
    visits that came from outside to the service most asked. Raises Contradiction where there is none either.
    """
    roots = _roots(capture)
    if not len(roots):
        raise Contradiction(
            "no root spans of requests",
            where=capture.name or "capture",
            expected="a span per request, from the load generator, the edge or the first service",
        )
    return pd.DataFrame(
        {
            "at_s": (roots["start"] - capture.start).dt.total_seconds(),
            "latency_s": roots["duration_s"],
            "ok": roots["status"] != "error",
        }
    ).sort_values("at_s", ignore_index=True)


def _roots(capture: Capture) -> pd.DataFrame:
    spans = capture.spans
    server = spans["kind"] == "server"
    calling = (spans["kind"] == "client") & ~spans["service"].isin(set(spans.loc[server, "service"]))
    asked = spans[spans["parent_id"].isna() & calling]
    if len(asked):
        return asked
    known = set(spans["trace_id"] + spans["span_id"])
    entered = spans[server & ~(spans["trace_id"] + spans["parent_id"]).isin(known)]
    return entered[entered["service"] == entered["service"].value_counts().head(1).index.max()]


def _kept(capture: Capture) -> float:
    """Give the share of requests that are there: of callers' own spans all are."""
    roots = _roots(capture)
    return 1.0 if (roots["kind"] == "client").any() else float(capture.load.get("sample_share", 1.0))


def measured(capture: Capture, *, seed: int = 0) -> pd.DataFrame:
    """Give value, low, high and unit by quantity, names as in `outcome`.

    Intervals are 90 %, by bootstrap over blocks of 5 s. Utilisation comes from the pools' own counters, and
    is absent without them.
    """
    value, drawn = bootstrap(capture, seed=seed)
    spread = drawn.quantile([0.05, 0.95])
    table = pd.DataFrame({"value": value, "low": spread.loc[0.05], "high": spread.loc[0.95]})
    table = pd.concat([table, _utilisation(capture, np.random.default_rng(seed))])
    return table.assign(unit=[unit(name) for name in table.index])


def bootstrap(capture: Capture, *, seed: int = 0) -> tuple[pd.Series, pd.DataFrame]:
    """Give what callers met, by quantity, and 400 resamples of it over blocks of 5 s (rows).

    Resamples of few blocks spread too little. They are widened so that their 90 % range is that of Student's
    t over the blocks (B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 12). Without
    spans it is what the first service's metrics say of its answers.
    """
    if capture.spans.empty and len(capture.series):
        value, drawn, blocks = metered(capture, _RESAMPLES, step_s=BLOCK_S, seed=seed)
        return value, _widened(value, drawn, blocks)
    seen = callers(capture)
    blocks = max(2, round(capture.duration_s / BLOCK_S))
    block = np.clip((seen["at_s"] * blocks / capture.duration_s).astype(int), 0, blocks - 1).to_numpy()
    order = np.argsort(seen["latency_s"].to_numpy())
    latency, good, block = seen["latency_s"].to_numpy()[order], seen["ok"].to_numpy()[order], block[order]
    rng = np.random.default_rng(seed)
    span_s = capture.duration_s * _kept(capture)
    drawn = [
        _numbers(latency, good, np.bincount(rng.integers(0, blocks, blocks), minlength=blocks)[block], span_s)
        for _ in range(_RESAMPLES)
    ]
    value = pd.Series(_numbers(latency, good, np.ones(len(seen), int), span_s))
    return value, _widened(value, pd.DataFrame(drawn), blocks)


def _widened(value: pd.Series, drawn: pd.DataFrame, blocks: int) -> pd.DataFrame:
    widening = student_95(blocks - 1) / _NORMAL_95 * np.sqrt(blocks / (blocks - 1))
    widened = value + (drawn - value) * widening
    widened["error_share"] = widened["error_share"].clip(upper=1.0)
    return widened.clip(lower=0.0)


def reproduction(twin: Twin, capture: Capture, *, seed: int = 0) -> pd.DataFrame:
    """Compare a capture with the twin's prediction of it, on the arrivals that really came.

    Gives by quantity: measured, measured_low, measured_high, predicted, low, high, error (relative;
    difference for shares), agrees (the intervals overlap, or the error is at most 1 %), unit.
    """
    here = measured(capture, seed=seed)
    there = predict(
        twin,
        {k: v for k, v in capture.settings.items() if k in twin.settings},
        duration_s=capture.duration_s,
        seed=seed,
        times_s=replayed(capture),
    ).table
    both = [name for name in here.index if name in there.index]
    table = pd.DataFrame(
        {
            "measured": here.loc[both, "value"],
            "measured_low": here.loc[both, "low"],
            "measured_high": here.loc[both, "high"],
            "predicted": there.loc[both, "value"],
            "low": there.loc[both, "low"],
            "high": there.loc[both, "high"],
        }
    ).astype(float)
    shares = table.index.str.contains("share|utilisation")
    difference = table["predicted"] - table["measured"]
    table["error"] = difference.where(shares, difference / table["measured"])
    near = table["error"].abs() <= AS_GOOD_AS_EQUAL
    overlap = (table["low"] <= table["measured_high"]) & (table["measured_low"] <= table["high"])
    table["agrees"] = near | overlap
    return table.assign(unit=here.loc[both, "unit"])


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Give a table of `reproduction` in words and units, for people."""

    def interval(q: str, low: str, high: str) -> str:
        return f"{shown(q, table.at[q, low])} to {shown(q, table.at[q, high])}"

    rows = {
        label(str(q)): {
            "measured": shown(str(q), row["measured"]),
            "measured, 90 %": interval(q, "measured_low", "measured_high"),
            "predicted": shown(str(q), row["predicted"]),
            "predicted, 90 %": interval(q, "low", "high"),
            "error": _error(str(q), row["error"]),
            "agrees": "yes" if row["agrees"] else "no",
        }
        for q, row in table.iterrows()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _error(quantity: str, error: float) -> str:
    """Give an error in per cent, of shares in points; what rounds to nothing has no sign."""
    points = " points" if unit(quantity) == "share" else " %"
    return f"{error * 100:+.1f}{points}".replace("+0.0", "0.0").replace("-0.0", "0.0")


def distributions(
    twin: Twin, capture: Capture, *, fitted: Capture | None = None, runs: int = 4, seed: int = 0
) -> dict[str, pd.DataFrame]:
    """Give what callers met as distribution functions: measured, and the twin's, observed alike.

    The twin runs at the capture's settings on the arrivals that really came, `runs` times. With `fitted`, the
    window that the twin was calibrated on, its latencies stand beside them: what one would expect without a
    model.
    """
    settings = {k: v for k, v in capture.settings.items() if k in twin.settings}
    times = replayed(capture)
    runs_seen = []
    for one in range(seed, seed + runs):
        simulated = simulate(twin, settings, duration_s=capture.duration_s, seed=one, times_s=times)
        runs_seen.append(callers(observe(simulated, like=capture))["latency_s"])
    found = {
        "measured": ecdf(callers(capture)["latency_s"]),
        "twin": ecdf(pd.concat(runs_seen)),
    }
    if fitted is not None:
        found["the fitted window, resampled"] = ecdf(callers(fitted)["latency_s"])
    return found


def replayed(capture: Capture, *, warm_up_s: float = 20.0) -> np.ndarray:
    """Give the arrival times of a capture (s from its start), preceded by its first part again as warm-up.

    Where not every request was kept, or only counted, times are drawn evenly around those or in their block.
    """
    if capture.spans.empty and len(capture.series):
        times = Counters([capture]).times()
    else:
        times = _filled(callers(capture)["at_s"].to_numpy(), _kept(capture), capture.duration_s)
    lead = times[times < min(warm_up_s, capture.duration_s)] - min(warm_up_s, capture.duration_s)
    return np.concatenate([lead, times])


def _filled(times: np.ndarray, share: float, duration_s: float) -> np.ndarray:
    if share >= 1.0:
        return times
    rng = np.random.default_rng(times.size)
    drawn = rng.choice(times, round(times.size / share)) + rng.uniform(-1, 1, round(times.size / share))
    return np.sort(np.abs(drawn) % duration_s)


def _numbers(latency: np.ndarray, good: np.ndarray, weight: np.ndarray, span_s: float) -> dict[str, float]:
    """Statistics of sorted latencies, each counted `weight` times."""
    total = weight.sum()
    reached = np.cumsum(weight)
    at = np.searchsorted(reached, np.ceil(np.array(QUANTILES) * total), side="left")
    values = latency[np.minimum(at, latency.size - 1)]
    ok = float(weight[good].sum())
    return {
        "mean_s": float((latency * weight).sum() / total),
        **{f"p{q * 100:g}_s": float(v) for q, v in zip(QUANTILES, values, strict=True)},
        "throughput_rps": ok / span_s,
        "error_share": 1.0 - ok / total,
        "load_rps": float(total) / span_s,
    }


def _utilisation(capture: Capture, rng: np.random.Generator) -> pd.DataFrame:
    busy = pools_over_time(capture, step_s=BLOCK_S)
    rows = {}
    for service, own in busy[busy["pool"] == ""].groupby("service"):
        values = own["utilisation"].dropna().to_numpy()
        if values.size:
            drawn = rng.choice(values, (_RESAMPLES, values.size)).mean(axis=1)
            low, high = np.quantile(drawn, [0.05, 0.95])
            rows[f"utilisation/{service}"] = (values.mean(), low, high)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])
