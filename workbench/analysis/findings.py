"""What the evidence says in words: sentences with numbers, each with the rows that they rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from workbench.analysis._metrics import growth, served, whole
from workbench.analysis._pauses import pause_summary
from workbench.analysis._pools import pools
from workbench.analysis._resources import resources
from workbench.analysis._roles import in_roles
from workbench.analysis._spans import breakdown, tries, visits
from workbench.capture import Capture

HIGH, MEDIUM, LOW = "high", "medium", "low"
_RANK = {HIGH: 0, MEDIUM: 1, LOW: 2}
_HIGH_AT, _MEDIUM_AT = 0.2, 0.05


@dataclass(frozen=True)
class Finding:
    """A sentence, the rows that it rests on, and how much it matters.

    weight is the share of time, requests or work that the finding concerns (0 to 1); severity follows from
    it: high from 20 %, medium from 5 %, else low.
    """

    text: str
    evidence: pd.DataFrame = field(repr=False, compare=False)
    weight: float = 0.0

    @property
    def severity(self) -> str:
        """high, medium or low."""
        return HIGH if self.weight >= _HIGH_AT else MEDIUM if self.weight >= _MEDIUM_AT else LOW


def findings(capture: Capture) -> list[Finding]:
    """Give what stands out, the weightiest first; nothing where the data show nothing.

    A finding is made where
    - all workers or connections of a pool are busy 20 % of the time or more (beyond that a visit in five
      meets a queue), or waiting for workers is 10 % or more of the slowest 1 % of requests;
    - tries per call reach 1.05: retries add at least 5 % of load;
    - a full queue, a limiter or a deadline turns away one visit in 1000 or more (the error budget of 99.9 %);
    - 1 % or more of a service's work is for tries that had been given up, which is capacity for nothing (and
      it is said when the settings hold no deadline, which would have spared it);
    - garbage collection stops a service 1 % of the time, or once for longer than its median visit;
    - the CPU quota runs out in 5 % of its periods or more;
    - a timeout is more than 5 times the P99 of the tries under it (it frees nothing in time), or lies below
      their median (it gives up more than it lets pass).
    Shares of visits are exact where spans are whole, and estimates where they are sampled.
    """
    evidence = _Evidence(capture, visits(capture), tries(capture), pools(capture), breakdown(capture))
    looks: tuple[Callable[[_Evidence], Iterator[Finding]], ...] = (
        _waiting,
        _connections,
        _retries,
        _turned_away,
        _wasted,
        _pauses,
        _throttled,
        _timeouts,
    )
    found = [finding for look in looks for finding in look(evidence)]
    return sorted(found, key=lambda f: (_RANK[f.severity], -f.weight, f.text))


@dataclass(frozen=True)
class _Evidence:
    capture: Capture
    visits: pd.DataFrame
    tries: pd.DataFrame
    pools: pd.DataFrame
    breakdown: pd.DataFrame


def _waiting(evidence: _Evidence) -> Iterator[Finding]:
    table = evidence.breakdown
    tail = table[(table["scope"] == "slowest") & (table["part"] == "wait")].set_index("service")
    pool = evidence.pools[evidence.pools["pool"] == ""].set_index("service")
    for service in sorted(set(pool.index) | set(tail.index)):
        full = float(pool["saturated_share"].get(service, np.nan))
        waited = float(tail["share"].get(service, 0.0))
        parts = []
        if full >= 0.2:
            parts.append(f"all {_workers(pool.at[service, 'size'])} busy {_percent(full)} of the time")
        if waited >= 0.1:
            whom = "them" if parts else "its workers"
            parts.append(f"{_percent(waited)} of the {tail.at[service, 'entry']}'s P99 is waiting for {whom}")
        if parts:
            own = evidence.pools[evidence.pools["service"] == service]
            rows = pd.concat([own, table[(table["service"] == service) & (table["part"] == "wait")]])
            yield Finding(f"{service}: {'; '.join(parts)}", rows, max(waited, full if full >= 0.2 else 0.0))


def _workers(size: float) -> str:
    return "workers" if np.isnan(size) else f"{size:.0f} workers"


def _connections(evidence: _Evidence) -> Iterator[Finding]:
    named = evidence.pools[(evidence.pools["pool"] != "") & (evidence.pools["saturated_share"] >= 0.2)]
    for row in named.itertuples():
        text = (
            f"{row.service}: all connections of {row.pool} in use {_percent(row.saturated_share)} of the time"
        )
        if row.queue > 0:
            text += f"; {row.queue:.2g} wait for one on average"
        yield Finding(text, named[named.index == row.Index], float(row.saturated_share))


def _retries(evidence: _Evidence) -> Iterator[Finding]:
    inner = evidence.tries[evidence.tries["parent_id"].notna()]
    table = inner.assign(first=inner["attempt"] == 0, lost=~inner["outcome"].isin(["ok", "limited"]))
    by = table.groupby(["caller", "callee"], as_index=False).agg(
        tries=("first", "size"), calls=("first", "sum"), failed_tries=("lost", "sum")
    )
    for row in by[by["calls"] > 0].itertuples():
        ratio = row.tries / row.calls
        if ratio >= 1.05:
            text = (
                f"{row.caller} → {row.callee}: {ratio:.2f} tries per call; retries add "
                f"{_percent(ratio - 1)} to the load of {row.callee}"
            )
            yield Finding(text, by[by["callee"] == row.callee], 1 - 1 / ratio)


_REASONS = (
    ("queue", "refused", "because its queue was full"),
    ("limit", "limited", "by its rate limiter"),
    ("deadline", "expired", "because their deadline passed while they waited"),
)


def _turned_away(evidence: _Evidence) -> Iterator[Finding]:
    table = _refusals(evidence)
    for row in table.itertuples():
        share = row.refused / row.visits if row.visits else 0.0
        if share >= 0.001:
            why = next((words for reason, _, words in _REASONS if reason == row.reason), "without work")
            text = f"{row.service}: {_percent(share)} of visits turned away {why}"
            yield Finding(text, table[table["service"] == row.service], share)


def _refusals(evidence: _Evidence) -> pd.DataFrame:
    """Give service, reason, refused, visits: by counters where there are any, else from spans."""
    named, window = in_roles(evidence.capture), whole(evidence.capture)
    by = growth(named, "role:refused", window, "reason").groupby(["service", "reason"])["growth"].sum()
    if len(by):
        answered = served(named, window).groupby("service")["growth"].sum()
        table = by.rename("refused").reset_index()
        return table.assign(visits=table["service"].map(answered).fillna(0.0))
    seen = evidence.visits
    all_ = seen.groupby("service").size()
    by = seen[seen["outcome"].isin([o for _, o, _ in _REASONS])].groupby(["service", "outcome"]).size()
    table = by.rename("refused").reset_index()
    reason = table["outcome"].map({outcome: reason for reason, outcome, _ in _REASONS})
    return table.assign(reason=reason, visits=table["service"].map(all_)).drop(columns="outcome")


def _wasted(evidence: _Evidence) -> Iterator[Finding]:
    seen = evidence.visits.assign(held=evidence.visits["duration_s"] - evidence.visits["wait_s"])
    given_up = evidence.tries[evidence.tries["outcome"] == "timeout"][["trace_id", "server_span"]].dropna()
    lost = pd.MultiIndex.from_frame(seen[["trace_id", "span_id"]]).isin(pd.MultiIndex.from_frame(given_up))
    by = seen.assign(lost=lost, lost_s=seen["held"].where(lost, 0.0)).groupby("service", as_index=False)
    table = by.agg(
        visits=("lost", "size"), given_up=("lost", "sum"), held_s=("held", "sum"), lost_s=("lost_s", "sum")
    )
    table["lost_share"] = table["lost_s"] / table["held_s"]
    for row in table[table["lost_share"] >= 0.01].itertuples():
        text = f"{row.service}: {_percent(row.lost_share)} of its work was for tries that had been given up"
        if _no_deadline(evidence.capture):
            text += "; no deadline is set anywhere"
        yield Finding(text, table[table["service"] == row.service], float(row.lost_share))


def _no_deadline(capture: Capture) -> bool:
    """True if the settings speak of deadlines and none is set."""
    deadlines = [value for key, value in capture.settings.items() if "deadline" in key]
    return bool(deadlines) and not any(deadlines)


def _pauses(evidence: _Evidence) -> Iterator[Finding]:
    table = pause_summary(evidence.capture)
    medians = evidence.visits.groupby("service")["duration_s"].median()
    for row in table.itertuples():
        median = float(medians.get(row.service, np.inf))
        if row.pause_share >= 0.01 or row.max_s > median:
            text = (
                f"{row.service or row.instance or row.collector}: stopped by garbage collection "
                f"{_percent(row.pause_share)} of the time, at most {_duration(row.max_s)} at once"
            )
            yield Finding(text, table[table.index == row.Index], float(min(row.pause_share, 1.0)))
    counted = resources(evidence.capture)
    counted = counted[(counted["gc_pause_share"] >= 0.01) & ~counted["service"].isin(table["service"])]
    for row in counted.itertuples():
        text = f"{row.service}: stopped by garbage collection {_percent(row.gc_pause_share)} of the time"
        yield Finding(text, counted[counted.index == row.Index], float(min(row.gc_pause_share, 1.0)))


def _throttled(evidence: _Evidence) -> Iterator[Finding]:
    table = resources(evidence.capture)
    for row in table[table["throttled_share"] >= _MEDIUM_AT].itertuples():
        text = f"{row.service}: its CPU quota runs out in {_percent(row.throttled_share)} of its periods"
        yield Finding(text, table[table.index == row.Index], float(row.throttled_share))


def _timeouts(evidence: _Evidence) -> Iterator[Finding]:
    for (caller, callee), group in evidence.tries.groupby(["caller", "callee"]):
        limit = evidence.capture.settings.get(f"{caller}/calls.{callee}.timeout_s")
        if not isinstance(limit, int | float) or not limit > 0:
            continue
        # A try that was given up would have taken at least as long as it lasted, or its server span.
        length = group[["duration_s", "server_duration_s"]].max(axis=1)
        p50, p99 = np.quantile(length, [0.5, 0.99], method="inverted_cdf")
        timed_out = float((group["outcome"] == "timeout").mean())
        rows = pd.DataFrame(
            {
                "caller": [caller], "callee": [callee], "timeout_s": [limit], "p50_s": [p50], "p99_s": [p99],
                "tries": [len(group)], "timed_out_share": [timed_out],
            }
        )  # fmt: skip
        what = f"{caller} → {callee}: the timeout of {_duration(limit)} is"
        if limit > 5 * p99:
            much = f"{limit / p99:.0f} times the P99 of its tries ({_duration(p99)})"
            yield Finding(f"{what} {much}: a try that hangs holds its worker for that long", rows, 0.01)
        elif limit < p50:
            below = f"below the median of its tries ({_duration(p50)})"
            yield Finding(f"{what} {below}: {_percent(timed_out)} of them time out", rows, timed_out)


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %" if share >= 0.0995 else f"{share * 100:.2g} %"


def _duration(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 0.9995 else f"{seconds * 1e3:.3g} ms"
