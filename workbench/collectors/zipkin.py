"""Zipkin's API → one file of traces: a list of lists of spans.

GET /api/v2/traces?endTs=ms&lookback=ms&limit=  [[{"traceId": …, "id": …, …}, …], …]
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from math import ceil, floor
from pathlib import Path
from typing import Any

from workbench.collectors import _traces
from workbench.collectors._http import Server
from workbench.errors import CollectError

_LONGEST_MS = 3600 * 1000


def record(
    url: str,
    out: str | Path,
    *,
    start: datetime,
    end: datetime,
    service: str = "",
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    timeout_s: float = 30.0,
    limit: int = 500,
) -> Path:
    """Write every trace of the window, of one service or, left out, of all; give the path.

    Windows are halved until none holds `limit` traces; each trace is kept once. The file is JSON,
    gzipped if `out` ends in .gz. Credentials are used and written nowhere. Raises CollectError if Zipkin does
    not answer as it should or has no trace.
    """
    begin_s, end_s = _traces.seconds(start, end)
    traces = _traces.Traces()
    with Server(url, "a Zipkin", headers=headers, auth=auth, timeout_s=timeout_s) as live:

        def ask(from_ms: int, to_ms: int) -> list[Any]:
            window = {"endTs": to_ms, "lookback": to_ms - from_ms, "limit": limit}
            found = live.json("/api/v2/traces", window | ({"serviceName": service} if service else {}))
            if not isinstance(found, list):
                raise _none(found, live.place)
            return found

        window = floor(begin_s * 1e3), ceil(end_s * 1e3)
        for trace in _traces.walk(ask, *window, longest=_LONGEST_MS, limit=limit, where=live.place):
            try:
                traces.add(trace[0]["traceId"], len(trace), trace)
            except (IndexError, KeyError, TypeError) as error:
                raise _none(trace, live.place) from error
    return traces.write(Path(out), b"[\n", b"\n]\n", live.place)


def _none(found: Any, place: str) -> CollectError:
    return CollectError(
        f"{found!r:.80}",
        where=f"{place}/api/v2/traces",
        expected="lists of spans",
        remedy="give the address of the Zipkin itself, such as http://127.0.0.1:9411",
    )
