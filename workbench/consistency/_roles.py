"""What a setting is for, whatever its system calls it: by the end of its name, else by its network path.

hikari maximumPoolSize, orders.calls.db.pool.servers → connections of a call
terminationGracePeriodSeconds                        → grace_s of a service
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import replace

from workbench.consistency._seam import APPLICATION, MESH, Said, Topology
from workbench.settings import Knob, Value

_MESHES = ("istio", "envoy", "linkerd")

# Network paths, below a station and below a call of it.
_OF_STATIONS = {
    "pool.servers": "workers",
    "pool.queue": "queue",
    "deadline_s": "deadline_s",
    "instances": "replicas",
    "autoscaler.high": "replicas_most",
}
_OF_CALLS = {
    "timeout_s": "timeout_s",
    "attempts": "attempts",
    "overall_s": "overall_s",
    "backoff_s": "backoff_s",
    "backoff_cap_s": "backoff_cap_s",
    "pool.servers": "connections",
    "pool.queue": "pending",
    "pool.wait_s": "connection_wait_s",
    "budget.share": "budget_share",
    "breaker.failures": "breaker_failures",
    "breaker.minimum": "breaker_minimum",
    "breaker.window": "breaker_window",
    "breaker.window_s": "breaker_window_s",
    "breaker.slow_s": "breaker_slow_s",
    "outliers.failures": "ejection_failures",
}

# Ends of names, compared in lower case without _, - and []; the longest that fits counts. What stands before
# the slash is the system.
_NAMES = {
    "hikari/maximumPoolSize": "connections",
    "hikari/connectionTimeout": "connection_wait_s",
    "hikari/idleTimeout": "client_idle_s",
    "sqlalchemy/pool_size": "connections",
    "sqlalchemy/max_overflow": "connections_beyond",
    "sqlalchemy/pool_timeout": "connection_wait_s",
    "go_sql/maxOpenConns": "connections",
    "redisson/connectionPoolSize": "connections",
    "redisson/timeout": "timeout_s",
    "redisson/retryAttempts": "retries",
    "redisson/idleConnectionTimeout": "client_idle_s",
    "redis/maxclients": "database_connections",
    "redis/timeout": "server_idle_s",
    "pgbouncer/max_client_conn": "bouncer_clients",
    "pgbouncer/default_pool_size": "bouncer_pool",
    "pgbouncer/max_db_connections": "bouncer_total",
    "postgresql/max_connections": "database_connections",
    "postgresql/superuser_reserved_connections": "database_reserved",
    "istio/VirtualService.http.timeout": "overall_s",
    "istio/VirtualService.http.retries.attempts": "retries",
    "istio/VirtualService.http.retries.perTryTimeout": "timeout_s",
    "istio/VirtualService.http.retries.backoff": "backoff_s",
    "istio/connectionPool.tcp.maxConnections": "connections",
    "istio/connectionPool.http.http1MaxPendingRequests": "pending",
    "istio/connectionPool.http.http2MaxRequests": "in_flight",
    "istio/connectionPool.http.maxRetries": "retries_in_flight",
    "istio/connectionPool.http.idleTimeout": "client_idle_s",
    "envoy/retry_policy.num_retries": "retries",
    "envoy/retry_policy.per_try_timeout": "timeout_s",
    "envoy/retry_policy.retry_back_off.base_interval": "backoff_s",
    "envoy/retry_policy.retry_back_off.max_interval": "backoff_cap_s",
    "envoy/thresholds.max_connections": "connections",
    "envoy/thresholds.max_pending_requests": "pending",
    "envoy/thresholds.max_requests": "in_flight",
    "envoy/thresholds.max_retries": "retries_in_flight",
    "envoy/retry_budget.budget_percent.value": "budget_share",
    "go_breaker/tripAfter": "breaker_failures",
    "go_breaker/interval": "breaker_window_s",
    "resilience4j/minimumNumberOfCalls": "breaker_minimum",
    "resilience4j/slowCallDurationThreshold": "breaker_slow_s",
    "kubernetes/terminationGracePeriodSeconds": "grace_s",
    "kubernetes/limits.memory": "memory_limit_bytes",
    "kubernetes/requests.memory": "memory_request_bytes",
    "kubernetes/limits.cpu": "cpu_limit",
    "kubernetes/requests.cpu": "cpu_request",
    "kubernetes/Deployment.replicas": "replicas",
    "kubernetes/minReplicas": "replicas_least",
    "kubernetes/maxReplicas": "replicas_most",
    "kubernetes/averageUtilization": "cpu_target",
    "jvm/Xmx": "heap_bytes",
    "jvm/MaxRAMPercentage": "heap_share",
    "jvm/MaxMetaspaceSize": "metaspace_bytes",
    "jvm/MaxDirectMemorySize": "direct_bytes",
    "jvm/ReservedCodeCacheSize": "code_cache_bytes",
    "go/GOMEMLIMIT": "go_memory_bytes",
    "go/GOGC": "gogc",
    "go/GOMAXPROCS": "go_threads",
    "tomcat/server.tomcat.threads.max": "workers",
    "tomcat/timeout-per-shutdown-phase": "drain_s",
    "gunicorn/graceful_timeout": "drain_s",
    "uvicorn/timeout_graceful_shutdown": "drain_s",
    "tomcat/server.tomcat.keep-alive-timeout": "server_idle_s",
    "gunicorn/keepalive": "server_idle_s",
    "uvicorn/timeout_keep_alive": "server_idle_s",
    "nginx/http.keepalive_timeout": "server_idle_s",
    "haproxy/timeout.http-keep-alive": "server_idle_s",
    "go_http/http.server.idleTimeout": "server_idle_s",
    "go_http/idleConnTimeout": "client_idle_s",
}

# What a mesh does where nothing is set: Istio leaves Envoy's thresholds at the largest number there is.
_UNSET = {"istio": ("connectionPool.tcp.maxConnections", 4294967295)}
THRESHOLDS = ("connections", "pending", "in_flight", "retries_in_flight")

# Roles of a call; those of a leaf's own pool are said by whoever calls it.
_CALLS = {*_OF_CALLS.values(), "retries", "in_flight", "retries_in_flight", "connections_beyond"}
_CALLS |= {"client_idle_s"}

_UNITS = {
    "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0, "%": 0.01,
    "percent": 0.01, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "KB": 1e3, "MB": 1e6, "GB": 1e9,
    "millicores": 1e-3, "m": 1e-3, "kB": 1e3, "Mi": 2.0**20, "Gi": 2.0**30,
}  # fmt: skip


def said_of(knob: Knob, value: Value, topology: Topology, *, system: str, file: str = "") -> Said | None:
    """Give what a setting says in our units, or None if no rule asks for it."""
    service, to, by_path = at_path(knob.path, topology)
    role = by_name(system, knob.name) or by_path
    if not role or isinstance(value, str) or value is None:
        return None
    if role not in _CALLS:
        service, to = knob.service, ""
    elif not to:
        service, to = _called(knob, topology, mesh=_layer(system) == MESH)
    number = _number(knob, float(value), role)
    role = "attempts" if role == "retries" else role
    return Said(role, service, number, knob.key, _shown(knob, value), to, _layer(system), file)


def _called(knob: Knob, topology: Topology, *, mesh: bool) -> tuple[str, str]:
    """Whose call a setting means: its name says the callee, or the mesh does, or it is the only leaf.

    The caller is "" where a mesh means whoever calls.
    """
    own = topology.services.get(knob.service)
    calls = own.calls if own else ()
    named = [to for to in calls if re.search(rf"(^|[.\[]){re.escape(to)}([.\]]|$)", knob.name)]
    if named:
        return knob.service, max(named, key=len)
    if mesh or not calls:
        return "", knob.service
    leaves = [to for to in calls if not topology.services[to].calls]
    return knob.service, leaves[0] if len(leaves) == 1 else ""


def unset(knob: Knob, said: Iterable[Said], topology: Topology, *, system: str, file: str) -> Said | None:
    """Give what a system has for a knob where its file speaks of the callee, and of no threshold."""
    end, default = _UNSET.get(system, ("", 0))
    if not end or not knob.name.endswith(end):
        return None
    one = said_of(knob, default, topology, system=system, file=file)
    theirs = [s for s in said if s.file == file and one is not None and s.to == one.to]
    if one is None or not theirs or any(s.role in THRESHOLDS for s in theirs):
        return None
    return replace(one, shown=f"unset, which is {default}")


def by_name(system: str, name: str) -> str:
    """Give the role that a name has in a system, or ""."""
    given, found = _plain(name), ("", "")
    for pattern, role in _NAMES.items():
        owner, _, end = pattern.rpartition("/")
        if owner == system and re.search(rf"(^|[.:\s]){re.escape(_plain(end))}$", given):
            found = max(found, (_plain(end), role), key=lambda pair: len(pair[0]))
    return found[1]


def at_path(path: str, topology: Topology) -> tuple[str, str, str]:
    """Take a network path apart: station, callee ("" for the station's own), role ("" if none)."""
    for station in sorted(topology.services, key=len, reverse=True):
        if not path.startswith(f"{station}."):
            continue
        rest = path.removeprefix(f"{station}.")
        if not rest.startswith("calls."):
            return station, "", _OF_STATIONS.get(rest, "")
        for callee in sorted(topology.services[station].calls, key=len, reverse=True):
            leaf = rest.removeprefix(f"calls.{callee}.")
            if leaf != rest:
                return station, callee, _OF_CALLS.get(leaf, "")
    return "", "", ""


def of_path(path: str, value: float | str, topology: Topology) -> Said | None:
    """Give what a network says at a path, or None if no rule asks for it."""
    service, to, role = at_path(path, topology)
    if not role or isinstance(value, str) or math.isinf(value):
        return None  # no limit is how a network says nothing
    return Said(role, service, float(value), path, f"{value:g}", to)


def _number(knob: Knob, value: float, role: str) -> float:
    """Give a value in seconds, bytes, cores or a count, within the knob's bounds or not."""
    if value == knob.off:
        return math.inf
    if role == "retries":
        return value + 1
    if knob.path or knob.scale != 1.0:
        return value * knob.scale + knob.offset
    return value * _UNITS.get(knob.unit, 1.0)


def _shown(knob: Knob, value: Value) -> str:
    if value == knob.off:
        return f"{value} (no limit)"
    number = f"{value:.12g}" if isinstance(value, float) else str(value)
    return f"{number} {knob.unit}".rstrip()


def _layer(system: str) -> str:
    return MESH if any(mesh in _plain(system) for mesh in _MESHES) else APPLICATION


def _plain(name: str) -> str:
    return re.sub(r"[_\-\[\]]", "", name).lower()
