"""A recording that nobody here made: a minute of traces of Online Boutique, from Nezha (ESEC/FSE 2023).

TraceID,SpanID,ParentID,PodName,OperationName,StartTimeUnixNano,EndTimeUnixNano,Duration

The twin is calibrated on the first 40 s of a page and foretells what its callers meet in the last 20 s, which
it never saw. Nothing tells the pools of the services, so that all are taken to be without limit. The callers
left no spans: each request's outermost span stands for theirs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.accuracy.grade import error
from workbench import tables
from workbench.analysis.visits import tries
from workbench.capture import Capture
from workbench.network import Call, Network, Scenario, Station
from workbench.twin.calibrate import FEWEST, calibrate
from workbench.twin.measured import callers, measured
from workbench.twin.model import predict
from workbench.twin.outcome import label, shown

TRACES = Path("traces", "IntelligentDDS+Nezha", "rca_data", "2022-08-22", "trace", "03_53_trace.csv")
FITTED_S, WINDOW_S = 40, 60
QUANTITIES = ("mean_s", "p50_s", "p95_s", "p99_s")
_HEADS = (
    "page",
    "requests fitted, held out",
    "",
    "measured, 90 %",
    "predicted, 90 %",
    "error",
    "without a twin",
)
_WORDS = """
Online Boutique as recorded by Nezha, one minute of traces: calibrated on the first 40 s of a page, graded on
its last 20 s. Without a twin: the error of taking the fitted window's own value.
"""


def report(corpus: Path) -> str:
    """Give the table of all pages that were asked for often enough; "" where the recording is not there."""
    path = corpus / TRACES
    if not path.exists():
        return ""
    table = pd.concat([graded(page, capture) for page, capture in pages(pd.read_csv(path)).items()])
    lines = [_WORDS, "| " + " | ".join(_HEADS) + " |", "|" + "---|" * len(_HEADS)]
    for row in table.to_dict("records"):
        q = row["quantity"]
        here = f"{shown(q, row['measured'])} ({shown(q, row['here_low'])} to {shown(q, row['here_high'])})"
        there = f"{shown(q, row['predicted'])} ({shown(q, row['low'])} to {shown(q, row['high'])})"
        cells = [row["page"], f"{row['fitted']}, {row['held']}", label(q), here, there]
        cells += [f"{row['error']:+.0%}", f"{row['error_resampled']:+.0%}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def pages(rows: pd.DataFrame) -> dict[str, Capture]:
    """Give a capture of each page whose first part has enough requests; a page is a set of calls."""
    spans = _spans(rows)
    front = spans.loc[spans["parent_id"].isna() & (spans["kind"] == "client"), "trace_id"]
    called = spans[(spans["kind"] == "client") & (spans["service"] == "frontend")]
    page = called.groupby("trace_id")["name"].agg(lambda names: ", ".join(sorted(_short(names))))
    page = page.reindex(front, fill_value="no call")
    start = spans["start"].min()
    found = {}
    for name, own in page.groupby(page):
        capture = Capture(
            name=str(name),
            start=start,
            end=start + pd.Timedelta(WINDOW_S, "s"),
            spans=spans[spans["trace_id"].isin(own.index)].reset_index(drop=True),
        )
        if len(callers(_first(capture))) >= FEWEST:
            found[str(name)] = capture
    return found


def graded(page: str, capture: Capture) -> pd.DataFrame:
    """Calibrate on the first part of a page, foretell the rest at the rate of the rest, and compare."""
    fitted = _first(capture)
    held = capture.between(fitted.end, capture.end)
    twin = calibrate(fitted, network=network_of(fitted))
    load = len(callers(held)) / held.duration_s / twin.workload.mean_rps()
    there = predict(twin, {}, scenario=Scenario(load=load), duration_s=held.duration_s)
    here, before = measured(held), measured(fitted)["value"]
    return pd.DataFrame(
        {
            "page": page,
            "fitted": len(callers(fitted)),
            "held": len(callers(held)),
            "quantity": QUANTITIES,
            "measured": here.loc[[*QUANTITIES], "value"].to_numpy(),
            "here_low": here.loc[[*QUANTITIES], "low"].to_numpy(),
            "here_high": here.loc[[*QUANTITIES], "high"].to_numpy(),
            "predicted": [there[q] for q in QUANTITIES],
            "low": [there.interval(q)[0] for q in QUANTITIES],
            "high": [there.interval(q)[1] for q in QUANTITIES],
            "error": [error(q, there[q], here.at[q, "value"]) for q in QUANTITIES],
            "error_resampled": [error(q, before[q], here.at[q, "value"]) for q in QUANTITIES],
        }
    )


def network_of(capture: Capture) -> Network:
    """Give services without limit; a visit makes its n-th call to a callee as often as visits made n of them.

    Calls come in the order in which they begin, on average.
    """
    made = tries(capture)
    made = made.sort_values("start")
    made["nth"] = made.groupby(["trace_id", "parent_id", "callee"]).cumcount()
    visits = capture.spans[capture.spans["kind"] == "server"]["service"].value_counts()
    made["order"] = made.groupby(["trace_id", "parent_id"]).cumcount()
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


def _first(capture: Capture) -> Capture:
    return capture.between(capture.start, capture.start + pd.Timedelta(FITTED_S, "s"))


def _short(names: pd.Series) -> set[str]:
    return {name.rpartition("/")[2] for name in names}


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
