"""What every rule is given and gives back: what was said where, who calls whom, and findings.

A rule asks for roles, whatever a system calls them: `claims.between("timeout_s", "gateway", "orders")` are
the timeouts of that call in every layer, from resilience4j's and from the mesh's file alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from workbench.errors import SettingError

ERROR, WARNING = "error", "warning"
APPLICATION, MESH = "application", "mesh"
LAYERS = (APPLICATION, MESH)  # outermost first: the mesh tries again inside one try of the application


@dataclass(frozen=True)
class Service:
    """What files alone cannot say of a service: whom it calls, how many of it run, and what it meets.

    `rps` are the requests that it gets in all; `tail_s` is its longest answer, as far as known; `pre_stop_s`
    how long its preStop hook waits.
    """

    calls: tuple[str, ...] = ()
    replicas: float = 1
    rps: float = math.nan
    tail_s: float = math.nan
    pre_stop_s: float = 0.0


@dataclass(frozen=True)
class Topology:
    """Services by name; calls only go down."""

    services: Mapping[str, Service]

    def __post_init__(self) -> None:
        for name, service in self.services.items():
            for callee in service.calls:
                if callee not in self.services:
                    raise SettingError(
                        f"a call to {callee!r}", where=name, expected=f"one of {sorted(self.services)}"
                    )
        self.chains()

    def edges(self) -> Iterator[tuple[str, str]]:
        """Every call as (caller, callee)."""
        return ((name, to) for name, service in self.services.items() for to in service.calls)

    def callers(self, name: str) -> list[str]:
        """Who calls a service."""
        return [caller for caller, callee in self.edges() if callee == name]

    def chains(self) -> list[tuple[str, ...]]:
        """Every way from a service that none calls down to one that calls none, or raise SettingError."""
        called = {callee for _, callee in self.edges()}
        roots = [name for name in self.services if name not in called]
        if self.services and not roots:
            raise SettingError("calls in a circle", where="services", expected="calls that only go down")
        return [chain for root in roots for chain in self._down((root,))]

    def _down(self, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        calls = self.services[above[-1]].calls
        if not calls:
            yield above
        for callee in calls:
            if callee in above:
                circle = " → ".join((*above, callee))
                raise SettingError(f"calls in a circle: {circle}", expected="calls that only go down")
            yield from self._down((*above, callee))


@dataclass(frozen=True)
class Said:
    """One setting as a file, or the network, says it.

    `value` is in seconds, bytes, cores or a count; infinite is no limit. `shown` is the value in the words of
    the file. `service` is "" where every caller of `to` is meant. `line` is 0 where it is not known.
    """

    role: str
    service: str
    value: float
    key: str
    shown: str
    to: str = ""
    layer: str = APPLICATION
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{place}{self.key} = {self.shown}"


@dataclass(frozen=True)
class Finding:
    """Settings that do not fit together: where, in numbers with units, and what to change."""

    severity: str
    what: str
    change: str
    places: tuple[Said, ...]
    rule: str = ""

    def text(self) -> str:
        """Give the finding in lines: what is wrong, each place, the change."""
        lines = [f"{self.severity}: {self.what} [{self.rule}]"]
        return "\n".join([*lines, *(f"  {said}" for said in self.places), f"  change: {self.change}"])


@dataclass(frozen=True)
class Claims:
    """All that was said, and the topology that it is about."""

    said: tuple[Said, ...]
    topology: Topology = field(default_factory=lambda: Topology({}))

    @property
    def services(self) -> list[str]:
        """Every service that is known or spoken of."""
        spoken = [name for s in self.said for name in (s.service, s.to) if name]
        return list(dict.fromkeys([*self.topology.services, *spoken]))

    def known(self, service: str) -> Service:
        """What the topology says of a service."""
        return self.topology.services.get(service, Service())

    def edges(self) -> list[tuple[str, str]]:
        """Calls of the topology, and those that settings speak of."""
        spoken = [(s.service, s.to) for s in self.said if s.service and s.to]
        return list(dict.fromkeys([*self.topology.edges(), *spoken]))

    def of(self, role: str, service: str) -> list[Said]:
        """What is said of a service itself."""
        return [s for s in self.said if s.role == role and s.service == service and not s.to]

    def between(self, role: str, caller: str, callee: str, *, layer: str = "") -> list[Said]:
        """What is said of a call, in every layer or in one."""
        return [
            s
            for s in self.said
            if s.role == role
            and s.to == callee
            and s.service in ("", caller)
            and (not layer or s.layer == layer)
        ]

    def least(self, role: str, service: str) -> Said | None:
        """The smallest that is said of a service."""
        return least(self.of(role, service))

    def most(self, role: str, service: str) -> Said | None:
        """The largest that is said of a service."""
        return max(self.of(role, service), key=lambda s: s.value, default=None)

    def replicas(self, service: str) -> tuple[float, list[Said]]:
        """The most copies of a service that may run at once, and who says so."""
        most = self.most("replicas_most", service) or self.most("replicas", service)
        return (most.value, [most]) if most else (self.known(service).replicas, [])

    def budgets(self, service: str) -> list[Said]:
        """How long a service has for an answer: its own deadline, and its callers' patience of one try."""
        asked = [
            s
            for role in ("timeout_s", "overall_s")
            for s in self.said
            if s.role == role and s.to == service and math.isfinite(s.value)
        ]
        return [s for s in self.of("deadline_s", service) if math.isfinite(s.value)] + asked


class Rule(Protocol):
    """A module of this package: RULE, the sentence that should be true, and `check`."""

    RULE: str

    def check(self, claims: Claims) -> Iterator[Finding]:
        """Give what breaks the rule."""
        ...


def least(said: Iterable[Said]) -> Said | None:
    """The smallest of several claims."""
    return min(said, key=lambda s: s.value, default=None)


def seconds(value: float) -> str:
    """Write a time with its unit: 400 ms, 2.5 s."""
    return f"{value * 1e3:.4g} ms" if value < 1 else f"{value:.4g} s"


def size(value: float) -> str:
    """Write bytes as MiB."""
    return f"{value / 2**20:,.0f} MiB"
