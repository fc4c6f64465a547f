"""What a preset is, and the roles that its metrics fill: what the analyses and the twin know about a service.

Fill("pool_in_use", "hikaricp_connections_active", labels={"pool": "pool"})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from workbench.errors import SettingError

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
MEMBERS = ("bucket", "count", "sum")  # of a histogram; a summary has the last two

PROCESS, SIDECAR, PROXY, PLATFORM = "process", "sidecar", "proxy", "platform"
VIEWS = (PROCESS, SIDECAR, PROXY, PLATFORM)  # nearest first: where a service counts itself, no proxy need

UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "share": 1.0, "percent": 0.01,
         "bytes": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "cores": 1.0, "millicores": 1e-3}  # fmt: skip


@dataclass(frozen=True)
class Role:
    """One thing to know about a service: its kind, the unit that analyses have it in, its labels."""

    kind: str
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()


_SERVED, _POOL = ("status", "route", "method"), ("pool",)
ROLES: dict[str, Role] = {
    "requests": Role(COUNTER, "", "requests answered", _SERVED),
    "errors": Role(COUNTER, "", "requests failed, where no status tells", ("route",)),
    "latency": Role(HISTOGRAM, "s", "time from a request to its answer", _SERVED),
    "in_flight": Role(GAUGE, "", "requests being worked on or waiting", ("route",)),
    "refused": Role(COUNTER, "", "requests turned away without work", ("reason",)),
    "calls": Role(HISTOGRAM, "s", "time of one try at another service", ("target", "status")),
    "retries": Role(COUNTER, "", "tries after the first", ("target",)),
    "pool_size": Role(GAUGE, "", "most that may be in use at once", _POOL),
    "pool_in_use": Role(GAUGE, "", "workers or connections in use", _POOL),
    "pool_in_use_s": Role(COUNTER, "s", "integral of those in use", _POOL),
    "pool_full": Role(GAUGE, "share", "1 while none is free", _POOL),
    "pool_full_s": Role(COUNTER, "s", "time in which none was free", _POOL),
    "pool_waiting": Role(GAUGE, "", "who waits for one", _POOL),
    "pool_waiting_s": Role(COUNTER, "s", "integral of those who wait", _POOL),
    "pool_limit": Role(GAUGE, "", "most that may wait", _POOL),
    "pool_wait": Role(HISTOGRAM, "s", "time waited for one", _POOL),
    "pool_timeouts": Role(COUNTER, "", "who gave up waiting", _POOL),
    "cpu_s": Role(COUNTER, "s", "CPU time used"),
    "cpu_limit": Role(GAUGE, "cores", "CPU allowed"),
    "cpu_request": Role(GAUGE, "cores", "CPU reserved"),
    "cpu_periods": Role(COUNTER, "", "periods of the CPU quota"),
    "throttled_periods": Role(COUNTER, "", "periods in which the CPU quota ran out"),
    "throttled_s": Role(COUNTER, "s", "time stopped by the CPU quota"),
    "gc_pause": Role(HISTOGRAM, "s", "stops of the world"),
    "memory_bytes": Role(GAUGE, "bytes", "memory in use"),
    "memory_limit_bytes": Role(GAUGE, "bytes", "memory allowed"),
    "heap_bytes": Role(GAUGE, "bytes", "heap in use"),
    "heap_limit_bytes": Role(GAUGE, "bytes", "heap allowed"),
    "threads": Role(GAUGE, "", "threads, or goroutines"),
    "replicas": Role(GAUGE, "", "copies of the service that run"),
    "replicas_wanted": Role(GAUGE, "", "copies that are wanted"),
    "replicas_least": Role(GAUGE, "", "fewest copies that scaling may leave"),
    "replicas_most": Role(GAUGE, "", "most copies that scaling may reach"),
}


@dataclass(frozen=True)
class Fill:
    """Which metric fills a role, and how.

    `metrics` are its names over the versions, the preferred first; "*_x" is any name that ends so. The name
    of a histogram stands without _bucket, _count and _sum; where one member has a name of its own, the role
    is written with the member, as latency_sum. `labels` says which labels there hold ours (service, instance
    and those of the role), the first that a series has; `part` is a pattern of which the group is kept of
    their values, `values` rewrites them; `where` are patterns that the exporter's labels match in full (""
    where absent). Fills of one role and different `traffic` add up; of the same, the first counts. `hint` is
    how an exporter that has the metric switched off is told to have it.
    """

    role: str
    metrics: tuple[str, ...]
    labels: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    part: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    traffic: str = "http"
    hint: str = ""

    def __post_init__(self) -> None:
        if self.base not in ROLES:
            raise SettingError(f"role {self.role!r}", where="preset", expected=f"one of {sorted(ROLES)}")
        if self.unit not in UNITS:
            raise SettingError(f"unit {self.unit!r}", where=f"preset, {self.role}", expected=f"{[*UNITS]}")

    @cached_property
    def base(self) -> str:
        """The role without a member."""
        base, _, member = self.role.rpartition("_")
        return base if member in MEMBERS and ROLES.get(base, _NONE).kind == HISTOGRAM else self.role

    def names(self) -> dict[str, str]:
        """Map the full names of the metrics to the role, with its member where it has some."""
        if self.base == self.role and ROLES[self.role].kind == HISTOGRAM:
            return {
                f"{name}_{member}": f"{self.role}_{member}" for name in self.metrics for member in MEMBERS
            }
        return dict.fromkeys(self.metrics, self.role)


_NONE = Role("", "", "")


class Preset(Protocol):
    """A module of this package: the metrics of one family of exporters."""

    NAME: str
    VIEW: str  # from where it sees a service
    FILLS: tuple[Fill, ...]
    ALSO: tuple[str, ...]  # patterns (with *) of its further metrics
