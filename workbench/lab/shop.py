"""The settings of the shop: one YAML file for all services.

    services:
      gateway:
        workers: 16
        calls:
          orders: {timeout_s: 1.0, attempts: 3, backoff_s: 0.01, jitter: 0.0}

0 means "none" for a rate, a timeout and a deadline, and a queue of 0 has no place to wait.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from workbench.errors import SettingError
from workbench.settings import Value


@dataclass(frozen=True)
class LimitSettings:
    """The token bucket at the door; rate 0 admits all."""

    rate_rps: float = 0.0
    burst: float = 20.0


@dataclass(frozen=True)
class CallSettings:
    """A call to another service; a timeout of 0 is none."""

    timeout_s: float = 0.0
    attempts: int = 1
    backoff_s: float = 0.0
    jitter: float = 0.0


@dataclass(frozen=True)
class WorkSettings:
    """The own work of a visit, lognormal: waiting, or computing in one of `processes` processes."""

    kind: str = "wait"
    mean_s: float = 0.01
    cv: float = 0.5
    processes: int = 1


@dataclass(frozen=True)
class ServiceSettings:
    """One service."""

    workers: int
    queue: int
    limit: LimitSettings = LimitSettings()
    deadline_s: float = 0.0
    calls: dict[str, CallSettings] = field(default_factory=dict)
    work: WorkSettings = WorkSettings()


@dataclass(frozen=True)
class Shop:
    """All services by name, the seed of their work and the share of traces that is sampled."""

    services: dict[str, ServiceSettings]
    seed: int = 1
    sample_share: float = 1.0

    @property
    def entry(self) -> str:
        """The service that no other calls: requests enter there."""
        called = {name for service in self.services.values() for name in service.calls}
        return next(name for name in self.services if name not in called)


def parse(text: str, *, where: str = "settings") -> Shop:
    """Read and check a settings file, or raise SettingError naming the key."""
    from ruamel.yaml import YAML, YAMLError

    try:
        document = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise SettingError(f"not YAML: {' '.join(str(error).split())}", where=where) from error
    top = _mapping(document, where, {"seed", "sample_share", "services"})
    services = top.get("services")
    if not isinstance(services, dict) or not services:
        raise SettingError(f"{services!r}", where=f"{where}, services", expected="services by name")
    shop = Shop(
        services={str(name): _service(value, f"{where}, {name}") for name, value in services.items()},
        seed=_whole(top, "seed", 1, where, low=0),
        sample_share=_number(top, "sample_share", 1.0, where, high=1),
    )
    _check_calls(shop, where)
    return shop


def digest(text: str) -> str:
    """Give the short name of a settings text, by which services say what they run."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def flat(shop: Shop) -> dict[str, Value]:
    """Give every knob as `service/dotted.path`: what can be tuned, so not the work."""
    found: dict[str, Value] = {}
    for name, service in shop.services.items():
        found[f"{name}/workers"] = service.workers
        found[f"{name}/queue"] = service.queue
        found[f"{name}/limit.rate_rps"] = service.limit.rate_rps
        found[f"{name}/limit.burst"] = service.limit.burst
        found[f"{name}/deadline_s"] = service.deadline_s
        for callee, call in service.calls.items():
            found[f"{name}/calls.{callee}.timeout_s"] = call.timeout_s
            found[f"{name}/calls.{callee}.attempts"] = call.attempts
            found[f"{name}/calls.{callee}.backoff_s"] = call.backoff_s
            found[f"{name}/calls.{callee}.jitter"] = call.jitter
    return found


def read_settings(settings: str | Path) -> str:
    """Give the text of a settings file, or of one that comes with the package (`healthy`, `incident`)."""
    shipped = resources.files("workbench.lab") / "settings" / f"{settings}.yaml"
    if shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    try:
        return Path(settings).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(
            f"cannot be read: {error}",
            where=str(settings),
            expected="a YAML settings file, or one of healthy, incident",
        ) from error


def _service(value: Any, where: str) -> ServiceSettings:
    keys = {"workers", "queue", "limit", "deadline_s", "calls", "work"}
    given = _mapping(value, where, keys)
    calls = _mapping(given.get("calls") or {}, f"{where}.calls")
    return ServiceSettings(
        workers=_whole(given, "workers", None, where, low=1),
        queue=_whole(given, "queue", None, where, low=0),
        limit=_limit(given.get("limit") or {}, f"{where}.limit"),
        deadline_s=_number(given, "deadline_s", 0.0, where),
        calls={str(name): _call(call, f"{where}.calls.{name}") for name, call in calls.items()},
        work=_work(given.get("work") or {}, f"{where}.work"),
    )


def _limit(value: Any, where: str) -> LimitSettings:
    given = _mapping(value, where, {"rate_rps", "burst"})
    return LimitSettings(
        rate_rps=_number(given, "rate_rps", 0.0, where), burst=_number(given, "burst", 20.0, where, low=1)
    )


def _call(value: Any, where: str) -> CallSettings:
    given = _mapping(value or {}, where, {"timeout_s", "attempts", "backoff_s", "jitter"})
    return CallSettings(
        timeout_s=_number(given, "timeout_s", 0.0, where),
        attempts=_whole(given, "attempts", 1, where, low=1),
        backoff_s=_number(given, "backoff_s", 0.0, where),
        jitter=_number(given, "jitter", 0.0, where, high=1),
    )


def _work(value: Any, where: str) -> WorkSettings:
    given = _mapping(value, where, {"kind", "mean_s", "cv", "processes"})
    kind = given.get("kind", "wait")
    if kind not in ("wait", "cpu"):
        raise SettingError(f"{kind!r}", where=f"{where}.kind", expected="wait or cpu")
    return WorkSettings(
        kind=kind,
        mean_s=_number(given, "mean_s", 0.01, where, low=1e-6),
        cv=_number(given, "cv", 0.5, where),
        processes=_whole(given, "processes", 1, where, low=1, high=64),
    )


def _mapping(value: Any, where: str, keys: set[str] | None = None) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise SettingError(f"{value!r}", where=where, expected="keys and values")
    unknown = sorted(str(key) for key in value if keys is not None and key not in keys)
    if unknown:
        raise SettingError(
            f"unknown key {unknown[0]!r}", where=where, expected=f"one of {sorted(keys or ())}"
        )
    return value


def _number(
    given: Mapping[str, Any],
    key: str,
    default: float | None,
    where: str,
    low: float = 0,
    high: float = math.inf,
) -> float:
    value = given.get(key, default)
    sound = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not sound or not low <= value <= high:
        upper = "" if math.isinf(high) else f" to {high:g}"
        raise SettingError(f"{value!r}", where=f"{where}.{key}", expected=f"a number from {low:g}{upper}")
    return value


def _whole(
    given: Mapping[str, Any], key: str, default: int | None, where: str, low: int = 0, high: int = 1_000_000
) -> int:
    value = _number(given, key, default, where, low, high)
    if value != int(value):
        raise SettingError(f"{value!r}", where=f"{where}.{key}", expected="a whole number")
    return int(value)


def _check_calls(shop: Shop, where: str) -> None:
    called = [name for service in shop.services.values() for name in service.calls]
    for name in called:
        if name not in shop.services:
            raise SettingError(
                f"a call to {name!r}", where=where, expected=f"one of the services {sorted(shop.services)}"
            )
    done: set[str] = set()
    while len(done) < len(shop.services):
        ready = [n for n, s in shop.services.items() if n not in done and done.issuperset(s.calls)]
        if not ready:
            circle = sorted(set(shop.services) - done)
            raise SettingError(
                f"calls in a circle among {circle}", where=where, expected="calls that go down"
            )
        done.update(ready)
    entries = [name for name in shop.services if name not in called]
    if len(entries) != 1:
        raise SettingError(
            f"services that no other calls: {entries}", where=where, expected="one, at which requests enter"
        )
