"""The network that spans show: who calls whom, in which order or at once, how often, and what they allow.

What settings say of it comes on top; what metrics say of pools, where settings say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from workbench.analysis.pools import pools
from workbench.capture import Capture
from workbench.errors import CalibrationError
from workbench.knobs import all_knobs
from workbench.network import Call, Network, Station
from workbench.policies import UNLIMITED, Pool
from workbench.settings import Knob, Value

ENTRY = "client"
_FEWEST = 50  # calls below which a callee is left out
_SURELY = 0.99  # share of visits from which a call counts as always made: spans do get lost
_RARELY = 0.01
_MOST = 32  # calls of one visit to the same callee, one after the other
_SLACK_NS = 1000  # ends and begins are rounded


@dataclass(frozen=True)
class Learned:
    """A network, and what had to be taken for granted in it."""

    network: Network
    notes: tuple[str, ...] = ()


def learned(visits: pd.DataFrame, tries: pd.DataFrame, *, patience_s: float = UNLIMITED) -> Learned:
    """Give the network of services that visits and tries of `Spans` show.

    Requests enter at a station for the callers, whose tries have no visit above them and wait `patience_s`.
    Callees without spans of their own are stations too. Pools are without limit.
    """
    made = _made(visits, tries)
    asked = _asked(visits, tries)
    if not len(asked):
        raise CalibrationError("no request that enters from outside", expected="root spans of requests")
    entry = ENTRY if ENTRY not in set(visits["service"]) else "callers"
    calls = {entry: [_policies(Call(asked.index[0], timeout_s=patience_s), tries, None)]}
    notes = [
        f"{n} requests that enter at {name} are left out: the twin has one entry, {asked.index[0]}"
        for name, n in asked.iloc[1:].items()
        if n > _RARELY * asked.sum()
    ]
    below = [asked.index[0]]
    while below:
        caller = below.pop(0)
        if caller not in calls:
            calls[caller] = [_policies(call, tries, caller) for call in _calls(made, visits, caller)]
            kept = [call for call in calls[caller] if not _leads_back(calls, call.to, caller)]
            notes += [
                f"{caller} calls {call.to}, which led to it: left out"
                for call in calls[caller]
                if call not in kept
            ]
            calls[caller] = kept
            below += [call.to for call in kept]
    instances = visits.groupby("service")["instance"].nunique()
    stations = [
        Station(name, calls=tuple(own), instances=max(1, int(instances.get(name, 1))))
        for name, own in sorted(calls.items(), key=lambda item: (item[0] != entry, item[0]))
    ]
    return Learned(Network(tuple(stations), entry), (*notes, *_several(calls)))


def with_settings(network: Network, knobs: Sequence[Knob], settings: Mapping[str, Value]) -> Network:
    """Give the network as the settings have it; those that are none of the knobs' are left aside."""
    for knob in knobs:
        if knob.tunable and settings.get(knob.key) is not None:
            network = network.set(knob.path, knob.to_network(settings[knob.key]))
    return network


def knobs_of(systems: str | Sequence[str], network: Network) -> list[Knob]:
    """Give the knobs of one system or several, each key once."""
    names = [systems] if isinstance(systems, str) else list(systems)
    found = [knob for name in names for knob in all_knobs(name, network)]
    return list({knob.key: knob for knob in found}.values())


def with_pools(network: Network, captures: Sequence[Capture]) -> Learned:
    """Give the network with the pools that metrics know, where it has none.

    A pool of connections belongs to the callee of its name, or to the only callee that calls nobody.
    """
    table = pd.concat([pools(capture) for capture in captures], ignore_index=True)
    known = table.groupby(["service", "pool"])[["size", "queue_limit"]].median()
    notes, without = [], []
    for station in network.stations:
        if station.name == network.entry:
            continue
        own = known.loc[station.name] if station.name in known.index else known.iloc[:0].droplevel(0)
        changed = replace(station, pool=_sized(station.pool, own, "", station.instances))
        calls = tuple(
            replace(
                call, pool=_sized(call.pool, own, _pool_of(network, station, call, own), station.instances)
            )
            for call in station.calls
        )
        changed = replace(changed, calls=calls)
        network = replace(network, stations=tuple(changed if s is station else s for s in network.stations))
        if np.isinf(changed.pool.servers) and np.isinf(changed.cpu.cores):
            without.append(station.name)
        if "" in own.index and _differ(own.at["", "size"], changed.pool.servers * station.instances):
            notes.append(
                f"{station.name}: pool size by metrics is {own.at['', 'size']:g}, by settings "
                f"{changed.pool.servers * station.instances:g}"
            )
    if without:
        notes.append(f"{', '.join(without)}: no pool is known, so any number of visits is worked on at once")
    return Learned(network, tuple(notes))


def _differ(size: float, servers: float) -> bool:
    return bool(np.isfinite(size) and abs(size - servers) > 0.01 * size)


def _sized(pool: Pool, known: pd.DataFrame, name: str, instances: int) -> Pool:
    if name not in known.index or np.isfinite(pool.servers) or not np.isfinite(known.at[name, "size"]):
        return pool
    servers = max(1.0, round(known.at[name, "size"] / instances))
    queue = known.at[name, "queue_limit"] / instances
    return replace(pool, servers=servers, queue=queue if np.isfinite(queue) else pool.queue)


def _pool_of(network: Network, station: Station, call: Call, known: pd.DataFrame) -> str:
    named = [name for name in known.index if name]
    leaves = [other.to for other in station.calls if not network[other.to].calls]
    if call.to in named:
        return call.to
    return named[0] if len(named) == 1 and leaves == [call.to] else "?"


def _asked(visits: pd.DataFrame, tries: pd.DataFrame) -> pd.Series:
    """Give how many requests enter at each service, the most asked first."""
    serving = set(visits["service"])
    outside = tries[~tries["caller"].isin(serving) & tries["parent_id"].isna()]
    entered = outside.loc[outside["callee"].isin(serving), "callee"]
    if entered.empty:
        entered = visits.loc[visits["outside"], "service"]
    return entered.value_counts()


def _made(visits: pd.DataFrame, tries: pd.DataFrame) -> pd.DataFrame:
    """Give a row per visit, step and callee: holder, caller, callee, step, start, copies, nth (of them)."""
    served = visits.assign(key=visits["trace_id"] + visits["span_id"])
    tries = tries.assign(holder=tries["trace_id"] + tries["parent_id"])
    # A visit right below a visit is a call of which the caller's side was not recorded.
    bare = served.assign(holder=served["trace_id"] + served["parent_id"], attempt=0, callee=served["service"])
    bare = bare[bare["holder"].isin(served["key"])]
    columns = ["holder", "callee", "attempt", "start", "duration_s"]
    rows = pd.concat([tries[tries["caller"].isin(set(visits["service"]))][columns], bare[columns]])
    rows = rows[rows["holder"].notna() & rows["callee"].ne("")].sort_values(
        ["holder", "start"], kind="stable"
    )
    start = rows["start"].astype("int64")
    rows = rows.assign(start=start, end=start + np.rint(rows["duration_s"] * 1e9).astype("int64"))
    rows["call"] = (rows["attempt"] == 0).groupby([rows["holder"], rows["callee"]]).cumsum()
    calls = rows.groupby(["holder", "callee", "call"], as_index=False, sort=False).agg(
        start=("start", "min"), end=("end", "max")
    )
    calls = calls.sort_values(["holder", "start"], kind="stable", ignore_index=True)
    until = calls.groupby("holder")["end"].cummax().groupby(calls["holder"]).shift(fill_value=-1)
    calls["step"] = (calls["start"] >= until - _SLACK_NS).groupby(calls["holder"]).cumsum()
    by = calls.groupby(["holder", "step", "callee"], as_index=False, sort=False).agg(
        copies=("call", "size"), start=("start", "min")
    )
    by["nth"] = by.groupby(["holder", "callee"]).cumcount()
    services = served.drop_duplicates("key").set_index("key")["service"]
    return by[by["nth"] < _MOST].assign(caller=by["holder"].map(services))


def _calls(made: pd.DataFrame, visits: pd.DataFrame, caller: str) -> list[Call]:
    own = made[made["caller"] == caller]
    own = own[own.groupby("callee")["holder"].transform("size") >= _FEWEST]
    if own.empty:
        return []
    first = own.groupby("holder")["start"].transform("min")
    by = own.assign(after=own["start"] - first).groupby(["callee", "nth"])
    order = by[["step", "after"]].mean().sort_values(["step", "after"]).index
    place = {key: at for at, key in enumerate(order)}
    own = own.assign(place=[place[key] for key in zip(own["callee"], own["nth"], strict=True)])
    furthest = own.groupby("holder")["place"].max()
    good = visits[(visits["service"] == caller) & (visits["outcome"] == "ok")]
    whole = ~pd.Index(furthest.index).isin(good["trace_id"] + good["span_id"])
    found: list[Call] = []
    before = own.iloc[:0]
    for at, (callee, _) in enumerate(order):
        here = own[own["place"] == at].set_index("holder")
        # A visit that failed before it came here says nothing of whether it would have called.
        share = len(here) / (len(good) + int((furthest[whole] >= at).sum()))
        both = here.join(before["step"].rename("above"), how="inner")
        if share >= _RARELY:
            found.append(
                Call(
                    callee,
                    share=1.0 if share > _SURELY else float(share),
                    copies=max(1, round(here["copies"].mean())),
                    together=bool(found)
                    and len(both) > 0
                    and bool((both["step"] == both["above"]).mean() > 0.5),
                )
            )
            before = here
    return found


def _policies(call: Call, tries: pd.DataFrame, caller: str | None) -> Call:
    """Give the call with the patience and the retries that its tries show; None is the callers' own."""
    above = tries["parent_id"].isna() if caller is None else tries["caller"] == caller
    own = tries[above & (tries["callee"] == call.to)]
    given_up = own.loc[own["outcome"] == "timeout", "duration_s"]
    patience = float(given_up.median()) if len(given_up) >= 5 and np.isinf(call.timeout_s) else call.timeout_s
    attempts = int(own["attempt"].max()) + 1 if len(own) else 1
    pauses = own.loc[own["attempt"] == 1, "backoff_s"].dropna()
    if attempts == 1 or len(pauses) < 5:
        return replace(call, timeout_s=patience, attempts=attempts)
    least, most = np.quantile(pauses, [0.02, 0.98])
    jitter = float(np.clip(1 - least / most, 0.0, 1.0)) if most > 0 else 0.0
    return replace(call, timeout_s=patience, attempts=attempts, backoff_s=float(most), jitter=jitter)


def _leads_back(calls: Mapping[str, Sequence[Call]], start: str, to: str) -> bool:
    return start == to or any(_leads_back(calls, call.to, to) for call in calls.get(start, ()))


def _several(calls: Mapping[str, Sequence[Call]]) -> list[str]:
    notes = []
    for caller, own in calls.items():
        for name in dict.fromkeys(call.to for call in own):
            times = [call for call in own if call.to == name]
            if len(times) > 1:
                mean = sum(call.share * call.copies for call in times)
                notes.append(f"{caller} calls {name} {mean:.1f} times a visit, one after the other")
    return notes
