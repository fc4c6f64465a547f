"""Configuration files and the YAML of what belongs to what → claims.

services:
  gateway: {calls: [orders], replicas: 3, rps: 120}
  orders: {calls: [db], replicas: 4}
  db:
files:
  mesh/istio.yaml: istio
  pools/orders.properties: {target: hikari, service: orders}
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from workbench import targets
from workbench.consistency._roles import said_of, unset
from workbench.consistency._seam import Claims, Said, Service, Topology
from workbench.errors import SettingError, TargetError, WorkbenchError
from workbench.knobs import all_knobs, systems
from workbench.network import Call, Network, Station
from workbench.settings import Knob
from workbench.targets import Target

_CLIENT = "(callers)"


@dataclass(frozen=True)
class File:
    """A configuration file: its target ("" to be found out), and the service that it is for ("" for all)."""

    path: Path
    target: str = ""
    service: str = ""

    @staticmethod
    def named(text: str) -> File:
        """Read `FILE`, `TARGET=FILE` or `TARGET/SERVICE=FILE`."""
        named, sign, path = text.partition("=")
        target, _, service = named.partition("/")
        return File(Path(path), target, service) if sign else File(Path(text))


def topology_of(path: Path) -> tuple[Topology, list[File]]:
    """Read the YAML of what belongs to what; files are relative to it."""
    try:
        found = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise SettingError(f"not YAML: {' '.join(str(error).split())[:160]}", where=str(path)) from error
    found = _mapping(found, str(path), ("services", "files"))
    services = {
        str(name): _service(own, f"{path}, services.{name}")
        for name, own in _mapping(found.get("services"), f"{path}, services").items()
    }
    files = [
        _file(path.parent / str(name), own, f"{path}, files.{name}")
        for name, own in _mapping(found.get("files"), f"{path}, files").items()
    ]
    return Topology(services), files


def claims_of(files: Iterable[File], topology: Topology) -> Claims:
    """Read what the files say of the topology's services; lines are found when a finding asks for them."""
    said: list[Said] = []
    network = _network(topology)
    for file in files:
        module, knobs = _target(file, network)
        found = module.current(targets.read(module, file.path), knobs, where=str(file.path))
        for knob, system in knobs.items():
            one = said_of(knob, found.get(knob.key), topology, system=system, file=str(file.path))
            if one is not None:
                said.append(one)
        defaults = [unset(k, said, topology, system=s, file=str(file.path)) for k, s in knobs.items()]
        said += [one for one in defaults if one is not None]
    return Claims(tuple(said), topology)


def with_lines(said: Iterable[Said], files: Iterable[File], topology: Topology) -> tuple[Said, ...]:
    """Give the same with the line in the file, where the target can say it."""
    by_path, network = {str(file.path): file for file in files}, _network(topology)
    return tuple(_with_line(one, by_path, network) for one in said)


def _with_line(said: Said, files: Mapping[str, File], network: Network) -> Said:
    file = files.get(said.file)
    if file is None:
        return said
    module, knobs = _target(file, network)
    return replace(said, line=line_of(module, targets.read(module, file.path), said.key, list(knobs)))


def line_of(module: Target, text: str, key: str, knobs: list[Knob]) -> int:
    """Give the line that sets a knob (from 1), or 0: it is the one that an edit of that knob would change."""
    knob = next(k for k in knobs if k.key == key)
    found = module.current(text, knobs).get(key)
    for other in _others(knob):
        if other == found:
            continue
        try:
            edited = module.edit(text, {key: other}, knobs, why={})
        except (WorkbenchError, KeyError):
            continue
        before, after = text.splitlines(), edited.splitlines()
        pairs = zip(before, after, strict=False)
        return next((n for n, (old, new) in enumerate(pairs, 1) if old != new), 0)
    return 0


def _others(knob: Knob) -> Iterator[float | str]:
    yield from knob.choices or (knob.low, knob.high)


@functools.lru_cache(maxsize=64)
def _target(file: File, network: Network) -> tuple[Target, dict[Knob, str]]:
    """The file's target, and the knobs of the services that the file is for, each with its system."""
    _refuse_what_is_not_there(file, network)
    module = targets.target(file.target or _recognised(file, network))
    knobs = _knobs(module, file, network)
    if file.target and not module.current(targets.read(module, file.path), knobs):
        raise TargetError(
            "no setting of this format",
            where=str(file.path),
            expected=f"settings of {module.FORMAT}",
            remedy="name the file's own target, or leave it out of the check",
        )
    return module, knobs


def _refuse_what_is_not_there(file: File, network: Network) -> None:
    names = [s.name for s in network.stations]
    if file.service and file.service not in names:
        raise TargetError(
            f"no service {file.service!r}", where=str(file.path), expected=f"one of the topology: {names}"
        )
    if not file.path.is_file():
        raise TargetError(
            "no such file", where=str(file.path), expected="a configuration file", remedy="check the spelling"
        )


def _recognised(file: File, network: Network) -> str:
    """The target that finds a setting in the file; the file's name decides where several do."""
    found = []
    for name, module in targets.targets().items():
        try:
            text = targets.read(module, file.path)
            if module.current(text, _knobs(module, file, network)):
                found.append(name)
        except WorkbenchError:
            if not file.path.is_file():
                raise
    named = [n for n in found if file.path.name == Path(targets.target(n).FILENAME).name]
    for one in (named, found):
        if len(one) == 1:
            return one[0]
    raise TargetError(
        f"settings of {' and '.join(found)}" if found else "no setting that a target knows",
        where=str(file.path),
        expected="a file of one format, for a service of the topology",
        remedy="say TARGET=FILE or TARGET/SERVICE=FILE",
    )


def _knobs(module: Target, file: File, network: Network) -> dict[Knob, str]:
    """The knobs that a file may set; one that is for one service is in a folder of its name, or says it."""
    service = file.service
    if not service and module.FILENAME.startswith("{service}/"):
        service = file.path.absolute().parent.name
        if service not in [s.name for s in network.stations]:
            raise TargetError(
                f"{module.FORMAT} is of one service",
                where=str(file.path),
                expected="a folder of the service's name",
                remedy="say TARGET/SERVICE=FILE",
            )
    known: dict[str, tuple[Knob, str]] = {}
    for system in module.SYSTEMS or systems():
        for knob in all_knobs(system, network):
            if service in ("", knob.service):
                known.setdefault(knob.key, (knob, system))
    return dict(known.values())


def _network(topology: Topology) -> Network:
    """The topology as a network without limits, to which knobs belong."""
    if not topology.services:
        raise SettingError(
            "no services", where="topology", expected="services by name", remedy="write them into a YAML"
        )
    called = {callee for _, callee in topology.edges()}
    entry = Station(_CLIENT, calls=tuple(Call(name) for name in topology.services if name not in called))
    own = [Station(name, calls=tuple(Call(to) for to in s.calls)) for name, s in topology.services.items()]
    return Network((entry, *own), entry=_CLIENT)


def _service(given: Any, where: str) -> Service:
    own = _mapping(given, where, ("calls", "replicas", "rps", "tail_s", "pre_stop_s"))
    calls = own.get("calls") or ()
    if not isinstance(calls, list | tuple) or not all(isinstance(c, str) for c in calls):
        raise SettingError(f"{calls!r}", where=f"{where}.calls", expected="a list of services")
    numbers = {
        name: _number(own[name], f"{where}.{name}")
        for name in ("replicas", "rps", "tail_s", "pre_stop_s")
        if name in own
    }
    return Service(tuple(calls), **numbers)


def _file(path: Path, given: Any, where: str) -> File:
    if isinstance(given, str):
        return File(path, given)
    own = _mapping(given, where, ("target", "service"))
    return File(path, **{str(key): str(value) for key, value in own.items()})


def _number(given: Any, where: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or given <= 0:
        raise SettingError(f"{given!r}", where=where, expected="a number above 0")
    return float(given)


def _mapping(given: Any, where: str, known: tuple[str, ...] = ()) -> dict[str, Any]:
    if given is None:
        return {}
    unknown = [key for key in given if known and key not in known] if isinstance(given, dict) else [given]
    if unknown:
        expected = f"keys {', '.join(known)}" if known else "keys and values"
        raise SettingError(f"{unknown[0]!r}", where=where, expected=expected)
    return given
