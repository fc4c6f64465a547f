"""`discover`: what a live Prometheus has, as its own answers, before anything is recorded from it.

series.json.N     the series in the window, those that presets recognise first; `read` reads them
metadata.json     type, unit and help of each metric, as its exporter says
targets.json      what it scrapes
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from workbench.collectors._http import Missing
from workbench.collectors._matrix import success
from workbench.collectors._prometheus import Connection, Prometheus
from workbench.errors import CollectError
from workbench.presets import recognised

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect

_AT_ONCE = 40  # metrics in one question: its address must stay under 8 KB
_SERIES, _BESIDE = "/api/v1/series", {"metadata": "/api/v1/metadata", "targets": "/api/v1/targets"}


def discover(
    folder: str | Path,
    prometheus: str | PrometheusConnect,
    *,
    start: datetime,
    end: datetime,
    selector: str = '{job=~".+"}',
    most_series: int = 20_000,
    **connection: Unpack[Connection],
) -> Path:
    """Write what a Prometheus has in [start, end) as a folder of raw answers and give its path.

    `analysis.catalogue` tells what it is: `catalogue(read(folder))`. After `most_series` it asks for no more.
    Of servers that scrape nothing themselves, as Thanos and Mimir, there are no targets. Raises CollectError
    as `record` does.
    """
    target = Path(folder)
    if start.tzinfo is None or end.tzinfo is None or not start < end:
        raise CollectError(f"a window from {start} to {end}", expected="two times with a zone, start first")
    if target.exists():
        raise CollectError("it exists", where=str(target), remedy="choose another folder, or remove it")
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        with Prometheus(prometheus, **connection) as live:
            window = start.timestamp(), end.timestamp()
            for number, body in enumerate(_series(live, selector, window, most_series), 1):
                (beside / f"series.json.{number}").write_bytes(body)
            for name, path in _BESIDE.items():
                if (told := _answer(live, path, {"limit": most_series, "state": "active"})) is not None:
                    (beside / f"{name}.json").write_bytes(told)
        beside.chmod(0o755)
        os.replace(beside, target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return target


def _series(live: Prometheus, selector: str, window: tuple[float, float], most: int) -> Iterator[bytes]:
    names, _ = live.names(selector, *window)
    names.sort(key=lambda name: (not recognised(name), name))
    if not names:
        raise CollectError(
            f"no series match {selector} in the window",
            where=live.place,
            remedy="see that the window lies within what that Prometheus has kept",
        )
    inner, seen = selector.strip()[1:-1].strip(", \n\t"), 0
    for at in range(0, len(names), _AT_ONCE):
        either = "|".join(re.escape(name) for name in names[at : at + _AT_ONCE])
        match = f"{{__name__=~{json.dumps(either, ensure_ascii=False)}{', ' + inner if inner else ''}}}"
        asked: dict[str, str | float] = {
            "match[]": match,
            "start": window[0],
            "end": window[1],
            "limit": most - seen,
        }
        body = live.ask(_SERIES, asked)
        found = success(body, f"{live.place}{_SERIES}")["data"]
        yield body
        seen += len(found)
        if seen >= most:
            return


def _answer(live: Prometheus, path: str, asked: dict[str, str | float]) -> bytes | None:
    """Give the answer, or nothing where the server has no such thing."""
    try:
        body = live.ask(path, asked)
    except Missing:
        return None
    success(body, f"{live.place}{path}")
    return body
