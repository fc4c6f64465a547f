"""A sweep and a search on a Dask cluster give what they give on threads."""

from __future__ import annotations

import warnings

import pandas as pd

from tests.twin import hand
from workbench.tuning.objective import SLO, Objective
from workbench.tuning.search import search
from workbench.tuning.sweep import sweep

TWIN = hand.twin(duration_s=20)
GOAL = Objective((SLO("p99_s", 0.3),))


def test_a_cluster_of_two_processes_gives_the_same_numbers_and_the_same_advice():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the cluster's own
        from distributed import Client, LocalCluster

        many = [{"orders/workers": n} for n in (1, 2, 4)]
        with (
            LocalCluster(2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            table = sweep(TWIN, many, requests=500, executor=client.get_executor())
            found = search(
                TWIN, ["orders/workers"], GOAL, budget=8, explain=False, executor=client.get_executor()
            )
    pd.testing.assert_frame_equal(table, sweep(TWIN, many, requests=500))
    assert found.to_json() == search(TWIN, ["orders/workers"], GOAL, budget=8, explain=False).to_json()
