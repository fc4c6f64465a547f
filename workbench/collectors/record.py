"""`record`: a window of a live system → a capture folder of raw files.

metrics/*.json.gz          answers of Prometheus to query_range, as they came
spans/<instance>.jsonl.gz  OTLP/JSON, the spans that begin in the window
gc/<instance>.log          the GC log
profile/<instance>.txt     py-spy, raw
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
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from workbench.collectors import _cut
from workbench.errors import CollectError
from workbench.settings import Settings, Value

FORMAT = "workbench capture, raw files"
_PACKAGES = ("workbench", "aiohttp", "opentelemetry-sdk", "prometheus-client", "py-spy")
_Cut = Callable[[bytes, float, float, str], bytes]


@dataclass(frozen=True)
class Evidence:
    """A file of the live system: which folder of the capture it belongs in, and whose it is.

    `kind` is "spans" (OTLP/JSON lines), "gc" (a GC log), "profile" (py-spy) or "scrapes" (of `scrape.poll`).
    """

    path: Path
    kind: str
    service: str = ""
    instance: str = ""

    def __post_init__(self) -> None:
        if self.kind != "scrapes" and self.kind not in _KINDS:
            raise CollectError(
                f"kind {self.kind!r}", where=self.path.name, expected=f"one of {[*_KINDS, 'scrapes']}"
            )


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
    prometheus: str | None = None,
    selector: str = '{job=~".+"}',
    step_s: int = 1,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    timeout_s: float = 30.0,
    files: Iterable[Evidence] = (),
    settings: Mapping[str, Value] | None = None,
    settings_file: str | Path | None = None,
    load: Mapping[str, Any] | None = None,
    how: str = "",
) -> Path:
    """Write what is known of [start, end) as a capture folder and give its path.

    `prometheus` is an address, `selector` chooses the series; credentials (`headers`, `auth`, or in the
    address) are used and written nowhere. `settings` are those then in force, `settings_file` the file that
    said so. Written beside and renamed. Raises CollectError if the folder exists, a file is not there or not
    what it is said to be, Prometheus does not answer as it should, or the window holds nothing.
    """
    target = Path(folder)
    begin_s, end_s = _seconds(start, "start"), _seconds(end, "end")
    if not begin_s < end_s:
        raise CollectError(
            f"a window from {start} to {end}", where="record", expected="an end after the start"
        )
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CollectError("it exists", where=str(target), remedy="choose another folder, or remove it")
    files = list(files)
    if not prometheus and not files:
        raise CollectError("nothing to record", where="record", expected="a Prometheus, files, or both")
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        versions = _versions()
        written: list[dict[str, str]] = []
        if prometheus:
            from workbench.collectors._prometheus import Prometheus

            with Prometheus(prometheus, headers=headers, auth=auth, timeout_s=timeout_s) as live:
                written += _write_metrics(beside, _asked(live, selector, begin_s, end_s, step_s))
                versions["prometheus"] = live.version()
        for one in files:
            written += _write_file(beside, one, begin_s, end_s)
        if settings_file:
            (beside / "settings.yaml").write_bytes(_content(Path(settings_file)))
        manifest = {
            "format": FORMAT,
            "name": name or target.name,
            "start": datetime.fromtimestamp(begin_s, UTC).isoformat(),
            "end": datetime.fromtimestamp(end_s, UTC).isoformat(),
            "settings": dict(Settings(settings)),
            "load": dict(load or {}),
            "versions": {key: value for key, value in versions.items() if value},
            "how": how,
            "files": written,
        }
        (beside / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        beside.chmod(0o755)
        os.replace(beside, target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return target


def _seconds(time: datetime, which: str) -> float:
    if time.tzinfo is None:
        raise CollectError(
            f"{time} has no time zone", where=f"record, {which}", expected="a time with one, as UTC"
        )
    return time.timestamp()


def _asked(live: Any, selector: str, start: float, end: float, step_s: int) -> Iterator[tuple[str, bytes]]:
    found = False
    inner = selector.strip()[1:-1].strip(", ")
    for family, names in live.families(selector, start, end).items():
        either = "|".join(re.escape(name) for name in names).replace("\\", "\\\\")
        query = f'{{__name__=~"{either}"{", " + inner if inner else ""}}}'
        answers = list(live.ranges(query, start, end, step_s))
        for number, answer in enumerate(answers, 1):
            found = True
            # Named as a rotated set is, so that the parts are read as one.
            yield (f"{family}.json" if len(answers) == 1 else f"{family}.json.{number}"), answer
    if not found:
        raise CollectError(
            f"no series match {selector} in the window",
            where=live.place,
            expected="the metrics of the system",
            remedy="see that the window lies within what that Prometheus has kept",
        )


def _write_metrics(folder: Path, answers: Iterable[tuple[str, bytes]]) -> list[dict[str, str]]:
    written = []
    for name, answer in answers:
        path = f"metrics/{re.sub(r'[^A-Za-z0-9_.]', '_', name)}.gz"
        _put(folder / path, gzip.compress(answer, mtime=0))
        written.append({"path": path})
    return written


def _write_file(folder: Path, one: Evidence, start: float, end: float) -> list[dict[str, str]]:
    if one.kind == "scrapes":
        from workbench.collectors._scrapes import matrix

        scraped = matrix(one.path, math.ceil(start), math.floor(end))
        return _write_metrics(folder, ((f"{name}.json", answer) for name, answer in scraped.items()))
    suffix, cut = _KINDS[one.kind]
    path = f"{one.kind}/{one.instance or one.path.name.partition('.')[0]}{suffix}"
    content = cut(_content(one.path), start, end, one.path.name)
    _put(folder / path, gzip.compress(content, mtime=0) if suffix.endswith(".gz") else content)
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
