"""A network, its workload and a scenario's changes → the arrays that the loop reads."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from workbench.errors import CalibrationError, SettingError
from workbench.network import Call, Change, Network, Station, Workload
from workbench.twin import world
from workbench.twin.mechanisms import (
    autoscaler,
    backoff,
    balance,
    breaker,
    cache,
    codel,
    concurrency,
    cpu,
    outliers,
    pool,
    rate_limit,
    retry_budget,
)
from workbench.twin.world import World

_MOST_TRIES = 1 << 12  # visits count them in two bytes


class _Tables:
    """Quantile tables as they come, by row."""

    def __init__(self) -> None:
        self.rows: list[np.ndarray] = []

    def add(self, values: np.ndarray | None) -> int:
        if values is None:
            return -1
        self.rows.append(np.asarray(values, float))
        return len(self.rows) - 1

    def array(self) -> np.ndarray:
        points = {row.size for row in self.rows} or {1}
        if len(points) > 1:
            raise CalibrationError(
                f"quantile tables of {sorted(points)} points", expected="one length for all"
            )
        return np.array(self.rows, float).reshape(len(self.rows), points.pop())


class _Slots:
    """Room of the mechanisms that need more than a record, one after the other."""

    def __init__(self) -> None:
        self.used = 0

    def take(self, count: int) -> int:
        first, self.used = self.used, self.used + count
        return first


def plan_of(
    network: Network,
    workload: Workload,
    *,
    changes: Sequence[Change] = (),
    shift_s: float = 0.0,
    end_s: float = math.inf,
    seed: int = 0,
) -> World:
    """Lay out everything but the visits. `changes` are in window time, which begins at `shift_s`.

    Closed users send their last request before `end_s`. Raises SettingError for users without an end.
    """
    if workload.users and not math.isfinite(end_s):
        raise SettingError(f"{workload.users} closed users", expected="an end to their sending")
    tables, slots = _Tables(), _Slots()
    names = [station.name for station in network.stations]
    capacity = [_capacity(station) for station in network.stations]
    stations = np.zeros(len(names), world.STATION)
    for row, station in zip(stations, network.stations, strict=True):
        _lay_out_station(row, station, workload, tables, slots)
    stations["end_call"] = np.cumsum([len(station.calls) for station in network.stations])
    stations["first_call"][1:] = stations["end_call"][:-1]
    stations["end_site"] = np.cumsum(capacity)
    stations["first_site"][1:] = stations["end_site"][:-1]
    calls, ring = _calls(network, workload, names, capacity, tables)
    sites, link_rows, views = _sites(network, calls, capacity, slots)
    think = tables.add(workload.think)
    return World(
        stations=stations,
        sites=sites,
        calls=calls,
        links=link_rows,
        views=views,
        slots=np.zeros(max(1, slots.used)),
        ring=ring,
        tables=tables.array(),
        changes=_changes(changes, names, shift_s),
        fresh_sites=sites.copy(),
        fresh_links=link_rows.copy(),
        visits=np.zeros(0, world.VISIT),
        heap=np.zeros(0, world.EVENT),
        counts=np.zeros(world.COUNTS, np.int64),
        entry=names.index(network.entry),
        persistence=float(workload.persistence),
        users=int(workload.users),
        think=think,
        end_s=float(end_s),
        seed=np.uint64(seed),
    )


def _calls(
    network: Network, workload: Workload, names: list[str], capacity: list[int], tables: _Tables
) -> tuple[np.ndarray, np.ndarray]:
    """Give the calls of all stations in order, and the points of their rings."""
    made = [(station.name, call) for station in network.stations for call in station.calls]
    rows, ring = np.zeros(len(made), world.CALL), np.zeros(0, balance.POINT)
    for row, (caller, call) in zip(rows, made, strict=True):
        to, first = names.index(call.to), ring.size
        _lay_out_call(row, call, to, workload, tables, workload.transit.get(f"{caller}.{call.to}"))
        if call.balance.kind == "ring hash":
            ring = np.concatenate([ring, balance.ring_of(capacity[to], int(call.balance.points))])
        balance.set_up(row["balance"], call.balance, first, ring.size)
    return rows, ring


def _sites(
    network: Network, calls: np.ndarray, capacity: list[int], slots: _Slots
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the instances of all stations in order, their links, and the links' views."""
    sites = np.zeros(sum(capacity), world.SITE)
    links: list[np.void] = []
    views = x = first_call = 0
    for s, station in enumerate(network.stations):
        for number in range(capacity[s]):
            _lay_out_site(sites[x], s, number, station, slots)
            sites[x]["first_link"] = len(links)
            for c, call in enumerate(station.calls, first_call):
                links.append(_link(call, views, slots))
                views += capacity[calls[c]["to"]]
            sites[x]["end_slot"] = slots.used
            x += 1
        first_call += len(station.calls)
    view_rows = np.zeros(views, balance.VIEW)
    for view in view_rows:
        balance.set_up_view(view)
    return sites, np.array(links, world.LINK) if links else np.zeros(0, world.LINK), view_rows


def _capacity(station: Station) -> int:
    return max(int(station.instances), int(station.autoscaler.high))


def _lay_out_station(
    row: np.void, station: Station, workload: Workload, tables: _Tables, slots: _Slots
) -> None:
    demand = workload.demand.get(station.name)
    row["deadline_s"], row["cpu_share"] = station.deadline_s, station.cpu.share
    row["before"] = tables.add(demand.before if demand else None)
    row["after"] = tables.add(demand.after if demand else None)
    row["pauses"] = tables.add(workload.pauses.get(station.name))
    row["sigma"], row["kappa"] = station.contention.sigma, station.contention.kappa
    row["warm_up_s"], row["cold"] = station.warm_up_s, station.cold
    row["bytes_per_visit"], row["budget_bytes"] = station.gc.bytes_per_visit, station.gc.budget_bytes
    row["slow"] = 1.0
    if station.autoscaler.high > station.instances:
        room = slots.take(autoscaler.slots_needed(station.autoscaler))
        autoscaler.set_up(row["autoscaler"], station.autoscaler, int(station.instances), room)


def _lay_out_call(
    row: np.void, call: Call, to: int, workload: Workload, tables: _Tables, transit: np.ndarray | None
) -> None:
    if max(call.attempts, call.copies) > _MOST_TRIES:
        found = f"{call.attempts} attempts, {call.copies} copies of a call to {call.to}"
        raise SettingError(found, expected=f"at most {_MOST_TRIES} each")
    for name in ("timeout_s", "attempts", "backoff_s", "jitter", "overall_s", "hedge_s", "idempotent"):
        row[name] = getattr(call, name)
    for name in ("inherits", "reserve_s", "cancels", "share", "copies", "together", "fallback"):
        row[name] = getattr(call, name)
    row["to"], row["transit"] = to, tables.add(transit)
    row["cap_s"], row["law"] = call.backoff_cap_s, backoff.LAWS.index(call.backoff_law)
    row["hits"] = cache.hit_share(call.cache, workload.mean_rps()) if call.cache.size > 0 else 0.0
    row["first_timer"] = row["last_timer"] = -1
    outliers.set_up(row["outliers"], call.outliers)


def _lay_out_site(row: np.void, s: int, number: int, station: Station, slots: _Slots) -> None:
    row["station"], row["running"] = s, number < station.instances
    row["speed"] = station.speeds[number] if number < len(station.speeds) else 1.0
    row["paused_until"], row["first_slot"] = -math.inf, slots.used
    rate_limit.set_up(row["limit"], station.limit, slots.take(rate_limit.slots_needed(station.limit)))
    room = slots.take(concurrency.slots_needed(station.concurrency))
    concurrency.set_up(row["concurrency"], station.concurrency, room)
    pool.set_up(row["pool"], station.pool)
    codel.set_up(row["codel"], station.codel)
    cpu.set_up(row["cpu"], station.cpu)


def _link(call: Call, first_view: int, slots: _Slots) -> np.void:
    row = np.zeros(1, world.LINK)[0]
    row["first_view"] = first_view
    pool.set_up(row["pool"], call.pool)
    breaker.set_up(row["breaker"], call.breaker, slots.take(breaker.slots_needed(call.breaker)))
    retry_budget.set_up(row["budget"], call.budget)
    return row


_KINDS = {"slow": world.SLOW, "failing": world.FAILING, "hanging": world.HANGING}
_KINDS |= {"lost": world.LOST, "paused": world.PAUSED}
_AFTERWARDS = {"slow": (world.SLOW, 1.0), "failing": (world.FAILING, 0.0), "hanging": (world.HANGING, 0.0)}


def _changes(changes: Sequence[Change], names: list[str], shift_s: float) -> np.ndarray:
    """Give what begins and ends, by time; those of the load are not the loop's."""
    rows = []
    for change in changes:
        if change.kind == "load" or change.start_s == change.end_s:
            continue
        if change.station not in names:
            raise SettingError(f"a change at {change.station!r}", expected=f"one of {names}")
        s, begin, end = names.index(change.station), change.start_s + shift_s, change.end_s + shift_s
        amount = change.end_s - change.start_s if change.kind == "paused" else change.amount
        rows.append((begin, 1, _KINDS[change.kind], s, amount))
        if change.kind == "lost":
            rows.append((end, 0, world.BACK, s, change.amount))
        elif change.kind in _AFTERWARDS:
            kind, amount = _AFTERWARDS[change.kind]
            rows.append((end, 0, kind, s, amount))
    rows.sort(key=lambda row: row[:2])  # what ends comes before what begins then
    return np.array([(time, *rest) for time, _, *rest in rows], world.CHANGE)
