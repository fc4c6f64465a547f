"""The kernel's log is that of the naive reference, bit for bit, on random networks with any mechanisms."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from tests.reference import naive
from tests.reference.networks import MECHANISMS, Case, cases
from workbench.twin import kernel, world
from workbench.twin.mechanisms import balance

COMMON = ("ok", "failed", "refused", "limited", "expired", "open", "unconnected", "cancelled")
COMMON += ("timeout", "retry", "degraded", "elsewhere", "queued", "at one instant")
seldom = settings(max_examples=12, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_log_is_that_of_the_reference_with_one_mechanism(mechanism: str):
    @seldom
    @given(cases(frozenset([mechanism, "instances"])))
    def agree(case: Case) -> None:
        run_both(case)

    agree()


def test_log_is_that_of_the_reference_with_any_mechanisms():
    seen: Counter[str] = Counter()

    @settings(max_examples=450, suppress_health_check=list(HealthCheck))
    @given(cases())
    def agree(case: Case) -> None:
        log = run_both(case)
        seen.update(world.OUTCOMES[code] for code in log["outcome"])
        seen["timeout"] += int((log["result"] == world.TIMEOUT).sum())
        seen["retry"] += int((log["attempt"] > 0).sum())
        seen["degraded"] += int(log["degraded"].sum())
        seen["elsewhere"] += int((log["instance"] > 0).sum())
        seen["queued"] += int((log["started"] > log["arrived"]).sum())
        seen["at one instant"] += int((np.diff(np.sort(log["ended"])) == 0).sum())

    agree()
    for kind in COMMON:
        assert seen[kind] > 50, f"{kind} hardly occurs: {seen}"


def run_both(case: Case) -> np.ndarray:
    """Run the kernel and the reference, require equal logs, give the log."""
    network, workload, arrivals, seed, changes, end_s = case
    plan = kernel.plan_of(network, workload, changes=changes, end_s=end_s, seed=seed)
    hit_shares = dict(enumerate(plan.calls["hits"].tolist()))
    visits = naive.run(
        network,
        workload,
        arrivals,
        seed,
        changes=changes,
        end_s=end_s,
        hit_shares=hit_shares,
        rings=rings_of(case),
    )
    expected = as_log(case, visits)
    log = kernel.run(network, workload, arrivals, seed, changes=changes, end_s=end_s)
    first = first_difference(log, expected)
    if first is not None:
        name, row = first
        pytest.fail(f"{name} differs first, in row {row}:\n{log[row : row + 1]}\n{expected[row : row + 1]}")
    return log


def first_difference(log: np.ndarray, expected: np.ndarray) -> tuple[str, int] | None:
    """The first row, and in it the first field, in which the logs differ; None if they do not."""
    rows = min(log.size, expected.size)
    found = [(rows, "number of rows")] if log.size != expected.size else []
    for name in world.LOG.names:
        bits = [
            np.ascontiguousarray(side[name][:rows]).view(f"V{side[name].itemsize}")
            for side in (log, expected)
        ]
        different = np.flatnonzero(bits[0] != bits[1])
        found += [(int(different[0]), name)] if different.size else []
    row, name = min(found, key=lambda difference: difference[0], default=(0, ""))
    return (name, row) if name else None


def rings_of(case: Case) -> dict[int, list[tuple[int, int]]]:
    """The rings as the twin lays them out; whether it does so evenly is not the matter here."""
    rings, calls = {}, [call for station in case.network.stations for call in station.calls]
    for row, call in enumerate(calls):
        callee = case.network[call.to]
        n = max(int(callee.instances), int(callee.autoscaler.high))
        rings[row] = balance.ring_of(n, int(call.balance.points)).tolist()
    return rings


def as_log(case: Case, visits: list[naive.Visit]) -> np.ndarray:
    """The reference's visits as a log of the kernel's dtype."""
    place = {station.name: row for row, station in enumerate(case.network.stations)}
    code = {name: number for number, name in enumerate(world.OUTCOMES)}
    log = np.empty(len(visits), world.LOG)
    for name in (
        "request",
        "instance",
        "call_row",
        "attempt",
        "sent",
        "arrived",
        "started",
        "ended",
        "heard",
    ):
        log[name.removesuffix("_row")] = [getattr(visit, name) for visit in visits]
    log["parent"] = [-1 if visit.caller is None else visit.caller.row for visit in visits]
    log["station"] = [place[visit.station.policy.name] for visit in visits]
    log["outcome"] = [code[visit.outcome] for visit in visits]
    log["result"] = [code[visit.result] for visit in visits]
    log["degraded"] = [visit.degraded for visit in visits]
    return log
