"""A collector whose every parameter is known comes back from its log, and foretells another heap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.analysis.hand import metrics
from tests.twin import hand
from tests.twin.evidence import known
from workbench import tables
from workbench.capture import Capture
from workbench.network import Call, Network, Station
from workbench.policies import Gc, Pool
from workbench.twin import arrivals
from workbench.twin.calibrate import calibrate
from workbench.twin.model import WARM_UP_S, Twin, predict, run, warm_up_of
from workbench.twin.simulate import simulate

MIB = 2**20
EACH, BUDGET, LIVE, PAUSE_S = 1 * MIB, 20 * MIB, 30 * MIB, 0.06
HEAP = Network(
    (
        Station("client", calls=(Call("store"),)),
        Station("store", pool=Pool(servers=16), gc=Gc(EACH, BUDGET)),
    ),
    "client",
)
ASKED = replace(known.work(50.0, {"store": 0.02}), pauses={"store": np.full(hand.POINTS, PAUSE_S)})
TRUE = known.twin(HEAP, ASKED)
SECONDS = 60.0


@pytest.fixture(scope="module")
def logged() -> Capture:
    """A simulated window with the log that its collector would have written.

    The twin collects whenever the visits that have begun since fill the budget: at each twentieth.
    """
    times = arrivals.poisson(ASKED, start_s=-WARM_UP_S, end_s=SECONDS, seed=5)
    log, _ = run(TRUE, HEAP, ASKED, duration_s=SECONDS, seed=5, times_s=times)
    begun = np.sort(log["started"][(log["station"] == 1) & np.isfinite(log["started"])]) - warm_up_of(times)
    at = begun[19::20]
    at = at[(at >= 0) & (at < SECONDS)]
    who = {"service": ["store"] * at.size, "instance": ["store-0"] * at.size}
    dated = {
        "start": (hand.T0 + pd.to_timedelta(at, unit="s")).as_unit("ns"),
        "duration_s": np.full(at.size, PAUSE_S),
        "kind": ["young"] * at.size,
        "collector": ["Serial"] * at.size,
    }
    heap = {"heap_before_bytes": [LIVE + BUDGET] * at.size, "heap_after_bytes": [LIVE] * at.size}
    capture = simulate(TRUE, duration_s=SECONDS, seed=5, times_s=times)
    return replace(
        capture,
        pauses=tables.PAUSES.build(who | dated | heap),
        collections=tables.COLLECTIONS.build(who | dated | heap | {"pause_s": np.full(at.size, PAUSE_S)}),
    )


@pytest.fixture(scope="module")
def fitted(logged) -> Twin:
    return calibrate(logged)


def test_allocation_budget_and_pauses_come_back(fitted):
    gc = fitted.network["store"].gc
    assert gc.bytes_per_visit == pytest.approx(EACH, rel=0.02)
    assert gc.budget_bytes == pytest.approx(BUDGET - EACH / 2, rel=0.02)  # half a visit late on average
    assert gc.live_bytes == LIVE
    assert fitted.workload.pauses["store"].mean() == pytest.approx(PAUSE_S, rel=0.001)


def test_work_is_without_the_pauses_that_lengthened_it(fitted):
    mean_s = fitted.workload.demand["store"].mean_s()
    assert mean_s == pytest.approx(0.02, abs=4 * 0.02 / np.sqrt(50 * SECONDS))


def test_a_log_without_dates_is_dated_by_when_its_process_started(logged, fitted):
    """It started 100 s before the window."""
    began = hand.T0.value / 1e9 - 100
    start = ("process_start_time_seconds", {"service": "store", "instance": "store-0"}, [began] * 61)
    both = {}
    for name in ("pauses", "collections"):
        rows = getattr(logged, name)
        uptime_s = (rows["start"] - hand.T0).dt.total_seconds() + 100
        undated = pd.Series(pd.NaT, index=rows.index, dtype=tables.TIME)
        both[name] = rows.assign(start=undated, uptime_s=uptime_s)
    found = calibrate(replace(logged, **both, **metrics(start)))
    gc, dated = found.network["store"].gc, fitted.network["store"].gc
    assert gc.bytes_per_visit == pytest.approx(dated.bytes_per_visit, rel=0.01)
    assert found.workload.demand["store"].mean_s() == pytest.approx(
        fitted.workload.demand["store"].mean_s(), rel=1e-3
    )


def test_gogc_moves_the_budget_as_a_share_of_the_live_heap(logged):
    """A budget of 20 MiB over 30 MiB that live is GOGC 67; at 200 it is 60 MiB."""
    found = calibrate(logged, system="go")
    assert found.at({"store/GOGC": 200})["store"].gc.budget_bytes == 2 * LIVE


def test_without_heap_sizes_pauses_stay_in_the_work(logged):
    blind = logged.collections.assign(heap_before_bytes=pd.NA).astype({"heap_before_bytes": tables.COUNT})
    found = calibrate(replace(logged, collections=blind))
    assert found.network["store"].gc == Gc()
    assert found.workload.demand["store"].mean_s() > 0.023


def test_p99_at_a_heap_four_times_as_large_is_foretold(fitted):
    """With a pause every 1.6 s instead of every 0.4 s far fewer requests meet one."""
    larger = HEAP.set("store.gc.budget_bytes", LIVE + 4 * BUDGET - LIVE)
    _, truth = run(replace(TRUE, network=larger), larger, ASKED, duration_s=300, seed=77)
    moved = replace(fitted, network=fitted.network.set("store.gc.budget_bytes", 4 * BUDGET))
    foretold, before = predict(moved, {}, duration_s=300), predict(fitted, {}, duration_s=300)
    low, high = foretold.interval("p99_s")
    assert low <= truth.numbers["p99_s"] <= high
    assert foretold["p99_s"] == pytest.approx(truth.numbers["p99_s"], rel=0.1)
    assert foretold["mean_s"] < 0.9 * before["mean_s"]
