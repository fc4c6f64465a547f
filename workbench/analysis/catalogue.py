"""What the metrics of a capture are: whose, which role they fill for which service, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.analysis._mapping import fills_by_hand
from workbench.analysis._roles import chosen, fillings, possible, with_roles
from workbench.capture import Capture
from workbench.presets import ROLES, owner, presets

COLUMNS = ["service", "metric", "type", "unit", "series", "labels", "preset", "role"]
_MEMBERS = ("_bucket", "_count", "_sum")
_ENDINGS = {"_seconds": "s", "_milliseconds": "ms", "_ms": "ms", "_nanos": "ns", "_ns": "ns",
            "_bytes": "bytes", "_ratio": "share", "_percent": "percent", "_cores": "cores"}  # fmt: skip

# What to know, by any of which roles, and what cannot be told without it.
_NEEDS = (
    ("requests", ("requests", "latency_count"), "its rate"),
    ("errors", ("errors", "status"), "its error share"),
    ("latency", ("latency_bucket",), "quantiles of its latency"),
    ("in_flight", ("in_flight", "pool_in_use", "pool_in_use_s"), "how many requests it has at once"),
    ("pool_size", ("pool_size",), "how busy its workers or connections are"),
    ("pool_in_use", ("pool_in_use", "pool_in_use_s"), "how busy its workers or connections are"),
    ("pool_waiting", ("pool_waiting", "pool_waiting_s", "pool_wait_sum"), "how many wait for them"),
    ("cpu_s", ("cpu_s",), "CPU time per request"),
)

Mapped = str | Path | Mapping[str, Any] | None


def catalogue(capture: Capture, mapping: Mapped = None) -> pd.DataFrame:
    """Give a row per service and metric (a histogram is one), those with a role first.

    type and unit are what the name and the role tell, "" where they do not; preset is whose metric it is,
    role what it fills, in brackets where a nearer view of the service fills it already. `mapping` is a YAML
    file, or what it would hold, that fills roles by hand.
    """
    able = list(possible(capture, fills_by_hand(mapping, capture)))
    could = {one.row: one for one in able}
    does = {one.row for one in chosen(able)}
    names = set(capture.series["metric"])
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for row, series in enumerate(capture.series.itertuples(index=False)):
        one = could.get(row)
        family, kind = _family(series.metric, names)
        entry = rows.setdefault(
            (one.service if one else series.service, family),
            {"type": kind, "unit": _unit(family), "series": 0, "labels": set(), "preset": "", "role": ""},
        )
        entry["series"] += 1
        entry["labels"].update(str(name) for name, _ in series.labels)
        entry["preset"] = "by hand" if one and one.candidate.rank[0] < 0 else owner(series.metric)
        if one and (row in does or not entry["role"]):
            entry["role"] = one.candidate.fill.base if row in does else f"({one.candidate.fill.base})"
            entry["type"] = entry["type"] or ROLES[one.candidate.fill.base].kind
    table = pd.DataFrame(
        [
            {**entry, "service": service, "metric": family, "labels": ", ".join(sorted(entry["labels"]))}
            for (service, family), entry in rows.items()
        ],
        columns=COLUMNS,
    )
    last = pd.DataFrame({"a": table["role"].eq(""), "b": table["preset"].eq("")})
    order = table.join(last).sort_values(["a", "b", "service", "role", "metric"]).index
    return table.loc[order].reset_index(drop=True)


def roles(capture: Capture, mapping: Mapped = None) -> Capture:
    """Give the capture with each series that fills a role named by it, `role:latency_bucket`, in its unit.

    Every analysis does this by itself for what presets recognise; with a mapping it takes what this gives.
    """
    return with_roles(capture, fills_by_hand(mapping, capture))


def missing(capture: Capture, mapping: Mapped = None) -> pd.DataFrame:
    """Give what each service lacks: service, role, without (what cannot be told), fill (what would tell it).

    Metrics of exporters that the service has already come first, with how to switch them on where that is
    known.
    """
    known: dict[str, set[str]] = {}
    exporters: dict[str, set[str]] = {}
    for one in fillings(capture, fills_by_hand(mapping, capture)):
        role = one.candidate.role
        known.setdefault(one.service, set()).add(role)
        if role in ("requests", "latency_count") and one.labels.get("status"):
            known[one.service].add("status")
        exporters.setdefault(one.service, set()).add(owner(capture.series["metric"].iloc[one.row]))
    rows = [
        (service, need, without, _would_fill(need, exporters[service]))
        for service in sorted(known)
        for need, by, without in _NEEDS
        if not known[service].intersection(by)
    ]
    return pd.DataFrame(rows, columns=["service", "role", "without", "fill"])


def _family(metric: str, names: set[str]) -> tuple[str, str]:
    """Give the name without what histograms and summaries append, and the type that the name tells."""
    for member in _MEMBERS:
        base = metric.removesuffix(member)
        if base != metric and f"{base}_bucket" in names:
            return base, "histogram"
        if base != metric and {f"{base}_count", f"{base}_sum"} <= names:
            return base, "summary"
    if {f"{metric}_count", f"{metric}_sum"} <= names:
        return metric, "summary"
    return metric, "counter" if metric.endswith("_total") else ""


def _unit(family: str) -> str:
    name = family.removesuffix("_total")
    return next((unit for ending, unit in _ENDINGS.items() if name.endswith(ending)), "")


def _would_fill(role: str, exporters: set[str]) -> str:
    offers = list(_offers("requests" if role == "errors" else role))
    own = [text for name, text in offers if name in exporters]
    return "; ".join((own or [text for _, text in offers])[:5])


def _offers(role: str) -> Iterator[tuple[str, str]]:
    for preset in presets().values():
        fill = next((fill for fill in preset.FILLS if fill.role == role), None)
        if fill:
            text = f"{preset.NAME}: {fill.metrics[0]}"
            yield preset.NAME, f"{text} ({fill.hint})" if fill.hint else text
