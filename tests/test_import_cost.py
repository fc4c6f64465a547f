"""`import workbench` is light: what is heavy loads when it is first used."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.needs import ROOT

HEAVY = ["plotly", "ipywidgets", "numba", "aiohttp", "opentelemetry", "scipy"]


def test_importing_workbench_loads_nothing_heavy():
    loaded = in_new_python(
        f"import sys, json, workbench; print(json.dumps(sorted({set(HEAVY)} & set(sys.modules))))"
    )
    assert loaded == []


def test_importing_workbench_costs_at_most_300_ms_more_than_pandas():
    pairs = [(import_s("pandas"), import_s("workbench")) for _ in range(5)]
    pandas_s, workbench_s = (min(times) for times in zip(*pairs, strict=True))
    assert workbench_s <= pandas_s + 0.3


def import_s(module: str) -> float:
    return in_new_python(
        f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    )


def in_new_python(code: str):
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stdout)
