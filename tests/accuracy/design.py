"""What is tried: settings, loads and faults, drawn by a seed, sorted by how busy the twin expects them to be.

Both systems have the same settings file. A cell is one combination; it may be run several times.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from workbench.network import Change
from workbench.settings import Value

LAB, GO = "lab", "go"
WARM_S, WINDOW_S, CALIBRATION_S, CALIBRATION_RPS = 5.0, 20.0, 60.0, 40.0
PATIENCE_S = 10.0
BANDS = {"below 80 %": (0.0, 0.8), "80 to 95 %": (0.8, 0.95), "above 95 %": (0.95, np.inf)}
_SHARES = {"below 80 %": 0.5, "80 to 95 %": 0.3, "above 95 %": 0.2}
_MOST_DRAWS = 200  # for each cell that is wanted

# A timeout near the P98 of payments: without retries in it, nobody could tell whether slow work stays slow.
BASE: dict[str, Any] = {
    "gateway": {
        "workers": 32,
        "queue": 64,
        "limit": {"rate_rps": 0, "burst": 50},
        "deadline_s": 1.5,
        "calls": {"orders": {"timeout_s": 1.0, "attempts": 2, "backoff_s": 0.05, "jitter": 0.5}},
        "work": {"kind": "wait", "mean_s": 0.004, "cv": 0.4},
    },
    "orders": {
        "workers": 12,
        "queue": 32,
        "limit": {"rate_rps": 0, "burst": 50},
        "deadline_s": 0,
        "calls": {"payments": {"timeout_s": 0.22, "attempts": 2, "backoff_s": 0.05, "jitter": 0.5}},
        "work": {"kind": "wait", "mean_s": 0.030, "cv": 0.5},
    },
    "payments": {
        "workers": 8,
        "queue": 32,
        "limit": {"rate_rps": 0, "burst": 50},
        "deadline_s": 0,
        "calls": {},
        "work": {"kind": "wait", "mean_s": 0.070, "cv": 0.7},
    },
}


@dataclass(frozen=True)
class Cell:
    """One combination: settings beside the base's, load, breakers (by caller), and faults of the window."""

    system: str
    name: str
    band: str
    settings: dict[str, Value]
    rate_rps: float
    breakers: dict[str, dict[str, dict[str, float]]]
    faults: tuple[Change, ...] = ()
    repeats: int = 1

    @property
    def scenario(self) -> str:
        """The one word for it in the report."""
        if self.faults:
            return self.faults[0].kind
        limited = self.settings.get("gateway/limit.rate_rps")
        return "breaker" if self.breakers else "limited" if limited else "settings and load"

    def runs(self) -> Iterator[tuple[Cell, int]]:
        """Give the cell once for each time that it is run."""
        for repeat in range(self.repeats):
            yield self, repeat


def draw(system: str, count: int, repeated: int, repeats: int, busy: Callable[[Cell], float]) -> list[Cell]:
    """Draw `count` cells; `busy` foretells the utilisation of the busiest pool, which sorts them into bands.

    The first `repeated` cells of the bands, in turn, are run `repeats` times.
    """
    rng = np.random.default_rng([17, system == GO])
    wanted = {band: round(count * share) for band, share in _SHARES.items()}
    wanted["below 80 %"] += count - sum(wanted.values())
    found: dict[str, list[Cell]] = {band: [] for band in BANDS}
    for _ in range(_MOST_DRAWS * count):
        if all(len(found[band]) >= wanted[band] for band in BANDS):
            break
        cell = _candidate(system, rng)
        share = busy(cell)
        band = next(name for name, (low, high) in BANDS.items() if low <= share < high)
        if len(found[band]) < wanted[band]:
            found[band].append(Cell(**{**vars(cell), "band": band}))
    cells = [cell for turn in _turns(list(found.values())) for cell in turn]
    return [
        Cell(**{**vars(cell), "name": f"{system}-{n:03}", "repeats": repeats if n < repeated else 1})
        for n, cell in enumerate(cells)
    ]


def in_random_order(cells: list[Cell], seed: int = 5) -> list[tuple[Cell, int]]:
    """Give all runs of all cells, so mixed that a change of the machine in time meets all alike."""
    runs = [run for cell in cells for run in cell.runs()]
    return [runs[i] for i in np.random.default_rng(seed).permutation(len(runs))]


def document(settings: dict[str, Value], slower: dict[str, float] | None = None) -> str:
    """Give the settings file; `slower` makes the work of services longer by a factor."""
    services = json.loads(json.dumps(BASE))
    for key, value in settings.items():
        name, _, path = key.partition("/")
        *way, last = path.split(".")
        place = services[name]
        for step in way:
            place = place[step]
        place[last] = value
    for name, factor in (slower or {}).items():
        services[name]["work"]["mean_s"] *= factor
    return json.dumps({"seed": 1, "sample_share": 1.0, "services": services}, indent=1)  # JSON is YAML


def plain(cell: Cell) -> dict[str, Any]:
    """Give a cell as JSON holds it."""
    return asdict(cell)


def from_plain(given: dict[str, Any]) -> Cell:
    """Give the cell that `plain` wrote."""
    return Cell(**{**given, "faults": tuple(Change(**fault) for fault in given["faults"])})


def _turns(lists: list[list[Cell]]) -> Iterator[list[Cell]]:
    for n in range(max(map(len, lists), default=0)):
        yield [one[n] for one in lists if n < len(one)]


def _candidate(system: str, rng: np.random.Generator) -> Cell:
    rate_rps = float(round(rng.uniform(20, 65), 1))
    settings: dict[str, Value] = {
        "gateway/workers": int(rng.integers(12, 49)),
        "gateway/queue": int(rng.choice([8, 64])),
        "gateway/deadline_s": float(rng.choice([0.0, round(rng.uniform(0.3, 1.5), 2)])),
        "gateway/calls.orders.timeout_s": float(round(np.exp(rng.uniform(np.log(0.25), np.log(1.5))), 3)),
        "gateway/calls.orders.attempts": int(rng.integers(1, 4)),
        "gateway/calls.orders.backoff_s": float(rng.choice([0.01, 0.05, 0.1])),
        "gateway/calls.orders.jitter": float(rng.choice([0.0, 0.5, 1.0])),
        "orders/workers": int(rng.integers(4, 17)),
        "orders/queue": int(rng.choice([4, 16, 64])),
        "orders/calls.payments.timeout_s": float(round(np.exp(rng.uniform(np.log(0.12), np.log(0.6))), 3)),
        "orders/calls.payments.attempts": int(rng.integers(1, 4)),
        "orders/calls.payments.backoff_s": float(rng.choice([0.01, 0.05, 0.1])),
        "orders/calls.payments.jitter": float(rng.choice([0.0, 0.5, 1.0])),
        "payments/workers": int(rng.integers(3, 13)),
        "payments/queue": int(rng.choice([4, 16, 64])),
    }
    if rng.random() < 0.25:
        settings["gateway/limit.rate_rps"] = float(round(rate_rps * rng.uniform(0.75, 1.1), 1))
        settings["gateway/limit.burst"] = int(rng.integers(3, 30))
    return Cell(system, "", "", settings, rate_rps, _breakers(system, rng), _faults(system, rng))


def _breakers(system: str, rng: np.random.Generator) -> dict[str, dict[str, dict[str, float]]]:
    if system != GO or rng.random() > 0.3:
        return {}
    caller, callee = [("gateway", "orders"), ("orders", "payments")][rng.integers(2)]
    one = {
        "failures": int(rng.integers(2, 7)),
        "open_s": float(rng.choice([0.3, 1.0, 2.0])),
        "trials": int(rng.integers(1, 4)),
    }
    return {caller: {callee: one}}


def _faults(system: str, rng: np.random.Generator) -> tuple[Change, ...]:
    """The lab can only be slow, and that for the whole window, by its settings; the Go shop also fails."""
    if rng.random() > 0.4:
        return ()
    service = str(rng.choice(["orders", "payments"]))
    slow = float(round(rng.uniform(1.3, 2.5), 2))
    if system == LAB:
        return (Change("slow", -WARM_S, WINDOW_S, service, slow),)
    begin = float(rng.integers(2, 8))
    end = begin + float(rng.integers(4, 9))
    kind = str(rng.choice(["slow", "failing", "hanging"]))
    amount = {"slow": slow, "failing": float(round(rng.uniform(0.03, 0.4), 2)), "hanging": 1.0}[kind]
    return (Change(kind, begin, end, service, amount),)
