"""Spans as queueing sees them: visits (server spans) and tries (client spans), vectorised.

A visit is cut into wait | before | calls and between | after, which add up to its duration. A try belongs to
the nearest server span above it; internal spans in between are looked through, and a client span inside
another (an HTTP client inside an RPC client) is a try of its own, but no second call of the visit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from workbench.analysis._maps import lookup, numbers
from workbench.capture import Capture
from workbench.tables import COUNT, TEXT, TIME

WAIT = "worker_pool.wait_s"
WAIT_SPANS = ("queue wait", "wait for worker")
STATUS_CODE = ("http.response.status_code", "http.status_code")
PEER = ("server.address", "peer.service", "net.peer.name")
PORT = ("server.port", "net.peer.port")
RESEND = ("http.request.resend_count", "http.resend_count")
ERROR = ("error.type",)
_TIMEOUT = r"(?i)time_?out|timed.?out|deadline|cancel"
_DEEPEST = 64  # internal spans looked through; deeper chains are damage or a cycle

VISITS = {
    "trace_id": TEXT,
    "span_id": TEXT,
    "parent_id": TEXT,
    "service": TEXT,
    "instance": TEXT,
    "start": TIME,
    "duration_s": "float64",
    "wait_s": "float64",
    "before_s": "float64",
    "between_s": "float64",
    "after_s": "float64",
    "calls_s": "float64",
    "status_code": COUNT,
    "outcome": TEXT,
    "n_tries": "int64",
}
TRIES = {
    "trace_id": TEXT,
    "span_id": TEXT,
    "parent_id": TEXT,
    "caller": TEXT,
    "callee": TEXT,
    "attempt": "int64",
    "start": TIME,
    "duration_s": "float64",
    "outcome": TEXT,
    "backoff_s": "float64",
    "server_span": TEXT,
    "server_duration_s": "float64",
    "transit_s": "float64",
}
BREAKDOWN = ["scope", "entry", "service", "part", "mean_s", "share", "requests", "from_s"]


def visits(capture: Capture) -> pd.DataFrame:
    """Give one row per server span, its time cut into parts that add up to `duration_s`.

    wait_s (for a worker), before_s (own work until the first call), calls_s (calls, with the backoff between
    tries), between_s (own work between calls), after_s (own work after the last call). Self time is
    before_s + between_s + after_s. outcome: ok; limited (429); refused (503 and no call made); expired (504
    and no call made); failed (any other 5xx, or an error without a code). n_tries counts its client spans.
    """
    spans = capture.spans
    tree = _tree(spans)
    rows = np.flatnonzero(tree.server)
    wait = _waits(spans, tree)
    parts = _parts(tree, wait, _calls(spans, tree))
    chosen = spans.iloc[rows]
    out = {
        name: chosen[name] for name in ("trace_id", "span_id", "parent_id", "service", "instance", "start")
    }
    out["duration_s"] = (tree.end - tree.start)[rows] / 1e9
    for name in ("wait_s", "before_s", "between_s", "after_s", "calls_s"):
        out[name] = parts[name][rows] / 1e9
    out["status_code"] = pd.array(tree.code[rows]).astype(COUNT)  # type: ignore[call-overload]
    out["outcome"] = tree.outcome[rows]
    out["n_tries"] = tree.n_tries[rows]
    return pd.DataFrame({k: pd.Series(v).array for k, v in out.items()}).astype(VISITS)


def tries(capture: Capture) -> pd.DataFrame:
    """Give one row per client span, those of load generators included.

    callee is the service whose server span answered; without one, the service that usually answers at the
    same address; else the address. attempt counts from 0: as the span says, else 1 + the previous try of the
    same visit to the same callee if that had failed. outcome is as in `visits`, or timeout. backoff_s is the
    gap since the previous try of the call ended (NaN for a first try); transit_s what the callee's span does
    not cover (NaN for an abandoned try or without that span).
    """
    spans = capture.spans
    tree = _tree(spans)
    calls = _calls(spans, tree)
    calls = calls[calls["client"]].sort_values("row")
    chosen = spans.iloc[calls["row"]]
    answer = calls["server_row"].to_numpy()
    known = answer >= 0
    served = np.where(known, (tree.end - tree.start)[answer] / 1e9, np.nan)
    duration = ((tree.end - tree.start) / 1e9)[calls["row"]]
    outcome = tree.outcome[calls["row"]]
    out = {name: chosen[name] for name in ("trace_id", "span_id", "parent_id")}
    out["caller"] = chosen["service"]
    out["callee"] = calls["callee"]
    out["attempt"] = calls["attempt"]
    out["start"] = chosen["start"]
    out["duration_s"] = pd.Series(duration)
    out["outcome"] = pd.Series(outcome)
    out["backoff_s"] = calls["backoff_s"]
    server_span = pd.Series(pd.NA, index=range(len(calls)), dtype=TEXT)
    server_span[known] = spans["span_id"].iloc[answer[known]].array
    out["server_span"] = server_span
    out["server_duration_s"] = pd.Series(served)
    out["transit_s"] = pd.Series(np.where(outcome == "timeout", np.nan, np.maximum(duration - served, 0.0)))
    return pd.DataFrame({k: pd.Series(v).array for k, v in out.items()}).astype(TRIES)


def calls(capture: Capture) -> dict[str, list[str]]:
    """Map each caller to its callees in the order in which its visits call them first (on average)."""
    tree = _tree(capture.spans)
    made = _calls(capture.spans, tree)
    made = made.assign(caller=capture.spans["service"].to_numpy(dtype=object)[made["caller_row"]])
    first = made.groupby(["caller", "holder", "callee"], sort=False)["start"].min().reset_index()
    first["rank"] = first.groupby(["caller", "holder"], sort=False)["start"].rank()
    order = first.groupby(["caller", "callee"])["rank"].mean().reset_index()
    order = order.sort_values(["caller", "rank", "callee"], kind="stable")
    return {caller: list(group["callee"]) for caller, group in order.groupby("caller")}


def requests(capture: Capture) -> pd.DataFrame:
    """Give what each service was asked: its server spans, and root client spans as requests of their maker.

    Columns: trace_id, service, start, duration_s, outcome.
    """
    spans = capture.spans
    tree = _tree(spans)
    rows = np.flatnonzero(tree.server | (tree.client & (tree.parent < 0)))
    out = spans[["trace_id", "service", "start", "duration_s"]].iloc[rows].reset_index(drop=True)
    return out.assign(outcome=pd.Series(tree.outcome[rows], dtype=TEXT))


def span_share(capture: Capture, service: str) -> float:
    """Give the share of a service's spans that were kept: 1 for makers of root client spans."""
    share = float(capture.load.get("sample_share") or 1.0)
    if share >= 1:
        return 1.0
    chosen = capture.spans[capture.spans["service"] == service]
    return 1.0 if (chosen["parent_id"].isna() & (chosen["kind"] == "client")).any() else share


def breakdown(capture: Capture, *, beyond: float = 0.99) -> pd.DataFrame:
    """Give where the time of requests went: rows (scope, service, part) with mean_s per request and share.

    scope is "all", or "slowest": the requests at or beyond that quantile of the entry's latency. part is
    wait (for a worker), self (own work), or elsewhere (service ""): network, backoff between tries, and tries
    of which no server span tells. Only what a request waited for counts: work that goes on after its caller
    gave up is cut off there. Shares of a scope add up to 1 unless calls ran in parallel. `entry` names the
    service at which requests arrive, requests counts them, and from_s is the least latency in the scope.
    """
    spans = capture.spans
    tree = _tree(spans)
    entry = _entries(tree)
    heads = np.flatnonzero(entry == np.arange(len(spans)))
    if not len(heads):
        return pd.DataFrame({name: [] for name in BREAKDOWN})
    services = spans["service"].to_numpy(dtype=object)
    usual = pd.Series(services[heads]).value_counts().index[0]
    heads = heads[services[heads] == usual]
    tree = replace(tree, end=_awaited(tree, entry))
    spent = _spent(spans, tree, entry)
    whole = pd.Series((tree.end - tree.start)[heads] / 1e9, index=heads)
    tail = whole[whole >= np.quantile(whole, beyond, method="inverted_cdf")]
    scopes = [_scope(spent, whole).assign(scope="all"), _scope(spent, tail).assign(scope="slowest")]
    return pd.concat(scopes, ignore_index=True).assign(entry=usual)[BREAKDOWN]


def _spent(spans: pd.DataFrame, tree: _Tree, entry: np.ndarray) -> pd.DataFrame:
    """Give head (row of the entry), service, self and wait in seconds, of each visit."""
    parts = _parts(tree, _waits(spans, tree), _calls(spans, tree))
    rows = np.flatnonzero(tree.server & (entry >= 0))
    return pd.DataFrame(
        {
            "head": entry[rows],
            "service": spans["service"].to_numpy(dtype=object)[rows],
            "self": (parts["before_s"] + parts["between_s"] + parts["after_s"])[rows] / 1e9,
            "wait": parts["wait_s"][rows] / 1e9,
        }
    )


def _scope(spent: pd.DataFrame, chosen: pd.Series) -> pd.DataFrame:
    """Give service, part, mean_s, share, requests and from_s over the chosen requests (durations by head)."""
    by = spent[spent["head"].isin(chosen.index)].groupby("service")[["self", "wait"]].sum() / len(chosen)
    known = by.melt(ignore_index=False, var_name="part", value_name="mean_s").reset_index()
    known = known.sort_values(["service", "part"])
    rest = max(0.0, float(chosen.mean() - known["mean_s"].sum()))
    out = pd.DataFrame(
        {
            "service": [*known["service"], ""],
            "part": [*known["part"], "elsewhere"],
            "mean_s": [*known["mean_s"], rest],
        }
    )
    return out.assign(share=out["mean_s"] / chosen.mean(), requests=len(chosen), from_s=chosen.min())


@dataclass(frozen=True)
class _Tree:
    """Arrays by span row: times in ns, kind, and `holder`: the nearest server or client span above, or -1."""

    start: np.ndarray
    end: np.ndarray
    server: np.ndarray
    client: np.ndarray
    parent: np.ndarray
    holder: np.ndarray
    answer: np.ndarray  # of a client span: row of the server span that answered, or -1
    code: np.ndarray  # HTTP status, NaN where unknown
    outcome: np.ndarray
    n_tries: np.ndarray


def _tree(spans: pd.DataFrame) -> _Tree:
    start = spans["start"].astype("int64").to_numpy()
    end = start + np.rint(spans["duration_s"].to_numpy() * 1e9).astype("int64")
    kind = spans["kind"].to_numpy(dtype=object)
    server, client = kind == "server", kind == "client"
    parent = _parent_rows(spans)
    holder = _holders(parent, server | client | (kind == "producer") | (kind == "consumer"))
    has = holder >= 0
    answers = np.flatnonzero(server & has & client[holder])[::-1]  # reversed: the first answer stays
    answer = np.full(len(spans), -1)
    answer[holder[answers]] = answers
    below_server = has & server[holder]
    n_tries = np.bincount(holder[client & below_server], minlength=len(spans))
    worked = np.bincount(holder[(client | server) & below_server], minlength=len(spans)) > 0
    code, outcome = _outcomes(spans, server, client, answer, worked)
    return _Tree(start, end, server, client, parent, holder, answer, code, outcome, n_tries)


def _parent_rows(spans: pd.DataFrame) -> np.ndarray:
    rows = len(spans)
    trace = pd.factorize(spans["trace_id"])[0]
    ids = pd.factorize(pd.concat([spans["span_id"], spans["parent_id"]]))[0]
    width = ids.max(initial=0) + 1
    own = pd.Index(trace * width + ids[:rows])
    wanted = np.where(ids[rows:] >= 0, trace * width + ids[rows:], -1)
    first = np.flatnonzero(~own.duplicated())
    found = own[first].get_indexer(pd.Index(wanted))
    parent = np.where(found >= 0, first[found] if rows else found, -1)
    return np.where(parent == np.arange(rows), -1, parent)


def _holders(parent: np.ndarray, stops: np.ndarray) -> np.ndarray:
    up = parent.copy()
    for _ in range(_DEEPEST):
        climbing = (up >= 0) & ~stops[up]
        if not climbing.any():
            return up
        up[climbing] = parent[up[climbing]]
    return np.where((up >= 0) & stops[up], up, -1)


def _entries(tree: _Tree) -> np.ndarray:
    """Give each span's topmost server span, itself included; -1 for what lies above all of them."""
    entry = np.where(tree.server, np.arange(len(tree.parent)), -1)
    up = tree.parent.copy()
    for _ in range(_DEEPEST):
        inside = up >= 0
        if not inside.any():
            break
        entry = np.where(inside & tree.server[up], up, entry)
        up = np.where(inside, tree.parent[up], -1)
    return entry


def _awaited(tree: _Tree, entry: np.ndarray) -> np.ndarray:
    """Give each span's end, or that of a span above it (up to its entry) if that came before."""
    end = tree.end.copy()
    below = (tree.parent >= 0) & (entry >= 0) & (entry != np.arange(len(end)))
    for _ in range(_DEEPEST):
        cut = np.where(below, np.maximum(np.minimum(end, end[tree.parent]), tree.start), end)
        if (cut == end).all():
            break
        end = cut
    return end


def _outcomes(
    spans: pd.DataFrame, server: np.ndarray, client: np.ndarray, answer: np.ndarray, worked: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    code = numbers(lookup(spans["attributes"], *STATUS_CODE))
    error = lookup(spans["attributes"], *ERROR)
    code = np.where(np.isnan(code), numbers(error), code)
    code[~((code >= 100) & (code <= 599))] = np.nan
    bad = np.isnan(code) & (spans["status"] == "error").to_numpy(dtype=bool)
    outcome = np.full(len(spans), "ok", dtype=object)
    outcome[(code >= 500) | bad] = "failed"
    outcome[code == 429] = "limited"
    # 503 and 504 after calls are how a callee's failure looks from above; without calls, nothing was begun.
    idle = np.where(client & (answer >= 0), ~worked[answer], ~worked) if len(spans) else worked
    outcome[(code == 503) & idle] = "refused"
    outcome[(code == 504) & idle] = "expired"
    timed_out = error.str.contains(_TIMEOUT, regex=True).fillna(False).to_numpy(dtype=bool)
    outcome[client & np.isnan(code) & timed_out] = "timeout"
    return code, outcome


def _calls(spans: pd.DataFrame, tree: _Tree) -> pd.DataFrame:
    """Give the tries, and server spans straight below server spans, by holder in order of start.

    Columns: row, holder (the visit's row; a negative number of its own for a try outside visits), caller_row,
    client, callee, start, end, server_row, attempt, backoff_s.
    """
    has = tree.holder >= 0
    below_server = has & tree.server[tree.holder]
    rows = np.flatnonzero(tree.client | (tree.server & below_server))
    client = tree.client[rows]
    held = below_server[rows]
    out = pd.DataFrame(
        {
            "row": rows,
            "holder": np.where(held, tree.holder[rows], -1 - rows),
            "caller_row": np.where(client, rows, tree.holder[rows]),
            "client": client,
            "callee": _callees(spans, tree, rows),
            "start": tree.start[rows],
            "end": tree.end[rows],
            "server_row": np.where(client, tree.answer[rows], rows),
            "said": numbers(lookup(spans["attributes"].iloc[rows], *RESEND)),
            "failed": np.isin(tree.outcome[rows], ["failed", "refused", "expired", "timeout", "limited"]),
        }
    ).sort_values(["holder", "start"], kind="stable", ignore_index=True)
    same = out.groupby(["holder", "callee"], sort=False)
    before_end, before_failed = same["end"].shift(fill_value=0), same["failed"].shift(fill_value=False)
    follows = before_failed & (before_end <= out["start"])
    again = follows.where(out["said"].isna(), out["said"] > 0) & (same.cumcount() > 0)
    call = (~again).astype("int64")
    out["attempt"] = out.assign(call=call).groupby(["holder", "callee"], sort=False)["call"].cumsum()
    order = out.groupby(["holder", "callee", "attempt"], sort=False).cumcount()
    out["attempt"] = out["said"].where(out["said"].notna(), order).astype("int64")
    out["backoff_s"] = ((out["start"] - before_end) / 1e9).clip(lower=0).where(again)
    return out


def _callees(spans: pd.DataFrame, tree: _Tree, rows: np.ndarray) -> np.ndarray:
    service = spans["service"].to_numpy(dtype=object)
    attributes = spans["attributes"].iloc[rows]
    peer, port = lookup(attributes, *PEER), lookup(attributes, *PORT)
    place = (peer + ":" + port).where(port.notna(), peer)
    answer = np.where(tree.client[rows], tree.answer[rows], rows)
    by_answer = pd.Series(np.where(answer >= 0, service[answer], None), dtype=object)
    by_answer = by_answer.where(by_answer != "", None)
    both = by_answer.notna() & place.notna()
    seen = pd.DataFrame({"place": place[both], "service": by_answer[both]}).value_counts().reset_index()
    usual = seen.drop_duplicates("place").set_index("place")["service"]
    by_place = place.map(usual).astype(object)
    callee = by_answer.where(by_answer.notna(), by_place.where(by_place.notna(), peer.astype(object)))
    return callee.where(callee.notna(), "").to_numpy(dtype=object)


def _waits(spans: pd.DataFrame, tree: _Tree) -> np.ndarray:
    """Give each span's wait for a worker in ns, at most its duration; 0 where nothing says so."""
    said = np.nan_to_num(numbers(lookup(spans["attributes"], WAIT)), nan=0.0)
    wait = np.rint(np.maximum(said, 0.0) * 1e9).astype("int64")
    waiting = np.flatnonzero(spans["name"].isin(WAIT_SPANS).to_numpy(dtype=bool) & (tree.parent >= 0))
    spent = np.zeros(len(spans), dtype="int64")
    np.add.at(spent, tree.parent[waiting], (tree.end - tree.start)[waiting])
    return np.minimum(np.where(wait > 0, wait, spent), tree.end - tree.start)


def _parts(tree: _Tree, wait: np.ndarray, made: pd.DataFrame) -> dict[str, np.ndarray]:
    """Cut every span's time, in ns; only those of visits mean anything."""
    made = made[made["holder"] >= 0]
    holder = made["holder"].to_numpy()
    work = tree.start + wait
    # Clocks differ by microseconds between threads: a call lies inside the work of its visit.
    begin = pd.Series(np.clip(made["start"].to_numpy(), work[holder], tree.end[holder]))
    finish = pd.Series(np.clip(made["end"].to_numpy(), begin, tree.end[holder]))
    reached = finish.groupby(holder).cummax().groupby(holder).shift(fill_value=np.iinfo("int64").max)
    gap = begin.where(begin > reached, reached) - reached
    own_gap = gap.where(made["backoff_s"].isna().to_numpy(), 0)
    first, last, between = tree.end.copy(), tree.end.copy(), np.zeros(len(tree.end), dtype="int64")
    ends = finish.groupby(holder).max()
    starts = begin.groupby(holder).min()
    gaps = own_gap.groupby(holder).sum()
    first[starts.index], last[ends.index], between[gaps.index] = starts, ends, gaps
    return {
        "wait_s": wait,
        "before_s": first - work,
        "between_s": between,
        "after_s": tree.end - last,
        "calls_s": last - first - between,
    }
