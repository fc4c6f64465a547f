"""`record`: a window of a live system → a capture folder of raw files.

metrics/*.json.gz          answers of Prometheus to query_range, as they came
spans/<instance>.jsonl.gz  OTLP/JSON, the spans that begin in the window
gc/<instance>.log          the GC log
profile/<instance>.txt     py-spy, raw
raw/<instance>.<name>      what another collector wrote: traces, profiles, dumps
settings.yaml              the settings then in force
manifest.json              what, when, how, versions
"""

from __future__ import annotations

import gzip
import json
import math
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from workbench.collectors import _cut
from workbench.errors import CollectError
from workbench.presets import recognised
from workbench.settings import Settings, Value

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect

    from workbench.collectors._prometheus import Connection, Prometheus

FORMAT = "workbench capture, raw files"
_PACKAGES = ("workbench", "aiohttp", "opentelemetry-sdk", "prometheus-client", "py-spy")
_SUFFIX = re.compile(r"_(bucket|sum|count|total|created)$")
_LONGEST_NAME = 200
_EVERY = '{job=~".+"}'
_MOST_UNKNOWN = 500  # metrics; beyond it only those that presets recognise are asked for
_Cut = Callable[[bytes, float, float, str], bytes]


@dataclass(frozen=True)
class Evidence:
    """A file of the live system: which folder of the capture it belongs in, and whose it is.

    `kind` is "spans" (OTLP/JSON lines), "gc" (a GC log), "profile" (py-spy), "scrapes" (of `scrape.poll`) or
    "raw" (any file that a reader reads, such as another collector wrote; it is kept as it is).
    """

    path: Path
    kind: str
    service: str = ""
    instance: str = ""

    def __post_init__(self) -> None:
        kinds = [*_KINDS, "scrapes", "raw"]
        if self.kind not in kinds:
            raise CollectError(f"kind {self.kind!r}", where=self.path.name, expected=f"one of {kinds}")


_KINDS: dict[str, tuple[str, _Cut]] = {
    "spans": (".jsonl.gz", _cut.spans),
    "gc": (".log", _cut.gc),
    "profile": (".txt", _cut.profile),
}


def record(
    folder: str | Path,
    *,
    start: datetime,
    end: datetime,
    name: str = "",
    prometheus: str | PrometheusConnect | None = None,
    selector: str | None = None,
    step_s: int = 1,
    files: Iterable[Evidence] = (),
    settings: Mapping[str, Value] | None = None,
    settings_file: str | Path | None = None,
    load: Mapping[str, Any] | None = None,
    how: str = "",
    cache: str | Path | None = None,
    **connection: Unpack[Connection],
) -> Path:
    """Write what is known of [start, end) as a capture folder and give its path.

    `prometheus` is an address, or a client that knows how to connect; `connection` says how to reach it (see
    `_prometheus.Connection`). Credentials are written nowhere. `selector` chooses the series; left out, it is
    those with a job: all of them, or of more than 500 metrics those that presets recognise. `settings` are
    those then in force, `settings_file` the file that said so.

    Answers that cannot change any more are kept beside the folder until it is whole, so that the same call
    goes on where one that failed stopped; in a `cache` folder they stay, for the next recording of the same
    server under the same address. All is written beside and renamed.

    Raises CollectError if the folder exists, a file is not there or not what it is said to be, Prometheus
    does not answer as it should, or the window holds nothing.
    """
    target, files = Path(folder), list(files)
    window = _seconds(start, "start"), _seconds(end, "end")
    _refuse(target, window, nothing=not (prometheus or files))
    kept = Path(cache) if cache else target.with_name(f".{target.name}.answers")
    with _whole(target) as beside:
        versions, notes = _versions(), list[str]()
        written: list[dict[str, str]] = []
        if prometheus:
            from workbench.collectors._prometheus import Prometheus

            with Prometheus(prometheus, kept=kept, **connection) as live:
                families, notes = _families(live, selector, window)
                asked = _asked(live, families, selector or _EVERY, window, step_s)
                written += _write_metrics(beside, asked)
                versions["prometheus"] = live.version()
        for one in files:
            written += _write_file(beside, one, *window)
        if settings_file:
            (beside / "settings.yaml").write_bytes(_content(Path(settings_file)))
        manifest = {
            "format": FORMAT,
            "name": name or target.name,
            "start": datetime.fromtimestamp(window[0], UTC).isoformat(),
            "end": datetime.fromtimestamp(window[1], UTC).isoformat(),
            "settings": dict(Settings(settings)),
            "load": dict(load or {}),
            "versions": {key: value for key, value in versions.items() if value},
            "how": how,
            "notes": notes,
            "files": written,
        }
        (beside / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    if not cache:
        shutil.rmtree(kept, ignore_errors=True)
    return target


def _seconds(time: datetime, which: str) -> float:
    if time.tzinfo is None:
        raise CollectError(
            f"{time} has no time zone", where=f"record, {which}", expected="a time with one, as UTC"
        )
    return time.timestamp()


def _refuse(target: Path, window: tuple[float, float], *, nothing: bool) -> None:
    if not window[0] < window[1]:
        start, end = (datetime.fromtimestamp(t, UTC) for t in window)
        raise CollectError(
            f"a window from {start} to {end}", where="record", expected="an end after the start"
        )
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CollectError("it exists", where=str(target), remedy="choose another folder, or remove it")
    if nothing:
        raise CollectError("nothing to record", where="record", expected="a Prometheus, files, or both")


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Give a folder beside `target` that becomes it if all goes well, and else is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield beside
        beside.chmod(0o755)
        os.replace(beside, target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _families(
    live: Prometheus, selector: str | None, window: tuple[float, float]
) -> tuple[dict[str, list[str]], list[str]]:
    """Give metric names by family, and what the server remarks on them."""
    if selector is not None and not re.fullmatch(r"\s*\{.*\}\s*", selector, re.DOTALL):
        raise CollectError(f"selector {selector!r}", where="record", expected='labels, as {job="orders"}')
    names, notes = live.names(selector or _EVERY, *window)
    if selector is None and len(names) > _MOST_UNKNOWN:
        known = [name for name in names if recognised(name)]
        left = f"{len(names) - len(known)} of {len(names)} metrics, which no preset knows, were not asked for"
        names, notes = known, [*notes, f"{left}: give a selector to have them"]
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(_SUFFIX.sub("", name), []).append(name)
    return families, notes


def _asked(
    live: Prometheus,
    families: Mapping[str, list[str]],
    selector: str,
    window: tuple[float, float],
    step_s: int,
) -> Iterator[tuple[str, bytes]]:
    """Give each answer with the name of its file; the parts of a family are named as a rotated set is."""
    from workbench.collectors._prometheus import questions

    asked = {
        family: questions(_query(names, selector), *window, step_s) for family, names in families.items()
    }
    answers = live.answers(one for many in asked.values() for one in many)
    found, files = False, _unique(asked)
    for family, many in asked.items():
        parts = chain.from_iterable(next(answers) for _ in many)
        alone = len(many) == 1
        for number, part in enumerate(parts, 1):
            found = found or part.found.series > 0
            if part.found.series or part.found.remarks:
                yield (
                    f"{files[family]}.json" if alone and number == 1 else f"{files[family]}.json.{number}",
                    part.body,
                )
    if not found:
        raise CollectError(
            f"no series match {selector} in the window",
            where=live.place,
            expected="the metrics of the system",
            remedy="see that the window lies within what that Prometheus has kept",
        )


def _query(names: Iterable[str], selector: str) -> str:
    """Give the selector of the names, in the string syntax of PromQL."""
    either = "|".join(re.escape(name) for name in names)
    inner = selector.strip()[1:-1].strip(", \n\t")
    return f"{{__name__=~{json.dumps(either, ensure_ascii=False)}{', ' + inner if inner else ''}}}"


def _unique(names: Iterable[str]) -> dict[str, str]:
    """Give each name as a file may be called, no two alike."""
    given: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_.]", "_", name)[:_LONGEST_NAME]
        file = next(
            file for n in count(1) if (file := plain if n == 1 else f"{plain}_{n}").lower() not in taken
        )
        taken.add(file.lower())
        given[name] = file
    return given


def _write_metrics(folder: Path, answers: Iterable[tuple[str, bytes]]) -> list[dict[str, str]]:
    written = []
    for name, answer in answers:
        path = f"metrics/{name}.gz"
        _put(folder / path, gzip.compress(answer, mtime=0))
        written.append({"path": path})
    return written


def _write_file(folder: Path, one: Evidence, start: float, end: float) -> list[dict[str, str]]:
    if one.kind == "scrapes":
        from workbench.collectors._scrapes import matrix

        scraped = matrix(one.path, math.ceil(start), math.floor(end))
        files = _unique(scraped)
        return _write_metrics(folder, ((f"{files[name]}.json", a) for name, a in scraped.items()))
    if one.kind == "raw":
        path = f"raw/{one.instance}.{one.path.name}" if one.instance else f"raw/{one.path.name}"
        content = _content(one.path)
    else:
        suffix, cut = _KINDS[one.kind]
        path = f"{one.kind}/{one.instance or one.path.name.partition('.')[0]}{suffix}"
        content = cut(_content(one.path), start, end, one.path.name)
        content = gzip.compress(content, mtime=0) if suffix.endswith(".gz") else content
    if (folder / path).exists():
        raise CollectError(
            "two files of one name", where=path, remedy="name the instance of each, or rename them"
        )
    _put(folder / path, content)
    return [{"path": path, "service": one.service, "instance": one.instance}]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CollectError(
            f"cannot be read: {error.strerror}", where=str(path), expected="a file of the live system"
        ) from error


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
