"""`simulate`: the twin writes the tables that the system writes; `observe` blurs them as instruments do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench import tables
from workbench.analysis.pools import pools
from workbench.analysis.visits import visits
from workbench.capture import Capture
from workbench.network import Network, Scenario
from workbench.settings import Settings, Value
from workbench.twin import arrivals, world
from workbench.twin._scrapes import scrape
from workbench.twin.model import AS_RECORDED, WARM_UP_S, Twin, run, warm_up_of

CURRENT: Mapping[str, Value] = Settings()

# By outcome: what the station answered, and what the caller reports.
_STATUS = np.array(["200", "502", "503", "429", "504", "", "", "", "", "499"], dtype=object)
_ERROR = np.array(
    ["", "502", "503", "429", "504", "timeout", "", "breaker_open", "connection_refused", "cancelled"],
    dtype=object,
)


def simulate(
    twin: Twin,
    settings: Mapping[str, Value] = CURRENT,
    *,
    scenario: Scenario = AS_RECORDED,
    duration_s: float = 600.0,
    seed: int = 0,
    times_s: np.ndarray | None = None,
) -> Capture:
    """Simulate a window and give its Capture: every span, and metrics scraped each second.

    Starts where the twin's capture started. `times_s` replays arrivals, in seconds from that start.
    """
    network, workload = twin.at(settings), scenario.apply(twin.workload)
    changes = scenario.changes
    if times_s is None:
        times_s = arrivals.poisson(workload, start_s=-WARM_UP_S, end_s=duration_s, seed=seed, changes=changes)
    log, _ = run(twin, network, workload, duration_s=duration_s, seed=seed, times_s=times_s, changes=changes)
    shift = warm_up_of(times_s)
    entered = _of_root(log, "sent")
    inside = (entered >= shift) & (entered < shift + duration_s)
    spans = _spans(log, inside, network, twin.start - pd.Timedelta(shift, "s"))
    bare = Capture(
        name=f"simulated {twin.name}",
        start=twin.start,
        end=twin.start + pd.Timedelta(duration_s, "s"),
        settings=twin.settings.with_(settings),
        spans=spans,
        load={"sample_share": 1.0, "scenario": scenario.name, "seed": seed},
    )
    times = pd.date_range(bare.start, bare.end, freq="1s")
    return replace(bare, **scrape(visits(bare), _servers(network), times=times))


def observe(simulated: Capture, *, like: Capture) -> Capture:
    """Give what the instruments behind `like` would have shown of a simulated capture.

    Traces are sampled at its share (callers' own spans are all kept), metrics come in its histogram buckets
    at its scrape interval, and absent altogether where it was scraped less than twice.
    """
    series: dict[str, pd.DataFrame] = {"series": tables.SERIES.empty(), "samples": tables.SAMPLES.empty()}
    # Each target is scraped at an offset of its own, so that only a series' own times tell the interval.
    interval = like.samples.sort_values("time").groupby("series")["time"].diff().median()
    if pd.notna(interval):
        servers = pools(simulated).set_index("service")["size"].to_dict()
        times = pd.date_range(simulated.start, simulated.end, freq=interval)
        buckets = _buckets(like)
        known = visits(simulated)
        series = scrape(known, servers, times=times, **({"buckets_s": buckets} if buckets else {}))
    share = float(like.load.get("sample_share", 1.0))
    spans = simulated.spans
    luck = spans["trace_id"].str[-8:].map(lambda text: int(text, 16) / 2**32)
    kept = (luck < share) | spans["parent_id"].isna()
    return replace(
        simulated,
        spans=spans[kept].reset_index(drop=True),
        load={**simulated.load, "sample_share": share},
        **series,
    )


def _buckets(like: Capture) -> list[float]:
    chosen = like.series[like.series["metric"] == "http_server_request_duration_seconds_bucket"]
    bounds = {float(dict(pairs).get("le", "inf")) for pairs in chosen["labels"]}
    return sorted(b for b in bounds if np.isfinite(b))


def _servers(network: Network) -> dict[str, float]:
    return {s.name: s.pool.servers for s in network.stations if s.name != network.entry}


def _spans(log: np.ndarray, inside: np.ndarray, network: Network, zero: pd.Timestamp) -> pd.DataFrame:
    """Give a server span per visit and a client span per try, the entry's tries as roots."""
    names = np.array([s.name for s in network.stations], dtype=object)
    entry = names.tolist().index(network.entry)
    v = np.flatnonzero(inside & (log["parent"] >= 0))
    caller = log["station"][log["parent"][v]]
    is_root = caller == entry
    trace_id = np.array([f"{key:032x}" for key in _of_root(log, "key")[v].tolist()], dtype=object)
    key = log["key"].tolist()
    client_id = np.array([f"c{key[i]:016x}"[:16] for i in v.tolist()], dtype=object)
    server_id = np.array([f"5{key[i]:016x}"[:16] for i in v.tolist()], dtype=object)
    above = np.array([f"5{key[i]:016x}"[:16] for i in log["parent"][v].tolist()], dtype=object)
    heard = np.where(np.isnan(log["heard"][v]), log["ended"][v], log["heard"][v])
    # The caller was gone when it ended: nobody heard, and it never learnt the result.
    result = np.where(log["result"][v] == world.RUNNING, world.TIMEOUT, log["result"][v])
    wait = np.where(np.isnan(log["started"][v]), 0.0, log["started"][v] - log["arrived"][v])
    call = np.array([f"GET /{name}" for name in names], dtype=object)[log["station"][v]]
    client = pd.DataFrame(
        {
            "trace_id": trace_id,
            "span_id": client_id,
            "parent_id": pd.Series(above).mask(is_root).to_numpy(),
            "service": names[caller],
            "name": call,
            "kind": "client",
            "start": log["sent"][v],
            "duration_s": heard - log["sent"][v],
            "status": np.where(result == world.OK, "ok", "error"),
        }
    )
    server = pd.DataFrame(
        {
            "trace_id": trace_id,
            "span_id": server_id,
            "parent_id": client_id,
            "service": names[log["station"][v]],
            "name": call,
            "kind": "server",
            "start": log["arrived"][v],
            "duration_s": log["ended"][v] - log["arrived"][v],
            "status": np.where(log["outcome"][v] == world.OK, "ok", "error"),
        }
    )
    attributes = pa.concat_arrays(
        [
            _maps(
                ("server.address", names[log["station"][v]]),
                ("http.request.resend_count", log["attempt"][v].astype(str).astype(object)),
                ("error.type", _ERROR[result]),
            ),
            _maps(
                ("http.response.status_code", _STATUS[log["outcome"][v]]),
                ("worker_pool.wait_s", np.array([repr(w) for w in wait.tolist()], dtype=object)),
            ),
        ]
    )
    both = pd.concat([client, server], ignore_index=True)
    number = log["instance"]
    both["instance"] = both["service"] + [f"-{n}" for n in (*number[log["parent"][v]], *number[v])]
    told = (both["start"].notna() & both["duration_s"].notna()).to_numpy()  # of what never ended, nothing
    both = both[told].reset_index(drop=True)
    both["start"] = zero.value + np.rint(both["start"] * 1e9).astype("int64")
    columns = {name: both[name] for name in both} | {"attributes": attributes.filter(pa.array(told))}
    return tables.SPANS.build(columns, where="simulated")


def _of_root(log: np.ndarray, field: str) -> np.ndarray:
    """Give a field of the request's first visit for every row."""
    roots = np.sort(log[log["parent"] < 0], order="request")
    return roots[field][np.searchsorted(roots["request"], log["request"])]


def _maps(*items: tuple[str, np.ndarray]) -> pa.MapArray:
    """Give one map per row from columns of texts; empty texts are left out."""
    present = np.array([values != "" for _, values in items])
    keys = np.array([[name] * len(items[0][1]) for name, _ in items], dtype=object)
    values = np.array([values for _, values in items], dtype=object)
    offsets = np.concatenate([[0], np.cumsum(present.sum(axis=0))]).astype(np.int32)
    chosen = present.T.ravel()
    return pa.MapArray.from_arrays(
        pa.array(offsets),
        pa.array(keys.T.ravel()[chosen]),
        pa.array(values.T.ravel()[chosen].tolist(), pa.string()),
    )
