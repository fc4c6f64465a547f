"""A recording that nobody here made: a minute of traces of Online Boutique, from Nezha (ESEC/FSE 2023).

TraceID,SpanID,ParentID,PodName,OperationName,StartTimeUnixNano,EndTimeUnixNano,Duration

The twin is calibrated on one part of a page's requests and foretells what callers meet in another, which it
never saw. Nothing tells the pools of the services, so that all are taken to be without limit. Nor did the
callers leave spans: each request's outermost span stands for theirs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.accuracy.grade import error
from workbench import tables
from workbench.analysis.visits import tries
from workbench.capture import Capture
from workbench.network import Call, Network, Scenario, Station
from workbench.twin.calibrate import calibrate
from workbench.twin.measured import callers, measured
from workbench.twin.model import predict
from workbench.twin.outcome import label, shown

TRACES = Path("traces", "IntelligentDDS+Nezha", "rca_data", "2022-08-22", "trace", "03_53_trace.csv")
WINDOW_S = 60
SPLITS = (((0, 40), (40, 60)), ((20, 40), (40, 60)), ((40, 60), (20, 40)))  # seconds fitted, and held out
_BOTH = {"GetSupportedCurrencies", "GetCart", "ListRecommendations", "GetProduct", "Convert"}
PAGES = {"product": _BOTH | {"GetAds"}, "cart": _BOTH | {"GetQuote"}}  # the others are too few to fit
FEWEST_REQUESTS = 50  # to fit; `calibrate` refuses fewer
QUANTITIES = ("mean_s", "p50_s", "p95_s", "p99_s")
_HEADS = (
    "page, fitted → held out",
    "requests",
    "",
    "measured, 90 %",
    "predicted, 90 %",
    "error",
    "without a twin",
)
_WORDS = """
Online Boutique as recorded by Nezha, one minute of traces: calibrated on some seconds of a page's requests,
graded on others. Without a twin: the error of taking the fitted seconds' own value. The minute is not steady:
the mean of ten seconds goes from 163 to 614 ms, the worst from 10 to 20 s.
"""


def report(corpus: Path) -> str:
    """Give the table of all pages and splits; "" where the recording is not there."""
    path = corpus / TRACES
    if not path.exists():
        return ""
    lines = [_WORDS, "| " + " | ".join(_HEADS) + " |", "|" + "---|" * len(_HEADS)]
    for page, capture in pages(pd.read_csv(path)).items():
        for split in SPLITS:
            fitted, held = (_part(capture, *seconds) for seconds in split)
            if len(callers(fitted)) >= FEWEST_REQUESTS:
                what = f"{page}, {split[0][0]}–{split[0][1]} s → {split[1][0]}–{split[1][1]} s"
                count = f"{len(callers(fitted))} → {len(callers(held))}"
                for row in graded(fitted, held).to_dict("records"):
                    lines.append(_line(what, count, row))
    return "\n".join(lines)


def _line(what: str, count: str, row: dict[str, Any]) -> str:
    q = row["quantity"]
    here = f"{shown(q, row['measured'])} ({shown(q, row['here_low'])} to {shown(q, row['here_high'])})"
    there = f"{shown(q, row['predicted'])} ({shown(q, row['low'])} to {shown(q, row['high'])})"
    cells = [what, count, label(q), here, there, f"{row['error']:+.0%}", f"{row['error_resampled']:+.0%}"]
    return "| " + " | ".join(cells) + " |"


def pages(rows: pd.DataFrame) -> dict[str, Capture]:
    """Give a capture of each page, told by the set of calls that the frontend makes for it."""
    spans = _spans(rows)
    called = spans[(spans["kind"] == "client") & (spans["service"] == "frontend")]
    made = called.groupby("trace_id")["name"].agg(lambda names: {name.rpartition("/")[2] for name in names})
    start = spans["start"].min()
    end = start + pd.Timedelta(WINDOW_S, "s")
    found = {}
    for page, wanted in PAGES.items():
        own = spans["trace_id"].isin(made.index[made == wanted])
        found[page] = Capture(page, start, end, spans=spans[own].reset_index(drop=True))
    return found


def graded(fitted: Capture, held: Capture) -> pd.DataFrame:
    """Calibrate on one part of a page, foretell the other at the other's rate, by quantity."""
    twin = calibrate(fitted, network=network_of(fitted))
    load = len(callers(held)) / held.duration_s / twin.workload.mean_rps()
    there = predict(twin, {}, scenario=Scenario(load=load), duration_s=held.duration_s)
    here, before = measured(held), measured(fitted)["value"]
    rows = []
    for q in QUANTITIES:
        low, high = there.interval(q)
        value, here_low, here_high = here.loc[q, ["value", "low", "high"]]
        row = {"quantity": q, "measured": value, "here_low": here_low, "here_high": here_high}
        row |= {"predicted": there[q], "low": low, "high": high}
        row |= {"error": error(q, there[q], value), "error_resampled": error(q, before[q], value)}
        rows.append(row)
    return pd.DataFrame(rows)


def network_of(capture: Capture) -> Network:
    """Give services without limit; a visit makes its n-th call to a callee as often as visits made n of them.

    Calls come in the order in which they begin, on average.
    """
    visits = capture.spans[capture.spans["kind"] == "server"]["service"].value_counts()
    made = tries(capture).sort_values("start")
    made = made[made["callee"].isin(visits.index)]  # the last ones were not answered in the window
    made["nth"] = made.groupby(["trace_id", "parent_id", "callee"], dropna=False).cumcount()
    made["order"] = made.groupby(["trace_id", "parent_id"], dropna=False).cumcount()
    each = made.groupby(["caller", "callee", "nth"])["order"].agg(["size", "mean"]).reset_index()
    users = callers(capture).shape[0]
    stations = []
    for name in ["users", *visits.index]:
        own = each[each["caller"] == name].sort_values("mean")
        base = users if name == "users" else int(visits[name])
        calls = tuple(
            Call(c, share=min(1.0, n / base)) for c, n in zip(own["callee"], own["size"], strict=True)
        )
        stations.append(Station(name, calls=calls))
    return Network(tuple(stations), entry="users")


def _part(capture: Capture, begin_s: float, end_s: float) -> Capture:
    begin, end = (capture.start + pd.Timedelta(t, "s") for t in (begin_s, end_s))
    return capture.between(begin, end)


def _spans(rows: pd.DataFrame) -> pd.DataFrame:
    """Give the table of spans: a parent in another pod is a client span, its child a server span."""
    rows = rows.drop_duplicates("SpanID")
    pod = rows.set_index("SpanID")["PodName"]
    above = rows["ParentID"].map(pod)
    outermost = (rows["ParentID"] == "root").to_numpy()
    server = outermost | (above.notna() & (above != rows["PodName"])).to_numpy()
    client = rows["SpanID"].isin(rows.loc[server, "ParentID"]).to_numpy() & ~server
    own = pd.DataFrame(
        {
            "trace_id": rows["TraceID"],
            "span_id": rows["SpanID"],
            "parent_id": rows["ParentID"].where(~outermost, rows["SpanID"] + "-caller"),
            "service": rows["PodName"].str.replace(r"-[0-9a-f]+-[a-z0-9]{5}$", "", regex=True),
            "instance": rows["PodName"],
            "name": rows["OperationName"],
            "kind": np.select([server, client], ["server", "client"], "internal"),
            "start": rows["StartTimeUnixNano"],
            "duration_s": (rows["EndTimeUnixNano"] - rows["StartTimeUnixNano"]) / 1e9,
            "status": "unset",
        }
    )
    users = own[outermost].assign(kind="client", service="users", instance="", parent_id=None)
    users["span_id"] += "-caller"
    return tables.SPANS.build(dict(pd.concat([own, users], ignore_index=True)))
