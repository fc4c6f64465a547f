"""`query_range`: one PromQL question to a live Prometheus, its answers as they came."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Unpack

from prometheus_api_client import PrometheusConnect

from workbench.collectors._prometheus import Connection, Prometheus, questions
from workbench.errors import CollectError


def query_range(
    prometheus: str | PrometheusConnect,
    query: str,
    *,
    start: datetime,
    end: datetime,
    step_s: int = 1,
    cache: str | Path | None = None,
    **connection: Unpack[Connection],
) -> list[bytes]:
    """Ask for a window in as many parts as Prometheus' limit on points makes necessary, oldest first.

    Each answer is the JSON of /api/v1/query_range; none where nothing matches, unless the server remarks on
    it. `cache` and `connection` are those of `record`, and so is what is raised.
    """
    if start.tzinfo is None or end.tzinfo is None or not start < end:
        raise CollectError(f"a window from {start} to {end}", expected="two times with a zone, start first")
    asked = questions(query, start.timestamp(), end.timestamp(), step_s)
    with Prometheus(prometheus, kept=Path(cache) if cache else None, **connection) as live:
        parts = [part for answers in live.answers(asked) for part in answers]
    return [part.body for part in parts if part.found.series or part.found.remarks]
