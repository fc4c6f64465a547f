"""`sweep`: many settings simulated, on all cores or on a cluster, the same numbers anywhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TypeVar

import pandas as pd

from workbench.network import Scenario
from workbench.settings import Settings, Value
from workbench.twin.model import AS_RECORDED, Twin, glance

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def sweep(
    twin: Twin,
    settings: Iterable[Mapping[str, Value]],
    *,
    scenarios: Sequence[Scenario] = (AS_RECORDED,),
    requests: int = 20_000,
    seed: int = 0,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Simulate each of `settings` in each scenario: a row with what it changes, `scenario`, and the numbers.

    All meet the same arrivals and luck, those of `seed`. `executor` is anything that maps like one of
    concurrent.futures, such as `dask.distributed.Client.get_executor()`; without one all cores are used.
    """
    asked = [(twin.settings.with_(one), scenario) for one in settings for scenario in scenarios]
    bare = replace(twin, replicates=(), notes=())
    found = on_cores(partial(_numbers, bare, requests, seed), asked, executor)
    changed = {key for one, _ in asked for key in twin.settings.difference(one)}
    rows = [
        {**{key: one.get(key) for key in sorted(changed)}, "scenario": scenario.name, **numbers}
        for (one, scenario), numbers in zip(asked, found, strict=True)
    ]
    return pd.DataFrame(rows)


def on_cores(do: Callable[[_In], _Out], items: Iterable[_In], executor: Executor | None = None) -> list[_Out]:
    """Give `do` of each item, in their order: by the executor, or in threads, one for each core."""
    if executor is not None:
        return list(executor.map(do, list(items)))
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # the kernel lets go of the interpreter
        return list(threads.map(do, items))


def _numbers(twin: Twin, requests: int, seed: int, asked: tuple[Settings, Scenario]) -> dict[str, float]:
    settings, scenario = asked
    return glance(twin, settings, scenario=scenario, requests=requests, seed=seed).numbers
