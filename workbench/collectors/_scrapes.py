"""The file of our own scraper, and the query_range answers that Prometheus would have given from it.

{"time": 1795168800.123, "labels": {"job": "orders", "instance": "orders-0"}, "text": "# HELP …"}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from workbench.errors import CollectError

_STALE_S = 300.0  # how long Prometheus goes on with the last value of a series that is scraped no more


def matrix(path: Path, start: float, end: float, *, step_s: float = 1.0) -> dict[str, bytes]:
    """Give query_range answers by metric family that has any, at every step from `start` to `end` inclusive.

    A step has the last value scraped at or before it, not older than five minutes or the last scrape that
    lacked it, as Prometheus has it.
    """
    from prometheus_client.parser import text_string_to_metric_families

    series: dict[str, dict[tuple[tuple[str, str], ...], list[tuple[float, str]]]] = {}
    scrapes: dict[tuple[tuple[str, str], ...], list[float]] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            scrape = orjson.loads(line)
            time_s, own, text = scrape["time"], scrape["labels"], scrape["text"]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise CollectError(
                f"not a scrape: {error!r}", where=f"{path.name}, line {number}", expected="a line of `poll`"
            ) from error
        target = tuple(sorted(own.items()))
        scrapes.setdefault(target, []).append(time_s)
        up = series.setdefault("up", {}).setdefault(_key("up", own, {}), [])
        up.append((time_s, "0" if text is None else "1"))
        for family in text_string_to_metric_families(text or ""):
            kept = series.setdefault(family.name, {})
            for sample in family.samples:
                key = _key(sample.name, own, sample.labels)
                kept.setdefault(key, []).append((time_s, _number(sample.value)))
    answers = {name: _answer(found, scrapes, start, end, step_s) for name, found in sorted(series.items())}
    return {name: answer for name, answer in answers.items() if answer}


def _key(name: str, own: Mapping[str, str], labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({**labels, **own, "__name__": name}.items()))


def _number(value: float) -> str:
    if value == int(value) if abs(value) < 1e15 else False:
        return str(int(value))
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(str(value), str(value))


def _answer(
    found: Mapping[tuple[tuple[str, str], ...], list[tuple[float, str]]],
    scrapes: Mapping[tuple[tuple[str, str], ...], list[float]],
    start: float,
    end: float,
    step_s: float,
) -> bytes:
    result = []
    for key, points in found.items():
        target = next((t for t in scrapes if set(t) <= set(key)), ())
        values = _steps(points, scrapes.get(target, []), start, end, step_s)
        if values:
            result.append({"metric": dict(key), "values": values})
    answer = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    return json.dumps(answer).encode() if result else b""


def _steps(
    points: list[tuple[float, str]], scraped: list[float], start: float, end: float, step_s: float
) -> list[list[Any]]:
    values: list[list[Any]] = []
    position, last_scrape = -1, -1
    for step in range(int((end - start) / step_s + 1e-9) + 1):
        when = start + step * step_s
        while position + 1 < len(points) and points[position + 1][0] <= when:
            position += 1
        while last_scrape + 1 < len(scraped) and scraped[last_scrape + 1] <= when:
            last_scrape += 1
        if position < 0 or when - points[position][0] > _STALE_S:
            continue
        if points[position][0] < scraped[last_scrape]:
            continue  # the last scrape lacked it: stale
        values.append([int(when) if when == int(when) else when, points[position][1]])
    return values
