"""Do the settings of all layers fit together? Usable alone, without a recording.

A module here that has RULE and `check` is a rule; nothing else needs to know of it. Rules see claims, which
come from configuration files through their targets, or from a network:

    files, topology ──claims_of──▶ Claims ──check──▶ Findings: files, lines, numbers, the change
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from workbench.consistency._evidence import topology_from
from workbench.consistency._files import File, claims_of, line_of, topology_of, with_lines
from workbench.consistency._roles import of_path
from workbench.consistency._seam import ERROR, WARNING, Claims, Finding, Rule, Said, Service, Topology
from workbench.network import Network

__all__ = [
    "ERROR",
    "WARNING",
    "Claims",
    "File",
    "Finding",
    "Rule",
    "Said",
    "Service",
    "Topology",
    "check",
    "check_files",
    "claims_of",
    "line_of",
    "network_claims",
    "rules",
    "topology_from",
    "topology_of",
]


@functools.cache
def rules() -> dict[str, Rule]:
    """Every rule by module name."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}  # type: ignore[misc]


def check(claims: Claims) -> list[Finding]:
    """Give what breaks a rule, errors first."""
    found = [replace(one, rule=name) for name, rule in rules().items() for one in rule.check(claims)]
    return sorted(found, key=lambda one: one.severity != ERROR)


def check_files(files: Iterable[File | str | Path], topology: Topology) -> list[Finding]:
    """Give what breaks a rule in configuration files, with lines where their targets can say them."""
    given = [file if isinstance(file, File) else File(Path(file)) for file in files]
    found = check(claims_of(given, topology))
    return [replace(one, places=with_lines(one.places, given, topology)) for one in found]


def network_claims(network: Network) -> Claims:
    """Give what a network says, such as a twin's, with its paths as keys."""
    services = {
        s.name: Service(tuple(c.to for c in s.calls), s.instances)
        for s in network.stations
        if s.name != network.entry
    }
    entry = Service(tuple(c.to for c in network[network.entry].calls))
    topology = Topology({network.entry: entry, **services})
    said = [of_path(path, value, topology) for path, value in network.paths()]
    return Claims(tuple(s for s in said if s is not None), topology)
