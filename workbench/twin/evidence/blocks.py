"""What services counted, block of time by block of time: by role, service, and target or bucket."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workbench.analysis._metrics import edges, growth, levels, served
from workbench.analysis._roles import in_roles
from workbench.analysis.pools import pools_over_time
from workbench.capture import Capture

_TURNED_AWAY = ("429", "503", "504")
_FAILED = "5|0$|429$"


def grown(captures: Sequence[Capture], step_s: float) -> dict[str, dict[tuple[str, str], np.ndarray]]:
    """Give what grew in each block, by name, service and target or bucket; windows are joined end to end."""
    parts: dict[str, list[pd.DataFrame]] = {}
    first = 0

    def keep(name: str, rows: pd.DataFrame, value: str, other: str = "", by: str = "service") -> None:
        kept = parts.setdefault(name, [])
        if len(rows):
            block = ((rows["time"] - capture.start).dt.total_seconds() / step_s + 0.5).astype(int) + first
            key = rows[other] if other else ""
            kept.append(
                pd.DataFrame({"service": rows[by], "other": key, "block": block, "value": rows[value]})
            )

    for capture in captures:
        named, bounds = in_roles(capture), edges(capture, step_s)
        services = set(named.series["service"])
        answered = served(named, bounds, "status")
        keep("answered", answered, "growth")
        keep("failed", answered[answered["status"].astype(str).str.match(_FAILED)], "growth")
        covered = answered.groupby(["time", "service"], as_index=False)["covered_s"].max()
        keep("covered_s", covered, "covered_s")
        for part in ("count", "sum", "bucket"):
            labels = ("le",) if part == "bucket" else ()
            own = growth(named, f"role:latency_{part}", bounds, "status", *labels)
            keep(f"latency_{part}", own[~own["status"].isin(_TURNED_AWAY)], "growth", *labels)
            made = growth(named, f"role:calls_{part}", bounds, "target", *labels)
            made = made.assign(target=[_service_of(target, services) for target in made["target"]])
            if part != "bucket":
                keep(f"calls_{part}", made, "growth", "target")
            keep(f"called_{part}", made, "growth", *(labels or ("",)), by="target")
        again = growth(named, "role:retries", bounds, "target")
        again = again.assign(target=[_service_of(target, services) for target in again["target"]])
        keep("retries", again, "growth", "target")
        keep("cpu_s", growth(named, "role:cpu_s", bounds), "growth")
        inside = levels(named, "role:in_flight", bounds)
        keep("in_flight", inside.assign(held_s=inside["level"].astype(float) * step_s), "held_s")
        pool = pools_over_time(capture, step_s=step_s)
        pool = pool[pool["pool"] == ""]
        for name in ("busy", "queue"):
            known = pool[pool[name].notna()]
            keep(name, known.assign(used_s=known[name].astype(float) * step_s), "used_s")
        first += len(bounds) - 1
    return {
        name: _arrays(pd.concat(own, ignore_index=True), first) if own else {} for name, own in parts.items()
    }


def _arrays(rows: pd.DataFrame, blocks: int) -> dict[tuple[str, str], np.ndarray]:
    rows = rows.assign(other=rows["other"].astype(str).replace("+Inf", "inf"))
    return {
        (str(service), str(other)): np.bincount(own["block"], own["value"].astype(float), minlength=blocks)
        for (service, other), own in rows.groupby(["service", "other"])
    }


def blocks(capture: Capture, step_s: float) -> int:
    """Give how many blocks a capture has."""
    return len(edges(capture, step_s)) - 1


def _service_of(target: str, services: set[str]) -> str:
    """Give the service that an address names: payments of payments.shop.svc:8080."""
    host = target.rpartition("//")[2].partition("/")[0].partition(":")[0]
    return next((name for name in (target, host, host.partition(".")[0]) if name in services), target)


def instances(captures: Sequence[Capture]) -> dict[str, int]:
    """Give how many instances of each service have latencies."""
    found: dict[str, int] = {}
    for capture in captures:
        series = in_roles(capture).series
        own = series[series["metric"].str.startswith("role:latency")]
        for name, n in own.groupby("service")["instance"].nunique().items():
            found[str(name)] = max(found.get(str(name), 1), int(n))
    return found
