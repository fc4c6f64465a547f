"""Tempo's API → one file of traces, OTLP/JSON, an answer a line as it came.

GET /api/search?q={}&start=s&end=s&limit=  {"traces": [{"traceID": "2f3e…", …}], "metrics": {…}}
GET /api/v2/traces/<id>                    {"trace": {"resourceSpans": […]}, "status": "PARTIAL"}
GET /api/traces/<id>                       {"batches": […]}, of a Tempo that has no v2
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from math import ceil, floor
from pathlib import Path
from typing import Any

from workbench.collectors import _files, _traces
from workbench.collectors._http import Missing, Server
from workbench.errors import CollectError

_LONGEST_S = 24 * 3600  # Tempo refuses more than a week as it is set up at first
_AT_ONCE, _AHEAD = 8, 32


def record(
    url: str,
    out: str | Path,
    *,
    start: datetime,
    end: datetime,
    query: str = "{}",
    tenant: str = "",
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    timeout_s: float = 30.0,
    limit: int = 1000,
) -> Path:
    """Write every trace of the window that `query` (TraceQL) selects, and give the path.

    Search windows are halved, down to a second, until none holds `limit` traces; each trace is then fetched
    once, several at a time. The file is JSON lines, gzipped if `out` ends in .gz. Credentials and `tenant`
    (the header X-Scope-OrgID) are used and written nowhere. Raises CollectError if Tempo does not answer as
    it should, has searched only a part of the window, or has no trace.
    """
    begin_s, end_s = _traces.seconds(start, end)
    given = {**({"X-Scope-OrgID": tenant} if tenant else {}), **(headers or {})}
    with Server(url, "a Tempo", headers=given, auth=auth, timeout_s=timeout_s) as live:

        def ask(from_s: int, to_s: int) -> list[str]:
            return _search(live, {"q": query, "start": from_s, "end": to_s, "limit": limit})

        window = floor(begin_s), ceil(end_s)
        found = _traces.walk(ask, *window, longest=_LONGEST_S, limit=limit, where=live.place)
        ids = list(dict.fromkeys(found))
        if not ids:
            raise _traces.nothing(live.place)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return _files.write_parts(Path(out), _fetched(live, ids, pool))


def _search(live: Server, params: Mapping[str, Any]) -> list[str]:
    answer = live.json("/api/search", params)
    try:
        ids = [f"{trace['traceID']:0>32}".lower() for trace in answer.get("traces") or ()]
        done = answer.get("metrics") or {}
        jobs, asked = int(done.get("completedJobs") or 0), int(done.get("totalJobs") or 0)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CollectError(
            f"{answer!r:.80}",
            where=f"{live.place}/api/search",
            expected="traces with their traceID",
            remedy="give the address of the Tempo itself, such as http://127.0.0.1:3200",
        ) from error
    if len(ids) < params["limit"] and jobs < asked:
        raise CollectError(
            f"{jobs} of {asked} parts of the window were searched",
            where=f"{live.place}/api/search",
            expected="all of them",
            remedy="ask for a shorter window, or see its log",
        )
    return ids


def _fetched(live: Server, ids: list[str], pool: ThreadPoolExecutor) -> Iterator[bytes]:
    """Give the answers in the order of the search, never more than a few ahead of what is written."""
    api = "/api/v2/traces" if _has(live, f"/api/v2/traces/{ids[0]}") else "/api/traces"
    for at in range(0, len(ids), _AHEAD):
        yield from pool.map(lambda trace_id: _fetch(live, f"{api}/{trace_id}"), ids[at : at + _AHEAD])


def _has(live: Server, path: str) -> bool:
    try:
        live.get(path)
    except Missing:
        return False
    return True


def _fetch(live: Server, path: str) -> bytes:
    body = live.get(path)
    answer = live.decoded(body, path)
    trace = answer.get("trace", answer) if isinstance(answer, dict) else None
    if not isinstance(trace, dict) or not trace.keys() & {"resourceSpans", "batches"}:
        raise CollectError(f"{answer!r:.80}", where=f"{live.place}{path}", expected="a trace in OTLP/JSON")
    return body.replace(b"\n", b" ") + b"\n"
