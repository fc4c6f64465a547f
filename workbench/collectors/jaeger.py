"""Jaeger's query API → one file of traces, as Jaeger's UI downloads them.

GET /api/services                                      {"data": ["orders", …]}
GET /api/traces?service=orders&start=µs&end=µs&limit=  {"data": [{"traceID": …, "spans": […], …}]}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.collectors import _traces
from workbench.collectors._http import Server
from workbench.errors import CollectError

_LONGEST_US = 3600 * 1_000_000


def record(
    url: str,
    out: str | Path,
    *,
    start: datetime,
    end: datetime,
    services: Iterable[str] = (),
    tenant: str = "",
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    timeout_s: float = 30.0,
    limit: int = 500,
) -> Path:
    """Write every trace that has a span of `services` (all, if none is named) in the window; give the path.

    Windows are halved until none holds `limit` traces; each trace is kept once. The file is JSON,
    gzipped if `out` ends in .gz. Credentials and `tenant` (the header x-tenant) are used and written nowhere.
    Raises CollectError if Jaeger does not answer as it should or has no trace.
    """
    begin_s, end_s = _traces.seconds(start, end)
    given = {**({"x-tenant": tenant} if tenant else {}), **(headers or {})}
    traces = _traces.Traces()
    with Server(url, "a Jaeger", headers=given, auth=auth, timeout_s=timeout_s) as live:
        for service in [*services] or sorted(_data(live, "/api/services")):

            def ask(from_us: int, to_us: int, service: str = service) -> list[Any]:
                window = {"service": service, "start": from_us, "end": to_us, "limit": limit}
                return _data(live, "/api/traces", window)

            window = round(begin_s * 1e6), round(end_s * 1e6)
            for trace in _traces.walk(ask, *window, longest=_LONGEST_US, limit=limit, where=live.place):
                try:
                    traces.add(trace["traceID"], len(trace["spans"]), trace)
                except (KeyError, TypeError) as error:
                    raise CollectError(
                        f"no trace: {trace!r:.80}", where=f"{live.place}/api/traces"
                    ) from error
    return traces.write(Path(out), b'{"data":[\n', b"\n]}\n", live.place)


def _data(live: Server, path: str, params: Mapping[str, Any] | None = None) -> list[Any]:
    answer = live.json(path, params)
    told = answer.get("errors") if isinstance(answer, dict) else None
    data = answer.get("data", "") if isinstance(answer, dict) else ""
    if told or not isinstance(data, list | None):
        raise CollectError(
            f"errors {told!r:.200}" if told else f"{answer!r:.80}",
            where=f"{live.place}{path}",
            expected='JSON with a list "data" and without errors',
            remedy="give the address under which its UI lies, or see its log",
        )
    return data or []
