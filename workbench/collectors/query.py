"""`query_range`: one PromQL question to a live Prometheus, its answers as they came."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from workbench.collectors._prometheus import Prometheus
from workbench.errors import CollectError


def query_range(
    url: str,
    query: str,
    *,
    start: datetime,
    end: datetime,
    step_s: int = 1,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    timeout_s: float = 30.0,
) -> list[bytes]:
    """Ask for a window in as many parts as Prometheus' limit on points makes necessary, oldest first.

    Each answer is the JSON of /api/v1/query_range; none where nothing matches. Raises CollectError as
    `record` does.
    """
    if start.tzinfo is None or end.tzinfo is None or not start < end:
        raise CollectError(f"a window from {start} to {end}", expected="two times with a zone, start first")
    if step_s < 1:
        raise CollectError(f"a step of {step_s} s", expected="at least 1 s")
    with Prometheus(url, headers=headers, auth=auth, timeout_s=timeout_s) as live:
        return list(live.ranges(query, start.timestamp(), end.timestamp(), step_s))
