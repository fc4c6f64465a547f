"""Which metrics of which exporter say what about a service: one module per family, found by discovery.

A module here that has what `_seam.Preset` names is a preset; nothing else needs to know of it. Collectors ask
for what presets know, analyses read it by role. A Prometheus recording rule named `role:requests` (or any
other role) needs no preset.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from workbench.presets._seam import PROCESS, ROLES, UNITS, VIEWS, Fill, Preset, Role

__all__ = [
    "PREFIX",
    "ROLES",
    "UNITS",
    "Candidate",
    "Fill",
    "Preset",
    "Role",
    "candidates",
    "owner",
    "presets",
    "ranked",
    "recognised",
]

PREFIX = "role:"


class Candidate(NamedTuple):
    """A fill that a metric could serve; `rank` orders candidates: view, preset, fill, name."""

    rank: tuple[int, int, int, int]
    fill: Fill
    role: str  # with its member


@functools.cache
def presets() -> dict[str, Preset]:
    """Every preset by module name, those that see a service from nearest first."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    found: dict[str, Preset] = {name: importlib.import_module(f"{__name__}.{name}") for name in names}  # type: ignore[misc]
    return dict(sorted(found.items(), key=lambda entry: VIEWS.index(entry[1].VIEW)))


@functools.cache
def candidates(metric: str) -> tuple[Candidate, ...]:
    """Give the fills of all presets that the metric could serve, by rank."""
    exact, endings = _by_name()
    found = exact.get(metric) or [
        one for ending, one in endings if metric.endswith(ending) and not _of(metric)
    ]
    return tuple(sorted(found, key=lambda candidate: candidate.rank))


def recognised(metric: str) -> bool:
    """True if the metric may fill a role, tells of a process itself, or says whether it could be scraped."""
    own = {preset.NAME for preset in presets().values() if preset.VIEW == PROCESS}
    scrape = metric == "up" or metric.startswith((PREFIX, "scrape_"))
    return scrape or bool(candidates(metric)) or owner(metric) in own


def ranked(fills: Iterable[Fill], view: int, preset: int) -> list[tuple[str, Candidate]]:
    """Give each name that the fills know, with its candidate."""
    return [
        (name, Candidate((view, preset, at, nth), fill, role))
        for at, fill in enumerate(fills)
        for nth, (name, role) in enumerate(fill.names().items())
    ]


@functools.cache
def owner(metric: str) -> str:
    """Give the NAME of the preset that a metric belongs to, or ""."""
    known = candidates(metric)
    if known:
        return list(presets().values())[known[0].rank[1]].NAME
    return _of(metric)


def _of(metric: str) -> str:
    """Give the NAME of the preset that has the metric among its further ones, or ""."""
    for preset in presets().values():
        if any(fnmatchcase(metric, pattern) for pattern in preset.ALSO):
            return preset.NAME
    return ""


@functools.cache
def _by_name() -> tuple[dict[str, list[Candidate]], list[tuple[str, Candidate]]]:
    exact: dict[str, list[Candidate]] = {}
    endings = []
    for order, preset in enumerate(presets().values()):
        for name, candidate in ranked(preset.FILLS, VIEWS.index(preset.VIEW), order):
            if name.startswith("*"):
                endings.append((name[1:], candidate))
            else:
                exact.setdefault(name, []).append(candidate)
    return exact, endings
